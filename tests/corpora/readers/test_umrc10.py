"""The umrc10 reader on files of our own, and on the real ones where they are."""

import json
from collections import Counter

import pytest

from relex import corpora
from relex.audits import pairs
from relex.corpora.readers import umrc10
from relex.documents import ABSENT, Document, Relation, Span
from relex.errors import RelexError

ROWS = {
    "train.jsonl": [
        {"id": 0, "sentence": "感冒可引起鼻塞，鼻塞让人难受。", "h": "感冒", "t": "鼻塞", "r": "临床表现"},
        {"id": 1, "sentence": "通常用沙丁胺醇。", "h": "subject_placeholder", "t": "沙丁胺醇", "r": "药物治疗"},
    ],
    "val.jsonl": [{"id": 0, "sentence": "通常用沙丁胺醇。", "h": "哮喘", "t": "object_placeholder", "r": "病因"}],
    "test.jsonl": [{"id": "x", "sentence": "痛风又叫历节病。", "h": "痛风", "t": "历节病", "r": "同义词"}],
}


def write(folder, rows):
    folder.mkdir(exist_ok=True)
    for name, values in rows.items():
        text = "".join((v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)) + "\n" for v in values)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_read(tmp_path):
    corpus = umrc10.read(write(tmp_path, ROWS))
    text = "感冒可引起鼻塞，鼻塞让人难受。"
    entities = (Span(0, 2, "entity"), Span(5, 7, "entity"))
    assert corpus.train[0] == Document("train-0", text, entities, (Relation(0, 1, "临床表现"),))
    assert corpus.train[1].entities == (Span(ABSENT, ABSENT, "entity", "subject_placeholder"), Span(3, 7, "entity"))
    assert corpus.dev[0].id == "dev-0" and corpus.test[0].id == "test-x"
    assert corpus.schema.relation_names == umrc10.CLASSES and len(umrc10.CLASSES) == 10
    assert {k: v for k, v in corpus.counts.items() if v} == {
        "train.absent_head": 1, "train.repeated_mention": 1, "dev.absent_head": 1, "dev.absent_tail": 1,
        "dev.seen_sentence": 1,
    }  # fmt: skip
    for one in (*corpus.train, *corpus.dev, *corpus.test):
        corpus.schema.check(one)


def test_fingerprint(tmp_path):
    mark = umrc10.read(write(tmp_path, ROWS)).fingerprint
    assert umrc10.read(tmp_path).fingerprint == mark
    changed = ROWS | {"test.jsonl": [ROWS["test.jsonl"][0] | {"id": "y"}]}
    assert umrc10.read(write(tmp_path, changed)).fingerprint != mark


GOOD = ROWS["train.jsonl"][0] | {"id": 9}


@pytest.mark.parametrize("file", ["train.jsonl", "val.jsonl", "test.jsonl"])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "not JSON"),
        ("[]", "expected a JSON object"),
        ({k: v for k, v in GOOD.items() if k != "h"}, "'h' is missing"),
        ({k: v for k, v in GOOD.items() if k != "id"}, "'id' is missing"),
        (GOOD | {"t": ""}, "'t' should be a text"),
        (GOOD | {"sentence": None}, "'sentence' should be a text"),
        (GOOD | {"r": "治疗"}, "unknown relation '治疗'; known are 临床表现"),
        (GOOD | {"r": ["病因"]}, "'r' should be a text"),
        (json.dumps(GOOD | {"sentence": "感冒\ud83d鼻塞"}), "surrogate"),
        (json.dumps(GOOD | {"h": "\ud83d"}), "surrogate"),
        (None, "occurs twice"),
    ],
)
def test_bad_lines_are_named(tmp_path, file, row, message):
    row = ROWS[file][0] if row is None else row
    folder = write(tmp_path, ROWS | {file: [*ROWS[file], row]})
    with pytest.raises(RelexError, match=f"{file}, line {len(ROWS[file]) + 1}: .*{message}.*; correct or remove"):
        umrc10.read(folder)


def test_bytes_that_are_not_utf8(tmp_path):
    write(tmp_path, ROWS)
    (tmp_path / "val.jsonl").write_bytes("感冒".encode("gb18030"))
    with pytest.raises(RelexError, match="val.jsonl, line 1: not UTF-8"):
        umrc10.read(tmp_path)


def test_missing_and_empty_files(tmp_path):
    write(tmp_path, ROWS)
    (tmp_path / "test.jsonl").write_text("\n")
    with pytest.raises(RelexError, match="test.jsonl has no rows"):
        umrc10.read(tmp_path)
    (tmp_path / "test.jsonl").unlink()
    with pytest.raises(RelexError, match="cannot read .*test.jsonl"):
        umrc10.read(tmp_path)


def test_a_missing_corpus_says_where_it_was_sought(project, monkeypatch, tmp_path):
    monkeypatch.setenv("RELEX_CORPORA", str(tmp_path / "none"))
    assert corpora.find("umrc10") is None
    assert corpora.first_available("umrc10", "encyclopedia") == "encyclopedia"
    with pytest.raises(RelexError, match="'umrc10' is not in .*none/umrc10; run `relex corpora fetch umrc10`"):
        corpora.load("umrc10")


@pytest.mark.skipif(corpora.find("umrc10") is None, reason="umrc10 is not on this machine")
def test_the_real_corpus():
    corpus = corpora.load("umrc10")
    assert corpus.sizes == {"train": 7000, "dev": 2000, "test": 1000}
    for part, number in (("train", 700), ("dev", 200), ("test", 100)):
        documents = getattr(corpus, part)
        assert Counter(d.relations[0].type for d in documents) == dict.fromkeys(umrc10.CLASSES, number)
        # apart from placeholders every mention stands in its sentence
        assert {d.mention(i) for d in documents for i in (0, 1) if d.entities[i].absent} == set(umrc10.PLACEHOLDERS)
    absent = [corpus.counts[f"{part}.absent_{end}"] for part in corpora.PARTS for end in ("head", "tail")]
    assert absent == [123, 150, 35, 36, 17, 18]
    assert corpus.counts["dev.seen_sentence"] == 893 and corpus.counts["test.seen_sentence"] == 437
    assert pairs.told_by_pair(corpus.test, corpus.train) == (198, 196)
    assert pairs.unseen_pair(corpus.test, corpus.train).sum() == 472
    everything = [*corpus.train, *corpus.dev, *corpus.test]
    assert max(len(d.text) for d in everything) == 297
    assert round(sum(len(d.text) for d in everything) / len(everything)) == 102
    assert not any("placeholder" in d.text for d in everything)
