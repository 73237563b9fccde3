"""Publishing: records of committed code alone, those of the grids as they are, and nothing twice."""

import pytest
import small_grid

from relex.errors import RelexError
from relex.queue.plan import plan
from relex.queue.publishing import publish, publish_experiment, publish_grids
from relex.runs import records
from relex.runs.run import run

CLEAN, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def grid(project, corpus_name):
    return [small_grid.experiment(corpus_name, rows=lambda p, c: small_grid.rows(p, c)[1::2])]


def rewrite(task, folder=None, **changes):
    path = records.record_path(folder or records.runs_dir(), task.experiment, task.key)
    return records.write_record(records.read_record(path) | changes, folder)


def commits(folder):
    return sorted(r["commit"] for r in map(records.read_record, folder.glob("small/*.json")))


def test_records_of_uncommitted_code_are_refused(grid):
    majority, tfidf = plan(grid, "smoke").tasks
    for task, commit in ((majority, CLEAN), (tfidf, CLEAN + "+")):
        run(task.config, "small")
        rewrite(task, commit=commit)
    result = publish_grids(grid, "smoke")
    assert (result.new, result.there, dict(result.refused)) == (1, 0, {"small": 1})
    assert str(result).startswith("1 records published to ") and commits(records.results_dir()) == [CLEAN]
    with pytest.raises(RelexError, match=r"^1 records were not published \(small 1\): the code that made them was not"):
        result.check()
    rewrite(tfidf, commit="")
    assert publish_experiment("small", "smoke").refused == {"small": 1}
    rewrite(tfidf, commit=OTHER)
    result = publish_experiment("small", "smoke")
    result.check()
    assert (result.new, result.there) == (1, 1)
    assert str(result).endswith("book/results, 1 were there already")


def test_what_is_published_stays_unless_its_code_was_not_committed(grid):
    tasks = plan(grid, "smoke").tasks
    for task, before in zip(tasks, (CLEAN, CLEAN + "+"), strict=True):
        run(task.config, "small")
        records.publish([records.read_record(rewrite(task, commit=before))])
        rewrite(task, commit=OTHER)
    result = publish_grids(grid, "smoke")
    assert (result.new, result.there) == (1, 1) and commits(records.results_dir()) == [CLEAN, OTHER]
    rewrite(tasks[0], commit=CLEAN + "+")
    result = publish_grids(grid, "smoke")
    result.check()
    assert (result.new, result.there) == (0, 2)


def test_records_of_no_grid_are_left(grid):
    task = plan(grid, "smoke").tasks[0]
    other = run(task.config.with_(train_limit=5), "small")
    records.write_record(other | {"commit": CLEAN})
    result = publish_grids(grid, "smoke")
    assert (result.new, result.stray) == (0, 1) and "1 belong to no grid and were left" in str(result)
    assert not records.results_dir().exists()


def test_a_run_of_two_profiles_is_published_under_the_one_that_is_asked_for(grid):
    task = plan(grid, "smoke").tasks[0]
    made = run(task.config, "small") | {"commit": CLEAN}
    other = made | {"config": made["config"] | {"profile": "quick", "row": "another"}}
    records.write_record(other)
    records.publish([other])
    assert task not in plan(grid, "smoke").tasks, "nothing of it has to be done again"
    assert publish_grids(grid, "smoke").new == 1
    there = records.read_record(records.record_path(records.results_dir(), "small", task.key))
    assert (there["config"]["profile"], there["config"]["row"]) == ("smoke", task.config.row)
    assert publish_grids(grid, "smoke").there == 1


def test_what_only_counts_keeps_the_name_of_its_profile(grid):
    task = plan(grid, "smoke").tasks[0]
    made = run(task.config, "small") | {"commit": CLEAN}
    counted = made | {"config": {k: v for k, v in made["config"].items() if k != "epochs"}}
    assert publish([counted]).new == 1
    other = counted | {"config": counted["config"] | {"profile": "full"}}
    assert publish([other]).there == 1
    assert publish([other | {"config": other["config"] | {"row": "another"}}]).new == 1


def test_damaged_records_of_a_grid_are_told(grid):
    task = plan(grid, "smoke").tasks[0]
    run(task.config, "small")
    records.record_path(records.runs_dir(), "small", task.key).write_text("{")
    with pytest.raises(RelexError, match="1 damaged records were set aside"):
        publish_grids(grid, "smoke").check()


@pytest.mark.parametrize("name", ["", ".", "..", "../elsewhere", "a/b", "*"])
def test_only_names_of_experiments_are_published(project, name):
    """A path is none: foreign JSON there would be read as damaged records and set aside."""
    foreign = project / "elsewhere" / "settings.json"
    foreign.parent.mkdir()
    foreign.write_text("{}")
    for given in (name, str(foreign.parent)):
        with pytest.raises(RelexError, match="is no name of an experiment"):
            publish_experiment(given, "cpu")
    assert [p.name for p in foreign.parent.iterdir()] == ["settings.json"]
