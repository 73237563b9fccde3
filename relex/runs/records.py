"""Run records: one JSON file per run, named by its config and its corpus."""

import functools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from relex.errors import RelexError
from relex.files import project_root, set_aside, write_text

REQUIRED = {
    **dict.fromkeys(("experiment", "run", "commit", "date"), str),
    **dict.fromkeys(("config", "corpus", "metrics", "counts", "time", "machine"), dict),
}
"""What every record has, and of which kind it is."""
OF_CONFIG = {"seed": int, "profile": str}


RUNS = "RELEX_RUNS"
"""The environment variable that names another folder than `runs/`: a run on a cluster has one of its own."""


def runs_dir() -> Path:
    """This machine's own records and predictions; git ignores them."""
    return Path(os.environ[RUNS]) if RUNS in os.environ else project_root() / "runs"


def results_dir() -> Path:
    """The published records, committed."""
    return project_root() / "book" / "results"


def record_path(folder: Path, experiment: str, run: str) -> Path:
    """Where the record of a run lies within `runs_dir()` or `results_dir()`."""
    return folder / experiment / f"{run}.json"


def say(text: str) -> None:
    """A line on standard error, so that standard output stays for results."""
    print(text, file=sys.stderr)


def read_record(path: Path, warn=say) -> dict | None:
    """The record at `path`; a damaged one is set aside as `….damaged`, said, and answered with None."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        _check_kinds(record, "", REQUIRED)
        _check_kinds(record["config"], "config.", OF_CONFIG)
        if record["run"] != path.stem:
            raise ValueError("is named after another run")
        return record
    except (ValueError, RecursionError) as error:
        aside, reason = set_aside(path), str(error)[:200]
        warn(f"record {path} is damaged ({reason}); it was set aside as {aside} and the run will be done again")
        return None
    except OSError as error:
        raise RelexError(f"cannot read record {path}: {error.strerror}; check its permissions") from None


def _check_kinds(value: object, place: str, kinds: dict[str, type]) -> None:
    """Raise a ValueError unless `value` is an object that has all keys of `kinds`, each of its kind."""
    if not isinstance(value, dict):
        raise ValueError("is no JSON object")
    if missing := [key for key in kinds if key not in value]:
        raise ValueError(f"lacks {place}{missing[0]}")
    if wrong := [key for key, kind in kinds.items() if type(value[key]) is not kind]:
        raise ValueError(f"has a {place}{wrong[0]} that is no {kinds[wrong[0]].__name__}")


def write_record(record: dict, folder: Path | None = None) -> Path:
    """Write a record, whole or not at all."""
    path = record_path(folder or runs_dir(), record["experiment"], record["run"])
    write_text(path, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return path


def find_record(run: str) -> dict | None:
    """The record of a run, made for whatever experiment, on this machine or published."""
    for folder in (runs_dir(), results_dir()):
        for path in sorted(folder.glob(f"*/{run}.json")):
            record = read_record(path)
            if record is not None:
                return record
    return None


def published(experiment: str, profile: str = "") -> list[dict]:
    """The published records of an experiment, by seed in the order of the table; of one profile, by default the largest
    that has a trained row.

    What only counts may be the same run in several profiles, and its record has the name of one; where another has no
    record of that row, it is its record, too.
    """
    paths = sorted((results_dir() / experiment).glob("*.json"))
    records = [record for record in map(read_record, paths) if record is not None]
    there = {r["config"]["profile"] for r in records if is_trained(r)} or {r["config"]["profile"] for r in records}
    profile = profile or next((name for name in ("full", "cpu", "quick", "smoke") if name in there), "")
    chosen = [record for record in records if record["config"]["profile"] == profile]
    if profile in there:
        have = set(map(_place, chosen))
        others = [record for record in records if not is_trained(record) and _place(record) not in have]
        chosen += [record | {"config": record["config"] | {"profile": profile}} for record in others]
    return sorted(chosen, key=lambda record: (record["config"]["seed"], record["date"]))


def is_trained(record: dict) -> bool:
    """Whether a record is of a trained model, and not of a baseline that only counts."""
    return "epochs" in record["config"]


def _place(record: dict) -> tuple:
    """The row that a record is of, and what of."""
    return tuple(record["config"].get(name, "") for name in ("row", "corpus", "split", "unit", "align"))


def publish(records: Iterable[dict]) -> list[Path]:
    """Copy records to `results_dir()`, from where the book reads its recorded column."""
    return [write_record(record, results_dir()) for record in records]


def machine(device: str) -> dict:
    """What a reader needs to judge the times of a record."""
    return {
        "device": device,
        "cpu": cpu_name(),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "python": platform.python_version(),
    }


def cpu_name() -> str:
    """Number and name of the processors, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        return f"{len(names)} × {names[0]}"
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def commit() -> str:
    """The commit of the checkout, with `+` behind it when files differ from it; empty outside a git checkout.

    A process keeps its first answer: it runs the code that it has loaded, whatever becomes of the files.
    """
    return _commit_of(project_root())


@functools.cache
def _commit_of(checkout: Path) -> str:
    try:
        git = ["git", "-C", str(checkout)]
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "relex"], capture_output=True, text=True
        ).stdout.strip()
        return head + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def now() -> str:
    """The present, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
