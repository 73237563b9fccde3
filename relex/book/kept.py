"""What of the book is kept: a page that would be made of the same things as before is not made again."""

import hashlib
import json
import platform
from collections.abc import Callable, Iterable
from pathlib import Path

from relex.files import corpora_dirs, sha256, write_text


def state(files: Iterable[Path], *values) -> str:
    """A hash of files, their paths and contents, and of values that JSON can hold."""
    digest = hashlib.sha256(json.dumps(values).encode())
    for path in files:
        digest.update(f"{path} {sha256(path) if path.is_file() else ''}\n".encode())
    return digest.hexdigest()


def common_state(root: Path) -> str:
    """The state of what every page may depend on: package, locked versions, published records, corpora."""
    package = Path(__file__).parents[1]
    files = [path for path in sorted(package.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    files += [root / "requirements.lock", *sorted((root / "book" / "results").rglob("*.json"))]
    found = sorted(path for folder in corpora_dirs() for path in folder.glob("*/*") if path.is_file())
    corpora = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in found]
    return state(files, platform.python_version(), corpora)


def once(stamp: Path, now: str, outputs: Iterable[Path], make: Callable[[], None]) -> bool:
    """Call `make` unless it has made all `outputs` in the state that is `now`; whether it was called.

    The file `stamp` has the state of the last success. It goes before `make` begins, so a failure is met again.
    """
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == now and all(path.is_file() for path in outputs):
        return False
    stamp.unlink(missing_ok=True)
    make()
    write_text(stamp, now)
    return True
