"""A symmetric relation means the same both ways: one target, one prediction, one triple in a score."""

import json
from dataclasses import replace

import pytest
import torch
from cases import CASES, DOCUMENTS, SCHEMA, decoded, make
from extractors import facts, gradients
from hypothesis import given, settings
from hypothesis import strategies as st

from relex.documents import Document, Relation, RelationType, Schema, Span, write_documents
from relex.errors import RelexError
from relex.evaluation import extraction
from relex.found import one_way
from relex.heads.classes import relation_classes
from relex.use.evaluation import evaluate_files

DECODERS = [case for case in CASES if case.decodes]
SEVERAL = DOCUMENTS[1]  # 合用, symmetric, joins two of its entities; 治疗 has a direction


def turned(document, name="合用"):
    """The document with each relation of this name the other way round."""
    relations = (replace(r, head=r.tail, tail=r.head) if r.type == name else r for r in document.relations)
    return replace(document, relations=tuple(relations))


@pytest.mark.parametrize("case", DECODERS, ids=str)
def test_both_ways_are_one_target_and_one_prediction(case):
    other = turned(SEVERAL)
    assert set(other.triples()) != set(SEVERAL.triples())
    one, two = make(case), make(case)
    torch.manual_seed(0)
    left = gradients(one, [SEVERAL])
    torch.manual_seed(0)
    right = gradients(two, [other])
    assert left.keys() == right.keys() and all((left[name] == right[name]).all() for name in left)
    assert facts(decoded(one, [SEVERAL])) == facts(decoded(two, [other]))
    for document in decoded(one, [SEVERAL]):
        assert one_way(document, SCHEMA) == document


def test_ends_of_two_types_may_come_in_either_order():
    schema = Schema(("药", "病"), (RelationType("伴", (("药", "病"),), symmetric=True),))
    text = "止痛片头疼又头疼止痛片"
    spans = (Span(0, 3, "药"), Span(3, 5, "病"), Span(6, 8, "病"), Span(8, 11, "药"))
    document = Document("x", text, spans, (Relation(0, 1, "伴"), Relation(3, 2, "伴")))
    schema.check(one_way(document, schema))
    with pytest.raises(RelexError, match="does not join"):
        Schema(schema.entity_types, (RelationType("伴", (("药", "病"),)),)).check(one_way(document, schema))
    assert relation_classes(schema)[0] == [("伴", "药", "病"), ("伴", "病", "药")]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["合用", "治疗"]), st.booleans())))
def test_scores_do_not_know_the_direction(drawn):
    spans = tuple(Span(2 * i, 2 * i + 1, "药") for i in range(4))
    relations = tuple(Relation(h, t, name) for h, t, name, _ in drawn if h != t)
    gold = Document("x", "一二三四五六七八", spans, tuple(dict.fromkeys(relations)))
    flips = tuple(
        replace(r, head=r.tail, tail=r.head) if flip and r.type == "合用" else r
        for r, (*_, flip) in zip(gold.relations, drawn, strict=False)
    )
    found = replace(gold, relations=flips + flips[:1])
    metrics, counts = extraction.evaluate([gold], [found], SCHEMA, set())
    assert counts["re.strict.fp"] == counts["re.strict.fn"] == 0
    directed = {r for r in gold.relations if r.type == "治疗"}
    both = {frozenset((r.head, r.tail)) for r in gold.relations if r.type == "合用"}
    assert counts["re.strict.tp"] == len(directed) + len(both)
    assert extraction.answers([gold], [found], SCHEMA, set())["correct_strict"] == str(counts["re.strict.tp"])
    once = one_way(gold, SCHEMA)
    assert one_way(once, SCHEMA) == once


def test_the_higher_of_two_scores_stays():
    relations = (Relation(0, 1, "合用", 0.3), Relation(1, 0, "合用", 0.8))
    both = Document("x", "一二三", (Span(0, 1, "药"), Span(2, 3, "药")), relations)
    assert [(r.head, r.tail, r.score) for r in one_way(both, SCHEMA).relations] == [(0, 1, 0.8)]


def test_evaluate_reads_the_schema_beside_the_gold_standard(tmp_path):
    write_documents(tmp_path / "gold.jsonl", [SEVERAL])
    write_documents(tmp_path / "found.jsonl", [turned(SEVERAL)])
    strict = evaluate_files(tmp_path / "gold.jsonl", tmp_path / "found.jsonl")["relations"]["strict"]
    assert strict["f1"] == pytest.approx(2 / 3)
    names = [{"name": r.name, "symmetric": r.symmetric} for r in SCHEMA.relation_types]
    schema = {"entity_types": list(SCHEMA.entity_types), "relation_types": names}
    (tmp_path / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    assert evaluate_files(tmp_path / "gold.jsonl", tmp_path / "found.jsonl")["relations"]["strict"]["f1"] == 1
