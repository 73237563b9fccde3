"""The grid of learning rates is the same for every system, and its choices are those of the published records."""

import pytest

from relex.errors import RelexError
from relex.experiments import EXPERIMENTS, cbrrel, focused, iser, published, rates, systems, umrc
from relex.runs.config import Config

EXPERIMENTS_OF_RATES = [umrc.RATES, cbrrel.RATES, iser.RATES, focused.RATES, systems.RATES]


def record(system, rate, *scores):
    history = [{"epoch": i, "loss": 1.0, "score": score} for i, score in enumerate(scores)]
    return {"config": {"row": f"{system}, lr {rate:.0e}", "lr": rate}, "history": history}


def test_every_system_is_tried_at_the_same_rates():
    for experiment in EXPERIMENTS_OF_RATES:
        configs = experiment.configs("cpu")
        found = {}
        for config in configs:
            found.setdefault(config.row.rpartition(", lr ")[0], []).append(config.training)
        for tried in found.values():
            assert [t.lr for t in tried] == list(rates.GRID)
            assert [t.head_lr for t in tried] == pytest.approx([10 * rate for rate in rates.GRID])
        assert set(found) <= set(rates._choices()["cpu"]), "what is tried is chosen"


def test_rows_of_the_grids_have_the_chosen_rate():
    for row in ("CasRel", "CBRRel"):
        (config,) = {c.with_(seed=0) for c in cbrrel.COMPARISON.configs("cpu", "angiography") if c.row == row}
        assert {"lr": config.training.lr, "head_lr": config.training.head_lr} == rates.chosen(row)
        (config,) = {c.with_(seed=0) for c in cbrrel.COMPARISON.configs("full", "angiography") if c.row == row}
        assert {"lr": config.training.lr, "head_lr": config.training.head_lr} == rates.chosen(row, "full")
    assert rates.chosen("CasRel", "quick") == {}, "it has a rate for all"
    assert rates.chosen("SpERT", "full") == {}, "it has the printed one"
    with pytest.raises(RelexError, match="no learning rate was chosen for 'TPLinker-'; known are umrc cls"):
        rates.chosen("TPLinker-")


def test_the_best_score_of_a_run_counts_and_ties_go_to_the_lower_rate():
    a, b, c, d = rates.GRID
    some = [record("A, x", a, 0.1, 0.5), record("A, x", b, 0.6, 0.2), record("A, x", c, 0.6), record("A, x", d, 0.0)]
    assert rates.best(some, "A, x") == b
    assert rates.best(some[:3], "A, x") is None, "a rate is missing"
    assert rates.systems([*some, record("B", a, 0.1)]) == ["A, x", "B"]


@pytest.mark.parametrize("experiment", EXPERIMENTS_OF_RATES, ids=lambda e: e.name)
def test_choices_are_those_of_the_published_records(experiment):
    assert EXPERIMENTS[experiment.name] is experiment
    for profile in ("cpu", "full"):
        records = published(experiment.name, profile)
        for system in rates.systems(records):
            if (best := rates.best(records, system)) is not None and rates.chosen(system, profile):
                assert rates.chosen(system, profile) == rates.at(best)


def test_a_config_of_the_grid_is_a_config():
    config = umrc.RATES.configs("cpu", "umrc10")[0]
    assert Config.from_json(config.to_json()) == config
