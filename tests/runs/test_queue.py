"""The queue: every run once, whatever is killed or stopped, with the figures of an undisturbed run."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import small_grid
import torch

from relex.documents import read_documents
from relex.errors import RelexError
from relex.queue import backlog as queue
from relex.queue import local, worker
from relex.queue.backlog import Backlog, Outcome, parse_budget, summary
from relex.queue.grids import run_grids
from relex.queue.local import environments
from relex.queue.plan import plan
from relex.runs import records
from relex.runs.run import run
from relex.training import Trainer

KILLS = int(os.environ.get("RELEX_TEST_KILLS", 2))
"""How often the longest test kills; its time is mostly the start of as many processes."""

VOLATILE = ("time", "date", "commit")


def figures(project):
    """Key → what of a record has to be the same however it came about, and its predictions."""
    found = {}
    for path in sorted((project / "runs" / "small").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        losses = [entry.pop("loss") for entry in record["history"]]
        record = {k: v for k, v in record.items() if k not in VOLATILE}
        found[path.stem] = record, losses, read_documents(path.with_name(f"{path.stem}.predictions.jsonl"))
    return found


def same(one, other):
    return one.keys() == other.keys() and all(
        one[k][0] == other[k][0] and one[k][1] == pytest.approx(other[k][1]) and one[k][2] == other[k][2] for k in one
    )


def logged():
    return [line.split("\t") for line in worker.log_path().read_text(encoding="utf-8").splitlines()]


def files(project):
    return sorted(str(p.relative_to(project / "runs")) for p in (project / "runs").rglob("*") if p.is_file())


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Workers that begin beside other tests as well."""
    monkeypatch.setattr(local, "NICE", 0)


@pytest.fixture
def expected(project, corpus_name):
    """The figures of runs that were done one by one in this process; runs/ is empty again."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for task in plan([small_grid.experiment(corpus_name)], "smoke").tasks:
        run(task.config, task.experiment)
    torch.set_num_threads(threads)
    found = figures(project)
    assert len(found) == 6
    (project / "runs").rename(project / "undisturbed")
    return found


@pytest.fixture
def start(corpus_name):
    """Start a queue of the small grid as a process."""
    started = []

    def start(*budget, workers=2):
        command = [sys.executable, small_grid.__file__, corpus_name, str(workers), *budget]
        path = {"PYTHONPATH": str(Path(records.__file__).parents[2])}
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, env=os.environ | path, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_two_queues_at_once_do_each_run_once(project, expected, start):
    processes = [start(workers=1), start(workers=1)]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert same(figures(project), expected)
    assert sorted(line[4] for line in logged()) == sorted(expected)
    assert sum(int(out.split("runs done: ")[1].split(",")[0]) for out, _ in outputs) == 6
    kinds = [".json", ".predictions.jsonl"]
    assert files(project) == sorted([*(f"small/{key}{kind}" for key in expected for kind in kinds), "queue.log"])


def children(process):
    try:
        return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    except OSError:
        return []


def test_random_kills_lose_nothing(project, expected, start):
    """The queue or a worker dies at a random moment, or the queue is asked to stop."""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("finds the workers by /proc")
    chance, orphans = random.Random(0), set()
    for _ in range(KILLS):
        process = start()
        deadline = time.monotonic() + 60
        while process.poll() is None and not children(process) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 12))
        workers = children(process)
        orphans |= set(workers)
        victim = chance.choice([process.pid, *workers, *workers])
        try:
            os.kill(victim, chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
        except ProcessLookupError:
            continue
        if chance.random() < 0.7:
            process.kill()
        process.communicate()
    last = start()
    out, error = last.communicate(timeout=300)
    assert last.returncode == 0, error
    assert same(figures(project), expected)
    assert sorted(line[4] for line in logged() if line[5] != "failed") == sorted(expected)
    deadline = time.monotonic() + 60  # workers notice that their queue is dead
    while any(Path(f"/proc/{pid}").exists() for pid in orphans) and time.monotonic() < deadline:
        time.sleep(0.2)
    kinds = [".json", ".predictions.jsonl"]
    assert files(project) == sorted([*(f"small/{key}{kind}" for key in expected for kind in kinds), "queue.log"])


def test_a_run_that_is_stopped_goes_on_from_its_checkpoint(project, expected, corpus_name, monkeypatch):
    tasks = plan([small_grid.experiment(corpus_name)], "smoke").tasks
    steps = []
    step = Trainer._step
    monkeypatch.setattr(Trainer, "_step", lambda *a: (steps.append(1), step(*a))[1])
    for task in tasks:
        asked = iter(range(100))
        if task.config.head == "classifier":
            answer = worker.perform(task.experiment, task.config.to_json(), lambda asked=asked: next(asked) == 6)
            assert answer == {"state": "stopped"} and len(steps) == 7
            assert f"small/{task.key}.checkpoint.safetensors" in files(project)
            assert not records.find_record(task.key)
        answer = worker.perform(task.experiment, task.config.to_json(), lambda: False)
        assert answer["state"] == "done" and answer["line"].split("\t")[4] == task.key
        steps.clear()
        assert worker.perform(task.experiment, task.config.to_json(), lambda: True) == {"state": "found"}
    assert same(figures(project), expected)
    assert [line[4] for line in logged()] == [task.key for task in tasks]


def test_the_budget_stops_a_queue_in_time(project, corpus_name, capsys):
    endless = small_grid.experiment(
        corpus_name, rows=lambda p, c: [row.with_(epochs=10_000) for row in small_grid.rows(p, c)[::2]]
    )
    began = time.monotonic()
    outcome = run_grids([endless], "smoke", workers=2, budget="25s")
    assert 24 < time.monotonic() - began < 60
    assert (outcome.done, outcome.left, outcome.stopped_by) == (0, 4, "the budget")
    assert "runs done: 0, left: 4; stopped by the budget" in capsys.readouterr().out
    assert [name.split(".", 1)[1] for name in files(project)] == ["checkpoint.safetensors"] * 2


def test_a_run_that_fails_is_logged_and_the_others_go_on(project, corpus_name, capsys):
    def rows(profile, corpus):
        entity2, majority, *_ = small_grid.rows(profile, corpus)
        bad = [entity2.with_(layers=9, row="bad"), entity2.with_(encoder="hub:no/body", row="hub")]
        return [*bad, majority]

    with pytest.raises(RelexError, match="^2 runs failed, their errors are in .*queue.log; runs done: 1, left: 0"):
        run_grids([small_grid.experiment(corpus_name, rows=rows)], "smoke", workers=1)
    assert "left out hub:no/body: " in capsys.readouterr().out
    failed = [line for line in logged() if line[5] == "failed"]
    assert [line[2:4] for line in failed] == [["bad", "seed 0"], ["bad", "seed 1"]]
    assert all("layers=9 is not possible" in line[6] for line in failed)


def test_a_crash_is_a_sentence_with_its_place(project, corpus_name, monkeypatch):
    task = plan([small_grid.experiment(corpus_name)], "smoke").tasks[0]

    def broken(*_, **__):
        raise KeyError("x")

    monkeypatch.setattr(Trainer, "fit", broken)
    answer = worker.perform(task.experiment, task.config.to_json(), lambda: False)
    assert answer["state"] == "failed" and answer["error"].startswith("KeyError: 'x' (")
    assert f"{Path(__file__).name}, line" in answer["error"]


def test_a_full_disk_loses_nothing(project, expected, corpus_name, monkeypatch):
    task = plan([small_grid.experiment(corpus_name)], "smoke").tasks[0]
    full = []

    def fsync(handle, before=os.fsync):
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        before(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    stopped = iter(range(100))
    assert worker.perform("small", task.config.to_json(), lambda: next(stopped) == 5) == {"state": "stopped"}
    checkpoint = (project / "runs" / "small" / f"{task.key}.checkpoint.safetensors").read_bytes()
    full.append(True)
    for stopping in (True, False):  # it can write neither another checkpoint nor its results
        answer = worker.perform("small", task.config.to_json(), lambda stopping=stopping: stopping)
        assert answer["state"] == "full" and "No space left" in answer["error"] and "free some space" in answer["error"]
        assert files(project) == [f"small/{task.key}.checkpoint.safetensors"]
        assert (project / "runs" / files(project)[0]).read_bytes() == checkpoint
    backlog, outcome = Backlog([task]), Outcome()
    backlog.settle(backlog.take(), answer, outcome, print)
    outcome.left = len(backlog.waiting)
    with pytest.raises(RelexError, match="cannot write .* goes on when it is started again; runs done: 0, left: 1"):
        summary(outcome)
    full.clear()
    assert worker.perform("small", task.config.to_json(), lambda: False)["state"] == "done"
    assert same(figures(project), {task.key: expected[task.key]})


@pytest.fixture
def tasks(project, corpus_name):
    return plan([small_grid.experiment(corpus_name)], "smoke").tasks


def test_a_backlog_gives_no_run_out_twice(tasks):
    one, two, three, *_ = tasks
    scored = replace(two, key="scored", base=one.key)
    again = replace(one, experiment="another")
    backlog = Backlog([one, scored, again, three])
    assert backlog.take() == one
    assert backlog.take() == three and backlog.take() is None
    backlog.finished(one)
    assert backlog.take() == scored and backlog.take() is None
    backlog.finished(scored)
    assert backlog.take() == again


def test_a_run_of_another_process_is_looked_at_again(tasks, monkeypatch):
    monkeypatch.setattr(queue, "AGAIN_S", 0.2)
    one, two, *_ = tasks
    backlog, outcome = Backlog([one, two]), Outcome()
    backlog.settle(backlog.take(), {"state": "claimed"}, outcome, print)
    assert backlog.take() == two and backlog.take() is None
    time.sleep(0.3)
    assert backlog.take() == one
    backlog.settle(one, {"state": "found"}, outcome, print)
    assert (outcome.done, outcome.failed, backlog.waiting) == (0, 0, [])


def test_a_run_that_kills_its_worker_fails_the_third_time(tasks):
    backlog, outcome = Backlog(tasks[:1]), Outcome()
    for deaths in (1, 2, 3):
        assert outcome.failed == 0
        backlog.settle(backlog.take(), {"state": "died", "error": "the worker ended with status -9"}, outcome, print)
        assert bool(backlog.waiting) == (deaths < 3)
    assert outcome.failed == 1 and logged()[0][5:] == ["failed", "the worker ended with status -9"]


def test_a_model_that_is_not_here_takes_its_other_runs_along(tasks):
    hub = [replace(task, config=task.config.with_(encoder="hub:no/body")) for task in tasks[:2]]
    backlog, outcome = Backlog([*hub, tasks[2]]), Outcome()
    backlog.settle(backlog.take(), {"state": "failed", "error": "no/body is not here"}, outcome, print)
    assert backlog.waiting == [tasks[2]] and outcome.failed == 0
    assert outcome.left_out == {"hub:no/body": "no/body is not here"}


@pytest.mark.parametrize(("text", "seconds"), [("150m", 9000), ("2h", 7200), ("90s", 90), ("1h30m", 5400)])
def test_budgets(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "0m", "-5m", "5", "h", "1.5h", "30m1h", "five minutes"])
def test_budgets_that_make_no_sense(text):
    with pytest.raises(RelexError, match="must be a time such as 150m"):
        parse_budget(text)


def test_numbers_of_workers(monkeypatch):
    cores = len(os.sched_getaffinity(0))
    assert len(environments(None)) == cores and len(environments(1)) == 1
    assert all(environment["OMP_NUM_THREADS"] == "1" for environment in environments(None))
    for number in (0, -1, 2 * cores + 1):
        with pytest.raises(RelexError, match=f"--workers is {number}, but must be from 1 to {2 * cores}"):
            environments(number)


def test_workers_share_gpus_where_memory_allows(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda i: ((14 if i else 5) * 2**30, 80 * 2**30))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert [e["CUDA_VISIBLE_DEVICES"] for e in environments(None)] == ["4", "7", "7", "7"]
    assert [e["CUDA_VISIBLE_DEVICES"] for e in environments(2)] == ["4", "7"]
    with pytest.raises(RelexError, match="from 1 to 4, the GPUs here have room for"):
        environments(5)


def test_a_worker_is_nice_and_a_session_of_its_own():
    one, end = local.Worker({}), time.monotonic() + 60
    try:
        one.give(SimpleNamespace(experiment="none", config=SimpleNamespace(to_json=dict)))
        pid = one.process.pid
        group = Path(f"/proc/{pid}/autogroup")

        def is_nice():
            told = group.read_text() if worker.AUTOGROUP.exists() else f"nice {local.NICE}\n"
            return os.getpriority(os.PRIO_PROCESS, pid) == local.NICE and told.endswith(f"nice {local.NICE}\n")

        while not is_nice() and time.monotonic() < end:
            time.sleep(0.05)
        assert is_nice() and os.getsid(pid) == pid != os.getsid(0)
    finally:
        one.end()
