"""Files of one's own: schema read or inferred, errors that name file and line."""

import json

import pytest
import samples

from relex import corpora
from relex.corpora.check import check, report
from relex.corpora.readers.jsonl import read_schema
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
    corpus = corpora.load(corpus_name)
    assert corpus.schema.relation_names == (*samples.SCHEMA.relation_names, "辅助治疗")
    assert corpus.counts == {"dev.relations_of_unseen_names": 1}
    assert report(tmp_path / "own").notes == ["dev.jsonl: relations of unseen names, which train.jsonl lacks: 1"]


def schema(**changes):
    relation = {"name": "治", "pairs": [["药", "病"]], "symmetric": True}
    return {"entity_types": ["药", "病"], "relation_types": [relation | changes]}


ODD_SCHEMAS = [
    "", "null", "3", "[]", "{}", "{", '"a"', "[" * 100_000, "\udc80",
    json.dumps(schema() | {"relationtypes": []}), json.dumps(schema(pair=[])), json.dumps(schema(symetric=True)),
    json.dumps(schema(symmetric="false")), json.dumps(schema(symmetric=0)), json.dumps(schema(symmetric=None)),
    json.dumps(schema(name=3)), json.dumps(schema(name="")), json.dumps(schema(name=None)),
    json.dumps(schema(pairs=[])), json.dumps(schema(pairs="药病")), json.dumps(schema(pairs=["药病"])),
    json.dumps(schema(pairs=[["药", "病", "药"]])), json.dumps(schema(pairs=[["药", "症"]])),
    json.dumps(schema(pairs=[["药", 1]])), json.dumps(schema() | {"entity_types": "药病"}),
    json.dumps(schema() | {"entity_types": ["药", "药", "病"]}), json.dumps(schema() | {"entity_types": [True]}),
    json.dumps(schema() | {"relation_types": {"治": []}}), json.dumps(schema(name="x" * 100_000, symmetric=1)),
    json.dumps({"entity_types": ["药", "病"], "relation_types": [{"name": "治"}, {"name": "治"}]}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(ODD_SCHEMAS)))
def test_an_odd_schema_is_one_sentence(tmp_path, number):
    path = tmp_path / "schema.json"
    path.write_bytes(ODD_SCHEMAS[number].encode("utf-8", "surrogateescape"))
    with pytest.raises(RelexError, match="schema.json: not a schema") as error:
        read_schema(path)
    assert len(str(error.value)) < 350 + len(str(path))


def test_pairs_may_be_left_out_and_a_byte_order_mark_is_none_of_the_schema(corpus_name, tmp_path):
    names = [{"name": name} for name in samples.CLASSES]
    value = json.dumps({"entity_types": ["entity"], "relation_types": names})
    (tmp_path / "own" / "schema.json").write_text("\ufeff" + value)
    found = corpora.load(corpus_name).schema
    assert set(found.relation_types) == set(samples.SCHEMA.relation_types)


def test_blanks_at_the_ends_of_entities_are_problems(corpus_name, tmp_path):
    row = {"id": "b", "text": "甲药 治", "entities": [{"start": 0, "end": 3, "type": "entity"}], "relations": []}
    with open(tmp_path / "own" / "test.jsonl", "a") as file:
        file.write(json.dumps(row) + "\n")
    (problem,) = check(tmp_path / "own")
    assert "test.jsonl: entities that begin or end with a blank" in problem
