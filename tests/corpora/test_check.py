"""Checking: every problem at once, with file, line and reason."""

import json

import pytest

from relex.corpora.check import check, report
from relex.corpora.readers import umrc10
from relex.errors import RelexError

UMRC_ROW = {"id": 0, "sentence": "甲药可治乙病。", "h": "乙病", "t": "甲药", "r": "药物治疗"}
DOCUMENT = {
    "id": "a", "text": "甲药可治乙病。",
    "entities": [{"start": 4, "end": 6, "type": "病"}, {"start": 0, "end": 2, "type": "药"}],
    "relations": [{"head": 0, "tail": 1, "type": "治疗"}],
}  # fmt: skip


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def documents(folder, **parts):
    for part in ("train", "dev", "test"):
        write(folder / f"{part}.jsonl", parts.get(part, [DOCUMENT]))


def test_good_folders_have_no_problems(tmp_path):
    for name in umrc10.FILES.values():
        write(tmp_path / "umrc" / name, [UMRC_ROW])
    documents(tmp_path / "own")
    assert check(tmp_path / "umrc") == check(tmp_path / "own") == []
    assert report(tmp_path / "umrc").form == "umrc10 folder"
    assert report(tmp_path / "own").sizes == {"train.jsonl": 1, "dev.jsonl": 1, "test.jsonl": 1}
    assert check(tmp_path / "umrc" / "val.jsonl") == check(tmp_path / "own" / "dev.jsonl") == []


def test_all_problems_of_umrc10_come_at_once_in_order(tmp_path):
    write(tmp_path / "train.jsonl", [
        UMRC_ROW, b"{", UMRC_ROW, UMRC_ROW | {"id": 1, "r": "其他"}, {k: v for k, v in UMRC_ROW.items() if k != "h"},
        b"", b"\xff\xfe{}", [1], UMRC_ROW | {"id": 2, "sentence": "半\ud83d"}, UMRC_ROW | {"id": 3, "t": ""},
        UMRC_ROW | {"id": 4},
    ])  # fmt: skip
    write(tmp_path / "val.jsonl", [])
    found = report(tmp_path)
    expected = [
        ("train.jsonl, line 2", "not JSON"), ("train.jsonl, line 3", "occurs twice"),
        ("train.jsonl, line 4", "unknown relation '其他'"), ("train.jsonl, line 5", "field 'h' is missing"),
        ("train.jsonl, line 7", "not UTF-8"), ("train.jsonl, line 8", "expected a JSON object"),
        ("train.jsonl, line 9", "half a surrogate"), ("train.jsonl, line 10", "field 't'"),
        ("val.jsonl", "has no rows"), ("test.jsonl", "cannot read"),
    ]  # fmt: skip
    assert len(found.problems) == len(expected), found.problems
    for problem, (place, reason) in zip(found.problems, expected, strict=True):
        assert place in problem and reason in problem and "\n" not in problem
    assert found.sizes["train.jsonl"] == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text": "甲药"}, "span 4–6 (病) does not lie within the text of 2 characters"),
        ({"relations": [{"head": 0, "tail": 2, "type": "治疗"}]}, "points to entities 0 and 2"),
        ({"entities": [1]}, "expected a JSON object"),
        ({"entities": [{"start": "0", "end": 1, "type": "药"}]}, "field 'start' should be int, not str"),
        ({"id": 7}, "field 'id' should be str, not int"),
        ({"id": "\ud800"}, "half a surrogate pair"),
    ],
)
def test_problems_of_documents_name_file_line_and_reason(tmp_path, change, reason):
    documents(tmp_path, dev=[DOCUMENT, DOCUMENT | {"id": "b"} | change, b"["])
    first, second = check(tmp_path)
    assert "dev.jsonl, line 2" in first and reason in first
    assert "dev.jsonl, line 3" in second and "not JSON" in second


def test_pairs_that_training_lacks_are_notes_and_no_problems(tmp_path):
    turned = DOCUMENT | {"id": "b", "relations": [{"head": 1, "tail": 0, "type": "治疗"}]}
    documents(tmp_path, test=[DOCUMENT, turned])
    found = report(tmp_path)
    assert found.problems == []
    assert found.notes == ["test.jsonl: relations of unseen pairs, which train.jsonl lacks: 1"]


@pytest.mark.parametrize("line", [b'{"id": ' + b"9" * 5000 + b"}", b"[" * 200_000])
def test_json_that_python_refuses_is_a_problem_of_its_line(tmp_path, line):
    documents(tmp_path, test=[DOCUMENT, line])
    (problem,) = check(tmp_path)
    assert "test.jsonl, line 2: not JSON" in problem


def test_schema_file_decides_over_the_training_file(tmp_path):
    documents(tmp_path)
    schema = {"entity_types": ["病"], "relation_types": []}
    (tmp_path / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    problems = check(tmp_path)
    assert len(problems) == 3 and all("unknown entity type '药'" in p for p in problems)
    (tmp_path / "schema.json").write_text("{}", encoding="utf-8")
    (problem,) = check(tmp_path)
    assert "schema.json: not a schema" in problem


def test_empty_and_missing(tmp_path):
    documents(tmp_path, dev=[])
    (tmp_path / "test.jsonl").unlink()
    first, second = check(tmp_path)
    assert "dev.jsonl has no documents" in first and "cannot read" in second and "test.jsonl" in second
    with pytest.raises(RelexError, match="there is no folder or file"):
        check(tmp_path / "other")
