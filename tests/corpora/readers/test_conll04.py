"""conll04: tokens to characters and back, what is counted, and what is refused."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex import corpora
from relex.corpora.check import report
from relex.corpora.corpus import PARTS
from relex.corpora.readers import conll04
from relex.errors import RelexError

ROW = {
    "tokens": ["Ada", "Lind", "works", "for", "Tarn", "Mills", "in", "Oswick", "."],
    "entities": [
        {"type": "Peop", "start": 0, "end": 2}, {"type": "Org", "start": 4, "end": 6},
        {"type": "Loc", "start": 7, "end": 8},
    ],
    "relations": [{"type": "Work_For", "head": 0, "tail": 1}, {"type": "OrgBased_In", "head": 1, "tail": 2}],
    "orig_id": 7,
}  # fmt: skip


def changed(**values):
    return copy.deepcopy(ROW) | values


def write(folder, **parts):
    for part in PARTS:
        rows = parts.get(part, [ROW])
        (folder / conll04.FILES[part]).write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
    return folder


def test_tokens_become_characters(tmp_path):
    corpus = conll04.read(write(tmp_path))
    (document,) = corpus.test
    assert document.id == "test-7" and not corpus.stand_in
    assert document.text == "Ada Lind works for Tarn Mills in Oswick ."
    assert [document.mention(i) for i in range(3)] == ["Ada Lind", "Tarn Mills", "Oswick"]
    assert corpus.schema.entity_types == ("Loc", "Org", "Peop", "Other")
    corpus.schema.check(document)
    assert conll04.to_tokens(document) == ROW


@st.composite
def rows(draw):
    word = st.text(min_size=1, max_size=8).filter(lambda s: s.split() == [s] and s.isprintable())
    tokens = draw(st.lists(word, min_size=1, max_size=12))
    spans = st.tuples(st.integers(0, len(tokens) - 1), st.integers(1, 12), st.sampled_from(conll04.SCHEMA.entity_types))
    entities = [
        {"type": type, "start": start, "end": min(start + width, len(tokens))}
        for start, width, type in draw(st.lists(spans, max_size=5))
    ]
    index = st.integers(0, max(0, len(entities) - 1))
    names = st.sampled_from(conll04.SCHEMA.relation_names)
    relations = draw(st.lists(st.builds(dict, type=names, head=index, tail=index), max_size=4)) if entities else []
    return {"tokens": tokens, "entities": entities, "relations": relations, "orig_id": draw(st.integers(0, 9999))}


@given(rows())
def test_any_row_comes_back(row):
    document = conll04.from_tokens(row, "train")
    assert conll04.to_tokens(document) == row
    for entity, span in zip(row["entities"], document.entities, strict=True):
        assert document.text[span.start : span.end] == " ".join(row["tokens"][entity["start"] : entity["end"]])


def test_counts(tmp_path):
    wide = {"type": "Other", "start": 0, "end": 11}
    nested = {"type": "Loc", "start": 1, "end": 2}
    long = changed(tokens=["w"] * 12, entities=[wide, wide, nested], relations=[], orig_id=1)
    bare = changed(tokens=["Nothing", "here"], entities=[], relations=[], orig_id=2)
    odd = changed(relations=[{"type": "Kill", "head": 0, "tail": 1}] * 2, orig_id=3)
    counts = conll04.read(write(tmp_path, train=[ROW, long, bare, odd], test=[ROW, bare])).counts
    expected = {
        "entities": 9, "relations": 4, "longest_entity": 11, "wide_entity": 2, "duplicate_entity": 1,
        "duplicate_relation": 1, "overlap": 1, "no_entity": 1, "no_relation": 2, "type_mismatch": 2,
    }  # fmt: skip
    assert {name: counts[f"train.{name}"] for name in expected} == expected
    assert (counts["dev.seen"], counts["test.seen"], counts["test.seen_in_train"]) == (1, 2, 2)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (changed(tokens=["two words"] * 9), "token 'two words' .* no white space"),
        (changed(tokens=[""] * 9), "token '' should be"),
        (changed(tokens=[1] * 9), "token 1 should be"),
        (changed(entities=[{"type": "Peop", "start": 4, "end": 10}], relations=[]), "entity 4–10 .* of 9 tokens"),
        (changed(entities=[{"type": "Peop", "start": -1, "end": 1}], relations=[]), "entity -1–1"),
        (changed(entities=[{"type": "Peop", "start": 2, "end": 2}], relations=[]), "entity 2–2"),
        (changed(entities=[{"type": "Peop", "start": 2}], relations=[]), "'end' is missing"),
        (changed(entities=[{"type": "Person", "start": 0, "end": 1}], relations=[]), "unknown entity type 'Person'"),
        (changed(relations=[{"type": "Works", "head": 0, "tail": 1}]), "unknown relation 'Works'"),
        (changed(relations=[{"type": "Kill", "head": 0, "tail": 3}]), "points to entities 0 and 3, but there are 3"),
        (changed(relations=[{"type": "Kill", "head": -1, "tail": 1}]), "points to entities -1"),
        (changed(orig_id="7"), "'orig_id' should be int"),
        (changed(orig_id=-7), "orig_id should be 0 or more"),
        (changed(orig_id=1), "orig_id 1 occurs twice"),
        (["tokens"], "expected a JSON object"),
    ],
)  # fmt: skip
def test_bad_rows_are_named_by_reading_and_by_checking(tmp_path, row, reason):
    write(tmp_path, dev=[changed(orig_id=1), row])
    with pytest.raises(RelexError, match=f"conll04_dev.json, row 2: .*{reason}.*; correct or remove the row"):
        conll04.read(tmp_path)
    found = report(tmp_path)
    assert found.form == "conll04 folder" and len(found.problems) == 1 and "row 2" in found.problems[0]
    assert found.sizes[conll04.FILES["dev"]] == 1


@pytest.mark.parametrize(
    ("content", "reason"), [("[", "not JSON in UTF-8"), ("{}", "array of rows"), ("[]", "has no rows")]
)
def test_bad_files(tmp_path, content, reason):
    write(tmp_path, test=content)
    with pytest.raises(RelexError, match=f"conll04_test.json.*{reason}"):
        conll04.read(tmp_path)
    (tmp_path / conll04.FILES["test"]).unlink()
    (tmp_path / conll04.FILES["dev"]).write_bytes(b'["\xff"]')
    problems = report(tmp_path).problems
    assert "not JSON" in problems[0] and "cannot read" in problems[1] and len(problems) == 2


def test_other_types_in_the_file_of_types(tmp_path):
    names = {"entities": dict.fromkeys(conll04.SCHEMA.entity_types), "relations": dict.fromkeys(["Kill"])}
    (write(tmp_path) / conll04.TYPES).write_text(json.dumps(names))
    with pytest.raises(RelexError, match="its relations are not Work_For"):
        conll04.read(tmp_path)
    assert "its relations are not" in report(tmp_path).problems[0]
    names["relations"] = dict.fromkeys(conll04.SCHEMA.relation_names)
    (tmp_path / conll04.TYPES).write_text(json.dumps(names))
    assert conll04.read(tmp_path).sizes == {"train": 1, "dev": 1, "test": 1} and not report(tmp_path).problems


def test_documents_that_are_no_token_rows():
    document = conll04.from_tokens(ROW, "test")
    for span in (conll04.Span(0, 2, "Peop"), conll04.Span(-1, -1, "Peop", "Ada")):
        with pytest.raises(RelexError, match="does not begin and end with a token"):
            conll04.to_tokens(conll04.Document(document.id, document.text, (span,)))
    with pytest.raises(RelexError, match="is not named PART-ORIG_ID"):
        conll04.to_tokens(conll04.Document("test-x", document.text))


@pytest.mark.skipif(corpora.find("conll04") is None, reason="conll04 is not on this machine")
def test_every_real_row_comes_back():
    folder = corpora.find("conll04")
    corpus = corpora.load("conll04")
    assert corpus.sizes == {"train": 922, "dev": 231, "test": 288}
    for part in PARTS:
        rows = json.loads((folder / conll04.FILES[part]).read_text(encoding="utf-8"))
        assert [conll04.to_tokens(d) for d in getattr(corpus, part)] == rows
    counts = {name: [corpus.counts[f"{part}.{name}"] for part in PARTS] for name in ("entities", "relations")}
    assert counts == {"entities": [3377, 893, 1079], "relations": [1283, 343, 422]}
    assert (corpus.counts["dev.seen"], corpus.counts["test.seen_in_train"]) == (12, 18)
    assert sum(corpus.counts[f"{part}.type_mismatch"] for part in PARTS) == 0
    assert report(folder).problems == []
