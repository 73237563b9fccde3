"""A corpus that has entities and no relation types: heads learn from it and find no relations."""

from dataclasses import replace

import pytest
from cases import CASES, SCHEMA, make

from relex.documents import Schema

NAMED = {str(case): case for case in CASES}


@pytest.mark.parametrize(
    "name", ["cascade", "both_ways", "table", "sets", "generation", "span-True", "pipeline", "focused", "shallow"]
)
def test_no_relation_types_give_a_loss_and_no_relations(name):
    head = make(NAMED[name], schema=Schema(SCHEMA.entity_types, ()))
    documents = [replace(document, relations=()) for document in NAMED[name].documents[:3]]
    batch = head.collate(documents)
    assert head.loss(batch).isfinite()
    assert [found.relations for found in head.predict(batch, documents)] == [()] * len(documents)
