"""Which records are published: those of committed code, and with `--all` those of a grid as it is now."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from relex.errors import RelexError
from relex.experiments.experiment import Experiment
from relex.queue.plan import strays, task_of
from relex.runs import records
from relex.runs.config import LABELS


@dataclass
class Published:
    """Counts of records: `new` in `book/results/` and `there` before; `refused` of each experiment; `stray`, of no
    grid; and `damaged`."""

    new: int = 0
    there: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    stray: int = 0
    damaged: int = 0

    def __str__(self) -> str:
        parts = [f"{self.new} records published to {records.results_dir()}"]
        if self.there:
            parts.append(f"{self.there} were there already")
        if self.stray:
            parts.append(f"{self.stray} belong to no grid and were left")
        return ", ".join(parts)

    def check(self) -> None:
        """Raise a `RelexError` if records were refused or damaged."""
        if self.damaged:
            raise RelexError(f"{self.damaged} damaged records were set aside; do their runs again")
        if self.refused:
            which = ", ".join(f"{name} {count}" for name, count in self.refused.items())
            raise RelexError(
                f"{sum(self.refused.values())} records were not published ({which}): the code that made them was not "
                "committed; commit it, delete them from runs/ and do their runs again"
            )


def is_clean(record: dict) -> bool:
    """Whether the code that made a record is a commit."""
    return bool(record["commit"]) and not record["commit"].endswith("+")


def publish(found: Iterable[dict]) -> Published:
    """Copy records of committed code to `book/results/`.

    One that is there stays, unless its code was not committed, or it has another row name or, if it is trained, another
    profile: tables show the records of one. What only counts belongs to all.
    """
    result = Published()
    for record in found:
        path = records.record_path(records.results_dir(), record["experiment"], record["run"])
        before = records.read_record(path) if path.is_file() else None
        labels = LABELS if records.is_trained(record) else ("row",)
        same = before and all(before["config"].get(name) == record["config"].get(name) for name in labels)
        if before and ((is_clean(before) and same) or not is_clean(record)):
            result.there += 1
        elif is_clean(record):
            records.publish([record])
            result.new += 1
        else:
            result.refused[record["experiment"]] += 1
    return result


def publish_experiment(name: str, profile: str) -> Published:
    """The same for all records of an experiment and a profile in `runs/`.

    Raises a `RelexError` when there are none, or some are damaged, and for what is no name but a path.
    """
    if not re.fullmatch(r"\w[\w-]*", name):
        raise RelexError(f"{name!r} is no name of an experiment; `relex run` has those that there are")
    folder = records.runs_dir() / name
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise RelexError(f"there are no records in {folder}; run `relex run {name}` first")
    good = [record for record in map(records.read_record, paths) if record is not None]
    chosen = [record for record in good if record["config"]["profile"] == profile]
    if not chosen and good:
        have = ", ".join(sorted({record["config"]["profile"] for record in good}))
        raise RelexError(f"experiment {name!r} has no records of profile {profile!r} here, only of {have}")
    result = publish(chosen)
    result.damaged = len(paths) - len(good)
    return result


def publish_grids(experiments: Sequence[Experiment], profile: str) -> Published:
    """The same for the records that the grids of a profile have in `runs/`, under the profile and row names of now."""
    tasks = [task_of(e.name, config) for e in experiments for config in e.configs(profile)]
    found, damaged = [], 0
    for task in {(task.experiment, task.key): task for task in tasks}.values():
        path = records.record_path(records.runs_dir(), task.experiment, task.key)
        if path.is_file():
            record = records.read_record(path)
            damaged += record is None
            labels = {name: getattr(task.config, name) for name in LABELS}
            found += [record | {"config": record["config"] | labels}] if record else []
    result = publish(found)
    result.damaged = damaged
    result.stray = len(strays(profile, {key for task in tasks for key in task.keys}))
    return result
