"""Documents: their JSON form, what they refuse, and errors that name file and line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import ABSENT_ONE, TRAIN, document

from relex.documents import (
    ABSENT,
    Document,
    Relation,
    RelationType,
    Schema,
    Span,
    infer_schema,
    read_documents,
    read_jsonl,
    relation_counts,
    write_documents,
)
from relex.errors import RelexError

ONE = document("咳嗽可以喝梨水。", "咳嗽", "梨水", "药物治疗")


@st.composite
def documents(draw):
    text = draw(st.text(min_size=1, max_size=20))
    spans = []
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(ABSENT, len(text) - 1))
        if start == ABSENT:
            spans.append(Span(ABSENT, ABSENT, draw(st.text(max_size=3)), draw(st.text(max_size=3))))
        else:
            spans.append(Span(start, draw(st.integers(start + 1, len(text))), draw(st.text(max_size=3))))
    index = st.integers(0, max(0, len(spans) - 1))
    relations = draw(st.lists(st.builds(Relation, index, index, st.text(max_size=3)), max_size=3 if spans else 0))
    return Document(draw(st.text(max_size=3)), text, tuple(spans), tuple(relations))


@given(documents())
def test_json_gives_the_document_back(one):
    assert Document.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_mentions_and_triples():
    assert [ONE.mention(0), ONE.mention(1)] == ["咳嗽", "梨水"]
    assert ABSENT_ONE.mention(0) == "subject_placeholder" and ABSENT_ONE.entities[0].absent
    assert ONE.triples() == [(Span(0, 2, "entity"), "药物治疗", Span(5, 7, "entity"))]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": None}, "'text' should be str"),
        ({"id": 3}, "'id' should be str"),
        ({"entities": {}}, "'entities' should be list"),
        ({"entities": [7]}, "expected a JSON object"),
        ({"entities": [{"start": 0, "end": 2}]}, "'type' is missing"),
        ({"entities": [{"start": True, "end": 2, "type": "e"}]}, "'start' should be int"),
        ({"entities": [{"start": 0, "end": 9, "type": "e"}], "relations": []}, "0–9"),
        ({"entities": [{"start": 2, "end": 2, "type": "e"}], "relations": []}, "2–2"),
        ({"entities": [{"start": -1, "end": 2, "type": "e", "mention": "x"}], "relations": []}, "-1–2"),
        ({"entities": [{"start": -1, "end": -1, "type": "e"}], "relations": []}, "'mention' is missing"),
        ({"relations": [{"head": 0, "tail": 2, "type": "r"}]}, "there are 2"),
        ({"relations": [{"head": -1, "tail": 1, "type": "r"}]}, "points to entities -1"),
        ({"text": "咳嗽可以喝梨水\ud800"}, "surrogate"),
        ({"id": "\ud800"}, "surrogate"),
        ({"entities": [{"start": -1, "end": -1, "type": "e", "mention": "\udc00"}], "relations": []}, "surrogate"),
    ],
)
def test_bad_documents_are_refused_with_the_reason(change, message):
    with pytest.raises(RelexError, match=message):
        Document.from_json(ONE.to_json() | change)


def test_files_give_documents_back(tmp_path):
    path = tmp_path / "new" / "folder" / "documents.jsonl"
    write_documents(path, TRAIN)
    assert read_documents(path) == TRAIN


GOOD = json.dumps(ONE.to_json(), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not JSON"),
        (b"[1]", "expected a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"id": "a"}', "is missing"),
        (GOOD, "occurs twice"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, message):
    path = tmp_path / "documents.jsonl"
    path.write_bytes(GOOD + b"\n\n" + line + b"\n")
    with pytest.raises(RelexError, match=f"documents.jsonl, line 3: .*{message}"):
        read_documents(path)


def test_missing_files_byte_order_marks_and_blank_lines(tmp_path):
    with pytest.raises(RelexError, match="cannot read .*nothing.jsonl"):
        read_documents(tmp_path / "nothing.jsonl")
    with pytest.raises(RelexError, match="cannot read"):
        list(read_jsonl(tmp_path))
    path = tmp_path / "marked.jsonl"
    path.write_bytes(b"\xef\xbb\xbf{}\r\n \n{}")
    assert list(read_jsonl(path)) == [(1, {}), (3, {})]


def test_schema():
    schema = infer_schema([ONE])
    assert schema == Schema(("entity",), (RelationType("药物治疗", (("entity", "entity"),)),))
    schema.check(ONE)
    with pytest.raises(RelexError, match="unknown relation '病因'"):
        schema.check(document(ONE.text, "咳嗽", "梨水", "病因"))
    with pytest.raises(RelexError, match="unknown entity type 'drug'"):
        schema.check(Document("x", "梨水", (Span(0, 2, "drug"),)))
    narrow = Schema(("entity", "drug"), (RelationType("药物治疗", (("entity", "drug"),)),))
    with pytest.raises(RelexError, match="does not join entity to entity"):
        narrow.check(ONE)


def test_relation_counts():
    assert relation_counts(TRAIN) == {"药物治疗": 6, "病因": 7, "临床表现": 6, "同义词": 6}
