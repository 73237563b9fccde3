"""The queue through Ray: the figures of runs are those without it, and a cluster that is not there is a sentence."""

import socket
import sys
import time
from pathlib import Path

import pytest
import small_grid
from test_queue import eager, expected, figures, files, logged, same  # noqa: F401

from relex.errors import RelexError
from relex.queue.cluster import connect, do_run
from relex.queue.grids import run_grids
from relex.queue.plan import plan
from relex.runs import records

pytest.importorskip("ray")


def test_a_local_cluster_of_two_gives_the_same_figures(project, expected, corpus_name, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("PYTHONPATH", str(Path(records.__file__).parents[2]))
    started = plan([small_grid.experiment(corpus_name)], "smoke").tasks
    # a checkpoint is sent along, and its run goes on from there
    from relex.queue import worker

    steps = iter(range(100))
    assert worker.perform("small", started[0].config.to_json(), lambda: next(steps) == 5) == {"state": "stopped"}
    outcome = run_grids([small_grid.experiment(corpus_name)], "smoke", workers=2, on="ray")
    assert (outcome.done, outcome.failed, outcome.left) == (6, 0, 0)
    assert "runs done: 6, left: 0" in capsys.readouterr().out
    assert same(figures(project), expected)
    assert sorted(line[4] for line in logged()) == sorted(expected)
    kinds = [".json", ".predictions.jsonl"]
    assert files(project) == sorted([*(f"small/{key}{kind}" for key in expected for kind in kinds), "queue.log"])


def test_other_code_on_the_cluster_is_refused(project, corpus_name):
    task = plan([small_grid.experiment(corpus_name)], "smoke").tasks[1]
    answer, left = do_run("another", "small", task.config.to_json(), {}, None)
    assert answer["state"] == "failed" and "another version of relex" in answer["error"] and left == {}


@pytest.mark.parametrize("address", ["ray://", "ray://here", "ray://here:port", "http://here:1", "dask"])
def test_an_address_that_is_none(address):
    with pytest.raises(RelexError, match="must be ray for a local cluster, or ray://HOST:PORT"):
        connect(address, 2)


def test_nobody_answers():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(RelexError, match=f"nobody answers at ray://127.0.0.1:{port} .*; start Ray there"):
        connect(f"ray://127.0.0.1:{port}", 2)
    assert time.monotonic() - began < 15


def test_what_answers_is_no_ray():
    import ray  # noqa: F401  loading it is not what is timed

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(RelexError, match="no Ray answers at|cannot be joined"):
            connect(f"ray://127.0.0.1:{silent.getsockname()[1]}", 2)
        assert time.monotonic() - began < 15


def test_a_local_cluster_that_does_not_start(monkeypatch):
    def slow(*_, **__):
        raise Exception("The current node timed out\nduring startup.")

    monkeypatch.setattr("ray.init", slow)
    with pytest.raises(RelexError, match=r"Ray cannot be started here \(The current node timed out during startup\.\)"):
        connect("ray", 2)


def test_ray_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RelexError, match=r"needs Ray, which is not installed; pip install 'relex\[cluster\]'"):
        connect("ray", 2)
