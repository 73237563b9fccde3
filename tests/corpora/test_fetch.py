"""Fetching: pinned bytes or nothing, and what is there stays."""

import hashlib
import http.server
import re
import threading

import pytest

from relex.corpora import CORPORA, CorpusSpec
from relex.corpora import fetch as fetching
from relex.corpora.spec import Source
from relex.errors import RelexError

CONTENT = {"train.jsonl": b'{"id": 1}\n', "parts/test.jsonl": b'{"id": 2}\n'}


@pytest.fixture
def demo(monkeypatch):
    """A corpus of two files whose pinned sums are those of CONTENT."""
    sources = tuple(
        Source(name, "someone/something", "0" * 40, f"data set/{name}", hashlib.sha256(content).hexdigest())
        for name, content in CONTENT.items()
    )
    monkeypatch.setitem(CORPORA, "demo", CorpusSpec("demo", None, sources=sources, licence="No licence is stated."))


@pytest.fixture
def server(tmp_path):
    """Its address, the folder it serves, and the paths it was asked for."""
    root, asked = tmp_path / "server", []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(root))

        def log_message(self, *args):
            asked.append(self.path)

    for name, content in CONTENT.items():
        path = root / "someone/something" / ("0" * 40) / "data set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", root, asked
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_files_arrive_byte_for_byte_and_the_licence_question_comes_first(demo, server, tmp_path, monkeypatch):
    monkeypatch.setenv("RELEX_CORPORA", str(tmp_path / "corpora"))
    said = []
    folder = fetching.fetch("demo", base=server[0], say=said.append)
    assert folder == tmp_path / "corpora" / "demo"
    assert {name: (folder / name).read_bytes() for name in CONTENT} == CONTENT
    assert said[0].startswith("No licence is stated. Whether your use is allowed")


def test_files_that_are_there_are_kept_and_only_the_others_asked_for(demo, server, tmp_path):
    (tmp_path / "train.jsonl").write_bytes(CONTENT["train.jsonl"])
    before = (tmp_path / "train.jsonl").stat().st_mtime_ns
    fetching.fetch("demo", tmp_path, server[0], say=lambda line: None)
    assert (tmp_path / "train.jsonl").stat().st_mtime_ns == before
    assert len(server[2]) == 1 and server[2][0].endswith("parts/test.jsonl")


def test_other_bytes_are_not_installed(demo, server, tmp_path):
    path = server[1] / "someone/something" / ("0" * 40) / "data set" / "train.jsonl"
    path.write_bytes(b"something else")
    with pytest.raises(RelexError, match="train.jsonl gave other content .* not installed"):
        fetching.fetch("demo", tmp_path / "out", server[0], say=lambda line: None)
    assert not list(tmp_path.glob("out/**/*.jsonl"))


def test_a_different_file_that_is_there_is_left_alone(demo, server, tmp_path):
    (tmp_path / "train.jsonl").write_bytes(b"my own")
    with pytest.raises(RelexError, match="is not the pinned file"):
        fetching.fetch("demo", tmp_path, server[0], say=lambda line: None)
    assert (tmp_path / "train.jsonl").read_bytes() == b"my own" and not server[2]


@pytest.mark.parametrize("base", ["http://127.0.0.1:9", "file:///nowhere"])
def test_out_of_reach_says_which_files_belong_where(demo, tmp_path, base):
    with pytest.raises(RelexError, match=re.escape(f"put train.jsonl, parts/test.jsonl into {tmp_path}")):
        fetching.fetch("demo", tmp_path, base, say=lambda line: None)


def test_a_missing_file_is_named(demo, server, tmp_path):
    (server[1] / "someone/something" / ("0" * 40) / "data set" / "train.jsonl").unlink()
    with pytest.raises(RelexError, match=r"data%20set/train.jsonl \(.*not found"):
        fetching.fetch("demo", tmp_path, server[0], say=lambda line: None)


def test_a_part_of_a_file_is_checked_whole_and_stored_alone(server, tmp_path, monkeypatch):
    whole = b'{"train": [{"a": 1}], "test": []}'
    (server[1] / "someone/something" / ("0" * 40) / "all.json").write_bytes(whole)
    part = Source(
        "train.json", "someone/something", "0" * 40, "all.json", hashlib.sha256(b'[{"a": 1}]').hexdigest(), "train",
        hashlib.sha256(whole).hexdigest(),
    )  # fmt: skip
    monkeypatch.setitem(CORPORA, "demo", CorpusSpec("demo", None, sources=(part,)))
    for _ in range(2):  # the second time it is there
        fetching.fetch("demo", tmp_path / "out", server[0], say=lambda line: None)
    assert (tmp_path / "out" / "train.json").read_bytes() == b'[{"a": 1}]' and len(server[2]) == 1
    (server[1] / "someone/something" / ("0" * 40) / "all.json").write_bytes(whole + b" ")
    with pytest.raises(RelexError, match="all.json gave other content"):
        fetching.fetch("demo", tmp_path / "again", server[0], say=lambda line: None)


def test_unknown_corpus():
    with pytest.raises(RelexError, match="no corpus 'other' to fetch; known are umrc10, casmed"):
        fetching.fetch("other")


def test_every_source_is_pinned_once():
    for name, spec in CORPORA.items():
        assert bool(spec.sources) == bool(spec.licence) != spec.stand_in, name
        assert len({s.file for s in spec.sources}) == len(spec.sources), name
        for s in spec.sources:
            assert re.fullmatch(r"[0-9a-f]{40}", s.commit) and re.fullmatch(r"[0-9a-f]{64}", s.sha256)
            assert s.repository.count("/") == 1 and not s.path.startswith("/") and "=" not in s.file + s.path
