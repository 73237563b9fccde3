"""The queue: which run is given out next, what becomes of it, and when all stops."""

import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from relex.errors import DiskFull, RelexError
from relex.files import append_line
from relex.queue.plan import Task
from relex.queue.worker import error_line, log_path
from relex.runs.claims import Claimed, remove_remnants

GRACE_S = 120.0
"""How long a worker may take to stop. It stops after a step of training, so this is for what comes between trainings;
one that takes longer is killed, and its run goes on later from its last checkpoint."""

WAIT_S = 0.3
"""How long to wait for an answer before looking at the clock."""

AGAIN_S = 5.0
"""When a run is looked at again that another process is doing."""

DEATHS = 3
"""So often may a run end with the death of its worker before it counts as failed."""


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
        """Take in how a task went (`relex.queue.worker.perform`; besides, `died` with an `error`)."""
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


class Team(Protocol):
    """Those who do the tasks: processes of this machine, or a cluster."""

    def has_room(self) -> bool:
        """Whether another task can be given."""

    def is_busy(self) -> bool:
        """Whether a task is being done."""

    def give(self, task: Task) -> None:
        """Have a task done. Raises a `Claimed` when another process is doing its run."""

    def answers(self, seconds: float) -> list[tuple[Task, dict]]:
        """The tasks that have ended and how they went, for `Backlog.settle`; waits so long for one."""

    def stop(self) -> None:
        """Ask all to stop, with a checkpoint."""

    def kill(self) -> None:
        """End what has not stopped."""

    def close(self) -> None:
        """Leave nothing running."""


def run_queue(
    tasks: Sequence[Task], team: Team, end: float | None = None, say: Callable[[str], None] = print
) -> Outcome:
    """Have these runs done until `end` (of `time.monotonic`), or until SIGINT or SIGTERM; the team is closed then.

    What is stopped has a checkpoint, and whoever takes up the run goes on from there; after a `kill -9` from the last
    checkpoint before. A run that fails is written into the log, and the others go on. `say` gets the log's lines.
    """
    backlog, outcome, killing = Backlog(tasks), Outcome(), None
    try:
        remove_remnants()
        with signals() as caught:
            while True:
                now = time.monotonic()
                if caught or (end is not None and now >= end):
                    outcome.stopped_by = outcome.stopped_by or (caught[0] if caught else "the budget")
                if outcome.stopped_by and killing is None:
                    killing = now + GRACE_S
                    team.stop()
                while not outcome.stopped_by and team.has_room() and (task := backlog.take()):
                    try:
                        team.give(task)
                    except Claimed:
                        backlog.settle(task, {"state": "claimed"}, outcome, say)
                if not team.is_busy() and (outcome.stopped_by or not backlog.waiting):
                    break
                if killing is not None and now > killing:
                    team.kill()
                for task, answer in team.answers(WAIT_S):
                    backlog.settle(task, answer, outcome, say)
    finally:
        team.close()
    outcome.left = len(backlog.waiting)
    return outcome


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
