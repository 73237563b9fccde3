"""A folder of shards: each as if it were alone, none twice, here and through Ray."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import untrained
from cases import DOCUMENTS

from relex.errors import RelexError
from relex.runs import records
from relex.use import shards
from relex.use.extractor import Extractor
from relex.use.shards import Job, predict_folder
from relex.use.streams import Source, predict_file

TEXTS = [d.text for d in DOCUMENTS]


@pytest.fixture(scope="module")
def model():
    return untrained.extractor()


@pytest.fixture
def job(model, tmp_path):
    """A model folder and six shards: of each kind one, one with bad lines, an empty one and one more."""
    model.save(tmp_path / "model")
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text("\n".join(TEXTS * 2), encoding="utf-8")
    (texts / "b.csv").write_text("text,ward\n" + "".join(f"{t},{i}\n" for i, t in enumerate(TEXTS)), encoding="utf-8")
    rows = [json.dumps({"id": f"c{i}", "text": t, "more": i}, ensure_ascii=False) for i, t in enumerate(TEXTS)]
    (texts / "c.jsonl").write_text("\n".join([rows[0], "nothing", *rows[1:], "[]"]), encoding="utf-8")
    (texts / "d.jsonl").write_text("\n".join(rows[::-1]), encoding="utf-8")
    (texts / "e.TXT").write_bytes(b"\n \n")
    (texts / "f.txt").write_text(TEXTS[0], encoding="utf-8")
    (texts / ".hidden.txt").write_text("x", encoding="utf-8")
    (texts / "notes.md").write_text("x", encoding="utf-8")
    return Job(tmp_path / "model", texts, tmp_path / "found")


def done(job, on=""):
    """Totals, sentences on standard output without the finished ones', and those on bad lines."""
    said, warned = [], []
    totals = predict_folder(job, on, said.append, warned.append)
    return totals, sorted(s for s in said if "finished before" not in s), sorted(warned)


def answers(job):
    """The content of every file that is no note."""
    return {p.name: p.read_bytes() for p in job.out.iterdir() if p.is_file()}


def alone(job):
    """What `predict_file` answers to each shard."""
    model = Extractor.load(job.model)
    found = {"e.jsonl": b""}
    for path in job.source.iterdir():
        if path.suffix in (".txt", ".csv", ".jsonl") and not path.name.startswith("."):
            out = job.out.with_name("alone") / f"{path.stem}.jsonl"
            predict_file(model, Source(str(path)), str(out), warn=lambda line: None)
            found[out.name] = out.read_bytes()
    return found


def test_each_shard_is_answered_as_alone_and_none_twice(job, model):
    totals, said, warned = done(job)
    assert answers(job) == alone(job) and any(b'"relations": [{' in x for x in answers(job).values())
    assert (totals.shards, totals.kept, totals.documents, totals.bad) == (6, 0, 31, 2)
    assert [w.split(": ")[0] for w in warned] == [f"{job.source}/c.jsonl, line {n}" for n in (2, 8)]
    assert said[2] == "c.jsonl: 6 documents; bad lines left out: 2"
    again, said, warned = done(job)
    assert (again.shards, again.kept, again.documents, again.bad) == (6, 6, 31, 2) and said == warned == []
    # another input, a damaged answer, a damaged note
    (job.source / "a.txt").write_text(TEXTS[1], encoding="utf-8")
    (job.out / "b.jsonl").write_bytes(b"{}")
    (job.out / shards.FINISHED / "d.jsonl.json").write_bytes(b'{"model": 1')
    assert [s.split(":")[0] for s in done(job)[1]] == ["a.txt", "b.csv", "d.jsonl"]
    assert answers(job) == alone(job)
    # another threshold, another model
    assert done(replace(job, threshold=0.99))[0].kept == 0
    model.about["metrics"]["epoch"] = 2
    model.save(job.model)
    assert done(replace(job, threshold=0.99))[0].kept == 0


def test_a_shard_that_fails_does_not_keep_others_from_being_answered(job):
    (job.source / "b.csv").write_text("words\nx\n", encoding="utf-8")
    warned = []
    with pytest.raises(RelexError, match="1 of 6 shards failed"):
        predict_folder(job, say=lambda line: None, warn=warned.append)
    assert "b.csv has no column 'text'" in warned[0] and sorted(answers(job)) == [f"{x}.jsonl" for x in "acdef"]
    (job.source / "b.csv").unlink()
    with pytest.raises(RelexError, match="c.jsonl, line 2: not JSON"):
        predict_folder(replace(job, strict=True), say=lambda line: None, warn=warned.append)


def test_folders_that_make_no_sense(job, tmp_path):
    for wrong, message in (
        (replace(job, source=job.source / "a.txt"), "is no folder of shards"),
        (replace(job, out=job.source / "a.txt"), "is a file; give a folder"),
        (replace(job, out=job.source), "is the folder to be read"),
        (replace(job, source=job.model / "encoder", out=tmp_path / "x"), "has no shards"),
        (replace(job, model=job.source), "is no model folder"),
    ):
        with pytest.raises(RelexError, match=message):
            predict_folder(wrong)
    assert "notes.md" in replace(job, form=".txt").names()
    (job.source / "a.jsonl").touch()
    with pytest.raises(RelexError, match="has a.jsonl and a.txt, whose answers have one name"):
        predict_folder(job)


def test_ray_gives_the_same_answers(job, monkeypatch):
    pytest.importorskip("ray")
    pytest.importorskip("pyarrow")
    places = [str(Path(records.__file__).parents[2]), *filter(None, sys.path)]
    monkeypatch.setenv("PYTHONPATH", ":".join(places))
    monkeypatch.setattr(shards, "_devices", lambda: 2)
    here = done(job)
    through = replace(job, out=job.out.with_name("through"))
    assert done(through, "ray") == here and answers(through) == answers(job)
    assert sorted(p.name for p in through.out.iterdir()) == sorted(p.name for p in job.out.iterdir())


def test_a_cluster_that_is_not_there_is_a_sentence(job, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(shards.importlib.util, "find_spec", lambda name: name == "ray" or None)
    with pytest.raises(RelexError, match="needs Ray Data, whose pyarrow is not installed; pip install"):
        predict_folder(job, "ray")
    monkeypatch.setattr(shards.importlib.util, "find_spec", lambda name: True)
    for address, message in (("ray://127.0.0.1:9", "nobody answers at"), ("dask", "must be ray for a local cluster")):
        with pytest.raises(RelexError, match=message):
            predict_folder(job, address)


def test_code_that_differs_is_refused(job):
    shard = shards.Worker(job, "another")("f.txt")
    assert "another version of relex" in shard.error and not job.out.exists()
