"""A folder of shards: the answers of each file are a file of their own, made in turn here or by the actors of a Ray
cluster."""

import importlib.util
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from relex import cluster
from relex.errors import DiskFull, RelexError
from relex.files import remove_remnants, sha256, source_fingerprint, write_bytes, write_text
from relex.runs import models
from relex.use.extractor import Extractor
from relex.use.streams import KINDS, Counts, Source, predict_file

FINISHED = ".finished"
"""The folder among the answers that has a note for each finished shard."""

TRIES = 3
"""How often a shard is tried again whose process has died at it."""


@dataclass(frozen=True)
class Job:
    """What all shards have in common: the model folder, the folders of texts and of answers, and how to predict; see
    `relex.use.streams.predict_file`."""

    model: Path
    source: Path
    out: Path
    form: str = ""
    threshold: float = 0.0
    strict: bool = False

    def answers(self, name: str) -> Path:
        """Where the answers of a shard are written."""
        stem = Path(name).stem if Path(name).suffix.lower() in KINDS else name
        return self.out / f"{stem}.jsonl"

    def names(self) -> list[str]:
        """The shards: files of a kind that is read, or with `form` all; hidden ones and folders are none."""
        if not self.source.is_dir():
            raise RelexError(f"{self.source} is no folder of shards; give one, or name a file .jsonl for the answers")
        if self.out.exists() and not self.out.is_dir():
            raise RelexError(f"{self.out} is a file; give a folder for the answers")
        if self.out.exists() and self.out.samefile(self.source):
            raise RelexError(f"{self.out} is the folder to be read; choose another one for the answers")
        files = sorted(p.name for p in self.source.iterdir() if p.is_file() and not p.name.startswith("."))
        names = [name for name in files if self.form or Path(name).suffix.lower() in KINDS]
        if not names:
            raise RelexError(f"{self.source} has no shards; they are files {', '.join(KINDS)}")
        taken: dict[Path, str] = {}
        for name in names:
            other = taken.setdefault(self.answers(name), name)
            if other != name:
                raise RelexError(f"{self.source} has {other} and {name}, whose answers have one name; rename one")
        return names


@dataclass
class Shard(Counts):
    """What became of a shard: what was `said` of its bad lines, and whether it was `kept` from before.

    Or the `error` that it ended with, after which the others are not done if it is `final`.
    """

    name: str = ""
    said: list[str] = field(default_factory=list)
    kept: bool = False
    error: str = ""
    final: bool = False


class Worker:
    """A model that answers shard after shard; it is loaded when the first one needs it.

    `code` is the source that this process must have (`source_fingerprint`), where another one asks; it then has one
    thread.
    """

    def __init__(self, job: Job, code: str = ""):
        self.job, self.code = job, code
        self.extractor: Extractor | None = None

    def __call__(self, name: str) -> Shard:
        """Answer a shard, unless the same model has answered the same shard before."""
        shard = Shard(name=name)
        try:
            self._answer(shard)
        except RelexError as error:
            shard.error, shard.final = str(error), self.job.strict or isinstance(error, DiskFull)
        except OSError as error:
            shard.error = f"cannot use {error.filename or name}: {error.strerror}; check the path and its permissions"
        return shard

    def _answer(self, shard: Shard) -> None:
        job, path = self.job, self.job.source / shard.name
        out, note = job.answers(shard.name), job.out / FINISHED / f"{shard.name}.json"
        if self.code and self.code != source_fingerprint():
            raise RelexError("the cluster has another version of relex; install this one there")
        if not path.exists():
            raise RelexError(
                f"there is no {path}; texts, answers and model must lie where all nodes of a cluster see them"
            )
        remove_remnants(note)
        model = models.identity(job.model)
        asked = {"model": model, "threshold": job.threshold, "form": job.form, "input": sha256(path)}
        done = _finished(note)
        if asked.items() <= done.items() and out.is_file() and sha256(out) == done["output"]:
            if not (job.strict and done["bad"]):
                shard.documents, shard.bad, shard.kept = done["documents"], done["bad"], True
                return
        if self.extractor is None:
            self.extractor = self._load()
        source = Source(str(path), job.form, classifies=not self.extractor.extracts)
        if next(Source(str(path), job.form).rows(), None) is None:  # an empty shard is no mistake
            remove_remnants(out)
            write_bytes(out, b"")
        else:
            warn = shard.said.append
            found = predict_file(self.extractor, source, str(out), job.strict, model, job.threshold, warn)
            shard.documents, shard.bad = found.documents, found.bad
        counts = {"documents": shard.documents, "bad": shard.bad}
        write_text(note, json.dumps(asked | {"output": sha256(out)} | counts))

    def _load(self) -> Extractor:
        if self.code:
            import torch

            torch.set_num_threads(1)
        return Extractor.load(self.job.model)


def _finished(path: Path) -> dict:
    """The note of a finished shard; empty where there is none that can be read."""
    kinds = {"input": str, "output": str, "documents": int, "bad": int}
    try:
        done = json.loads(path.read_bytes())
        return done if all(type(done[name]) is kind for name, kind in kinds.items()) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


@dataclass
class Totals(Counts):
    """Of all shards; how many they are, and how many were finished before."""

    shards: int = 0
    kept: int = 0


def predict_folder(
    job: Job,
    on: str = "",
    say: Callable[[str], None] = print,
    warn: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> Totals:
    """Answer every shard of a folder, each whole or not at all; finished ones are left as they are.

    `on`: `ray` for actors on this machine, one for each GPU, or each core where there is none; `ray://HOST:PORT` for
    those of a cluster, whose nodes all see the same folders. A shard that fails is reported, the others are answered,
    and then a `RelexError` is raised; with `strict` and on a full disk at once.
    """
    names = job.names()
    models.identity(job.model)
    job.out.mkdir(parents=True, exist_ok=True)
    totals, failed = Totals(), 0
    with closing(_through_ray(job, names, on) if on else _here(job, names)) as shards:
        for shard in shards:
            for line in shard.said:
                warn(line)
            if shard.final:
                raise RelexError(shard.error)
            if shard.error:
                failed += 1
                warn(f"{shard.name}: {shard.error}")
                continue
            totals.shards += 1
            totals.kept += shard.kept
            totals.documents += shard.documents
            totals.bad += shard.bad
            say(f"{shard.name}: {told(shard)}{', finished before' if shard.kept else ''}")
    if failed:
        raise RelexError(f"{failed} of {len(names)} shards failed; see above, and give the same command for the rest")
    return totals


def told(counts: Counts) -> str:
    """Documents and bad lines in words."""
    return f"{counts.documents:,} documents" + (f"; bad lines left out: {counts.bad:,}" if counts.bad else "")


def _here(job: Job, names: Iterable[str]) -> Iterator[Shard]:
    yield from map(Worker(job), names)


class Actor(Worker):
    """A `Worker` that takes and gives rows of a Ray Dataset."""

    def __call__(self, row: dict) -> dict:
        """The row of a name becomes the row of a `Shard`."""
        return {"shard": json.dumps(asdict(super().__call__(row["name"])))}


def _through_ray(job: Job, names: list[str], on: str) -> Iterator[Shard]:
    """The shards as the actors of a cluster finish them."""
    if importlib.util.find_spec("ray") and not importlib.util.find_spec("pyarrow"):
        raise RelexError("--on needs Ray Data, whose pyarrow is not installed; pip install 'relex[cluster]'")
    room = cluster.join(on, min(len(names), _devices()))
    import ray

    try:
        if not room:
            raise RelexError(f"the cluster at {on} has no CPU; start a node that has one")
        count = min(len(names), room)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        gpus = min(1.0, ray.cluster_resources().get("GPU", 0) / count)
        job = Job(*(p.resolve() for p in (job.model, job.source, job.out)), job.form, job.threshold, job.strict)
        with warnings.catch_warnings(action="ignore"):  # Ray 2.64 will not take `max_task_retries` here
            answers = ray.data.from_items([{"name": name} for name in names], override_num_blocks=len(names)).map(
                Actor,
                fn_constructor_args=(job, source_fingerprint()),
                compute=ray.data.ActorPoolStrategy(size=count, max_tasks_in_flight_per_actor=1),
                num_cpus=1,
                num_gpus=gpus,
                max_task_retries=TRIES,
            )
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        for row in answers.iter_rows():
            yield Shard(**json.loads(row["shard"]))
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())[:300]
        raise RelexError(f"the cluster failed ({reason}); give the same command to go on") from None
    finally:
        ray.shutdown()


def _devices() -> int:
    """How many models are to run at a time on this machine."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return torch.cuda.device_count() or cores
