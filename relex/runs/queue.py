"""The queue on this machine: every missing run of the grids, one after another on each of several workers."""

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch

from relex.errors import DiskFull, RelexError
from relex.files import append_line
from relex.runs.claims import remove_remnants
from relex.runs.plan import Task
from relex.runs.worker import error_line, log_path

GRACE_S = 120.0
"""How long a worker may take to stop. It stops after a step of training, so this is for what comes between trainings; one
that takes longer is killed, and goes on later from its last checkpoint."""

NICE = 19
"""What a worker adds to its nice value: it leaves the machine to whoever else wants it."""

AGAIN_S = 5.0
"""When a run is looked at again that another process is doing."""

DEATHS = 3
"""So often may a run end with the death of its worker before it counts as failed."""

GPU_GIB = 10.0
"""Free memory of a GPU that a worker is given. Weights, gradients, Adam's moments and the best weights of 12 layers of
me5-zh take 0.6 GiB; the rest is for activations of 8,192 tokens, the largest micro-batch of profile `full`. Reckoned,
not measured: where it is too little, ask for fewer workers."""


@dataclass
class Outcome:
    """How a queue went: counts of runs, and why it ended before its end, if it did."""

    done: int = 0
    failed: int = 0
    left: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    stopped_by: str = ""


class Backlog:
    """The tasks that wait, and the rule by which the next is chosen: in order, none that another one is part of."""

    def __init__(self, tasks: Sequence[Task]):
        self.waiting = list(tasks)
        self.busy: set[str] = set()
        self.not_before: dict[Task, float] = {}
        self.deaths: dict[str, int] = {}

    def take(self) -> Task | None:
        """The next task that can be done now."""
        now = time.monotonic()
        for task in self.waiting:
            if not task.keys & self.busy and self.not_before.get(task, 0.0) <= now:
                self.waiting.remove(task)
                self.busy |= task.keys
                return task
        return None

    def finished(self, task: Task) -> None:
        """A task that was taken has ended, in whatever way."""
        self.busy -= task.keys

    def back(self, task: Task, after: float = 0.0) -> None:
        """A task that was taken is to be taken again, `after` seconds from now."""
        self.finished(task)
        self.not_before[task] = time.monotonic() + after
        self.waiting.insert(0, task)

    def died(self, task: Task) -> bool:
        """A task died with its worker; whether it may be tried again."""
        self.deaths[task.key] = self.deaths.get(task.key, 0) + 1
        return self.deaths[task.key] < DEATHS

    def settle(self, task: Task, answer: dict, outcome: Outcome, say: Callable[[str], None]) -> None:
        """Take in how a task went (`relex.runs.worker.perform`; besides, `died` with an `error`)."""
        state, error = answer["state"], answer.get("error", "")
        if state == "claimed":
            self.back(task, AGAIN_S)
            return
        if state == "stopped" or (state == "died" and self.died(task)):
            self.back(task)
            return
        self.finished(task)
        if state == "done":
            outcome.done += 1
            say(answer["line"])
        elif state == "full":
            outcome.stopped_by = outcome.stopped_by or error
            self.back(task)
        elif state in ("failed", "died"):
            if task.config.encoder.startswith("hub:"):
                outcome.left_out[task.config.encoder] = error
                gone = [other for other in self.waiting if other.config.encoder == task.config.encoder]
                self.waiting = [other for other in self.waiting if other not in gone]
                return
            outcome.failed += 1
            line = error_line(task.experiment, task.config.to_json(), task.key, error)
            say(line)
            with suppress(OSError):  # the end of the queue says it all the same
                append_line(log_path(), line)


class Worker:
    """A process of `relex.runs.worker`, and the task it has."""

    def __init__(self, environment: dict[str, str]):
        self.environment = environment
        self.task: Task | None = None
        self.process: subprocess.Popen | None = None

    def give(self, task: Task) -> None:
        """Have it do a task; its process is started if it has none."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "relex.runs.worker", str(NICE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env=os.environ | _this_package() | self.environment, text=True, encoding="utf-8",
            )  # fmt: skip
        self.task = task
        with suppress(BrokenPipeError):  # a process that is dead already is noticed by its answer
            print(json.dumps({"experiment": task.experiment, "config": task.config.to_json()}),
                  file=self.process.stdin, flush=True)  # fmt: skip

    def answer(self) -> tuple[Task, dict]:
        """Its task and how it went; waits for the end of the task."""
        task, self.task = self.task, None
        try:
            return task, json.loads(self.process.stdout.readline())
        except ValueError:  # it died before or in the middle of its answer
            self.process.kill()
            status = self.process.wait()
            return task, {"state": "died", "error": f"the worker ended with status {status}"}

    def stop(self) -> None:
        """Ask it to stop: at once without a task, else after a checkpoint."""
        if self.process is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.terminate()

    def end(self) -> None:
        """Have it gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def run_queue(
    tasks: Sequence[Task], workers: int, end: float | None = None, say: Callable[[str], None] = print
) -> Outcome:
    """Do these runs on `workers` processes until `end` (of `time.monotonic`), or until SIGINT or SIGTERM.

    What is stopped has a checkpoint, and whoever takes up the run goes on from there, also after a `kill -9`. A run that
    fails is written into the log, and the others go on. `say` gets the log's lines.
    Raises a `RelexError` when the disk is full, once all workers have stopped.
    """
    remove_remnants()
    backlog, outcome = Backlog(tasks), Outcome()
    team = [Worker(environment) for environment in environments(workers)[: max(1, len(tasks))]]
    killing = None
    with signals() as caught:
        try:
            while True:
                now = time.monotonic()
                if caught or (end is not None and now >= end):
                    outcome.stopped_by = outcome.stopped_by or (caught[0] if caught else "the budget")
                if outcome.stopped_by and killing is None:
                    killing = now + GRACE_S
                    for worker in team:
                        worker.stop()
                for worker in team:
                    if not outcome.stopped_by and worker.task is None and (task := backlog.take()):
                        worker.give(task)
                busy = [worker for worker in team if worker.task]
                if not busy and (outcome.stopped_by or not backlog.waiting):
                    break
                if killing is not None and now > killing:
                    for worker in busy:
                        worker.process.kill()
                for worker in _ready(busy, 0.3):
                    backlog.settle(*worker.answer(), outcome, say)
        finally:
            for worker in team:
                worker.end()
    outcome.left = len(backlog.waiting)
    return outcome


def _this_package() -> dict[str, str]:
    """Where a process finds the code that this one runs, whatever else is installed."""
    places = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, places))}


def _ready(workers: Sequence[Worker], seconds: float) -> list[Worker]:
    """Those that have an answer, or are dead; waits for one."""
    if not workers:
        time.sleep(seconds)
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
        return [key.data for key, _ in selector.select(seconds)]


@contextmanager
def signals() -> Iterator[list[str]]:
    """The names of SIGINT and SIGTERM as they come; a second one has its usual effect."""
    caught: list[str] = []

    def note(number: int, frame) -> None:
        caught.append(signal.Signals(number).name)
        signal.signal(number, before[number])

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def environments(workers: int | None) -> list[dict[str, str]]:
    """The environment of each worker: one thread and, where there are GPUs, one of them, shared where memory allows.

    None: as many workers as the machine has room for. Raises a `RelexError` for a number that makes no sense.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    if torch.cuda.is_available():
        free = [torch.cuda.mem_get_info(i)[0] / 2**30 for i in range(torch.cuda.device_count())]
        rooms = [max(1, int(gib / GPU_GIB)) for gib in free]
        most, what = sum(rooms), f"the GPUs here have room for, {GPU_GIB:.0f} GiB each"
        turns = [i for turn in range(max(rooms)) for i, room in enumerate(rooms) if turn < room]
        given = [threads | {"CUDA_VISIBLE_DEVICES": _visible(i)} for i in turns]
    else:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        most, what = 2 * cores, f"twice the {cores} cores here"
        given = [threads] * (cores if workers is None else most)
    if workers is not None and not 1 <= workers <= most:
        raise RelexError(f"--workers is {workers}, but must be from 1 to {most}, {what}")
    return given[: workers or None]


def _visible(i: int) -> str:
    """The i-th of the GPUs that this process may use, by the name it has outside."""
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[i] if named else str(i)


def parse_budget(text: str) -> float:
    """Seconds of a budget such as `150m`, `2h`, `90s` or `1h30m`.

    Raises a `RelexError` for anything else, and for no time at all.
    """
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text.strip().lower())
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if not total:
        raise RelexError(f"--budget is {text!r}, but must be a time such as 150m, 2h, 90s or 1h30m")
    return float(total)


def summary(outcome: Outcome) -> str:
    """The closing line of a queue that lost nothing.

    Raises a `RelexError` when runs failed or the disk is full.
    """
    text = f"runs done: {outcome.done}, left: {outcome.left}"
    if outcome.failed:
        raise RelexError(f"{outcome.failed} runs failed, their errors are in {log_path()}; {text}")
    if outcome.stopped_by.startswith("cannot write"):
        raise DiskFull(f"{outcome.stopped_by}; the queue stopped and goes on when it is started again; {text}")
    return text + (f"; stopped by {outcome.stopped_by}" if outcome.stopped_by else "")
