"""Models of one's own: trained from a file, moved, and asked about texts, in portions and after interruptions."""

import errno
import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import untrained
from cases import DOCUMENTS

import relex
from relex.cli import main
from relex.documents import Document, Relation, Span, write_documents
from relex.errors import DiskFull, RelexError
from relex.found import assembled, keep_higher
from relex.runs import models
from relex.use import data, extractor, parts, streams
from relex.use.extractor import Extractor
from relex.use.streams import Source, predict_file


@pytest.fixture
def model():
    return untrained.extractor()


TEXTS = [d.text for d in DOCUMENTS] * 3


def test_a_saved_model_answers_the_same_wherever_it_lies(model, tmp_path):
    model.save(tmp_path / "made")
    shutil.move(tmp_path / "made", tmp_path / "elsewhere")
    found = list(model.predict(TEXTS))
    assert any(d.relations for d in found) and [d.id for d in found] == [str(i) for i in range(1, len(TEXTS) + 1)]
    assert list(Extractor.load(tmp_path / "elsewhere").predict(TEXTS)) == found


def test_a_flipped_byte_or_a_missing_file_is_one_sentence(model, tmp_path):
    model.save(tmp_path / "model")
    weights = tmp_path / "model" / models.WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(RelexError, match="is not as it was written"):
        Extractor.load(tmp_path / "model")
    weights.unlink()
    with pytest.raises(RelexError, match="lacks its file weights.safetensors"):
        Extractor.load(tmp_path / "model")
    with pytest.raises(RelexError, match="is no model folder"):
        Extractor.load(tmp_path)
    with pytest.raises(RelexError, match="holds no model"):
        model.save(tmp_path)


def test_a_long_text_is_read_in_parts(model, monkeypatch):
    text = "止痛片治头疼。" * 40
    whole = next(model.predict([text]))
    monkeypatch.setattr(parts, "LONGEST", 90)
    monkeypatch.setattr(parts, "SHARED", 30)
    monkeypatch.setattr(parts, "MOST", 2)
    (parted, short) = model.predict([text, "咳嗽"])
    assert parted.text == whole.text and parted.id == "1" and short.text == "咳嗽"
    assert all(0 <= s.start < s.end <= len(text) for s in parted.entities) and parted.entities
    ends = {s.end for s in parted.entities}
    assert max(ends) > 200, "the last parts are read, too"


def test_an_entity_at_a_cut_is_left_to_the_part_that_has_it_whole():
    question = Document("x", "一二三四五六")
    one = parts.Part(question, 0, False, Document("x 0", "一二三四"))
    two = parts.Part(question, 2, True, Document("x 2", "三四五六"))
    whole = parts.Whole(question)
    whole.add(one, Document("x 0", "一二三四", (Span(0, 1, "病"), Span(2, 4, "病"))))
    whole.add(two, Document("x 2", "三四五六", (Span(0, 1, "病"), Span(1, 3, "病"))))
    assert whole.document().entities == (Span(0, 1, "病"), Span(3, 5, "病"))


@pytest.mark.parametrize("seed", range(20))
def test_parts_make_the_document_that_all_at_once_would(seed, monkeypatch):
    monkeypatch.setattr(parts, "LONGEST", 40)
    monkeypatch.setattr(parts, "SHARED", 15)
    draw, question = random.Random(seed), Document("x", "字" * 300)
    spans, triples, whole = {}, {}, parts.Whole(question)
    for part in parts.parts(question):
        length = len(part.document.text)
        found = sorted({(s, min(length, s + draw.randint(1, 6)), draw.choice("ab"))
                        for s in draw.choices(range(length - 1), k=12)})  # fmt: skip
        own = tuple(Span(*one, score=round(draw.random(), 3)) for one in found)
        pairs = {(draw.randrange(len(own)), draw.randrange(len(own)), draw.choice("xy")) for _ in range(12)}
        relations = tuple(Relation(*pair, score=round(draw.random(), 3)) for pair in pairs)
        whole.add(part, Document("p", part.document.text, own, relations))
        inside = {i: replace(s, start=s.start + part.start, end=s.end + part.start) for i, s in enumerate(own)
                  if (s.start or not part.start) and (s.end < length or part.last)}  # fmt: skip
        for span in inside.values():
            keep_higher(spans, span, span.score)
        for r in relations:
            if r.head in inside and r.tail in inside:
                keep_higher(triples, (inside[r.head], r.type, inside[r.tail]), r.score)
    assert len(triples) > 20 and whole.document().to_json() == assembled(question, spans, triples).to_json()


def test_scores_at_a_temperature_and_a_threshold(model):
    plain = [replace(d, id="") for d in model.predict(TEXTS)]
    hot = Extractor(model.head, model.config, model.about | {"calibration": {"relations": {"temperature": 4.0}}})
    warm = list(hot.predict(TEXTS))
    before, after = ([r.score for d in found for r in d.relations] for found in (plain, warm))
    assert len(before) == len(after) > 5
    for one, other in zip(before, after, strict=True):
        odds = min(1 - 1e-6, one) / max(1e-6, 1 - one)
        assert other == pytest.approx(odds**0.25 / (1 + odds**0.25), abs=1e-4)
    limit = sorted(before)[len(before) // 2]
    chosen = list(model.predict(TEXTS, threshold=limit))
    kept = [r.score for d in chosen for r in d.relations]
    assert sorted(kept) == [s for s in sorted(before) if s >= limit] and len(kept) < len(before)
    for document in chosen:
        document.check()
        assert all(x.score >= limit for x in (*document.entities, *document.relations))
    bare = list(model.predict(TEXTS, scores=False))
    assert all("score" not in json.dumps(d.to_json()) for d in bare) and [replace(d, id="") for d in bare] == plain
    with pytest.raises(RelexError, match="threshold 2 is no score"):
        next(model.predict(TEXTS, threshold=2))


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_all_kinds_of_input_give_the_same_answers(model, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n\n", encoding="utf-8-sig")
    rows = [json.dumps({"text": t, "ward": i}, ensure_ascii=False) for i, t in enumerate(TEXTS)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    table = "text,ward\n" + "".join(f'"{t}",{i}\n' for i, t in enumerate(TEXTS))
    (tmp_path / "table.csv").write_text(table, encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for i, text in enumerate(TEXTS):
        (tmp_path / "folder" / f"{i:02}.txt").write_text(text, encoding="utf-8")
    found = {}
    for name in ("texts.txt", "rows.jsonl", "table.csv", "folder"):
        counts = predict_file(model, Source(str(tmp_path / name)), str(tmp_path / f"{name}.found.jsonl"))
        found[name] = lines(tmp_path / f"{name}.found.jsonl")
        assert counts.documents == len(TEXTS) and not counts.bad
    answers = [[(row["text"], row["entities"], row["relations"]) for row in rows] for rows in found.values()]
    assert all(one == answers[0] for one in answers)
    assert [row["ward"] for row in found["rows.jsonl"]] == list(range(len(TEXTS)))
    assert found["table.csv"][3]["ward"] == "3" and found["folder"][3]["id"] == "03"


def test_bad_lines_are_counted_and_left_out_or_stop(model, tmp_path):
    bad, out = tmp_path / "bad.jsonl", tmp_path / "out.jsonl"
    bad.write_bytes(b'{"text": "a"}\nnothing\n[]\n\xff\n{"id": 1}\n{"text": "b"}\n')
    said = []
    counts = predict_file(model, Source(str(bad)), str(out), warn=said.append)
    assert (counts.documents, counts.bad) == (2, 4) and [row["id"] for row in lines(out)] == ["1", "6"]
    assert [line.split(", ")[1].split(":")[0] for line in said] == ["line 2", "line 3", "line 4", "line 5"]
    with pytest.raises(RelexError, match="line 2: not JSON"):
        predict_file(model, Source(str(bad)), str(out), strict=True)
    for wrong, message in ((bad, "is the file to be read"), (tmp_path, "name the file .jsonl")):
        with pytest.raises(RelexError, match=message):
            predict_file(model, Source(str(bad)), str(wrong))
    with pytest.raises(RelexError, match="not a kind of file"):
        Source(str(tmp_path / "x.pdf"))


def test_a_line_is_what_json_makes_of_it(model, monkeypatch):
    monkeypatch.setattr(streams, "SLICE", 3)
    for answer in model.predict([*TEXTS, "  "]):
        for fields in ({}, {"relations": 1, "ward": {"一": [None]}, "text": "x"}):
            plain = json.dumps(fields | answer.to_json(), ensure_ascii=False) + "\n"
            assert b"".join(streams._line(fields, answer)) == plain.encode()


class Killed(BaseException):
    pass


def test_an_interrupted_prediction_ends_with_the_same_file(model, tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "SAVED", 4)
    source, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("\n".join([*TEXTS, " ", *TEXTS]), encoding="utf-8")
    predict_file(model, Source(str(source)), str(out), model="m")
    whole = out.read_bytes()
    for stop in range(0, 2 * len(TEXTS), 3):
        out.unlink()
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(streams, "_answers", stops_after(stop, streams._answers))
            predict_file(model, Source(str(source)), str(out), model="m")
        assert not out.exists()
        predict_file(model, Source(str(source)), str(out), model="m", warn=lambda line: None)
        assert out.read_bytes() == whole and sorted(p.name for p in tmp_path.iterdir()) == ["in.txt", "out.jsonl"]


def test_another_model_or_another_input_does_not_go_on(model, tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "SAVED", 2)
    source, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("\n".join(TEXTS), encoding="utf-8")
    monkeypatch.setattr(streams, "_answers", stops_after(4, streams._answers))
    with pytest.raises(Killed):
        predict_file(model, Source(str(source)), str(out), model="one")
    with pytest.raises(RelexError, match="was begun with another model"):
        predict_file(model, Source(str(source)), str(out), model="two")
    source.write_text("\n".join(["另一个", *TEXTS]), encoding="utf-8")
    with pytest.raises(RelexError, match="has changed since"):
        predict_file(model, Source(str(source)), str(out), model="one")


def stops_after(count, answers):
    made = []

    def stopping(*given):
        for line in answers(*given):
            if len(made) == count:
                raise Killed
            made.append(line)
            yield line

    return stopping


def test_parts_are_found_by_name_or_drawn(tmp_path):
    write_documents(tmp_path / "my_train.jsonl", DOCUMENTS)
    found = data.read(tmp_path)
    assert found.corpus.sizes == {"train": 4, "dev": 1, "test": 1} and len(found.notes) >= 3
    assert data.read(tmp_path / "my_train.jsonl").corpus.train == found.corpus.train
    write_documents(tmp_path / "valid.jsonl", DOCUMENTS[:2])
    assert data.read(tmp_path).corpus.sizes == {"train": 5, "dev": 2, "test": 1}
    given = data.read(tmp_path, test=tmp_path / "valid.jsonl").corpus
    assert given.sizes == {"train": 6, "dev": 2, "test": 2} and given.test == DOCUMENTS[:2]
    write_documents(tmp_path / "train2.jsonl", DOCUMENTS)
    with pytest.raises(RelexError, match="several files for train"):
        data.read(tmp_path)
    with pytest.raises(RelexError, match="too few to train on"):
        data.read(tmp_path / "valid.jsonl")


def test_from_a_file_to_answers_in_two_commands(tmp_path, monkeypatch, capsys):
    write_documents(tmp_path / "notes.jsonl", [Document(f"{i}{d.id}", d.text, d.entities, d.relations)
                                               for i in range(3) for d in DOCUMENTS])  # fmt: skip
    (tmp_path / "new.txt").write_text("头疼时吃止痛片。\n", encoding="utf-8")
    small = ["epochs=1", "precision=fp32", "layers=1"]
    command = ["train", "notes.jsonl", "--out", "model", "--head", "cascade", "--encoder", "random:tiny"]
    monkeypatch.chdir(tmp_path)
    for arguments in (
        [*command, *(x for s in small for x in ("--set", s))],
        ["predict", "model", "new.txt", "out.jsonl"],
    ):
        monkeypatch.setattr("sys.argv", ["relex", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "no file for dev" in said and "entities" in said and "out.jsonl: 1 documents" in said
    assert lines(tmp_path / "out.jsonl")[0]["text"] == "头疼时吃止痛片。"
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "not a medical device" in card and "`治疗`" in card and "notes.jsonl" in card
    assert not list(tmp_path.glob("*checkpoint*"))
    assert relex.Extractor.load(tmp_path / "model").extracts
    monkeypatch.setattr("sys.argv", ["relex", "page", "model", "page.html"])
    with pytest.raises(SystemExit) as end:
        main()
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not end.value.code and "documents of notes.jsonl (strict F1 on" in page, "train leaves out what no page runs"
    assert "It is not a medical device." in page and "@font-face" in page


ATTEMPTS = """
import os, random, signal, sys, time
from pathlib import Path
from relex.use import streams
from relex.use.extractor import Extractor

model, source, folder = sys.argv[1:]
streams.SAVED = 10
dice = random.Random(3)


def begin(out):
    child = os.fork()
    if not child:
        status = 1
        try:
            sys.stderr = open(os.devnull, "w")
            streams.predict_file(Extractor.load(model), streams.Source(source), str(out), model="m")
            status = 0
        finally:
            os._exit(status)
    return child


whole, out = Path(folder, "whole.jsonl"), Path(folder, "out.jsonl")
began = time.monotonic()
assert os.waitpid(begin(whole), 0)[1] == 0
took = time.monotonic() - began
kills = finished = found = 0
while kills < 6:
    child = begin(out)
    time.sleep(dice.uniform(0, took))
    os.kill(child, signal.SIGKILL)
    killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    kills += killed
    found += out.with_name("out.jsonl.progress").exists()
    if not killed:
        assert out.read_bytes() == whole.read_bytes()
        out.unlink()
out.unlink(missing_ok=True)
assert os.waitpid(begin(out), 0)[1] == 0
assert out.read_bytes() == whole.read_bytes()
assert found, "no kill came between two notes"
print(sorted(p.name for p in Path(folder).iterdir()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills its children")
def test_a_killed_process_leaves_nothing_that_changes_the_answers(model, tmp_path):
    model.save(tmp_path / "model")
    (tmp_path / "in.txt").write_text("\n".join(TEXTS * 10), encoding="utf-8")
    (tmp_path / "out").mkdir()
    places = {"PYTHONPATH": str(Path(streams.__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", ATTEMPTS, tmp_path / "model", tmp_path / "in.txt", tmp_path / "out"]
    said = subprocess.run(command, env=os.environ | places, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    left = set(json.loads(said.stdout.replace("'", '"')))
    assert left == {"out.jsonl", "whole.jsonl"}


def test_answers_are_written_by_one_process_at_a_time(model, tmp_path):
    source, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("\n".join(TEXTS), encoding="utf-8")
    with streams._alone(tmp_path / "out.jsonl.partial"):
        with pytest.raises(RelexError, match="another process is writing .*out.jsonl.partial"):
            predict_file(model, Source(str(source)), str(out))
    assert predict_file(model, Source(str(source)), str(out)).documents == len(TEXTS)


def test_a_full_disk_is_a_sentence(model, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "in.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    monkeypatch.setattr(streams.os, "fsync", full)
    with pytest.raises(DiskFull, match="No space left on device; free some space and give the same command again"):
        predict_file(model, Source(str(tmp_path / "in.txt")), str(tmp_path / "out.jsonl"))


def fake(head, documents, accelerator):
    """One entity for every 40 characters, in place of a head."""
    return [replace(d, entities=tuple(Span(i, i + 2, "病") for i in range(1, len(d.text) - 2, 40))) for d in documents]


def test_memory_does_not_grow_with_the_number_of_lines(model, tmp_path, monkeypatch):
    monkeypatch.setattr(extractor, "predict", fake)
    note, source = "x" * 200_000, tmp_path / "in.jsonl"
    with open(source, "w", encoding="utf-8") as stream:
        for i in range(1000):
            stream.write(json.dumps({"text": "头疼时吃止痛片。", "note": f"{i} {note}"}) + "\n")
    own = psutil.Process()
    before, most = own.memory_info().rss, 0

    def watched(*given):
        nonlocal most
        for line in streams_answers(*given):
            most = max(most, own.memory_info().rss)
            yield line

    streams_answers = streams._answers
    monkeypatch.setattr(streams, "_answers", watched)
    assert predict_file(model, Source(str(source)), str(tmp_path / "out.jsonl")).documents == 1000
    assert (tmp_path / "out.jsonl").stat().st_size > 2e8 and most - before < 1e8


def test_a_text_is_read_about_once_whatever_its_length(model, monkeypatch):
    read = []

    def counted(head, documents, accelerator):
        read.extend(len(d.text) for d in documents)
        return fake(head, documents, accelerator)

    monkeypatch.setattr(extractor, "predict", counted)
    for length in (1_000_000, 4_000_000):
        read.clear()
        (found,) = model.predict(["止痛片治头疼。，" * (length // 8)])
        assert length <= sum(read) < 1.2 * length
        assert len(found.text) == length and found.entities[-1].end > length - 100
        assert len({s.start for s in found.entities}) == len(found.entities) > length / 45
