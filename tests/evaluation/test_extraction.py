from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from relex.documents import ABSENT, Document, Relation, RelationType, Schema, Span
from relex.errors import RelexError
from relex.evaluation import extraction
from relex.evaluation.extraction import evaluate, sentence_overlaps, triple_overlaps

TYPES, NAMES = ("part", "finding"), ("shows", "treats", "uses")
SCHEMA = Schema(TYPES, tuple(RelationType(name, (("part", "finding"),)) for name in NAMES))
MATCHES = ("offset", "string")
BINARY = {"average": "binary", "pos_label": True, "zero_division": 0}


def document(*triples, text="左肩红肿，右肩红肿，左肩疼痛。", name="one"):
    """Triples as ((start, end, type) or a mention that is absent, relation, the same)."""
    spans = []
    for head, _, tail in triples:
        spans += [Span(ABSENT, ABSENT, "part", end) if isinstance(end, str) else Span(*end) for end in (head, tail)]
    relations = tuple(Relation(2 * i, 2 * i + 1, triple[1]) for i, triple in enumerate(triples))
    return Document(name, text, tuple(spans), relations)


LEFT, RIGHT, LEFT_AGAIN = (0, 2, "part"), (5, 7, "part"), (10, 12, "part")
SWOLLEN, SWOLLEN_RIGHT, SORE = (2, 4, "finding"), (7, 9, "finding"), (12, 14, "finding")


def prf(metrics, name):
    return tuple(metrics[f"{name}.{score}"] for score in ("p", "r", "f1"))


def macro(metrics, name):
    return tuple(metrics[f"{name}.macro_{score}"] for score in ("p", "r", "f1"))


def test_by_hand():
    gold = document((LEFT, "shows", SWOLLEN), (RIGHT, "shows", SWOLLEN_RIGHT), (LEFT_AGAIN, "shows", SORE))
    predicted = document(
        (LEFT, "shows", SWOLLEN),  # right
        (LEFT_AGAIN, "shows", SWOLLEN),  # right by string only, but that triple is there already
        (RIGHT, "shows", SORE),  # wrong
        ((10, 12, "finding"), "shows", SORE),  # right but for a type
    )
    metrics, counts = evaluate([gold], [predicted], SCHEMA, set())
    assert prf(metrics, "triples.offset") == pytest.approx((2 / 4, 2 / 3, 4 / 7))
    assert prf(metrics, "re.boundaries") == prf(metrics, "triples.offset")
    assert prf(metrics, "triples.string") == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert prf(metrics, "re.strict") == pytest.approx((1 / 4, 1 / 3, 2 / 7))
    # Entities predicted: left, swollen, left again (twice, once of a wrong type), right, sore; missed: swollen (right).
    for name in ("entities", "ner"):
        assert prf(metrics, f"{name}.strict") == pytest.approx((5 / 6, 5 / 6, 5 / 6))
        assert prf(metrics, f"{name}.boundaries") == pytest.approx((1, 5 / 6, 10 / 11))
    assert counts["entities"] == {"part": {"tp": 3, "fp": 0, "fn": 0}, "finding": {"tp": 2, "fp": 1, "fn": 1}}
    assert counts["ner"] == counts["entities"]
    assert counts["relations"]["shows"] == {"tp": 2, "fp": 2, "fn": 1}
    assert counts["relations.strict"]["shows"] == {"tp": 1, "fp": 3, "fn": 2}
    assert counts["relations"]["uses"] == {"tp": 0, "fp": 0, "fn": 0}


def test_same_pair_apart_and_duplicates():
    gold = document((LEFT, "shows", SWOLLEN), (RIGHT, "shows", SWOLLEN_RIGHT), (LEFT, "shows", SWOLLEN))
    metrics, counts = evaluate([gold], [gold], SCHEMA, {gold.text})
    assert counts["triples.offset.tp"] == counts["triples.string.tp"] == 2
    assert not any(name.startswith("unseen.") for name in [*metrics, *counts])
    text = "红肿，红肿。"
    gold = document(((0, 2, "part"), "shows", (3, 5, "finding")), text=text)
    moved = document(((3, 5, "part"), "shows", (0, 2, "finding")), text=text)
    metrics, _ = evaluate([gold], [moved], SCHEMA, set())
    assert metrics["triples.string.f1"] == 1 and metrics["triples.offset.f1"] == 0


@pytest.mark.parametrize("symmetric", [False, True])
def test_direction_counts_unless_the_schema_says_otherwise(symmetric):
    gold, turned = document((LEFT, "shows", SWOLLEN)), document((SWOLLEN, "shows", LEFT))
    schema = Schema(TYPES, (RelationType("shows", (("part", "finding"),), symmetric=symmetric),))
    metrics, _ = evaluate([gold], [turned], schema, set())
    assert metrics["triples.string.f1"] == metrics["triples.offset.f1"] == symmetric and metrics["ner.strict.f1"] == 1


def test_absent_ends_match_by_string_only():
    gold = document(("手", "shows", SWOLLEN), ("足", "shows", SWOLLEN))
    metrics, counts = evaluate([gold], [gold], SCHEMA, set())
    assert prf(metrics, "triples.string") == (1, 1, 1)
    assert [counts[f"triples.offset.{k}"] for k in ("tp", "fp", "fn")] == [0, 2, 2]
    assert [counts[f"ner.strict.{k}"] for k in ("tp", "fp", "fn")] == [1, 2, 2]
    found = extraction.answers([gold], [gold], SCHEMA, set())
    assert (found["gold"], found["correct"], found["correct_string"]) == ("2", "0", "2")


def test_entities_without_a_triple_count_for_ner_alone():
    gold = document((LEFT, "shows", SWOLLEN))
    gold = replace(gold, entities=(*gold.entities, Span(*SORE), Span(*SORE)))
    predicted = replace(gold, entities=(*gold.entities[:2], Span(*RIGHT), Span(*SWOLLEN_RIGHT)))
    metrics, counts = evaluate([gold], [predicted], SCHEMA, set())
    assert prf(metrics, "entities.strict") == prf(metrics, "entities.boundaries") == (1, 1, 1)
    assert prf(metrics, "ner.strict") == prf(metrics, "ner.boundaries") == pytest.approx((2 / 4, 2 / 3, 4 / 7))
    assert counts["entities"] == {"part": {"tp": 1, "fp": 0, "fn": 0}, "finding": {"tp": 1, "fp": 0, "fn": 0}}
    assert counts["ner"] == {"part": {"tp": 1, "fp": 1, "fn": 0}, "finding": {"tp": 1, "fp": 1, "fn": 1}}
    assert macro(metrics, "ner.strict") == pytest.approx((1 / 2, 3 / 4, 7 / 12))  # F1: part 2/3, finding 1/2
    assert "ner.boundaries.macro_f1" not in metrics


def test_relaxed_by_hand():
    gold = document((LEFT, "shows", SWOLLEN), (RIGHT, "shows", SWOLLEN_RIGHT))
    predicted = document(
        ((0, 1, "part"), "shows", (2, 5, "finding")),  # both ends too short or too long
        ((1, 2, "part"), "shows", SWOLLEN),  # the same triple in another way: one of them is too many
        (RIGHT, "treats", SWOLLEN_RIGHT),  # another relation
    )
    metrics, counts = evaluate([gold], [predicted], SCHEMA, set())
    assert prf(metrics, "re.strict") == (0, 0, 0)
    assert prf(metrics, "re.relaxed") == pytest.approx((1 / 3, 1 / 2, 2 / 5))
    assert macro(metrics, "re.relaxed") == pytest.approx((1 / 4, 1 / 4, 1 / 4))  # treats 0, uses nothing
    assert prf(metrics, "ner.strict") == pytest.approx((3 / 6, 3 / 4, 3 / 5))
    assert [counts[f"ner.relaxed.{k}"] for k in ("tp", "fp", "fn")] == [4, 2, 0]


def test_unseen_is_the_score_of_the_unseen_alone():
    seen = document((LEFT, "shows", SWOLLEN), text="左肩红肿。", name="seen")
    gold, nothing = document((RIGHT, "shows", SWOLLEN_RIGHT)), document()
    metrics, counts = evaluate([seen, gold], [seen, nothing], SCHEMA, {seen.text})
    alone, alone_counts = evaluate([gold], [nothing], SCHEMA, {gold.text})
    assert {k: v for k, v in metrics.items() if k.startswith("unseen.")} == {f"unseen.{k}": v for k, v in alone.items()}
    assert counts["unseen.n"] == 1 and counts["unseen.triples.offset.fn"] == alone_counts["triples.offset.fn"] == 1
    assert metrics["triples.offset.r"] == 0.5


def test_overlap_by_hand():
    assert sentence_overlaps(()) == {"normal"}
    assert sentence_overlaps([("a", "r", "b"), ("c", "r", "d")]) == {"normal"}
    assert sentence_overlaps([("a", "r", "b"), ("a", "r", "c")]) == {"seo"}
    assert sentence_overlaps([("a", "r", "b"), ("a", "s", "b")]) == {"epo"}
    assert sentence_overlaps([("a", "r", "b"), ("b", "s", "a")]) == {"seo"}  # another ordered pair
    assert sentence_overlaps([("a", "r", "a")]) == {"seo"}
    assert sentence_overlaps([("a", "r", "b"), ("a", "r", "b")]) == {"normal"}  # a duplicate is no overlap
    mixed = [("a", "r", "b"), ("a", "s", "b"), ("b", "r", "c"), ("x", "r", "y")]
    assert sentence_overlaps(mixed) == {"seo", "epo"}
    assert [triple_overlaps(mixed)[t] for t in mixed] == [{"seo", "epo"}, {"seo", "epo"}, {"seo"}, {"normal"}]


def test_overlap_scores_by_hand():
    text = "甲乙丙丁戊己"
    at = {c: (i, i + 1, "part") for i, c in enumerate(text)}
    gold = document((at["甲"], "uses", at["乙"]), (at["甲"], "uses", at["丙"]), (at["丁"], "uses", at["戊"]), text=text)
    other = document((at["甲"], "uses", at["乙"]), text=text, name="two")
    # 丁→戊 is right; with the wrong 丁→己 beside it, it is SEO in the prediction and normal in the gold standard.
    shown = document((at["丁"], "uses", at["戊"]), (at["丁"], "uses", at["己"]), text=text)
    metrics, counts = evaluate([gold, other], [shown, other], SCHEMA, set())
    assert prf(metrics, "overlap.seo") == pytest.approx((1 / 2, 1 / 3, 2 / 5))
    assert prf(metrics, "overlap.normal") == (1, 1, 1)
    assert (counts["overlap.seo.n"], counts["overlap.normal.n"], counts["overlap.epo.n"]) == (1, 1, 0)
    # SEO by triple: gold 甲→乙 and 甲→丙, both missed; predicted 丁→戊 (right) and 丁→己 (wrong).
    assert prf(metrics, "overlap.triple.seo") == (1 / 2, 0, 0)
    # Normal by triple: gold 丁→戊 and 甲→乙 of the second document, both found; predicted the latter alone.
    assert prf(metrics, "overlap.triple.normal") == (1, 1, 1)
    names = ("tp", "fn", "fp", "tp_predicted")
    assert [counts[f"overlap.triple.seo.{name}"] for name in names] == [0, 2, 1, 1]
    assert [counts[f"overlap.triple.normal.{name}"] for name in names] == [2, 0, 0, 1]


@st.composite
def documents(draw, name="one", text="甲乙甲丙乙丁"):
    ends = st.tuples(st.integers(0, len(text) - 1), st.integers(1, 2), st.sampled_from(TYPES))
    spans = [Span(start, min(len(text), start + size), kind) for start, size, kind in draw(st.lists(ends, max_size=6))]
    index = st.integers(0, len(spans) - 1)
    relations = draw(st.lists(st.builds(Relation, index, index, st.sampled_from(NAMES)), max_size=8)) if spans else []
    return Document(name, text, tuple(spans), tuple(relations))


@st.composite
def corpora(draw):
    """Gold and predicted documents, 1 to 4, of distinct texts; some predictions are near the truth."""
    gold, predicted = [], []
    for i in range(draw(st.integers(1, 4))):
        one = draw(documents(str(i), f"甲乙甲丙乙丁{i}"))
        near = replace(one, relations=one.relations[: draw(st.integers(0, 8))])
        gold.append(one)
        predicted.append(near if draw(st.booleans()) else draw(documents(str(i), one.text)))
    return gold, predicted


@given(corpora())
def test_gold_against_itself_is_perfect(pair):
    gold, _ = pair
    metrics, counts = evaluate(gold, gold, SCHEMA, set())
    for name in [k.removesuffix(".f1") for k in metrics if k.endswith(".f1")]:
        there = counts[f"{name}.tp"] > 0
        assert prf(metrics, name) == (there, there, there)
        assert counts[f"{name}.fp"] == counts[f"{name}.fn"] == 0
    assert counts["triples.string.tp"] > 0 or not any(d.relations for d in gold)


@given(corpora(), st.randoms(use_true_random=False))
def test_order_changes_nothing(pair, random):
    gold, predicted = pair
    expected = evaluate(gold, predicted, SCHEMA, {gold[0].text})

    def shuffled(one):
        order = random.sample(range(len(one.entities)), len(one.entities))
        place = {old: new for new, old in enumerate(order)}
        relations = [Relation(place[r.head], place[r.tail], r.type) for r in one.relations]
        random.shuffle(relations)
        return replace(one, entities=tuple(one.entities[i] for i in order), relations=tuple(relations))

    order = random.sample(range(len(gold)), len(gold))
    found = evaluate(
        [shuffled(gold[i]) for i in order], [shuffled(predicted[i]) for i in order], SCHEMA, {gold[0].text}
    )
    assert found == expected


@given(corpora())
def test_counts_equal_plain_loops_and_add_up(pair):
    gold, predicted = pair
    metrics, counts = evaluate(gold, predicted, SCHEMA, set())
    tp = fp = fn = 0
    for one, other in zip(gold, predicted, strict=True):
        truth, shown = [], []
        for d, kept in ((one, truth), (other, shown)):
            for head, name, tail in d.triples():
                triple = [head.start, head.end, name, tail.start, tail.end]
                if triple not in kept:
                    kept.append(triple)
        tp += sum(t in truth for t in shown)
        fp += sum(t not in truth for t in shown)
        fn += sum(t not in shown for t in truth)
    assert (tp, fp, fn) == tuple(counts[f"triples.offset.{k}"] for k in ("tp", "fp", "fn"))
    for table, name in (
        ("relations", "triples.offset"),
        ("relations.string", "triples.string"),
        *(("relations.strict", "re.strict"), ("entities", "entities.strict"), ("ner", "ner.strict")),
    ):
        for kind in ("tp", "fp", "fn"):
            assert sum(cell[kind] for cell in counts[table].values()) == counts[f"{name}.{kind}"]
    for scores in (metrics, counts):  # all texts are unseen
        assert all(scores[name.removeprefix("unseen.")] == value for name, value in scores.items())
    for row, (name, cell) in zip(extraction.per_relation(counts).values(), counts["relations"].items(), strict=True):
        assert row["support"] == cell["tp"] + cell["fn"] and name in NAMES
    assert all(0 <= value <= 1 for value in metrics.values())


@given(corpora())
def test_scores_equal_scikit_learn(pair):
    """Every possible triple is one yes-or-no row of scikit-learn's."""
    gold, predicted = pair
    for match in MATCHES:
        truth, shown = ([extraction.TRIPLES[match](d) for d in side] for side in pair)
        rows = [(i, t) for i in range(len(gold)) for t in sorted(truth[i] | shown[i])]
        yes = [[t in side[i] for i, t in rows] for side in (truth, shown)]
        kept = precision_recall_fscore_support(*yes, **BINARY) if rows else [0] * 3
        metrics, counts = evaluate(gold, predicted, SCHEMA, set())
        assert prf(metrics, f"triples.{match}") == pytest.approx(tuple(kept[:3]))
        index = {"offset": 2, "string": 1}[match]
        for name, row in extraction.per_relation(counts, match).items():
            yes = [[t in side[i] for i, t in rows if t[index] == name] for side in (truth, shown)]
            if yes[0]:
                expected = precision_recall_fscore_support(*yes, **BINARY)
                assert (row["p"], row["r"], row["f1"]) == pytest.approx(expected[:3])


def typed(document):
    """What is compared and its type, in the way of the strict and boundaries modes."""
    triples = [((h.start, h.end, h.type), name, (t.start, t.end, t.type)) for h, name, t in document.triples()]
    return {
        "ner.strict": {((span.start, span.end), span.type) for span in document.entities},
        "re.strict": {((head, tail), name) for head, name, tail in triples},
        "re.boundaries": {((head[:2], tail[:2]), name) for head, name, tail in triples},
    }


@given(corpora())
def test_micro_and_macro_equal_scikit_learn(pair):
    """As SpERT does it: one row for each item of either side, its type or none as the labels of both sides."""
    metrics, _ = evaluate(*pair, SCHEMA, set())
    sides = [[typed(d) for d in side] for side in pair]
    for name in ("ner.strict", "re.strict", "re.boundaries"):
        pairs = [(gold[name], predicted[name]) for gold, predicted in zip(*sides, strict=True)]
        items = [(item, pair) for pair in pairs for item in pair[0] | pair[1]]
        labels = [[item[1] if item in pair[side] else "none" for item, pair in items] for side in (0, 1)]
        there = sorted({*labels[0], *labels[1]} - {"none"})
        for average, scores in (("micro", prf(metrics, name)), ("macro", macro(metrics, name))):
            options = {"labels": there, "average": average, "zero_division": 0}
            expected = precision_recall_fscore_support(*labels, **options)[:3] if there else (0, 0, 0)
            assert scores == pytest.approx(tuple(expected))


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("rs"), st.sampled_from("abcd")), max_size=6))
def test_overlap_classes_equal_the_definitions(triples):
    distinct = set(triples)
    for head, name, tail in triples:
        epo = any((h, t) == (head, tail) and r != name for h, r, t in distinct)
        seo = head == tail or any((h, t) != (head, tail) and {h, t} & {head, tail} for h, _, t in distinct)
        expected = {c for c, on in (("epo", epo), ("seo", seo)) if on}
        assert triple_overlaps(triples)[head, name, tail] == (expected or {"normal"})
    # The sentence's classes, counted: as many entities as ends, as many pairs as triples.
    pairs = {(h, t) for h, _, t in distinct}
    entities = {entity for pair in pairs for entity in pair}
    classes = sentence_overlaps(triples)
    assert ("normal" in classes) == (len(entities) == 2 * len(distinct))
    assert ("epo" in classes) == (len(pairs) < len(distinct))
    assert ("seo" in classes) == (len(entities) < 2 * len(pairs))


@given(corpora())
def test_answers_recompute_the_scores(pair):
    gold, predicted = pair
    found = extraction.answers(gold, predicted, SCHEMA, {gold[0].text})
    metrics, _ = evaluate(gold, predicted, SCHEMA, {gold[0].text})
    unseen = np.array(list(found["unseen"])) == "1"
    assert unseen.tolist() == [False] + [True] * (len(gold) - 1)
    for suffix, view in extraction.ANSWERS.items():
        numbers = [np.array(found[k + suffix].split(), dtype=int) for k in ("gold", "predicted", "correct")]
        assert all(len(n) == len(gold) for n in numbers)
        for prefix, kept in (("", np.ones_like(unseen)), ("unseen.", unseen)):
            truth, shown, hits = (int(n[kept].sum()) for n in numbers)
            f1 = 2 * hits / (truth + shown) if truth + shown else 0
            assert metrics.get(f"{prefix}{view}.f1", f1) == pytest.approx(f1)
    assert {"triples.offset.f1", "triples.string.f1", "re.strict.f1", "ner.strict.f1"} <= metrics.keys()


def test_threshold_curve():
    gold = [document((LEFT, "shows", SWOLLEN), (RIGHT, "shows", SWOLLEN_RIGHT))]
    few, many = [document((LEFT, "shows", SWOLLEN))], [document((LEFT, "shows", SWOLLEN), (LEFT, "uses", SORE))]
    curve = extraction.threshold_curve(gold, {0.9: few, 0.1: many})
    assert [row["threshold"] for row in curve] == [0.1, 0.9]
    assert curve[1] == {"threshold": 0.9, "p": 1, "r": 0.5, "f1": pytest.approx(2 / 3), "tp": 1, "fp": 0, "fn": 1}
    assert curve[0]["p"] == 0.5
    for match in MATCHES:
        metrics, counts = evaluate(gold, many, SCHEMA, set())
        row = extraction.threshold_curve(gold, {0.1: many}, match)[0]
        for key in ("p", "r", "f1"):
            assert row[key] == metrics[f"triples.{match}.{key}"]
        assert row["fp"] == counts[f"triples.{match}.fp"]


def test_errors_say_what_is_wrong():
    one = document((LEFT, "shows", SWOLLEN))
    with pytest.raises(RelexError, match="1 gold documents but 0 predicted"):
        evaluate([one], [], SCHEMA, set())
    with pytest.raises(RelexError, match="'one' stands where 'two'"):
        extraction.answers([one], [replace(one, id="two")], SCHEMA, set())
    with pytest.raises(RelexError, match="another text"):
        extraction.threshold_curve([one], {0.5: [replace(one, text=one.text + "。")]})
    with pytest.raises(RelexError, match="unknown relation 'heals'; the schema has shows"):
        evaluate([one], [document((LEFT, "heals", SWOLLEN))], SCHEMA, set())
    with pytest.raises(RelexError, match="unknown entity type 'drug'"):
        evaluate([one], [document(((0, 2, "drug"), "shows", SWOLLEN))], SCHEMA, set())


def test_unordered_are_the_triples_of_a_class_whose_subjects_need_other_orders():
    left, right = (0, 2, "shows", 2, 4), (5, 7, "shows", 7, 9)
    assert extraction.unordered({left, right}) == 2, "each needs its own object on top"
    assert extraction.unordered({left, (5, 7, "shows", 2, 4), (5, 7, "shows", 7, 9)}) == 0, "nested"
    assert extraction.unordered({left, (5, 7, "treats", 7, 9)}) == extraction.unordered(()) == 0
    assert extraction.unordered({left, (5, 7, "shows", 2, 6)}) == 2, "the same start, and ends in different orders"
