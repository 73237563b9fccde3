"""A study is an experiment's runs of this execution beside its published records."""

import pandas as pd
import pytest
from IPython.display import Markdown

from relex.experiments import study as module
from relex.experiments.study import Study, show


def record(profile, corpus="umrc10", split="shipped", seed=0):
    return {
        "config": {"profile": profile, "corpus": corpus, "split": split, "row": "A", "seed": seed, "train_limit": 0},
        "corpus": {"name": corpus, "stand_in": False, "sizes": {"train": 10}, "fingerprint": "f"},
        "counts": {"n": 5}, "machine": {"device": "cpu", "cpu": "one"}, "metrics": {"f1": 0.5},
    }  # fmt: skip


def test_short_runs_are_evidence_only_where_nothing_is_recorded():
    alone = Study([record("quick")], [])
    assert alone.evidence == alone.here == alone.executed and "no evidence" in alone.introduction()
    beside = Study([record("quick")], [record("cpu"), record("cpu", seed=1)])
    assert beside.here == [] and beside.evidence == beside.recorded and beside.caution() == ""
    assert (
        "**Recorded.** Profile cpu" in beside.introduction() and "**This execution.** Profile" in beside.introduction()
    )


def test_parts_of_a_study_are_studies():
    whole = Study([record("cpu", "duie")], [record("cpu"), record("cpu", split="report"), record("cpu", "duie")])
    assert whole.corpora == ["duie", "umrc10"]
    assert whole.where(split="report") == Study([], [record("cpu", split="report")])
    assert whole.without("duie").corpora == ["umrc10"] and not whole.without("duie").executed
    assert whole.by_corpus() == {name: whole.where(corpus=name) for name in ("duie", "umrc10")}


def test_what_only_counts_can_be_left_out():
    model, counted = record("cpu"), record("cpu")
    model["config"]["epochs"] = 3
    assert Study([counted], [counted, model]).trained() == Study([], [model])


def test_scores_are_printed_recorded_and_here():
    table = Study([record("cpu")], [record("cpu")]).scores({"f1": "F1"}, {"A": {"f1": 60.0}})
    assert table.loc["A"].tolist() == ["60.00", "50.0", "50.0", "1", "1"]


def test_a_study_has_run_and_read(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "run_experiment", lambda *a, **k: asked.append((a, k)) or [record("quick")])
    monkeypatch.setattr(module, "published", lambda name: [record("cpu")])
    found = module.study("one", "quick", "", 0)
    assert asked == [(("one", "quick"), {"corpus": None, "seeds": None})]
    assert (found.executed, found.recorded) == ([record("quick")], [record("cpu")])
    module.study("one", "quick", keep_models=True)
    assert asked[1][1]["keep_models"]


def test_text_is_shown_as_markdown(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    table = pd.DataFrame({"a": [1]})
    show("**bold**", table, "")
    assert [type(x) for x in shown] == [Markdown, pd.DataFrame] and shown[0].data == "**bold**"


def test_a_study_needs_an_experiment_that_is_known():
    with pytest.raises(Exception, match="there is no experiment 'none'"):
        module.study("none", "smoke")
