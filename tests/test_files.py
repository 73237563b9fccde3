"""Files are written whole or not at all; folders are found from anywhere in the checkout."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from relex import files
from relex.errors import RelexError


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_write_and_replace(tmp_path):
    path = tmp_path / "a" / "b.txt"
    files.write_text(path, "第一版")
    files.write_text(path, "第二版")
    assert path.read_text(encoding="utf-8") == "第二版"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]
    assert files.sha256(path) == hashlib.sha256("第二版".encode()).hexdigest()


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_a_full_disk_keeps_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "b.txt"
    files.write_text(path, "old")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(RelexError, match="cannot write .*b.txt: No space left"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["b.txt"]


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RelexError, match="cannot write"):
        files.write_bytes(tmp_path / "file" / "x", b"")


KILLED = """
import os, signal, sys
from pathlib import Path
from relex import files
path = Path(sys.argv[1])
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "file":
    files.write_text(path, "x" * 1000)
with files.new_folder(path) as folder:
    (folder / "part").write_text("x")
    os.fsync(0)
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path, kind):
    target = tmp_path / "a [1].txt"
    command = [sys.executable, "-c", KILLED, str(target), kind]
    assert subprocess.run(command, env=os.environ | {"PYTHONPATH": str(files.project_root())}).returncode < 0
    foreign = [tmp_path / name for name in (".a [1].txt.backup00", ".a [1].txt.swp", ".b.txt.host-x.abcdefgh")]
    machine = files._machine()
    running = tmp_path / f".a [1].txt.{machine}-{os.getpid()}.abcdefgh"
    elsewhere = tmp_path / ".a [1].txt.elsewhere-1.abcdefgh"
    for path in (*foreign, running, elsewhere):
        path.touch()
    (left,) = set(tmp_path.iterdir()) - {*foreign, running, elsewhere}
    assert left.name.startswith(f".a [1].txt.{machine}-")
    files.write_text(target, "new")
    assert set(tmp_path.iterdir()) == {*foreign, running, elsewhere, target}
    os.utime(elsewhere, (0, 0))
    files.sweep.cache_clear()
    files.write_text(target, "newer")
    assert set(tmp_path.iterdir()) == {*foreign, running, target}


def test_the_only_copy_of_a_folder_is_no_remnant(tmp_path):
    """A process that is killed between two moves leaves the old folder beside, and nothing in its place."""
    target, left = tmp_path / "model", tmp_path / f".model.{files._machine()}-{2**22 + 1}.abcdefgh"
    (left / files.OLD).mkdir(parents=True)
    for expected in ([left, target], [target]):
        files.sweep.cache_clear()
        with files.new_folder(target) as folder:
            (folder / "x").touch()
        assert sorted(tmp_path.iterdir()) == expected


def test_project_root(project, monkeypatch, tmp_path):
    deep = project / "notebooks" / "deep"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert files.project_root() == project
    monkeypatch.chdir(tmp_path)
    assert files.project_root() == Path(files.__file__).parent.parent


def test_cache_and_corpora_folders(project, monkeypatch):
    monkeypatch.setenv("RELEX_CACHE", "/c")
    assert files.cache_dir() == Path("/c")
    monkeypatch.delenv("RELEX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert files.cache_dir() == Path("/x/relex")
    monkeypatch.setenv("RELEX_CORPORA", "/own")
    assert files.corpora_dirs() == [Path("/own")]
    monkeypatch.delenv("RELEX_CORPORA")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert files.corpora_dirs() == [project.parent / "shared" / "corpora", Path("/data/relex/corpora")]


def test_an_output_is_no_input(tmp_path):
    source, folder = tmp_path / "a.txt", tmp_path / "model"
    source.touch()
    folder.mkdir()
    (folder / "weights").touch()
    (tmp_path / "link").symlink_to(source)
    for out, why in (
        (tmp_path / "link", "is the file to be read"), (folder / "weights", "belongs to"), (folder, "is the file"),
    ):  # fmt: skip
        with pytest.raises(RelexError, match=why):
            files.check_output(out, source, folder)
    files.check_output(folder / "new", source, folder)
    files.check_output(tmp_path / "b.txt", source, folder, tmp_path / "nothing")
