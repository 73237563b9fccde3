"""The span model: equal to SpERT and ISER as plain loops, exact both ways, and its own candidates and draws."""

import itertools

import pytest
import torch
from cases import DIRECTED as SCHEMA
from cases import DOCUMENTS, MORE, SPERT, decoded
from drawn import documents
from extractors import facts, narrow, predicted, told
from hypothesis import given, settings
from hypothesis import strategies as st

from relex import encoders
from relex.corpora.readers import conll04
from relex.documents import ABSENT, Document, Relation, Span
from relex.heads import SpanModel, SpanOptions
from relex.heads.options import choices
from relex.heads.span import model
from relex.heads.span.spans import LOST
from relex.reference import iser, spert

LOCAL_CONTEXTS = choices(SpanOptions)["local_context"]
# Span logits depend on fusion and context, pair logits on fusion and local context: so each of both with each fusion.
SWITCHES = [
    {"fusion": fusion, "context": context, "sea_scope": scope, "local_context": local}
    for fusion in (True, False)
    for context, scope, local in [
        *(("cls", "span", local) for local in LOCAL_CONTEXTS),
        ("sea", "span", "max"), ("sea", "sentence", "attention"), ("gru", "span", "encoder_max"),
        ("gru", "sentence", "global"),
    ]
] + [
    {"residual": True, "sea_scope": "sentence"}, {"fusion": False, "context": "cls", "pooling": "attention"},
    {"pooling": "attention", "context": "query", "local_context": "query"},
]  # fmt: skip
EACH_SWITCH = pytest.mark.parametrize("options", SWITCHES, ids=lambda o: "-".join(map(str, o.values())))
# Each piece of code at least once, for what does not depend on how pieces are combined.
SOME_SWITCHES = pytest.mark.parametrize(
    "options",
    [SPERT, {"local_context": "attention"}, {"context": "gru", "local_context": "encoder_max"},
     {"sea_scope": "sentence", "local_context": "encoder_global"}, {"fusion": False, "context": "sea"},
     {"residual": True}, {"fusion": False, "pooling": "attention", "context": "query", "local_context": "query"}],
    ids=lambda o: "-".join(map(str, o.values())),
)  # fmt: skip
DOCUMENTS = (*DOCUMENTS, *MORE, told("nested", "复方止痛片含止痛片。", "复方止痛片/药 止痛片/药", [(1, 0, "合用")]))


def make(seed=0, none=2.0, layers=1, **options):
    """A span model on a tiny random encoder; `none` is the bias of the type that is no entity."""
    encoder = encoders.load("random:tiny", layers, seed=seed, texts=[d.text for d in DOCUMENTS])
    torch.manual_seed(seed)
    head = SpanModel(encoder, SCHEMA, SpanOptions(**{"heads": 4, "max_width": 4, "width_size": 5} | options))
    for name, parameter in head.named_parameters():
        if not name.startswith("encoder.") and parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=float(name == "context.norm.weight"), std=0.2)
    torch.nn.init.normal_(head.classify_span.weight, std=0.3)
    torch.nn.init.normal_(head.classify_pair.weight, std=0.2)
    with torch.no_grad():
        head.classify_span.bias[0] = none
    return head.eval()


@pytest.fixture(scope="module")
def head():
    return make(**SPERT)


@torch.no_grad()
def logits(head, documents):
    """Of every document alone: its candidates' tokens and logits, and those of all pairs of its first candidates."""
    batch = head.collate(documents)
    text, spans = head.states(batch), head.candidates(batch["words"])
    found = []
    for i in range(len(documents)):
        own = spans[spans[:, 0] == i]
        few = own[:: max(1, len(own) // 5)]
        pairs = model.pairs_within(few[:, 0])
        found.append((own[:, 1:], head.span_logits(text, own), few[:, 1:], pairs, head.pair_logits(text, few, pairs)))
    return found


# Equal to the plain versions


def assert_parity(head, reference):
    for document, (spans, span_logits, few, pairs, pair_logits) in zip(DOCUMENTS, logits(head, DOCUMENTS), strict=True):
        places = [(first, last, width + 1) for first, last, width in spans.tolist()]
        assert sorted(places) == sorted(spert.candidates(head, document.text))
        expected = reference.span_logits(head, document.text, places)
        torch.testing.assert_close(span_logits, expected, atol=1e-5, rtol=0)
        few = [(first, last, width + 1) for first, last, width in few.tolist()]
        assert len(pairs) == len(few) * (len(few) - 1)
        if len(pairs):
            expected = reference.pair_logits(head, document.text, [(few[a], few[b]) for a, b in pairs.tolist()])
            torch.testing.assert_close(pair_logits, expected, atol=1e-5, rtol=0)


def test_logits_are_those_of_spert(head):
    assert_parity(head, spert)


@EACH_SWITCH
def test_logits_are_those_of_plain_iser(options):
    assert_parity(make(**options), iser)


@pytest.mark.parametrize(
    ("options", "reference"),
    [(SPERT, spert), ({}, iser), ({"context": "gru", "local_context": "attention"}, iser)],
    ids=["SpERT", "ISER", "GRU"],
)
def test_predictions_are_those_of_the_plain_version(options, reference):
    for seed in range(20):
        head = make(seed, threshold=0.55, **options)
        entities, triples, margins = zip(
            *(spert.extract(head, d.text, reference.span_logits, reference.pair_logits) for d in DOCUMENTS), strict=True
        )
        numbers = sum(map(len, entities)), sum(map(len, triples))
        if min(margins) > 1e-5 and min(numbers) > 20 and numbers[0] < 90:  # nearer to a border, rounding decides
            break
    assert min(margins) > 1e-5 and min(numbers) > 20
    assert facts(predicted(head, DOCUMENTS)) == list(zip(entities, triples, strict=True))


@SOME_SWITCHES
def test_loss_is_that_of_the_plain_version(options):
    head = make(negative_spans=10**6, negative_pairs=10**6, **options)
    places = []
    for document in DOCUMENTS:
        batch = head.collate([document])
        entities = {(first, last, width + 1): kind for _, first, last, width, kind in batch["entities"].tolist()}
        own = list(entities)
        places.append((entities, {(own[h], own[t], r) for h, t, r in batch["relations"].tolist()}))
    assert head.loss(head.collate(DOCUMENTS)).item() == pytest.approx(iser.loss(head, DOCUMENTS, places), rel=1e-5)


def test_off_without_fusion_what_the_encoder_says_is_what_fused_states_say():
    for one, other in (("max", "encoder_max"), ("global", "encoder_global")):
        found = [logits(make(fusion=False, context="cls", local_context=name), DOCUMENTS) for name in (one, other)]
        assert all(torch.equal(a[-1], b[-1]) for a, b in zip(*found, strict=True))


def test_switches_make_a_difference():
    """Every context tells spans apart from the others, every local context pairs."""
    spans = [make(context=c, sea_scope=s) for c, s in [("sea", "span"), ("sea", "sentence"), ("gru", "span"),
                                                        ("gru", "sentence"), ("cls", "span")]]  # fmt: skip
    spans.append(make(context="query", heads=2))
    pairs = [make(context="cls", local_context=local) for local in LOCAL_CONTEXTS]
    for heads, what in ((spans, 1), (pairs, 4)):
        assert len({head.classify_span.weight.shape for head in heads}) == 1
        for a, b in itertools.combinations(heads, 2):
            b.load_state_dict(a.state_dict(), strict=False)
            difference = logits(a, DOCUMENTS[:1])[0][what] - logits(b, DOCUMENTS[:1])[0][what]
            assert difference.abs().max() > 1e-4


# Candidates, words, and what is drawn


@given(st.lists(st.text("甲乙丙 a1,", max_size=12), min_size=1, max_size=4), st.integers(1, 5))
@settings(max_examples=40)
def test_candidates_are_all_stretches_of_words(head, texts, widest):
    head = head if head.options.max_width == widest else WIDE.setdefault(widest, make(max_width=widest, **SPERT))
    batch = head.collate([Document(str(i), text) for i, text in enumerate(texts)])
    found = head.candidates(batch["words"]).tolist()
    expected, count = [], 0
    for i, text in enumerate(texts):
        expected += [(i, first, last, width - 1) for first, last, width in spert.candidates(head, text)]
        words = len(spert.words_of(text))
        count += sum(max(0, words - width + 1) for width in range(1, widest + 1))
    assert sorted(map(tuple, found)) == sorted(expected) and len(found) == count
    assert [row[0] for row in found] == sorted(row[0] for row in found)


WIDE: dict[int, SpanModel] = {}


@given(st.lists(st.integers(0, 4), max_size=40), st.integers(1, 8), st.integers(0, 10**6))
@settings(max_examples=60)
def test_drawn(windows, count, seed):
    window = torch.tensor(windows, dtype=torch.long)
    torch.manual_seed(seed)
    chosen = model.sample_per_group(window, count)
    assert len(set(chosen.tolist())) == len(chosen)
    for i in range(5):
        assert (window[chosen] == i).sum() == min(count, windows.count(i))
    torch.manual_seed(seed)
    assert torch.equal(model.sample_per_group(window, count), chosen)


def test_drawn_is_fair():
    torch.manual_seed(0)
    window = torch.tensor([0] * 6 + [2] * 3)
    often = sum(torch.bincount(model.sample_per_group(window, 2), minlength=9) for _ in range(1200))
    share = torch.tensor([1 / 3] * 6 + [2 / 3] * 3)
    assert often.sum() == 4800
    torch.testing.assert_close(often / 1200, share, atol=0.06, rtol=0)


@pytest.mark.parametrize("count", [1, 7, 10**6])
def test_negative_spans_are_no_entities(count):
    head = make(negative_spans=count, **SPERT)
    batch = head.collate(DOCUMENTS)
    every = {tuple(s) for s in head.candidates(batch["words"]).tolist()}
    gold = {tuple(e[:4]) for e in batch["entities"].tolist()}
    assert gold <= every
    torch.manual_seed(1)
    found = head._negative_spans(batch).tolist()
    drawn = {tuple(s) for s in found}
    assert len(drawn) == len(found) and drawn <= every - gold
    for i in range(len(DOCUMENTS)):
        assert sum(s[0] == i for s in drawn) == min(count, sum(s[0] == i for s in every - gold))
    torch.manual_seed(1)
    assert head._negative_spans(batch).tolist() == found
    assert (head._negative_spans(batch).tolist() == found) == (count == 10**6 and found == sorted(found))


@pytest.mark.parametrize("count", [1, 3, 10**6])
def test_negative_pairs_are_unrelated_entities_of_a_window(count):
    head = make(negative_pairs=count, **SPERT)
    batch = head.collate(DOCUMENTS)
    entities, relations = batch["entities"], batch["relations"].tolist()
    pairs, targets = head.pairs_to_learn(batch)
    assert {(h, t, r) for (h, t), row in zip(pairs.tolist(), targets, strict=True)
            for r in row.nonzero()[:, 0].tolist()} == {tuple(r) for r in relations}  # fmt: skip
    related = {(h, t) for h, t, _ in relations}
    negative = [tuple(p) for p, row in zip(pairs.tolist(), targets, strict=True) if not row.any()]
    assert len({tuple(p) for p in pairs.tolist()}) == len(pairs) == len(related) + len(negative)
    assert not related & set(negative) and all(h != t for h, t in negative)
    window = entities[:, 0].tolist()
    assert all(window[h] == window[t] for h, t in negative)
    for i in range(len(DOCUMENTS)):
        size = window.count(i)
        available = size * (size - 1) - sum(window[h] == i for h, _ in related)
        assert sum(window[h] == i for h, _ in negative) == min(count, available)


@given(st.lists(st.integers(0, 3), max_size=12), st.sets(st.integers(0, 11)))
def test_pairs_within_a_window(windows, heads):
    windows, heads = sorted(windows), sorted(h for h in heads if h < len(windows))
    window = torch.tensor(windows, dtype=torch.long)
    expected = [[a, b] for a, b in itertools.permutations(range(len(windows)), 2) if windows[a] == windows[b]]
    assert model.pairs_within(window).tolist() == expected
    some = model.pairs_within(window, torch.tensor(heads, dtype=torch.long)).tolist()
    assert some == [p for p in expected if p[0] in heads]


# There and back


def representable(document, widest):
    """Entities that are a candidate each and the first with their tokens, and triples of two different such."""
    words = spert.words_of(document.text)
    candidates = {(a, b) for i, (a, _) in enumerate(words) for _, b in words[i : i + widest]}
    kept = {}
    for entity in document.entities:
        if (entity.start, entity.end) in candidates:
            kept.setdefault((entity.start, entity.end), entity)
    entities = set(kept.values())
    triples = {t for t in document.triples() if t[0] != t[2] and {t[0], t[2]} <= entities}
    return entities, triples


@given(documents(SCHEMA, "甲乙丙a1，😀 "))
@settings(max_examples=150)
def test_gold_comes_back(head, document):
    counts, (found,) = head.alignment([document]), decoded(head, [document])
    assert tuple(counts) == LOST and not counts["windowed"] and not counts["without_tokens"]
    if not counts["inexact"]:  # a span that ends within a word stands for the whole word, and may shadow another one
        assert facts([found])[0] == representable(document, head.options.max_width)
        lost = set(document.triples()) - set(found.triples())
        assert counts["relations"] == len(lost)
        assert bool(counts["too_wide"] or counts["two_types"]) == (set(document.entities) != set(found.entities))
    found.check()


ODD = "复方止痛片 治 Headache 和咳嗽"
HEADACHE, COUGH = Span(8, 16, "病"), Span(18, 20, "病")
LOSSES = {
    "five words are too wide for four": ((0, 5, "药"), {"too_wide": 1}),
    "two types on the same tokens": ((8, 16, "药"), {"two_types": 1}),
    "the same once more": ((8, 16, "病"), {}),
    "nested": ((2, 5, "药"), {}),
    "ends in a word": ((8, 12, "药"), {"inexact": 1}),
    "begins in a word": ((9, 16, "病"), {"inexact": 1}),
    "ends with a blank": ((2, 6, "药"), {"without_tokens": 1}),
    "absent": ((ABSENT, ABSENT, "药"), {"without_tokens": 1}),
    "no characters": ((3, 3, "药"), {"without_tokens": 1}),
    "outside the text": ((17, 99, "药"), {"without_tokens": 1}),
}


@pytest.mark.parametrize("case", LOSSES)
def test_odd_entities(head, case):
    """Each beside two plain entities with a relation, which come back, and in a relation of its own."""
    place, expected = LOSSES[case]
    document = Document("odd", ODD, (HEADACHE, COUGH, Span(*place)), (Relation(0, 1, "引起"), Relation(2, 1, "引起")))
    counts = {k: v for k, v in head.alignment([document]).items() if v}
    # what is inexact falls on the word, which is an entity already, and makes no triple of its own
    assert counts == (expected | {"relations": 1} if expected else {})
    (found,) = decoded(head, [document])
    assert (HEADACHE, "引起", COUGH) in found.triples()
    assert (Span(*place) in found.entities) == (not expected)
    assert len(found.relations) == (2 if case == "nested" else 1)
    assert torch.isfinite(head.loss(head.collate([document]))) and predicted(head, [document])[0].text == ODD


def test_a_tokeniser_that_drops_characters(head):
    """Control characters have no tokens here; entities at them have none, and the others stay exact."""
    text = "\u200b止痛片\u200b \u0007头疼"
    kept = [text[a:b] for a, b in head.encoder.tokenize([text])[0].offsets]
    document = told("dropped", text, "止痛片/药 头疼/病", [(0, 1, "治疗")])
    assert facts(decoded(head, [document])) == facts([document]) and "止" in kept
    gone = [i for i in range(len(text)) if not any(a <= i < b for a, b in head.encoder.tokenize([text])[0].offsets)]
    assert gone
    lost = Document("lost", text, tuple(Span(i, i + 1, "病") for i in gone))
    assert head.alignment([lost])["without_tokens"] == len(gone) and not len(head.collate([lost])["entities"])


def test_entities_of_joined_tokens_are_exact():
    """Tokens joined by blanks, as conll04 has them: candidates begin and end at tokens, whatever is in them."""
    text = "Ms. Ann O'Neil ( 41 ) , who runs A.-B. Mills Inc. of Fort Lee , N.J. , owes US$ 3.5m -LRB- net -RRB- ."
    tokens = text.split()
    entities = [{"type": "Peop", "start": 1, "end": 3}, {"type": "Org", "start": 9, "end": 12},
                {"type": "Loc", "start": 13, "end": 15}, {"type": "Loc", "start": 16, "end": 17},
                {"type": "Other", "start": 19, "end": 21}]  # fmt: skip
    relations = [{"type": "Work_For", "head": 0, "tail": 1}, {"type": "OrgBased_In", "head": 1, "tail": 2},
                 {"type": "Located_In", "head": 2, "tail": 3}]  # fmt: skip
    row = {"tokens": tokens, "entities": entities, "relations": relations, "orig_id": 1}
    document = conll04.from_tokens(row, "train")
    encoder = encoders.load("random:tiny", 1, texts=[document.text])
    head = SpanModel(encoder, conll04.SCHEMA, SpanOptions(**SPERT))
    assert not any(head.alignment([document]).values())
    assert facts(decoded(head, [document])) == facts([document])
    batch = head.collate([document])
    assert (batch["words"][0, :, 0] >= 0).sum() == len(tokens)
    assert batch["entities"][:, 3].tolist() == [1, 2, 1, 0, 1]
    ends = {i for i, char in enumerate(f"{document.text} ") if char == " "}
    offsets = head.windows([document])[0][1].offsets
    for _, first, last, _ in head.candidates(batch["words"]).tolist():
        assert offsets[first + 1, 0] - 1 in ends | {-1} and offsets[last + 1, 1] in ends


# Texts longer than the encoder's positions


def test_a_window_may_begin_inside_a_word():
    """The rest of a word is a word there; all tokens of a window are in one, and whole words come back."""
    text = " ".join(["aspirin", "helps"] * 6)
    head = narrow(make(**SPERT), 16)
    at = [i for i in range(len(text)) if text.startswith("aspirin", i)]
    document = Document("english", text, tuple(Span(i, i + 7, "药") for i in at))
    batch = head.collate([document])
    for row, mask in zip(batch["words"].tolist(), batch["attention_mask"], strict=True):
        words = [word for word in row if word[0] >= 0]
        assert [i for first, last in words for i in range(first, last + 1)] == list(range(int(mask.sum()) - 2))
    starts = {int(window.offsets[1, 0]) for _, window in head.windows([document])}
    assert any(text[i - 1] != " " for i in starts - {0})
    held = {s for s in document.entities for _, w in head.windows([document])
            if w.offsets[1, 0] <= s.start and s.end <= w.offsets[-2, 1]}  # fmt: skip
    assert held and facts(decoded(head, [document])) == [(held, set())]


# Predictions


@SOME_SWITCHES
def test_chunks_change_nothing_and_bound_what_is_held(options, monkeypatch):
    for seed in range(20):
        head = make(seed, none=1.0, threshold=0.5, **options)
        whole = predicted(head, DOCUMENTS[:3])
        if 20 < sum(len(d.relations) for d in whole) < 150:
            break
    assert sum(len(d.relations) for d in whole) > 20
    batch = head.collate(DOCUMENTS[:3])
    tokens, width = batch["input_ids"].shape[1], head.encoder.hidden_size
    for chunk in (1, 40 * width, 3 * width * tokens):
        rows = {"span": [], "pair": []}

        def counted(kind, call, rows=rows):
            return lambda *a: (rows[kind].append(len(a[-1])), call(*a))[1]

        with monkeypatch.context() as patch:
            patch.setattr(model, "CHUNK", chunk)
            patch.setattr(head, "span_logits", counted("span", head.span_logits))
            patch.setattr(head, "pair_logits", counted("pair", head.pair_logits))
            assert predicted(head, DOCUMENTS[:3]) == whole
        own_row = head.context is not None and head.options.sea_scope == "span"
        assert sum(rows["span"]) == len(head.candidates(batch["words"])) and len(rows["span"]) > 1
        assert max(rows["span"]) * width * (tokens - 2 if own_row else 1) <= max(chunk, width * tokens)
        asks = head.weigh is not None or head.between is not None
        assert max(rows["pair"]) * width * (tokens - 2 if asks else 1) <= max(chunk, width * tokens)


# Switches, files, errors


def test_heads_matter_only_to_attention():
    assert make(heads=5, context="gru").context.forwards.hidden_size == 16
