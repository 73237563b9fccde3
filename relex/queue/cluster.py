"""The team on a Ray cluster: one task a run; this process gives them out and writes what comes back."""

import json
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from relex.cluster import join
from relex.errors import DiskFull, RelexError
from relex.files import FULL, append_line, source_fingerprint, write_bytes
from relex.queue.local import NICE, environments
from relex.queue.plan import Task
from relex.queue.worker import log_path, perform
from relex.runs import records
from relex.runs.claims import claim

ASK_S = 2.0
"""How often a run asks whether it is to stop."""

SENT = (".json", ".predictions.jsonl", ".checkpoint.safetensors")
"""What a run may need or leave of the files named by its key."""


def connect(on: str, workers: int | None) -> int:
    """Start a local cluster (`ray`) or join one (`ray://HOST:PORT`); how many runs it is to do at a time.

    By default one for each GPU, or each CPU where there is no GPU. Raises a `RelexError` as `join` does, and for a
    number of workers that makes no sense.
    """
    room = join(on, len(environments(workers)) if on == "ray" else 0)
    count = room if workers is None else workers
    if count < 1:
        raise RelexError(f"--workers is {count}, but must be at least 1")
    return count


class Sign:
    """An actor that every run asks whether it is to stop."""

    def __init__(self):
        self.up = False

    def put_up(self) -> None:
        """From now on, stop."""
        self.up = True

    def is_up(self) -> bool:
        """Whether to stop."""
        return self.up


def do_run(code: str, experiment: str, config: dict, files: dict[str, bytes], sign) -> tuple[dict, dict[str, bytes]]:
    """What a task does: a run in a folder of its own. Returns its answer (`perform`) and the files that it left.

    `code` names the source of the process that asks: records made by other code are not taken. `files`, by their place
    in `runs/`, are what there is already of the run: a checkpoint, or the predictions that it scores.
    """
    import ray
    import torch

    if code != source_fingerprint():
        return {"state": "failed", "error": "the cluster has another version of relex; install this one there"}, {}
    os.nice(NICE)
    torch.set_num_threads(1)
    asked = {"at": time.monotonic(), "answer": False}

    def stopping() -> bool:
        if not asked["answer"] and time.monotonic() - asked["at"] > ASK_S:
            asked.update(answer=ray.get(sign.is_up.remote()), at=time.monotonic())
        return asked["answer"]

    with tempfile.TemporaryDirectory(prefix="relex-") as folder:
        for name, content in files.items():
            write_bytes(Path(folder) / name, content)
        os.environ[records.RUNS] = folder
        try:
            answer = perform(experiment, config, stopping)
        finally:
            del os.environ[records.RUNS]
        left = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in Path(folder).glob("*/*")
            if path.name.endswith(SENT)
        }
    return answer, {name: content for name, content in left.items() if files.get(name) != content}


class Cluster:
    """A `relex.queue.backlog.Team` of `count` tasks of the cluster that was connected.

    Records get this process's commit: the code is the same. A run that is stopped sends its checkpoint, and so goes on
    anywhere; but when this process is killed, what its runs had not sent is lost.
    """

    def __init__(self, count: int):
        import ray

        self.count, self.code = count, source_fingerprint()
        gpus = min(1.0, ray.cluster_resources().get("GPU", 0) / count)
        self.task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(do_run)
        self.sign = ray.remote(num_cpus=0)(Sign).remote()
        self.running: dict = {}

    def has_room(self) -> bool:
        """Whether fewer tasks than `count` are under way."""
        return len(self.running) < self.count

    def is_busy(self) -> bool:
        """Whether a task is under way."""
        return bool(self.running)

    def give(self, task: Task) -> None:
        """Claim a run and hand it to the cluster."""
        with ExitStack() as claims:
            for key in sorted(task.keys):
                claims.enter_context(claim(key, wait=False))
            ref = self.task.remote(self.code, task.experiment, task.config.to_json(), _files(task), self.sign)
            self.running[ref] = task, claims.pop_all()

    def answers(self, seconds: float) -> list[tuple[Task, dict]]:
        """Of the tasks that have ended; what they left is written before their runs are free for others."""
        import ray

        if not self.running:
            time.sleep(seconds)
            return []
        found = []
        for ref in ray.wait(list(self.running), timeout=seconds)[0]:
            task, claims = self.running.pop(ref)
            with claims:
                found.append((task, _received(ref)))
        return found

    def stop(self) -> None:
        """Put up the sign."""
        self.sign.put_up.remote()

    def kill(self) -> None:
        """Kill the processes that are at a task."""
        import ray

        for ref in self.running:
            ray.cancel(ref, force=True)

    def close(self) -> None:
        """Leave the cluster; a local one ends."""
        import ray

        for _, claims in self.running.values():
            claims.close()
        ray.shutdown()


def _files(task: Task) -> dict[str, bytes]:
    """What `runs/` has of a task's runs."""
    folder = records.runs_dir()
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for key in task.keys
        for path in sorted(folder.glob(f"*/{key}.*"))
        if path.name.endswith(SENT)
    }


def _received(ref) -> dict:
    """The answer of a task that has ended; what it left is written, records last."""
    import ray

    try:
        answer, files = ray.get(ref)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        return {"state": "died", "error": f"the cluster: {' '.join(str(cause).split())[:300]}"}
    try:
        for name in sorted(files, key=lambda name: name.endswith(".json")):
            if not name.endswith(".json"):
                write_bytes(records.runs_dir() / name, files[name])
                continue
            record = json.loads(files[name]) | {"commit": records.commit()}
            records.write_record(record)
            checkpoint = records.runs_dir() / name.replace(".json", ".checkpoint.safetensors")
            checkpoint.unlink(missing_ok=True)
        if answer["state"] == "done":
            append_line(log_path(), answer["line"])
    except (DiskFull, OSError) as error:
        if isinstance(error, OSError) and error.errno not in FULL:
            raise
        return {"state": "full", "error": str(error)}
    return answer
