import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex.baselines import lookup
from relex.documents import ABSENT, Document, Relation, RelationType, Schema, Span, infer_schema
from relex.errors import RelexError
from relex.evaluation.extraction import evaluate, string_triples

SCHEMA = Schema(("part", "finding"), (RelationType("shows", (("part", "finding"),)),))
PARTS, FINDINGS = ("左肩", "右肩", "膝", "后背"), ("红肿", "疼痛", "麻木")


def document(text, triples=(), name="one"):
    """Each mention of `PARTS` and `FINDINGS` is an entity, wherever it stands; relations join first occurrences."""
    spans = {}
    for mentions, kind in ((PARTS, "part"), (FINDINGS, "finding")):
        for mention in mentions:
            start = text.find(mention)
            if start >= 0:
                spans[mention] = Span(start, start + len(mention), kind)
    order = list(spans)
    relations = tuple(Relation(order.index(head), order.index(tail), "shows") for head, tail in triples)
    return Document(name, text, tuple(spans.values()), relations)


def found(label, *documents):
    predicted = label(documents)
    for one, other in zip(documents, predicted, strict=True):
        other.check()
        assert (one.id, one.text) == (other.id, other.text)
    return [{(head, tail) for head, _, tail in string_triples(d)} for d in predicted]


def test_schema_only_takes_every_pair_that_fits():
    one = document("左肩红肿，右肩疼痛。", [("左肩", "红肿")])
    assert found(lookup.schema_only(SCHEMA), one) == [{(p, f) for p in ("左肩", "右肩") for f in ("红肿", "疼痛")}]
    same = Schema(("part",), (RelationType("beside", (("part", "part"),)),))
    assert found(lookup.schema_only(same), one) == [{("左肩", "右肩"), ("右肩", "左肩")}]
    assert evaluate([one], lookup.schema_only(SCHEMA)([one]), SCHEMA, set())[0]["triples.offset.r"] == 1


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        # One part shows several findings: each finding looks for its part.
        (
            document("左肩红肿疼痛。", [("左肩", "红肿"), ("左肩", "疼痛")]),
            {("左肩", "红肿"), ("右肩", "疼痛"), ("右肩", "麻木")},
        ),
        # Several parts show one finding: each part looks for its finding.
        (document("左肩右肩麻木。", [("左肩", "麻木"), ("右肩", "麻木")]), {("左肩", "红肿"), ("右肩", "疼痛")}),
        # Of several parts only the nearest shows the one finding, and of several findings only the nearest is shown.
        (document("左肩右肩麻木疼痛。", [("右肩", "麻木")]), {("左肩", "红肿"), ("右肩", "疼痛")}),
    ],
)
def test_nearest_entity_learns_which_end_looks_for_the_other(train, expected):
    test = document("左肩红肿，右肩疼痛而且麻木。")
    assert found(lookup.nearest_entity([train], SCHEMA), test) == [expected]


def test_nearest_entity_joins_nothing_that_training_never_joined():
    train = [document("左肩红肿。")]
    assert found(lookup.nearest_entity(train, SCHEMA), document("右肩红肿。")) == [set()]


def test_nearest_entity_leaves_absent_mentions_alone():
    train = [document("左肩红肿。", [("左肩", "红肿")])]
    one = document("红肿，左肩。")
    gone = Document("one", one.text, (*one.entities, Span(ABSENT, ABSENT, "part", "右肩")))
    assert found(lookup.nearest_entity(train, SCHEMA), gone) == [{("左肩", "红肿")}]


def test_nearest_of_two_equally_near_is_the_first_and_overlapping_comes_last():
    text = "左肩，红肿，右肩，疼痛。"
    overlapping = Span(4, 7, "part")
    one = document(text)
    ordered = (
        lookup._distance(one.entities[2], one.entities[0]),
        lookup._distance(one.entities[2], one.entities[1]),
    )
    assert ordered[0] < ordered[1] < lookup._distance(one.entities[2], overlapping)


def test_lookup_knows_training_texts_and_nothing_else():
    train = [document("左肩红肿。", [("左肩", "红肿")])]
    assert found(lookup.lookup(train), document("左肩红肿。"), document("右肩红肿。")) == [{("左肩", "红肿")}, set()]
    assert lookup.lookup(train)([document("右肩红肿。")])[0].entities == ()


def test_lookup_takes_the_most_frequent_annotation():
    text = "左肩红肿疼痛。"
    both, one = [("左肩", "红肿"), ("左肩", "疼痛")], [("左肩", "红肿")]
    train = [document(text, triples) for triples in (one, both, both[::-1], [])]
    assert found(lookup.lookup(train), document(text)) == [set(both)]
    assert found(lookup.lookup(train[:2]), document(text)) == [set(one)]  # a tie: the first met


def test_masked_lookup_knows_texts_that_are_the_same_but_for_numbers():
    def measured(text, mention, relation=True):
        spans = [Span(text.index(m), text.index(m) + len(m), t) for m, t in ((mention, "finding"), ("左肩", "part"))]
        return Document("one", text, tuple(spans), (Relation(1, 0, "shows"),) if relation else ())

    train = [measured("长9毫米的左肩红肿。", "9毫米"), measured("宽2毫米，左肩。", "宽2毫米")]
    read = lookup.masked_lookup(train)
    test = [document(t) for t in ("长12.5毫米的左肩红肿。", "宽2毫米，左肩。", "长9毫米的右肩红肿。")]
    assert found(read, *test) == [{("左肩", "12.5毫米")}, {("左肩", "宽2毫米")}, set()]
    assert [(s.start, s.end) for s in read(test)[0].entities] == [(1, 7), (8, 10)]
    assert read(test)[2].entities == ()
    # a number of another length is taken whole, also by a span over a part of it; what the text lacks stays away
    lacking = Span(ABSENT, ABSENT, "part", "膝")
    part_of_it = Document("one", "肿12毫米", (Span(1, 2, "finding"), lacking), (Relation(1, 0, "shows"),))
    assert found(lookup.masked_lookup([part_of_it]), document("肿375毫米")) == [{("膝", "375")}]


def test_masked_lookup_takes_the_most_frequent_annotation_of_the_same_text_first():
    def some(number, *triples):
        return document(f"左肩红肿疼痛{number}天。", triples)

    one, other = ("左肩", "红肿"), ("左肩", "疼痛")
    train = [some(1, one), some(2, other), some(30, other)]
    assert found(lookup.masked_lookup(train), some(4), some(1)) == [{other}, {one}]
    assert found(lookup.masked_lookup(train[:2]), some(4)) == [{one}]  # a tie: the first met
    assert found(lookup.masked_lookup(train), some(1)) == found(lookup.lookup(train), some(1))


def test_dictionary_finds_known_pairs_in_new_texts():
    train = [document("左肩红肿。", [("左肩", "红肿")]), document("膝麻木。", [("膝", "麻木")])]
    test = [document("左肩红肿。"), document("膝及左肩红肿，仍然麻木。"), document("右肩红肿。")]
    expected = [{("左肩", "红肿")}, {("左肩", "红肿"), ("膝", "麻木")}, set()]
    assert found(lookup.dictionary(train), *test) == expected
    predicted = lookup.dictionary(train)(test)[1]
    assert {(predicted.mention(i), s.type) for i, s in enumerate(predicted.entities)} == {
        ("左肩", "part"), ("红肿", "finding"), ("膝", "part"), ("麻木", "finding"),
    }  # fmt: skip


def test_dictionary_places_a_pair_where_it_stands_nearest():
    train = [document("左肩红肿。", [("左肩", "红肿")])]
    text = "左肩无恙，左肩红肿。"
    predicted = lookup.dictionary(train)([document(text)])[0]
    assert [(s.start, s.end) for s in predicted.entities] == [(5, 7), (7, 9)]


def test_dictionary_drops_pairs_that_mostly_stand_apart():
    stated = document("左肩红肿。", [("左肩", "红肿")])
    apart = [document(f"左肩无恙，右肩红肿{i}。", [("右肩", "红肿")]) for i in range(2)]
    test = document("左肩和右肩红肿。")
    assert found(lookup.dictionary([stated, *apart]), test) == [{("右肩", "红肿")}]
    # One of two is enough; and a text met many times counts once.
    assert found(lookup.dictionary([stated, *apart[:1] * 5]), test) == [{("左肩", "红肿"), ("右肩", "红肿")}]


def test_dictionary_never_joins_a_mention_to_itself():
    text = "红肿，红肿。"
    train = [Document("one", text, (Span(0, 2, "part"), Span(3, 5, "finding")), (Relation(0, 1, "shows"),))]
    assert found(lookup.dictionary(train), document("红肿。"), document("红肿加红肿。")) == [
        set(),
        {("红肿", "红肿")},
    ]


sentences = st.lists(st.sampled_from((*PARTS, *FINDINGS, "，")), min_size=1, max_size=6).map("".join)


@given(st.lists(sentences, min_size=1, max_size=6, unique=True), sentences)
def test_dictionary_equals_a_plain_loop(texts, new):
    train = []
    for number, text in enumerate(texts):  # each part shows the first finding of the sentence
        mentions = [f for f in sorted(FINDINGS) if f in text][:1]
        train.append(document(text, [(p, f) for p in PARTS if p in text for f in mentions], str(number)))
    entries = set().union(*(string_triples(d) for d in train))
    expected = set()
    for head, name, tail in entries:
        together = [d for d in train if head in d.text and tail in d.text]
        stating = [d for d in together if (head, name, tail) in string_triples(d)]
        if head in new and tail in new and 2 * len(stating) >= len(together):
            expected.add((head, tail))
    if new in texts:
        expected = {(h, t) for h, _, t in string_triples(train[texts.index(new)])}
    assert found(lookup.dictionary(train), Document("new", new)) == [expected]


@given(st.sets(st.text("ab", min_size=1, max_size=4)), st.text("abc", max_size=12))
def test_mentions_within(strings, text):
    assert lookup.Mentions(strings).within(text) == {s for s in strings if s in text}


def test_all_of_them_by_name():
    train = [document("左肩红肿，膝疼痛。", [("左肩", "红肿"), ("膝", "疼痛")])]
    test = [
        document("左肩红肿。", [("左肩", "红肿")]),
        document("左肩红肿，膝疼痛。", [("左肩", "红肿"), ("膝", "疼痛")], "two"),
    ]
    assert set(lookup.SHORTCUTS) == {"schema_only", "nearest_entity", "lookup", "masked_lookup", "dictionary"}
    for name, make in lookup.SHORTCUTS.items():
        metrics, _ = evaluate(test, make(train, infer_schema(train))(test), SCHEMA, set())
        assert metrics["triples.string.r"] == pytest.approx(2 / 3 if "lookup" in name else 1)
    for name in ("nearest_entity", "lookup", "masked_lookup", "dictionary"):
        with pytest.raises(RelexError, match="no training documents"):
            lookup.SHORTCUTS[name]([], SCHEMA)
