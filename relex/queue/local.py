"""The team on this machine: processes that do one run after another, on a CPU thread or a GPU each."""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch

from relex.errors import RelexError
from relex.queue.plan import Task

NICE = 19
"""What a worker adds to its nice value: it leaves the machine to whoever else wants it."""

GPU_GIB = 4.0
"""Free memory of a GPU that a worker is given. Sixteen runs of 12 layers of me5-zh took 2 GiB each of an H200, with
steps of 2,400 tokens; where more is needed, ask for fewer workers. CUDA's multi-process service lets their kernels run
side by side: without it they take turns."""


class Processes:
    """A `relex.queue.backlog.Team` of one process for each of `environments`; none is started before it has a task."""

    def __init__(self, environments: Sequence[dict[str, str]]):
        self.workers = [Worker(environment) for environment in environments]

    def has_room(self) -> bool:
        """Whether a worker has no task."""
        return not all(worker.task for worker in self.workers)

    def is_busy(self) -> bool:
        """Whether a worker has a task."""
        return any(worker.task for worker in self.workers)

    def give(self, task: Task) -> None:
        """Give a task to the first worker that has none."""
        next(worker for worker in self.workers if not worker.task).give(task)

    def answers(self, seconds: float) -> list[tuple[Task, dict]]:
        """Of those that have answered, or are dead."""
        busy = [worker for worker in self.workers if worker.task]
        if not busy:
            time.sleep(seconds)
        with selectors.DefaultSelector() as selector:
            for worker in busy:
                selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
            return [key.data.answer() for key, _ in selector.select(seconds)]

    def stop(self) -> None:
        """Ask all to stop."""
        for worker in self.workers:
            worker.stop()

    def kill(self) -> None:
        """Kill those that have a task."""
        for worker in self.workers:
            if worker.task:
                worker.process.kill()

    def close(self) -> None:
        """Have all gone."""
        for worker in self.workers:
            worker.end()


class Worker:
    """A process of `relex.queue.worker`, and the task it has."""

    def __init__(self, environment: dict[str, str]):
        self.environment = environment
        self.task: Task | None = None
        self.process: subprocess.Popen | None = None

    def give(self, task: Task) -> None:
        """Have it do a task; its process is started if it has none."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "relex.queue.worker", str(NICE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env=os.environ | _this_package() | self.environment, text=True, encoding="utf-8",
                start_new_session=True,  # of whose own nice value the worker takes care
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


def _this_package() -> dict[str, str]:
    """Where a process finds the code that this one runs, whatever else is installed."""
    places = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, places))}


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
