"""The five encodings: nothing of the text is lost, markers stand where they should, specials cannot be forged."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from samples import ABSENT_ONE, document

from relex.documents import Document, Relation, Span
from relex.encoders.encodings import ENCODINGS, SEP, Piece, encode, entity_marked, markers, occurrences
from relex.errors import RelexError
from relex.mentions import find_all
from relex.reference.marking import replace_all

MARKS = markers("entity1")


def text_of(pieces):
    return "".join(p.text for p in pieces)


def plain(pieces):
    return "".join(p.text for p in pieces if not p.special)


def spans_of(pieces, opening, closing):
    """The stretches between markers of one mention, which must open and close in turn."""
    found, position, start = [], 0, None
    for piece in pieces:
        if not piece.special:
            position += len(piece.text)
        elif piece.text == opening:
            assert start is None
            start = position
        elif piece.text == closing:
            found.append((start, position))
            start = None
    assert start is None
    return found


@st.composite
def marked(draw):
    """A text, occurrences of a head and of a tail: nested, identical, crossing, repeated or none."""
    text = draw(st.text(min_size=1, max_size=15))
    spans = []
    for _ in range(2):
        cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
        spans.append(list(zip(cuts[::2], cuts[1::2], strict=False)))
    return text, *spans


@given(marked())
@example(("甲乙丙", [(0, 3)], [(1, 2)]))
@example(("甲乙丙", [(0, 3)], [(0, 3)]))
@example(("甲乙丙", [(0, 2)], [(1, 3)]))
@example(("甲乙丙", [(0, 1)], [(1, 3)]))
@example(("[E1]", [(0, 4)], [(1, 2)]))
def test_markers_balance_and_the_text_comes_back(case):
    text, heads, tails = case
    pieces = entity_marked(text, heads, tails, MARKS)
    assert plain(pieces) == text
    assert all(p.text for p in pieces)
    assert spans_of(pieces, MARKS.head_open, MARKS.head_close) == heads
    assert spans_of(pieces, MARKS.tail_open, MARKS.tail_close) == tails
    if not any(set(range(*h)) & set(range(*t)) and not nested(h, t) for h in heads for t in tails):
        check_nesting(pieces)


def nested(one, other):
    return (one[0] <= other[0] and other[1] <= one[1]) or (other[0] <= one[0] and one[1] <= other[1])


def check_nesting(pieces):
    """Mentions that do not cross give brackets that do not cross."""
    stack = []
    for piece in pieces:
        if piece.special and not piece.text.startswith("[/"):
            stack.append(piece.text)
        elif piece.special:
            assert piece.text == stack.pop().replace("[", "[/")


@given(marked(), st.text(min_size=1, max_size=4), st.text(min_size=1, max_size=4))
def test_absent_mentions_stand_in_front(case, head, tail):
    text, heads, _ = case
    pieces = entity_marked(text, heads, [], MARKS, ("", tail))
    assert pieces[:4] == (Piece("[E2]", True), Piece(tail), Piece("[/E2]", True), SEP)
    assert plain(pieces[4:]) == text
    both = entity_marked(text, [], [], MARKS, (head, tail))
    assert text_of(both[:8]) == f"[E1]{head}[/E1][SEP][E2]{tail}[/E2][SEP]" and plain(both[8:]) == text


def test_identical_spans_have_the_head_outside():
    assert text_of(entity_marked("甲", [(0, 1)], [(0, 1)], MARKS)) == "[E1][E2]甲[/E2][/E1]"


def test_the_longer_mention_is_the_outer_one():
    assert text_of(entity_marked("甲乙丙", [(0, 2)], [(0, 3)], MARKS)) == "[E2][E1]甲乙[/E1]丙[/E2]"
    assert text_of(entity_marked("甲乙丙", [(1, 3)], [(0, 3)], MARKS)) == "[E2]甲[E1]乙丙[/E1][/E2]"
    assert text_of(entity_marked("甲乙丙", [(0, 1)], [(1, 3)], MARKS)) == "[E1]甲[/E1][E2]乙丙[/E2]"


@st.composite
def unambiguous(draw):
    """A text with a head and a tail, repeated perhaps, none of whose occurrences touches one of the other."""
    head, tail = draw(st.text("甲乙", min_size=1, max_size=3)), draw(st.text("乙丙", min_size=1, max_size=3))
    assume(head not in tail and tail not in head)
    others = draw(st.lists(st.sampled_from([head, tail, "甲", "丙", "丁"]), max_size=8))
    text = "".join(draw(st.permutations([head, tail, *others])))
    heads, tails = find_all(text, head), find_all(text, tail)
    assume(heads and tails and not any(set(range(*h)) & set(range(*t)) for h in heads for t in tails))
    return text, head, tail


@given(unambiguous(), st.sampled_from(["entity1", "entity2", "typed"]))
def test_marking_all_equals_string_replacement(case, encoding):
    pieces = encode(document(*case), encoding, "all")
    assert text_of(pieces) == replace_all(*case, markers(encoding))


REPEATED = Document(
    "r", "肝炎会传染，慢性肝炎要查肝功能，肝炎可治。",
    (Span(8, 10, "disease"), Span(12, 15, "test")), (Relation(0, 1, "实验室检查"),),
)  # fmt: skip


def test_mark_policies():
    assert occurrences(REPEATED, "span") == ([(8, 10)], [(12, 15)])
    assert occurrences(REPEATED, "first") == ([(0, 2)], [(12, 15)])
    assert occurrences(REPEATED, "nearest") == ([(16, 18)], [(12, 15)])
    assert occurrences(REPEATED, "all") == ([(0, 2), (8, 10), (16, 18)], [(12, 15)])


def test_the_encodings():
    one = document("感冒会鼻塞", "感冒", "鼻塞")
    assert {name: text_of(encode(one, name)) for name in ENCODINGS} == {
        "basic1": "感冒[SEP]感冒会鼻塞[SEP]鼻塞",
        "basic2": "感冒[SEP]鼻塞[SEP]感冒会鼻塞",
        "qa": "感冒和鼻塞之间是什么关系？[SEP]感冒会鼻塞",
        "entity1": "[E1]感冒[/E1]会[E2]鼻塞[/E2]",
        "entity2": "[实体1]感冒[/实体1]会[实体2]鼻塞[/实体2]",
        "typed": "[E1:entity]感冒[/E1:entity]会[E2:entity]鼻塞[/E2:entity]",
    }
    assert "[E1:disease]肝炎[/E1:disease]要查[E2:test]肝功能[/E2:test]" in text_of(encode(REPEATED, "typed"))


@pytest.mark.parametrize("mark", ["span", "first", "nearest", "all"])
def test_absent_policies(mark):
    front = "[E1]subject_placeholder[/E1][SEP]"
    rest = "此病多半是[E2]劳累[/E2]引起的。"
    assert text_of(encode(ABSENT_ONE, "entity1", mark, "prefix")) == front + rest
    assert text_of(encode(ABSENT_ONE, "entity1", mark, "drop")) == rest


@pytest.mark.parametrize("name", ENCODINGS)
def test_literal_specials_stay_text(name, make_head):
    text = "感冒[SEP][CLS][E1]甲[/E1][实体2]会鼻塞"
    one = document(text, "感冒", "鼻塞")
    pieces = encode(one, name)
    assert text in (p.text for p in pieces if not p.special) or plain(pieces) == text
    head = make_head(encoding=name, pooling="cls")
    ids = head.collate([one])["input_ids"][0].tolist()
    specials = [p for p in pieces if p.special]
    assert ids.count(head.encoder.sep_id) == specials.count(SEP) + 1
    assert ids.count(head.encoder.cls_id) == 1
    marker_ids = set(head.encoder.model.config.markers.values())
    assert sum(i in marker_ids for i in ids) == len(specials) - specials.count(SEP)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("entity3",), "no encoding 'entity3'; known are basic1"),
        (("entity1", "last"), "no mark policy 'last'; known are span"),
        (("entity1", "span", "skip"), "no absent-mention policy 'skip'; known are prefix"),
    ],
)
def test_unknown_names(arguments, message):
    with pytest.raises(RelexError, match=message):
        encode(REPEATED, *arguments)
