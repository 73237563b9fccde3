"""`relex evaluate`: scores as the metrics have them, matched by id, with intervals and calibration."""

import json
import random
import sys

import numpy as np
import pytest

from relex import cli
from relex.documents import Document, infer_schema
from relex.errors import RelexError
from relex.evaluation import extraction
from relex.use.evaluation import MODES, evaluate_files

TEXT = "zorb treats quell and mip"
ZORB, QUELL, MIP = (0, 4, "drug"), (12, 17, "illness"), (22, 25, "drug")


def document(name, entities=(), relations=(), text=TEXT):
    """A line: entities as (start, end, type, score?) and relations as (head, tail, type, score?)."""
    return {
        "id": name, "text": text,
        "entities": [dict(zip(("start", "end", "type", "score"), entity, strict=False)) for entity in entities],
        "relations": [dict(zip(("head", "tail", "type", "score"), one, strict=False)) for one in relations],
    }  # fmt: skip


GOLD = [
    document("a", [ZORB, QUELL], [(0, 1, "treats")]),
    document("b", [ZORB, QUELL, MIP], [(0, 1, "treats"), (2, 1, "causes")]),
]
FOUND = [
    document("b", [(*MIP, 0.75), (12, 15, "illness", 0.25)], [(0, 1, "causes", 0.35)]),
    document("a", [(*QUELL, 1), (*ZORB, 0.9)], [(1, 0, "treats", 0.8), (0, 1, "treats", 0.05)]),
]


@pytest.fixture
def files(tmp_path):
    """Function (gold lines, found lines) → two files."""

    def write(gold=GOLD, found=FOUND):
        for name, lines in (("gold", gold), ("found", found)):
            content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            (tmp_path / f"{name}.jsonl").write_text(content, encoding="utf-8")
        return tmp_path / "gold.jsonl", tmp_path / "found.jsonl"

    return write


def drawn(documents=60):
    """Gold and found lines of which about half are right."""
    rng = random.Random(1)
    gold, found = [], []
    for i in range(documents):
        spans = [(5 * j, 5 * j + 3, rng.choice(["drug", "illness", "organ"])) for j in range(4)]
        pairs = [(0, 1, rng.choice(["treats", "causes", "needs"])), (2, 3, "treats")]
        gold.append(document(str(i), spans, pairs, "x" * 30))
        changed = [(start, end + rng.choice([0, 0, 1]), rng.choice([kind, "drug"])) for start, end, kind in spans]
        kept = [(head, tail, rng.choice([name, "causes"])) for head, tail, name in pairs if rng.random() < 0.8]
        found.append(document(str(i), changed, kept, "x" * 30))
    return gold, found


def test_by_hand(files):
    told = evaluate_files(*files())
    assert told["documents"] == 2
    strict, boundaries, relaxed = (told["entities"][mode] for mode in MODES)
    assert (strict["p"], strict["r"]) == (boundaries["p"], boundaries["r"]) == pytest.approx((3 / 4, 3 / 5))
    assert (relaxed["p"], relaxed["r"]) == pytest.approx((1, 4 / 5))
    assert strict["macro_f1"] == pytest.approx((4 / 5 + 1 / 2) / 2) and "macro_f1" not in boundaries
    strict, boundaries, relaxed = (told["relations"][mode] for mode in MODES)
    assert (strict["p"], strict["r"], strict["f1"]) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert (relaxed["p"], relaxed["r"], relaxed["f1"]) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert boundaries["f1"] == strict["f1"]
    assert told["by_type"]["relations"] == {
        "treats": {"gold": 2, "found": 2, "p": 0.5, "r": 0.5, "f1": 0.5},
        "causes": {"gold": 1, "found": 1, "p": 0.0, "r": 0.0, "f1": 0.0},
    }
    assert list(told["by_type"]["entities"]) == ["drug", "illness"]


def as_given(error, scored, found):
    """The calibration of too few scores for a temperature."""
    both = {"before": pytest.approx(error), "after": pytest.approx(error)}
    return both | {"temperature": 1.0, "scored": scored, "found": found}


def test_calibration_by_hand(files):
    told = evaluate_files(*files())["calibration"]
    # Each is alone in its bin: 1, 0.9 and 0.75 are right, 0.25 is wrong.
    assert told["entities"] == as_given((0.1 + 0 + 0.25 + 0.25) / 4, 4, 4)
    assert told["relations"] == as_given((0.2 + 0.05 + 0.35) / 3, 3, 3)


def test_calibration_of_what_has_scores_each_once(files):
    line = document("a", [(*ZORB, 0.5), (*ZORB, 0.75), MIP, QUELL], [(0, 3, "treats")])
    line["entities"].append({"start": -1, "end": -1, "type": "drug", "mention": "zorb", "score": 1})
    absent = document("a", [ZORB])
    absent["entities"].append(line["entities"][-1])
    told = evaluate_files(*files([absent], [line]))["calibration"]
    # An entity that the text lacks is never right by strict match, as in the scores.
    assert told == {"entities": as_given((0.25 + 1) / 2, 2, 4)}
    assert evaluate_files(*files(GOLD, GOLD))["calibration"] == {}


def test_scores_are_those_of_the_metrics_and_lie_in_their_intervals(files):
    gold, found = drawn()
    told = evaluate_files(*files(gold, random.Random(2).sample(found, len(found))))
    documents = [[Document.from_json(line) for line in lines] for lines in (gold, found)]
    metrics, _ = extraction.evaluate(*documents, infer_schema(sum(documents, [])), set())
    for what, short in (("entities", "ner"), ("relations", "re")):
        for mode in MODES:
            scores = told[what][mode]
            for name in ("p", "r", "f1", "macro_p", "macro_r", "macro_f1"):
                assert scores.get(name) == metrics.get(f"{short}.{mode}.{name}")
            for name in ("f1", "macro_f1"):
                if name in scores:
                    low, high = scores[f"{name}_interval"]
                    assert 0 <= low < scores[name] < high <= 1 and high - low < 0.4
    assert told["relations"]["strict"]["f1"] < told["relations"]["relaxed"]["f1"] < 1


def test_the_order_of_the_files_says_nothing(files):
    gold, found = drawn(20)
    assert evaluate_files(*files(gold, found)) == evaluate_files(*files(gold, found[::-1]))


def test_gold_against_itself_is_right(files):
    told = evaluate_files(*files(GOLD, GOLD[::-1]))
    for what in ("entities", "relations"):
        assert all(scores["f1"] == 1 and scores["f1_interval"] == [1, 1] for scores in told[what].values())


def test_documents_without_anything(files):
    told = evaluate_files(*files([document("a")], [document("a")]))
    assert told["entities"]["strict"]["f1"] == 0 and told["by_type"] == {"entities": {}, "relations": {}}


def test_documents_of_classification(files):
    gold = [document(str(i), [ZORB, QUELL], [(0, 1, name)]) for i, name in enumerate(("treats", "treats", "causes"))]
    found = [document(str(i), [ZORB, QUELL], [(0, 1, "treats", 0.9)]) for i in range(3)]
    told = evaluate_files(*files(gold, found))
    assert told["entities"]["strict"]["f1"] == 1 and told["relations"]["strict"]["f1"] == pytest.approx(2 / 3)
    assert told["calibration"] == {"relations": as_given(0.9 - 2 / 3, 3, 3)}


# What does not work: one sentence each


@pytest.mark.parametrize(
    ("gold", "found", "reason"),
    [
        ([], FOUND, "gold.jsonl has no documents"),
        (GOLD, [], "found.jsonl has no documents"),
        (GOLD, FOUND[:1], "found.jsonl lacks document 'a' of .*gold.jsonl; every gold document needs an answer"),
        ([*GOLD, document("c"), document("d")], FOUND, "lacks 2 documents, such as 'c', of .*gold.jsonl"),
        (GOLD[:1], FOUND, "gold.jsonl lacks document 'b' of .*found.jsonl; remove"),
        (GOLD, [FOUND[0], document("a", text="another")], "document 'a' has one text in .* and another in"),
        (GOLD, [*FOUND, FOUND[0]], "found.jsonl, line 3: id 'b' occurs twice"),
        ([*GOLD, GOLD[0]], FOUND, "gold.jsonl, line 3: id 'a' occurs twice"),
        (GOLD, [document("a", [(*ZORB, 2)])], "found.jsonl, line 1: the score '2' is no number from 0 to 1"),
        ([document("x" * 100_000)], FOUND, "lacks document 'x{80}…'"),
    ],
)
def test_files_that_do_not_match(files, gold, found, reason):
    with pytest.raises(RelexError, match=reason) as error:
        evaluate_files(*files(gold, found))
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


def relex(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["relex", "evaluate", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    return exit_.value.code or 0


def test_the_command(files, monkeypatch, capsys):
    gold, found = files()
    assert relex(monkeypatch, gold, found) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1][:5] == ["entities", "strict", "75.0", "60.0", "66.7"] and lines[2][-4:] == ["–"] * 4
    assert ["treats", "2", "2", "50.0", "50.0", "50.0"] in lines
    assert (
        lines[-2]
        == (
            "expected calibration error of entities: 15.0; with the temperature 1, the best one here, 15.0 "
            "(4 of 4 entities have a score; 10 bins)"
        ).split()
    )
    assert relex(monkeypatch, gold, found, "--json") == 0
    assert json.loads(capsys.readouterr().out) == evaluate_files(gold, found)
    assert relex(monkeypatch, gold, gold.with_name("none.jsonl")) == 2
    error = capsys.readouterr().err
    assert error.startswith("relex: cannot read") and error.count("\n") == 1


def test_many_documents_in_seconds(files):
    gold, found = drawn(2_000)
    told = evaluate_files(*files(gold, found))
    low, high = told["relations"]["strict"]["f1_interval"]
    assert high - low < 0.05 and np.isfinite([low, high]).all()
