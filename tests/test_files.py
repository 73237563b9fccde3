"""Files are written whole or not at all; folders are found from anywhere in the checkout."""

import errno
import hashlib
import os
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
