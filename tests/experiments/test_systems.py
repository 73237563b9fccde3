"""The grid of compared systems: one budget a corpus, rows of other grids not trained twice, every row explained."""

import pytest

from relex.experiments import cbrrel, iser, rates, systems
from relex.reports.systems import manner


def of_corpus(experiment, corpus):
    """Row → its config of profile cpu with seed 0."""
    return {c.row: c for c in experiment.configs("cpu", corpus) if c.seed == 0 and c.layers}


@pytest.mark.parametrize(("corpus", "other", "shared"), [
    ("angiography", cbrrel.COMPARISON, {"CasRel", "CBRRel"}),
    ("interactions", iser.COMPARISON, {"SpERT", "ISER", "ISER, residual"}),
])  # fmt: skip
def test_rows_of_other_grids_are_the_same_runs(corpus, other, shared):
    own, theirs = of_corpus(systems.COMPARISON, corpus), of_corpus(other, corpus)
    assert shared <= own.keys() & theirs.keys()
    assert all(own[row].key("x") == theirs[row].key("x") for row in shared)


@pytest.mark.parametrize("corpus", ["angiography", "interactions", "conll04"])
def test_rows_have_one_budget(corpus):
    configs = systems._of_corpus("cpu", corpus)
    trained = [c for c in configs if c.layers]
    budgets = {(c.encoder, c.layers, c.training.epochs, c.training.batch_tokens, c.split) for c in trained}
    assert len(budgets) == 1 and {c.split for c in configs} == {trained[0].split}
    assert set(systems.SYSTEMS) <= {c.row for c in trained}
    wanted = {row: rates.chosen(systems.RATE_OF.get(row, row)) for row in systems.SYSTEMS}
    assert all(
        {"lr": c.training.lr, "head_lr": c.training.head_lr} == wanted[c.row] for c in trained if c.row in wanted
    )


def test_every_row_is_explained():
    rows = {c.row for corpus in ("angiography", "interactions") for c in systems._of_corpus("full", corpus) if c.layers}
    lines = manner()
    assert rows == set(lines.index)
    assert (lines.map(len) > 5).all().all()
