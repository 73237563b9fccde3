"""The published records: their names follow from their configs, and their figures from the answers that they hold."""

import json
import re
from pathlib import Path

import pytest

from relex.reports import compare
from relex.runs.config import Config

RESULTS = Path(__file__).parents[2] / "book" / "results"
EXPERIMENTS = sorted(path.name for path in RESULTS.iterdir() if path.is_dir())


def records(experiment):
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((RESULTS / experiment).glob("*.json"))]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_keys_are_those_of_the_configs(experiment):
    for record in records(experiment):
        assert Config.from_json(record["config"]).key(record["corpus"]["fingerprint"]) == record["run"]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_figures_are_those_of_the_answers(experiment):
    found = 0
    for record in records(experiment):
        for score in compare.SCORES.values():
            if score.applies(record):
                named = "re.strict.f1" if record["config"]["head"] in compare.ON_GOLD else score.metric
                assert score.of_runs([record])[0] == pytest.approx(record["metrics"][named], abs=1e-6), record["run"]
                found += 1
    assert found >= len(records(experiment)) * 0.9


def test_the_chapter_on_focused_attention_names_the_split_of_its_records():
    recorded = [r["config"] for name in EXPERIMENTS if name.startswith("focused_") for r in records(name)]
    splits = sorted({config["split"] for config in recorded if config["corpus"] == "casmed"})
    chapter = (RESULTS.parent / "focused-attention.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"\*\*The recorded runs on casmed are of the splits? (.*?)\*\*", chapter)
    assert sorted(re.findall(r"`(\w+)`", told)) == splits
