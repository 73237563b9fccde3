"""Where things lie on disk, and files that are written whole or not at all."""

import errno
import functools
import glob
import hashlib
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from relex.errors import DiskFull, RelexError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The error numbers of a full disk and of a used-up quota."""

OLD = "old"
"""What is called so in a temporary folder while its successor takes its place."""

TEMPORARY = re.compile(r"\.(.+)\.(\w+)-(\d+)\.[a-z0-9_]{8}")
"""The name of a temporary file: its target, the machine and the process that writes it, chance."""

FORGOTTEN_S = 7 * 86400
"""Seconds after which a temporary file of another machine counts as left behind."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never a part.

    Raises a `RelexError` (missing permission; `DiskFull` for want of space) and leaves the old content as it was.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path))
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        kind = DiskFull if error.errno in FULL else RelexError
        raise kind(f"cannot write {path}: {error.strerror}; {_remedy(kind)}") from None


def remove_remnants(path: Path) -> None:
    """Remove the drafts of `write_bytes` that killed processes of any machine left, where no other writes now."""
    for remnant in path.parent.glob(f".{glob.escape(path.name)}.*"):
        told = TEMPORARY.fullmatch(remnant.name)
        if told and told[1] == path.name:
            remnant.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """`write_bytes` for UTF-8 text."""
    write_bytes(path, content.encode("utf-8"))


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of `path` at the end, whole or not at all.

    Raises a `RelexError` when it cannot be written; what was at `path` is then still there.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path)))
        yield temporary
        for file in (f for f in temporary.rglob("*") if f.is_file()):
            file.chmod(0o644)  # safetensors and mkdtemp leave them to their owner alone
        temporary.chmod(0o755)
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path))) / OLD
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old.parent)
        else:
            temporary.rename(path)
    except (OSError, SafetensorError) as error:
        full = getattr(error, "errno", None) in FULL or "os error 28" in str(error)
        reason = getattr(error, "strerror", None) or str(error)
        kind = DiskFull if full else RelexError
        raise kind(f"cannot write {path}: {reason}; {_remedy(kind)}") from None
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


def _remedy(kind: type[RelexError]) -> str:
    return "free some space or choose another place" if kind is DiskFull else "choose another place"


def _machine() -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", platform.node())[:40] or "machine"


def _prefix(path: Path) -> str:
    """How the name of a temporary file for `path` begins: it tells whose it is."""
    return f".{path.name}.{_machine()}-{os.getpid()}."


@functools.cache
def sweep(folder: Path) -> None:
    """Remove the temporary files and folders that killed processes left in a folder; a process does it once for each.

    They are told by their names, which `_prefix` begins; those of another machine have to be a week old. A folder stays
    that holds what was at its place when nothing is there now.
    """
    for path in folder.iterdir():
        told = TEMPORARY.fullmatch(path.name)
        if told is None or ((path / OLD).exists() and not (folder / told[1]).exists()):
            continue
        own = told[2] == _machine()
        try:
            if _is_running(int(told[3])) if own else time.time() - path.lstat().st_mtime < FORGOTTEN_S:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        except OSError:  # another process was faster, or it is not ours to remove: a remnant does no harm
            continue


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # there, but another user's
        return True
    return True


def append_line(path: Path, line: str) -> None:
    """Add a line of UTF-8 text to a file, in one piece, so that lines of several processes do not mix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab", buffering=0) as stream:
        stream.write(f"{line}\n".encode())


def check_output(out: Path, *inputs: Path) -> None:
    """Raise a `RelexError` where writing `out` would destroy one of `inputs`, or a file of one that is a folder."""
    for one in (one for one in inputs if one.exists() and out.exists()):
        if out.samefile(one):
            raise RelexError(f"{out} is the file to be read; choose another name for the result")
        if one.resolve() in out.resolve().parents:
            raise RelexError(f"{out} belongs to {one}, which is to be read; choose another name for the result")


def set_aside(path: Path) -> str:
    """Rename a damaged file to `….damaged`, so that nobody reads it again and nothing is lost; returns the new name.

    Raises a `RelexError` when that cannot be done.
    """
    aside = path.with_name(f"{path.name}.damaged")
    try:
        path.replace(aside)
    except OSError as error:
        raise RelexError(f"{path} is damaged and cannot be set aside, {error.strerror}; remove it") from None
    return aside.name


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@functools.cache
def source_fingerprint() -> str:
    """Hexadecimal sha256 over the package's Python files and their names: equal for the same code anywhere."""
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()


def project_root() -> Path:
    """The checkout that holds `notebooks/` and `book/`: the working folder or the nearest one above it.

    Falls back to the folder that holds the package.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "_toc.yml").is_file() and (folder / "relex").is_dir():
            return folder
    return Path(__file__).resolve().parent.parent


def cache_dir() -> Path:
    """Where converted encoders are kept: `$RELEX_CACHE`, else the user's cache directory."""
    if "RELEX_CACHE" in os.environ:
        return Path(os.environ["RELEX_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "relex"


def corpora_dirs() -> list[Path]:
    """Folders that may hold corpora, the first that has one wins.

    `$RELEX_CORPORA` alone when it is set; else `../shared/corpora` beside the checkout, then the user's data directory.
    """
    if os.environ.get("RELEX_CORPORA"):
        return [Path(os.environ["RELEX_CORPORA"])]
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return [project_root().parent / "shared" / "corpora", data / "relex" / "corpora"]
