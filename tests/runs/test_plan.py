"""What a queue has to do: what is missing, in order, and for how long."""

from dataclasses import replace

import pytest
import small_grid

from relex.errors import RelexError
from relex.experiments import EXPERIMENTS, QUEUE
from relex.queue import plan as planning
from relex.queue.estimate import SCORE_S
from relex.queue.grids import run_grids
from relex.queue.plan import hours_table, plan
from relex.runs import records
from relex.runs.run import run


class Hour:
    """An estimate that knows what trains."""

    def seconds(self, config):
        """An hour for what trains."""
        return 3600.0 if config.head == "classifier" else None


@pytest.fixture
def grids(corpus_name):
    """Two experiments with the same runs, under names of their own."""
    return [small_grid.experiment(corpus_name), small_grid.experiment(corpus_name, "twin")]


def test_seed_by_seed_and_only_what_is_missing(project, grids):
    everything = plan(grids[:1], "smoke").tasks
    assert [(t.config.row, t.config.seed) for t in everything] == [
        ("entity2", 0), ("majority", 0), ("basic1", 0), ("TF-IDF", 0), ("entity2", 1), ("basic1", 1),
    ]  # fmt: skip
    run(everything[1].config, "small")
    records.publish([run(everything[3].config, "small")])
    records.record_path(records.runs_dir(), "small", everything[3].key).unlink()
    left = plan(grids[:1], "smoke")
    assert left.tasks == [everything[i] for i in (0, 2, 4, 5)] and left.runs == {"small": 6}
    damaged = records.record_path(records.runs_dir(), "small", everything[1].key)
    damaged.write_text("{")
    assert everything[1] in plan(grids[:1], "smoke").tasks


def test_a_shared_run_counts_once(project, grids, capsys):
    todo = plan(grids, "smoke", Hour())
    assert [t.seconds for t in todo.tasks if t.experiment == "small"] == [3600, None, 3600, None, 3600, 3600]
    assert [t.seconds for t in todo.tasks if t.experiment == "twin"] == [0.0] * 6
    lines = hours_table(todo, 2)
    assert [line.split() for line in lines[1:4]] == [
        ["small", "6", "6", "4.0+"], ["twin", "6", "6", "0.0"], ["all", "12", "12", "4.0+"],
    ]  # fmt: skip
    assert lines[4].startswith("about 4.0 hours of one worker, so 2.0 with 2")
    assert lines[5] == "2 runs of unknown length are not counted (+): no recorded run is like them"


def test_parts_of_grids_in_the_order_asked_for(project, corpus_name):
    def rows(profile, corpus):
        few = [row.with_(train_limit=9) for row in small_grid.rows(profile, corpus)]
        return [row.with_(corpus=name) for name in (corpus, "interactions") for row in few]

    grid = [small_grid.experiment(corpus_name, "two", rows), small_grid.experiment(corpus_name)]
    tasks = plan(grid, "smoke", first=[("two", "interactions"), ("small", None)]).tasks
    parts = [("two", "interactions"), ("small", corpus_name), ("two", corpus_name)]
    assert [(t.experiment, t.config.corpus) for t in tasks] == [part for part in parts for _ in range(6)]


def test_the_queue_names_experiments_that_exist():
    assert {name for name, _ in QUEUE} <= EXPERIMENTS.keys()


def test_what_scores_predictions_of_another_run_comes_after_it(project, grids):
    one, two, three, *_ = plan(grids[:1], "smoke").tasks
    scored = replace(two, key="scored", base=three.key)
    own = replace(three, key="own", base="elsewhere")
    assert planning._ordered([one, scored, own, three]) == [one, own, three, scored]
    hours = [task.seconds for task in planning._timed([one, three, scored, own], Hour())]
    assert hours == [3600, 3600, SCORE_S, 3600]


def test_records_of_no_grid_are_counted_and_left(project, grids, corpus_name, capsys):
    task = plan(grids[:1], "smoke").tasks[1]
    run(task.config, "small")
    run(task.config.with_(train_limit=5), "small")
    run(task.config.with_(train_limit=6), "own")
    run(task.config.with_(train_limit=7, profile="cpu"), "small")
    before = sorted((project / "runs").rglob("*.json"))
    assert plan(grids[:1], "smoke").strays == 1
    outcome = run_grids(grids[:1], "smoke", only_list=True)
    assert f"1 records in {project / 'runs'} belong to no grid; they are left as they are" in capsys.readouterr().out
    assert outcome.left == 5 and sorted((project / "runs").rglob("*.json")) == before


def test_an_unknown_profile_or_number(project, grids):
    with pytest.raises(RelexError, match="no profile 'huge'; known are smoke"):
        run_grids(grids, "huge")
    with pytest.raises(RelexError, match="--workers is 0"):
        run_grids(grids, "smoke", workers=0)
    with pytest.raises(RelexError, match="--budget is '5 minutes'"):
        run_grids(grids, "smoke", budget="5 minutes")


def test_a_corpus_that_is_not_here_is_named_before_anything_is_trained(project, grids, monkeypatch, capsys):
    one = replace(grids[0], corpus="umrc10", stand_in="encyclopedia", rows=lambda profile, corpus: [])
    monkeypatch.setattr("relex.corpora.find", lambda name: None)
    run_grids([one, replace(one, name="other", stand_in="interactions")], "smoke", only_list=True)
    said = "corpus umrc10 is not here: generated text (encyclopedia, interactions) takes its place"
    assert said in capsys.readouterr().out
    run_grids([replace(one, corpus="encyclopedia")], "smoke", only_list=True)
    assert "takes its place" not in capsys.readouterr().out
