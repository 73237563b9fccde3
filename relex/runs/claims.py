"""Claims: one process does a run, and others that want it wait or do something else meanwhile."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from accelerate import PartialState

from relex.errors import RelexError

try:
    import fcntl
except ImportError:  # Windows: nothing is claimed there, and a queue should have it to itself
    fcntl = None


class Claimed(RelexError):
    """Another process is doing the run."""


@contextmanager
def claim(key: str, wait: bool = True) -> Iterator[None]:
    """Keep other processes from doing the run `key`, on the same `runs/`.

    The claim is a lock on a file in `runs/.claims`, which the system gives back when its owner dies, however it dies.
    What such an owner may have left half written is removed. With `wait=False` a run that another process has is a
    `Claimed` at once. The processes of one `accelerate launch` do a run together, so they claim nothing.
    """
    if fcntl is None or PartialState().num_processes > 1:
        yield
        return
    path = _runs_dir() / ".claims" / key
    handle = _lock(path, wait)
    try:
        for remnant in _runs_dir().glob(f"*/.{key}.*"):
            remnant.unlink(missing_ok=True)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _lock(path: Path, wait: bool) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                os.close(handle)
                raise Claimed(f"another process is doing run {path.name}; wait for it, or end it") from None
            print(f"waiting for the process that is doing run {path.name}", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        # the owner before may have removed the file between our two calls: then our lock is on nothing
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)


def _runs_dir() -> Path:
    from relex.runs import records  # whose package imports this module

    return records.runs_dir()


def remove_remnants() -> None:
    """Remove what processes left that were killed: checkpoints of runs that have a record, and claims of no one."""
    folder = _runs_dir()
    finished = [
        path
        for path in folder.glob("*/*.checkpoint.safetensors")
        if path.with_name(f"{path.name.split('.')[0]}.json").is_file()
    ]
    for path in [*finished, *folder.glob(".claims/*")]:
        try:
            with claim(path.name.split(".")[0], wait=False):
                if path in finished:
                    path.unlink(missing_ok=True)
        except Claimed:
            continue
