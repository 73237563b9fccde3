"""The focused model: equal to two plain passes a pair, exact both ways, and its own windows and pairs."""

import itertools
from collections import Counter

import pytest
import torch
from cases import DIRECTED as SCHEMA
from cases import DOCUMENTS as SHARED
from cases import decoded
from drawn import documents
from extractors import facts, frozen, gradients, long_document, narrow, predicted, sharp_encoder, told
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import ElectraConfig, ElectraModel, RobertaConfig, RobertaModel

from relex import encoders
from relex.documents import ABSENT, Document, Relation, Span
from relex.errors import RelexError
from relex.heads import Focused, FocusedOptions
from relex.heads.options import choices
from relex.heads.pairs import focused_layers, tagger
from relex.reference import focused as plain
from relex.training import predict
from relex.training.trainer import make_accelerator

LAYERS = 4
MASKS = choices(FocusedOptions)["mask"]
EACH_MASK = pytest.mark.parametrize("mask", MASKS)
EACH_K = pytest.mark.parametrize("k", range(LAYERS + 1))


DOCUMENTS = (*SHARED, told("chain", "着凉咳嗽胸痛", "着凉/病 咳嗽/病 胸痛/病", [(0, 1, "引起"), (1, 2, "引起")]))


def make(seed=0, layers=LAYERS, dropout=0.1, **options):
    """A focused model on a random encoder whose weights are large enough for masks to matter."""
    encoder = sharp_encoder(layers, DOCUMENTS, seed=seed)
    head = Focused(encoder, SCHEMA, FocusedOptions(**{"k": 2, "dropout": dropout} | options))
    for name, parameter in head.named_parameters():
        if not name.startswith("encoder."):
            torch.nn.init.normal_(parameter, std=0.5)
    return (head if dropout else frozen(head)).eval()


@pytest.fixture(scope="module")
def head():
    return make()


@torch.no_grad()
def logits(head, documents):
    """Of every document: emissions of its tokens, gold entities' tokens, and the logits of all pairs of them."""
    batch = head.collate(documents)
    text, entities, pairs = head.states(batch), batch["entities"], batch["pairs"][:, :2]
    emissions, inside = head.tag_logits(text), tagger.inside(batch["attention_mask"])
    of_pairs = head.pair_logits(text, entities, pairs)
    window = entities[pairs[:, 0], 0]
    return [
        (emissions[i][inside[i]], entities[entities[:, 0] == i, 1:3], of_pairs[window == i])
        for i in range(len(documents))
    ]


# Equal to two plain passes for each pair


@EACH_MASK
@EACH_K
def test_logits_are_those_of_plain_passes(k, mask):
    head, compared = make(k=k, mask=mask), 0
    for document, (emissions, entities, of_pairs) in zip(DOCUMENTS, logits(head, DOCUMENTS), strict=True):
        torch.testing.assert_close(emissions, plain.emissions(head, document.text), atol=1e-5, rtol=1e-5)
        places = [(first + 1, last + 1) for first, last in entities.tolist()]
        assert places == plain.places(head, document)[0]
        for pair, found in zip(itertools.combinations(places, 2), of_pairs, strict=True):
            torch.testing.assert_close(found, plain.pair_logits(head, document.text, *pair), atol=1e-5, rtol=1e-5)
            compared += 1
    assert compared == 11


@EACH_MASK
@EACH_K
def test_loss_is_that_of_plain_passes(k, mask):
    head = make(k=k, mask=mask)
    assert head.loss(head.collate(DOCUMENTS)).item() == pytest.approx(plain.loss(head, DOCUMENTS), rel=1e-5)


@pytest.mark.parametrize("tasks", ["joint", "ner", "rc"])
@pytest.mark.parametrize("weighting", ["sentence", "pair"])
def test_loss_of_each_task_and_weighting(tasks, weighting):
    head = make(tasks=tasks, ner_weighting=weighting, mask="eq13", k=3)
    assert head.loss(head.collate(DOCUMENTS)).item() == pytest.approx(plain.loss(head, DOCUMENTS), rel=1e-5)


def test_weighting_makes_a_difference():
    one, other = (make(ner_weighting=w) for w in ("sentence", "pair"))
    assert abs(one.loss(one.collate(DOCUMENTS)) - other.loss(other.collate(DOCUMENTS))) > 0.01


@EACH_MASK
def test_predictions_are_those_of_plain_passes(mask):
    for seed in range(20):
        head = make(seed, mask=mask, k=3)
        with torch.no_grad():
            head.emit.weight *= 0.5
            head.emit.bias[4::4] -= 2  # of S: entities of several tokens
        entities, triples, margins = zip(*(plain.extract(head, d.text) for d in DOCUMENTS), strict=True)
        if min(margins) > 1e-4 and sum(map(len, triples)) > 20:  # nearer to a border, rounding decides
            break
    assert min(margins) > 1e-4 and 20 < sum(map(len, triples)) < 200
    assert sum(s.end - s.start > 1 for found in entities for s in found) > 3
    assert facts(predicted(head, DOCUMENTS)) == list(zip(entities, triples, strict=True))


def test_masks_make_a_difference_from_the_layers_on_where_they_do():
    def of(k, mask):
        return torch.cat([found for *_, found in logits(make(k=k, mask=mask), DOCUMENTS)])

    def apart(one, other):
        return (one - other).abs().max() > 1e-2

    assert torch.equal(of(0, "eq13"), of(0, "none")) and torch.equal(of(0, "eq14"), of(0, "none"))
    assert torch.equal(of(1, "eq13"), of(1, "eq14")) and apart(of(1, "eq14"), of(1, "none"))
    for k in (2, 3, 4):
        assert all(apart(of(k, a), of(k, b)) for a, b in itertools.combinations(MASKS, 2))
    for mask in ("eq13", "eq14"):
        assert all(apart(of(a, mask), of(b, mask)) for a, b in itertools.combinations(range(LAYERS + 1), 2))


def test_without_a_mask_all_pairs_of_a_text_are_the_same():
    for _, _, found in logits(make(mask="none"), DOCUMENTS):
        assert all(torch.equal(row, found[0]) for row in found)
    *_, found = logits(make(mask="eq14"), DOCUMENTS)[1]
    assert all((a - b).abs().max() > 1e-2 for a, b in itertools.combinations(found, 2))


@pytest.mark.parametrize("config", [RobertaConfig, ElectraConfig])
@torch.no_grad()
def test_layers_of_other_models_of_bert_s_kind(config, head):
    """Taken apart they say what the model says, so where its positions and projections come in is right."""
    model = {RobertaConfig: RobertaModel, ElectraConfig: ElectraModel}[config]
    sizes = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48}
    sizes |= {"embedding_size": 16} if config is ElectraConfig else {}
    torch.manual_seed(0)
    specials = {kind: getattr(head.encoder, f"{kind}_id") for kind in ("pad", "unk", "cls", "sep", "mask")}
    made = model(config(vocab_size=300, pad_token_id=head.encoder.pad_id, **sizes))
    encoder = encoders.Encoder("other", made, head.encoder.tokenizer, specials).eval()
    other = Focused(encoder, SCHEMA, FocusedOptions(k=2))
    batch = other.collate(DOCUMENTS)
    passed = other.states(batch).passed
    whole = encoder(batch["input_ids"], batch["attention_mask"])
    mask = batch["attention_mask"].bool()
    assert len(passed) == 3 and not mask.all()
    torch.testing.assert_close(passed[-1][mask], whole[mask], atol=1e-5, rtol=0)


# What is computed, and how often


def counted(monkeypatch, run):
    """How many rows each layer (by its number) computes in `run`."""
    rows, attend = Counter(), focused_layers.attend

    def counting(block, queries, states, seen):
        rows[block.attention.self.layer_idx] += queries.shape[0] * queries.shape[1]
        return attend(block, queries, states, seen)

    with monkeypatch.context() as patch:
        patch.setattr(focused_layers, "attend", counting)
        run()
    return [rows[i] for i in range(LAYERS)]


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({"k": 3, "mask": "eq14"}, [11, 11 + 21, 11 + 21, 11 + 3]),
        ({"k": 3, "mask": "eq13"}, [11, 11 + 3, 11 + 21, 11 + 3]),
        ({"k": 4, "mask": "eq13"}, [11 + 3, 11 + 33, 11 + 21, 11 + 3]),
        ({"k": 3, "mask": "none"}, [11, 11, 11, 11]),
        ({"k": 3, "mask": "eq14", "tasks": "rc"}, [11, 21, 21, 3]),
        ({"k": 3, "mask": "eq13", "tasks": "rc"}, [11, 11 + 3, 21, 3]),
        ({"k": 4, "mask": "eq13", "tasks": "rc"}, [11 + 3, 33, 21, 3]),
        ({"k": 3, "mask": "eq13", "tasks": "ner"}, [11, 11, 11, 11]),
    ],
)
def test_rows_that_layers_compute(options, rows, monkeypatch):
    """11 tokens for all in the lower layers; three pairs of 7 tokens each, [CLS] among them, or all 11 of each."""
    document = told("three", "止痛片退热片心痛贴", "止痛片/药 退热片/药 心痛贴/药")
    head = make(**options)
    batch = head.collate([document])
    assert counted(monkeypatch, lambda: head.loss(batch)) == rows


@pytest.mark.parametrize("mask", ["eq13", "eq14"])
@pytest.mark.parametrize("held", [0, 10**9], ids=["again", "kept"])
def test_batches_of_pairs_change_nothing(mask, held, monkeypatch):
    head = make(mask=mask, k=3, dropout=0.0).train()
    expected, whole = gradients(head, DOCUMENTS), logits(head, DOCUMENTS)
    for limit in (1, 25):
        sizes, attend = [], focused_layers.attend

        def watched(block, queries, states, seen, sizes=sizes, attend=attend):
            sizes.append(states.shape[0] * states.shape[1])
            return attend(block, queries, states, seen)

        with monkeypatch.context() as patch:
            patch.setattr(focused_layers, "AT_ONCE", {"cpu": limit, "cuda": limit})
            patch.setattr(focused_layers, "HELD", held)
            torch.testing.assert_close(logits(head, DOCUMENTS), whole, atol=1e-5, rtol=0)
            found = gradients(head, DOCUMENTS)
            assert found.keys() == expected.keys()
            for name, gradient in found.items():
                torch.testing.assert_close(gradient, expected[name], atol=1e-4, rtol=1e-3, msg=name)
            patch.setattr(focused_layers, "attend", watched)
            batch = head.collate(DOCUMENTS[1:2])
            head.pair_logits(head.states(batch), batch["entities"], batch["pairs"][:, :2])
        longest = 13  # tokens of the text, more than of any pair
        assert max(sizes) <= max(limit, longest)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 9), max_size=20), st.integers(1, 30))
def test_batches(sizes, limit):
    sizes = sorted(sizes)
    found = list(focused_layers._batches(sizes, limit))
    assert [i for begin, end in found for i in range(begin, end)] == list(range(len(sizes)))
    assert all(end - begin == 1 or (end - begin) * sizes[end - 1] <= limit for begin, end in found)
    for (begin, end), (_, after) in itertools.pairwise(found):
        assert (end + 1 - begin) * sizes[end] > limit and after > end


@given(st.lists(st.integers(0, 3), max_size=12))
def test_pairs_in_order(windows):
    windows = sorted(windows)
    expected = [[a, b] for a, b in itertools.combinations(range(len(windows)), 2) if windows[a] == windows[b]]
    assert tagger.pairs_in_order(torch.tensor(windows, dtype=torch.long)).tolist() == expected


# There and back


def representable(document):
    """Entities that do not share characters with one before them, and of each pair of those the first triple."""
    kept = []
    for span in sorted(document.entities, key=lambda s: (s.start, -s.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    triples = {}
    for head, name, tail in document.triples():
        if head != tail and head in kept and tail in kept:
            triples.setdefault(frozenset((head, tail)), (head, name, tail))
    return set(kept), set(triples.values())


@given(documents(SCHEMA, "甲乙丙a1，😀 "))
@settings(max_examples=120)
def test_gold_comes_back(head, document):
    counts, (found,) = head.alignment([document]), decoded(head, [document])
    assert tuple(counts) == tagger.LOST
    assert not any(counts[name] for name in ("windowed", "without_tokens", "inexact", "outside_windows", "pairs"))
    assert facts([found])[0] == representable(document)
    assert counts["relations"] == len(set(document.triples()) - set(found.triples()))
    assert bool(counts["overlapping"]) == (set(document.entities) != set(found.entities))
    assert counts["without_pairs"] == (len(found.entities) < 2)
    assert counts["two_relations"] <= counts["relations"]
    found.check()


def test_classes_of_both_directions(head):
    batch = head.collate(DOCUMENTS[:3])
    classes = batch["pairs"][:, 2].tolist()
    assert classes == [2, 6, 1, 1, 4]  # 治疗 backwards; 合用 backwards, 治疗 twice; 引起 backwards
    logits = 3.0 * torch.nn.functional.one_hot(batch["pairs"][:, 2])
    found, sure = tagger.related(batch["pairs"][:, :2], logits)
    torch.testing.assert_close(sure, logits.softmax(-1).amax(-1))
    assert found.tolist() == [
        [1, 0, 0], [3, 2, 2], [2, 4, 0], [3, 4, 0], [6, 5, 1],
    ]  # fmt: skip


ODD = "复方止痛片治头疼咳嗽e\u0301"
HEADACHE, COUGH = Span(6, 8, "病"), Span(8, 10, "病")
LOSSES = {
    "longer, begins together": ((6, 9, "病"), {"overlapping": 2}, {(6, 9)}),
    "begins before": ((5, 7, "病"), {"overlapping": 1}, {(5, 7), (8, 10)}),
    "within": ((7, 8, "病"), {"overlapping": 1}, {(6, 8), (8, 10)}),
    "two types on the same tokens": ((6, 8, "药"), {"overlapping": 1}, {(6, 8), (8, 10)}),
    "the same once more": ((6, 8, "病"), {}, {(6, 8), (8, 10)}),
    "before": ((0, 2, "药"), {}, {(0, 2), (6, 8), (8, 10)}),
    "at the very end": ((10, 12, "药"), {}, {(6, 8), (8, 10), (10, 12)}),
    "within a token": ((10, 11, "药"), {"inexact": 1}, {(6, 8), (8, 10), (10, 12)}),
    "absent": ((ABSENT, ABSENT, "药"), {"without_tokens": 1}, {(6, 8), (8, 10)}),
    "no characters": ((3, 3, "药"), {"without_tokens": 1}, {(6, 8), (8, 10)}),
    "outside the text": ((7, 99, "药"), {"without_tokens": 1}, {(6, 8), (8, 10)}),
}


@pytest.mark.parametrize("case", LOSSES)
def test_odd_entities(head, case):
    """Each beside two that touch and are related."""
    place, expected, kept = LOSSES[case]
    document = Document("odd", ODD, (HEADACHE, COUGH, Span(*place)), (Relation(0, 1, "引起"), Relation(2, 1, "治疗")))
    counts, (found,) = head.alignment([document]), decoded(head, [document])
    held = {(6, 8), (8, 10)} <= kept
    assert {(s.start, s.end) for s in found.entities} == kept
    assert ((HEADACHE, "引起", COUGH) in found.triples()) == held
    third = len(kept) == 3
    if case == "the same once more":  # the relation of the third is one more of the first's
        expected = {"two_relations": 1, "relations": 1}
    elif case == "begins before":
        expected = expected | {"relations": 1}
        assert {(h.start, name, t.start) for h, name, t in found.triples()} == {(5, "治疗", 8)}
    else:
        expected = expected | ({} if third else {"relations": 2 - held, "without_pairs": len(kept) < 2})
    assert {k: v for k, v in counts.items() if v} == {k: v for k, v in expected.items() if v}
    assert torch.isfinite(head.loss(head.collate([document]))) and predicted(head, [document])[0].text == ODD


def test_of_a_pair_s_relations_the_first_is_kept(head):
    text = "激素治哮喘，又引起哮喘"
    for order in itertools.permutations([(0, 1, "治疗"), (0, 1, "引起"), (1, 0, "引起")]):
        document = told("both", text, "激素/药 哮喘/病", order)
        assert {k: v for k, v in head.alignment([document]).items() if v} == {"relations": 2, "two_relations": 1}
        assert decoded(head, [document])[0].triples() == document.triples()[:1]
    twice = told("twice", text, "激素/药 哮喘/病", [(0, 1, "治疗")] * 2)
    assert not any(head.alignment([twice]).values())


# Texts longer than the encoder's positions


@given(st.sets(st.integers(0, 54), min_size=1, max_size=6), st.integers(12, 60))
@settings(max_examples=15)
def test_pairs_that_no_window_holds_are_counted(places, positions):
    head = narrow(NARROW, positions)
    head._rows.clear()
    document, short = long_document(*sorted(p for p in places if p + 1 not in places)), DOCUMENTS[4]
    windows = [w for _, w in head.windows([document])]
    far = sum(
        not any(max(a.end, b.end) <= w.offsets[-2, 1] and min(a.start, b.start) >= w.offsets[1, 0] for w in windows)
        for a, b in itertools.combinations(document.entities, 2)
    )
    assert head.alignment([document]) == dict.fromkeys(tagger.LOST, 0) | {"windowed": positions < 58, "pairs": far}
    assert head.collate([short, document, short])["document"].tolist() == [0, *[1] * len(windows), 2]


NARROW = make()


def test_what_windows_do_not_hold_is_counted():
    head = narrow(make(), 22)  # windows of 20 tokens from 0, 15, 30, 36
    both = long_document(17)
    far = Document("far", both.text, (Span(0, 1, "药"), Span(50, 51, "病")), (Relation(0, 1, "治疗"),))
    wide = Document("wide", both.text, (Span(0, 30, "药"), Span(50, 56, "病")))
    assert head.alignment([far, both, wide]) == dict.fromkeys(tagger.LOST, 0) | {
        "windowed": 3, "relations": 1, "pairs": 2, "outside_windows": 1, "without_pairs": 2,
    }  # fmt: skip
    assert facts(decoded(head, [far, wide])) == [(set(far.entities), set()), ({wide.entities[1]}, set())]


def test_windows_of_a_document_add_up():
    head, whole = narrow(make(k=0), 22), long_document(17)
    batch = head.collate([whole, DOCUMENTS[3]])
    by_window = head.crf.loss(
        head.tag_logits(head.states(batch)), batch["tags"], tagger.inside(batch["attention_mask"])
    )
    pairs = batch["pairs"]
    of_pairs = head.pair_logits(head.states(batch), batch["entities"], pairs[:, :2])
    expected = by_window.sum() / 2 + torch.nn.functional.cross_entropy(of_pairs, pairs[:, 2])
    torch.testing.assert_close(head.loss(batch), expected)


# Predictions


def test_a_single_entity_trains_entities():
    for tasks in ("joint", "ner"):
        head = make(tasks=tasks)
        short = DOCUMENTS[4:5]
        assert head.loss(head.collate(short)).item() == pytest.approx(plain.entity_loss(head, short[0]), rel=1e-5)


@EACH_MASK
def test_gold_entities(mask):
    """Relations between given entities: those of plain passes, and the entities stay, also those tags cannot hold."""
    head = make(mask=mask, k=3)
    nested = told("nested", "复方止痛片含止痛片", "复方止痛片/药 止痛片/药")
    outside = Document(
        "outside", "头疼止痛片", (Span(ABSENT, ABSENT, "药", "阿胶"), Span(0, 2, "病"), Span(2, 5, "药"))
    )
    several = [*DOCUMENTS, nested, outside]
    with torch.no_grad():
        found = head.predict_pairs(head.collate(several), several)
    names, total = plain.class_names(head), 0
    for document, answer in zip(DOCUMENTS, found, strict=False):
        places, order = plain.places(head, document)
        expected = set()
        for a, b in itertools.combinations(range(len(order)), 2):
            best = names[plain.pair_logits(head, document.text, places[a], places[b]).argmax()]
            if best is not None:
                ends = (order[a], order[b]) if best[1] == 1 else (order[b], order[a])
                expected.add((document.entities[ends[0]], best[0], document.entities[ends[1]]))
        assert set(answer.triples()) == expected and set(answer.entities) == set(document.entities)
        total += len(expected)
    assert total > 5
    assert set(found[-2].entities) == set(nested.entities) and not found[-2].relations
    assert set(found[-1].entities) == set(outside.entities)
    unlabelled = [Document(d.id, d.text, d.entities) for d in several]
    with torch.no_grad():
        assert head.predict_pairs(head.collate(unlabelled), unlabelled) == found
    assert predict(head, several, make_accelerator("fp32"), budget=30, gold_entities=True) == found


def test_each_task_predicts_what_both_together_do():
    ner, rc, joint = (make(tasks=tasks) for tasks in ("ner", "rc", "joint"))
    assert not any(d.relations for d in ner.predict_pairs(ner.collate(DOCUMENTS), DOCUMENTS))
    for part in (ner, rc):
        part.load_state_dict(joint.state_dict(), strict=False)
    assert [set(d.entities) for d in predicted(ner, DOCUMENTS)] == [
        set(d.entities) for d in predicted(joint, DOCUMENTS)
    ]
    assert predicted(rc, DOCUMENTS) == joint.predict_pairs(joint.collate(DOCUMENTS), DOCUMENTS)
    assert any(d.entities for d in predicted(ner, DOCUMENTS)) and any(d.relations for d in predicted(rc, DOCUMENTS))


def test_pairs_are_classified_a_few_at_a_time(head, monkeypatch):
    whole = predicted(head, DOCUMENTS), head.predict_pairs(head.collate(DOCUMENTS), DOCUMENTS)
    assert sum(len(d.relations) for d in whole[0]) > 10
    sizes, call = [], head.pair_logits
    monkeypatch.setattr(tagger, "AT_ONCE", 3)
    monkeypatch.setattr(head, "pair_logits", lambda *a: (sizes.append(len(a[-1])), call(*a))[1])
    assert (predicted(head, DOCUMENTS), head.predict_pairs(head.collate(DOCUMENTS), DOCUMENTS)) == whole
    assert max(sizes) == 3


# Training


def test_idle_pairs_do_not_train():
    text = "着凉咳嗽胸痛头疼发烧失眠"
    spans = tuple(Span(i, i + 2, "病") for i in range(0, 12, 2))
    several = [Document(str(i), text, spans, (Relation(0, 1, "引起"), Relation(5, 2, "引起"))) for i in range(30)]
    head, every = make(negative_share=0.3), make(negative_share=1.0)
    classes = head.collate(several)["pairs"][:, 2]
    assert (every.collate(several)["pairs"][:, 2] == 0).sum() == 30 * 13
    assert ((classes == 3) | (classes == 4)).sum() == 60  # related ones all train
    assert 0.2 < (classes == 0).sum() / (30 * 13) < 0.4
    assert torch.equal(classes, make(seed=3, negative_share=0.3).collate(several)["pairs"][:, 2])
    assert len({tuple(classes[15 * i : 15 * i + 15].tolist()) for i in range(30)}) > 20
    assert set(make(negative_share=0.0).collate(several)["pairs"][:, 2].tolist()) == {-1, 3, 4}
    assert head.predict_pairs(head.collate(several[:2]), several[:2]) == every.predict_pairs(
        every.collate(several[:2]), several[:2]
    )
    nothing = [Document("unrelated", text, spans)]
    none = make(negative_share=0.0)
    assert none.loss(none.collate(nothing)).item() == pytest.approx(plain.entity_loss(none, nothing[0]), rel=1e-5)


def test_dropout_acts_in_training_only():
    head = make(k=3)
    batch = head.collate(DOCUMENTS)
    torch.manual_seed(0)
    assert head.loss(batch) == head.loss(batch)
    head.train()
    assert head.loss(batch) != head.loss(batch)


# Switches, files, errors


def test_an_encoder_of_another_kind(head):
    encoder = make().encoder
    encoder.model.config.model_type = "longformer"
    with pytest.raises(RelexError, match="is of the kind 'longformer'; focused layers work with bert, "):
        Focused(encoder, SCHEMA, FocusedOptions(k=2))
