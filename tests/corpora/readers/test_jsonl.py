"""Files of one's own: schema read or inferred, errors that name file and line."""

import json

import pytest
import samples

from relex import corpora
from relex.documents import RelationType, Schema
from relex.errors import RelexError


def test_read(corpus_name, tmp_path):
    corpus = corpora.load(corpus_name)
    assert (corpus.train, corpus.dev, corpus.test) == (samples.TRAIN, samples.DEV, samples.TEST)
    assert corpus.schema == samples.SCHEMA and not corpus.stand_in
    assert corpus.sizes == {"train": 25, "dev": 12, "test": 16}


def test_fingerprint_follows_every_byte(corpus_name, tmp_path):
    marks = {corpora.load(corpus_name).fingerprint, corpora.load(corpus_name).fingerprint}
    assert len(marks) == 1
    for part in corpora.PARTS:
        with open(tmp_path / "own" / f"{part}.jsonl", "a") as file:
            file.write("\n")
        marks.add(corpora.load(corpus_name).fingerprint)
    assert len(marks) == 4


def test_schema_file(corpus_name, tmp_path):
    pairs = [["entity", "entity"]]
    types = [{"name": n, "pairs": pairs, "symmetric": n == "同义词"} for n in reversed(samples.CLASSES)]
    path = tmp_path / "own" / "schema.json"
    path.write_text(json.dumps({"entity_types": ["entity"], "relation_types": types}))
    schema = corpora.load(corpus_name).schema
    expected = (RelationType(n, (("entity", "entity"),), n == "同义词") for n in reversed(samples.CLASSES))
    assert schema == Schema(("entity",), tuple(expected))
    path.write_text(json.dumps({"entity_types": ["entity"], "relation_types": types[:3]}))
    with pytest.raises(RelexError, match="train.jsonl, line 1: unknown relation '药物治疗'"):
        corpora.load(corpus_name)
    for bad in ("{", "[]", '{"entity_types": [], "relation_types": [3]}', '{"entity_types": []}', "\ufeff{}"):
        path.write_text(bad)
        with pytest.raises(RelexError, match="schema.json: not a schema"):
            corpora.load(corpus_name)


def test_bad_files_are_named(corpus_name, tmp_path):
    folder = tmp_path / "own"
    with open(folder / "dev.jsonl", "a") as file:
        file.write('{"id": "x"}\n')
    with pytest.raises(RelexError, match="dev.jsonl, line 13: field"):
        corpora.load(corpus_name)
    (folder / "dev.jsonl").write_text("")
    with pytest.raises(RelexError, match="empty dev part"):
        corpora.load(corpus_name)
    (folder / "dev.jsonl").unlink()
    with pytest.raises(RelexError, match="cannot read .*dev.jsonl"):
        corpora.load(corpus_name)
    with pytest.raises(RelexError, match="no folder"):
        corpora.load(f"jsonl:{tmp_path / 'nowhere'}")
    with pytest.raises(RelexError, match="no corpus 'umrc11'; known are umrc10"):
        corpora.load("umrc11")


def test_a_label_that_only_dev_has(corpus_name, tmp_path):
    stray = samples.document("感冒了要休息。", "感冒", "休息", "辅助治疗", "stray")
    with open(tmp_path / "own" / "dev.jsonl", "a") as file:
        file.write(json.dumps(stray.to_json()) + "\n")
    with pytest.raises(RelexError, match="dev.jsonl, line 13: unknown relation '辅助治疗'"):
        corpora.load(corpus_name)
