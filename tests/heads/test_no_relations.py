"""A corpus that has entities and no relation types: heads learn from it and find no relations."""

from dataclasses import replace

import cases
import pytest
from cases import CASES, SCHEMA

from relex.documents import Schema

NAMED = {str(case): case for case in CASES}


@pytest.mark.parametrize(
    "name", ["cascade", "both_ways", "table", "sets", "generation", "span-True", "pipeline", "focused", "shallow"]
)
def test_no_relation_types_give_a_loss_and_no_relations(name, monkeypatch):
    monkeypatch.setattr(cases, "SCHEMA", Schema(SCHEMA.entity_types, ()))
    head = cases.make(NAMED[name])
    documents = [replace(document, relations=()) for document in NAMED[name].documents[:3]]
    batch = head.collate(documents)
    assert head.loss(batch).isfinite()
    assert [found.relations for found in head.predict(batch, documents)] == [()] * len(documents)
