"""The page on evidence says what the records say, and of each grid what is due and what is there."""

import copy

import pytest

from relex import corpora
from relex.experiments import evidence, iser, rates, umrc

HISTORY = [{"epoch": 0, "loss": 1.0, "score": 0.5}, {"epoch": 1, "loss": 0.5, "score": 0.6}]


def record(config, experiment, score=0.6, **changes):
    history = copy.deepcopy(HISTORY)
    history[-1]["score"] = score
    return {
        "experiment": experiment, "run": str(hash(config)), "config": config.to_json() | changes, "history": history,
        "metrics": {"macro_f1": score + 0.01, "dev.macro_f1": score}, "time": {"train_s": 1800.0, "predict_s": 0.0},
        "corpus": {"name": "umrc10", "fingerprint": "f", "sizes": {"train": 7000}, "stand_in": False},
        "counts": {"n": 1000},
    }  # fmt: skip


@pytest.fixture
def publish(monkeypatch):
    def use(*records):
        monkeypatch.setattr(
            evidence,
            "published",
            lambda name, profile="cpu": [
                r for r in records if r["experiment"] == name and r["config"]["profile"] == profile
            ],
        )

    return use


def test_without_records_the_page_says_so(publish):
    publish()
    page = evidence.page()
    assert page.count(evidence.NOTHING) == 2
    assert "| encoding_ablation | cpu | 16 | 0 | 0.0 | 0 |" in page


def test_the_best_rate_is_bold_and_the_grid_says_which_it_has(publish):
    runs = [c for c in umrc.RATES.configs("cpu", "umrc10") if c.row.startswith("umrc cls")]
    scores = [0.5, 0.8, 0.7, 0.6]
    publish(*(record(c, "umrc_rates", s) for c, s in zip(runs, scores, strict=True)))
    chosen = f"{rates.chosen('umrc cls')['lr']:.0e}"
    assert f"| umrc cls | 50.0 | **80.0** | 70.0 | 60.0 | {chosen} |" in evidence.page()
    assert "| umrc_rates | cpu | 8 | 4 | 2.0 | 3 |" in evidence.page(), "the first has its best epoch first"


def test_profile_full_has_lines_of_its_own_where_it_has_records(publish):
    runs = [c for p in ("cpu", "full") for c in umrc.RATES.configs(p, "umrc10")]
    publish(*(record(c, "umrc_rates") for c in runs), record(umrc.ENCODING_ABLATION.configs("cpu", "umrc10")[-1], "x"))
    page = evidence.page()
    assert "Profile `cpu`:" in page and "Profile `full`:" in page
    assert "| umrc_rates | cpu | 8 | 8 | 4.0 | 8 |" in page and "| umrc_rates | full | 8 | 8 | 4.0 | 8 |" in page
    assert "| encoding_ablation | full |" not in page


def test_a_system_whose_rate_is_printed_is_no_failure(publish):
    publish(*(record(c, "iser_rates") for c in iser.RATES.configs("full", "interactions")))
    assert "| SpERT | **60.0** | 60.0 | 60.0 | 60.0 | as printed |" in evidence.page()


def test_only_runs_of_the_present_grid_count(publish):
    config = next(c for c in umrc.ENCODING_ABLATION.configs("cpu", "umrc10") if c.row == "qa")
    later = record(config, "encoding_ablation", a_switch_of_a_later_version=True)
    publish(record(config, "encoding_ablation"), record(config, "encoding_ablation", layers=2), later)
    assert "| encoding_ablation | cpu | 16 | 1 | 0.5 | 1 |" in evidence.page()


def test_depth_stands_beside_the_bar(publish):
    runs = [record(c, "encoder_depth", 0.5 + c.layers / 100) for c in umrc.DEPTH.configs("cpu", "umrc10")]
    for run in runs:
        run["answers"] = {"gold": "01", "predicted": "01" if "between" in run["config"]["row"] else "00"}
        run["counts"] |= {"classes": ["a", "b"]}
    publish(*runs)
    page = evidence.page()
    assert "| basic2, 8 layers | 58.0 | 59.0 |" in page
    assert "| the bar: TF-IDF pair+sentence+between | 50.0 | 51.0 |" in page


def test_what_is_due_is_known_without_the_files_of_a_corpus(publish, monkeypatch):
    config = next(c for c in umrc.ENCODING_ABLATION.configs("cpu", "umrc10") if c.row == "qa")
    publish(record(config, "encoding_ablation"))
    monkeypatch.setattr(corpora, "find", lambda name: None)
    table = evidence.grids_table()
    assert table.loc["encoding_ablation", "published"] == 1
    assert (table["runs due"] > 0).all() and {"iser_ablation, conll04", "focused_main, casmed"} <= set(table.index)
