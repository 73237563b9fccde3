"""Records: found wherever they are, whole or set aside."""

import json

import pytest

from relex.errors import RelexError
from relex.runs import records

RECORD = {
    "experiment": "one", "run": "abc", "config": {"seed": 0, "profile": "cpu"}, "corpus": {}, "counts": {},
    "metrics": {"accuracy": 0.5}, "time": {}, "machine": {}, "commit": "", "date": records.now(),
    "per_class": {"病因": {"f1": 0.5}},
}  # fmt: skip


def test_write_find_publish(project):
    assert records.find_record("abc") is None
    path = records.write_record(RECORD)
    assert path == project / "runs" / "one" / "abc.json"
    assert records.find_record("abc") == RECORD and records.find_record("ab") is None
    assert "病因" in path.read_text(encoding="utf-8")
    assert records.published("one") == []
    records.publish([RECORD])
    path.unlink()
    assert records.find_record("abc") == RECORD
    assert records.published("one") == [RECORD] and records.published("two") == []


def test_published_records_of_two_profiles_do_not_mix(project):
    runs = [("a", "cpu", 0), ("b", "full", 1), ("c", "full", 0)]
    records.publish(RECORD | {"run": run, "config": {"seed": seed, "profile": p}} for run, p, seed in runs)
    assert [r["run"] for r in records.published("one")] == ["c", "b"]
    assert [r["run"] for r in records.published("one", "cpu")] == ["a"] and not records.published("one", "quick")


def test_what_only_counts_belongs_to_every_profile_without_that_row(project):
    def record(run, profile, row, **more):
        return RECORD | {"run": run, "config": {"seed": 0, "profile": profile, "row": row} | more}

    records.publish([
        record("a", "cpu", "A", epochs=1), record("b", "full", "A", epochs=2), record("c", "full", "look-up"),
        record("d", "cpu", "dictionary"), record("e", "cpu", "schema"), record("f", "full", "schema"),
    ])  # fmt: skip
    for profile, runs in (("", "bcdf"), ("full", "bcdf"), ("cpu", "acde")):
        found = records.published("one", profile)
        assert sorted(r["run"] for r in found) == list(runs)
        assert {r["config"]["profile"] for r in found} == {profile or "full"}
    assert records.published("one", "quick") == []


def test_own_records_come_before_published_ones(project):
    records.publish([RECORD | {"date": "2001-01-01T00:00:00Z"}])
    records.write_record(RECORD)
    assert records.find_record("abc") == RECORD


DAMAGED = [
    *(json.dumps(RECORD | change).encode() for change in (
        {"config": []}, {"config": {}}, {"config": {"seed": "0", "profile": "cpu"}}, {"metrics": None}, {"commit": 3},
    )),
    b"", b"{", b"[]", b"3", b"null", b"\xff\xfe",
    b'"experiment run config corpus metrics counts time machine commit date"',
    json.dumps({k: v for k, v in RECORD.items() if k != "metrics"}).encode(),
    json.dumps(RECORD | {"run": "abd"}).encode(),
    json.dumps(RECORD).encode()[:-9],
    b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED, ids=lambda c: repr(c[:12]))
def test_a_damaged_record_is_set_aside(project, content):
    path = records.write_record(RECORD)
    path.write_bytes(content)
    said = []
    assert records.read_record(path, said.append) is None
    assert not path.exists()
    assert path.with_name("abc.json.damaged").read_bytes() == content
    assert len(said) == 1 and "abc.json.damaged" in said[0] and "again" in said[0]
    assert records.find_record("abc") is None and records.published("one") == []


def test_a_damaged_own_record_leaves_the_published_one(project):
    records.publish([RECORD])
    records.write_record(RECORD).write_text("{")
    assert records.find_record("abc") == RECORD


def test_an_unreadable_record(project):
    path = project / "runs" / "one" / "abc.json"
    path.mkdir(parents=True)
    with pytest.raises(RelexError, match="cannot read record .*abc.json"):
        records.find_record("abc")


def test_machine_commit_and_date(project):
    assert set(records.machine("cpu")) == {"device", "cpu", "torch", "transformers", "python"}
    assert all(isinstance(v, str) and v for v in records.machine("cpu").values())
    assert records.commit() == ""  # no checkout here
    assert len(records.now()) == 20 and records.now().endswith("Z")


def test_a_damaged_record_that_cannot_be_set_aside_is_one_sentence(project, monkeypatch):
    path = records.write_record(RECORD)
    path.write_text("{")

    def refuse(self, target):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "replace", refuse)
    with pytest.raises(RelexError, match=r"abc.json is damaged and cannot be set aside, Permission denied; remove it"):
        records.read_record(path)
