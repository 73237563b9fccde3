"""Tables and claims of the chapter on focused attention, on records made by hand and on what the paper prints."""

import copy

import numpy as np
import pytest

from relex import figures
from relex.corpora import Corpus
from relex.documents import Document, Relation, RelationType, Schema, Span
from relex.experiments import focused, focused_claims, focused_tables, span_tables, tables

COUNTS = {"ner": "_ner", "re": "_strict", "given": "_given", "kept": "_kept"}


def record(row, corpus="casmed", seed=0, tasks="joint", experiment="focused_main", correct=1, **config):
    """A record of twenty documents with two gold and two predicted items each, `correct` right ones in each."""
    has = {"joint": COUNTS, "ner": ["ner"], "rc": COUNTS, None: ["ner", "re"]}[tasks]
    answers, metrics = {"unseen": "1" * 20}, {}
    for task in has:
        for name, number in (("gold", 2), ("predicted", 2), ("correct", correct)):
            answers[f"{name}{COUNTS[task]}"] = " ".join([str(number)] * 20)
        metrics |= {f"{focused_tables.METRIC[task]}.{s}": correct / 2 for s in focused_tables.SCORES}
    for name, number in (("gold", 2), ("predicted", 2), ("correct", correct)):  # relations of a record that only tags
        answers.setdefault(f"{name}_strict", " ".join([str(number)] * 20))
    metrics.setdefault("re.strict.f1", 0.0)
    own = {
        "row": row, "seed": seed, "corpus": corpus, "profile": "cpu", "split": "distinct", "unit": "", "align": "",
        "encoder": "e", "layers": 12, "epochs": 6, "train_limit": 0,
    } | config | ({} if tasks is None else {"tasks": tasks})  # fmt: skip
    return {
        "experiment": experiment, "run": f"{row} {seed}", "commit": "", "date": "", "time": {}, "config": own,
        "corpus": {"name": corpus, "stand_in": corpus != "casmed", "sizes": {"train": 9}}, "metrics": metrics,
        "counts": {"n": 20}, "machine": {"device": "cpu", "cpu": "1 × c"}, "answers": answers,
    }  # fmt: skip


def test_printed_rows():
    assert focused_tables.printed("ner")["RDCNN"] == {
        "ner.strict.p": 96.49, "ner.strict.r": 94.90, "ner.strict.f1": 95.69,
    }  # fmt: skip
    given = focused_tables.printed("rc_gold_entities")["CNN"]
    assert given["given.re.strict.f1"] == given["kept.re.strict.f1"] == 94.86
    assert focused_tables.printed("joint")["Focused"]["re.strict.r"] == 82.54
    ablation = focused_tables.printed("ablation")
    assert "ner.strict.f1" not in ablation["only RC"] and ablation["only RC"]["given.re.strict.f1"] == 95.62
    assert set(focused_tables.printed("k_and_mask")) == set(focused.K_AND_MASK)
    assert set(focused_tables.printed("ablation")) == set(focused.ABLATION)
    for table in ("ner", "rc_gold_entities", "joint"):
        assert set(focused_tables.printed(table)) <= {"Focused", *focused.BASELINES}


def test_a_table_has_who_does_the_task_from_what_it_is_given():
    records = [
        record("Focused"), record("Bi-LSTM", tasks="ner"), record("CNN", tasks="rc"), record("dictionary", tasks=None),
        record("schema only", tasks=None),
    ]  # fmt: skip
    rows = {task: tables.rows_in_order(focused_tables.of_task(records, task)) for task in focused_tables.TASKS}
    assert rows == {
        "ner": ["Focused", "Bi-LSTM", "dictionary"], "re": ["Focused", "dictionary"],
        "given": ["Focused", "CNN", "schema only"], "kept": ["Focused", "CNN"],
    }  # fmt: skip
    table = focused_tables.scores(focused_tables.printed("rc_gold_entities"), records, [], "given")
    assert table.loc["schema only", ("F1", tables.RECORDED)] == "50.0"
    assert table.loc["RCN", ("F1", tables.PRINTED)] == "92.19"
    assert ("F1", tables.HERE) not in table.columns
    found = focused_tables.differences(records, [("Focused", "schema only"), ("Focused", "Bi-LSTM")], {}, "given")
    assert list(found.index) == ["Focused − schema only"] and found["difference"].item() == 0


@pytest.mark.parametrize("task", ["ner", "re", "given", "kept"])
def test_differences_are_of_the_task_alone(task):
    records = [record("joint", correct=2), record("only RC", correct=2)]
    records[1]["answers"][f"correct{COUNTS[task]}"] = " ".join(["1"] * 20)
    found = focused_tables.differences(records, [("joint", "only RC")], focused_tables.printed("ablation"), task)
    assert found["difference"].item() == pytest.approx(0.5) and found["verdict"].item() == "higher"
    assert np.isnan(found["printed"].item()) == (task in ("ner", "re"))


def grid(correct):
    return [
        record(row, seed=seed, experiment="focused_k_mask", correct=correct(**switches), **switches)
        for row, switches in (focused.K_AND_MASK | focused.UNMASKED).items()
        for seed in (0, 1)
    ]


def test_runs_of_the_grid_are_pooled_in_pairs():
    records = grid(lambda mask, k=0: 2 if mask == "eq14" else 1)
    by_mask = focused_tables.pooled(records, "mask")
    assert sorted(tables.rows_in_order(by_mask)) == ["Eq. 13", "Eq. 14"] and len(by_mask) == 12
    seeds = [[r["config"]["seed"] for r in tables.of_row(by_mask, row)] for row in ("Eq. 13", "Eq. 14")]
    assert seeds[0] == seeds[1] and len(set(seeds[0])) == 6
    found = focused_tables.effects(records, "re")
    assert list(found.index) == ["Eq. 14 − Eq. 13", "K = 4 − K = 2", "K = 6 − K = 4", "K = 6 − K = 2"]
    assert found["difference"].tolist() == pytest.approx([0.5, 0, 0, 0]) and found["seeds"].tolist() == [6, 4, 4, 4]
    of_k = found.loc["K = 6 − K = 2"]
    assert of_k["low"] == of_k["high"] == 0, "what the masks do is no noise in what K does"
    assert focused_tables.effects(records[:3], "re").empty
    alone = [r for r in records if (r["config"]["row"], r["config"]["seed"]) != ("K6-eq13", 1)]
    assert len(focused_tables.pooled(alone, "mask")) == 10 and len(focused_tables.pooled(alone, "K")) == 9
    shown = focused_tables.grid(records, "re")
    assert shown.loc[4, ("eq14", "measured")] == "100.0 ± 0.0" and shown.loc[6, ("eq13", tables.PRINTED)] == "91.88"
    assert list(shown.index) == [2, 4, 6]


def test_a_run_that_finds_nothing_has_failed_but_for_the_control():
    records = [record("joint", correct=2), record("only RC", correct=0), record("none", correct=0)]
    found = focused_tables.differences(records, [("joint", "only RC"), ("joint", "none")], {}, "given")
    assert found["verdict"].tolist() == [span_tables.UNLEARNED, "higher"] and found["difference"].tolist() == [1, 1]


def test_every_run_and_every_printed_cell_is_drawn():
    table = focused_tables.cells(grid(lambda mask, k=0: 2 if mask == "eq14" else 1))
    assert table["printed"].sum() == 12 and (~table["printed"]).sum() == 24, "six cells, two tasks, two seeds"
    measured = table[~table["printed"]].groupby("mask")["score"].mean()
    assert measured.to_dict() == {"Eq. 13": 0.5, "Eq. 14": 1.0}
    panels = figures.k_and_mask(table, "grid").axes
    assert [axes.get_title() for axes in panels] == [focused_tables.TASKS[task] for task in ("ner", "re")]
    full = [line for line in panels[1].lines if line.get_linestyle() == "-"]
    assert [line.get_ydata().tolist() for line in full] == [[0.5] * 3, [1.0] * 3]
    dotted = [line for line in panels[1].lines if line.get_linestyle() == ":" and len(line.get_ydata())]
    assert dotted[1].get_ydata()[1] == pytest.approx(0.9218), "K = 4 under Eq. 14, as printed"


def test_how_fine_the_instrument_is():
    found = focused_tables.differences(
        [record("joint", correct=2), record("only RC", correct=1)], [("joint", "only RC")],
        focused_tables.printed("ablation"), "given",
    )  # fmt: skip
    found[["low", "high"]] = 0.4, 0.6
    table = focused_tables.resolution(found, 40, focused_tables.OF_OTHERS)
    assert table.loc["joint − only RC"].tolist() == ["10.0", "4", "+1.0"]
    assert list(focused_tables.resolution(found, 40)) == ["± points", "± items"]


def test_recalls_tell_how_many_relations_there_were():
    table = focused_tables.recalls()
    assert table["fit 126"].tolist() == [4, 2, 0, 2] and table["fit 190"].tolist() == [0, 0, 6, 0]
    assert span_tables.fitting([82.54, 81.75], focused_tables.OF_OTHERS) == 2
    assert focused_tables.identity_misses().empty


def test_table_one_counts_directions_and_pairs():
    schema = Schema(("Degree", "Location"), (RelationType("Position", (("Location", "Degree"),)),))
    spans = (Span(0, 2, "Location"), Span(2, 4, "Degree"), Span(4, 6, "Location"))
    one = Document("1", "近段狭窄远段", spans, (Relation(0, 1, "Position"), Relation(2, 1, "Position")))
    other = Document("2", "近段狭窄远端", spans, ())
    corpus = Corpus("arteriography", schema, (one,), (other,), (other,), fingerprint="x")
    table = focused_tables.table_one(corpus)
    assert table.loc[("relations", "Position", "e1 to e2")].tolist() == [389, 1]
    assert table.loc[("relations", "Position", "e2 to e1"), "here"] == 1
    assert table.loc[("entities", "Location", "")].tolist() == [461, 6]
    assert table.loc[("pairs", "No Relation", "")].tolist() == [13167, 1 + 3 + 3]


def line(page, start, corpus=0):
    found = [x for x in page.splitlines() if x.startswith(f"| {start} |")]
    return [cell.strip() for cell in found[corpus].split("|")][1:-1]


@pytest.fixture
def publish(monkeypatch):
    def use(*records):
        chosen = lambda name: [copy.deepcopy(r) for r in records if r["experiment"] == name]  # noqa: E731
        monkeypatch.setattr(focused_claims, "published", chosen)

    return use


def test_every_claim_is_of_rows_of_the_grid_and_printed_unless_ours(publish):
    publish()
    rows = [focused.main_rows, focused.grid_rows, focused.ablation_rows]
    of_grid = {c.row for f in rows for corpus in focused.BOTH for c in f("cpu", corpus)}
    of_grid |= {row for pair in focused_claims.POOLED for row in pair} | {*focused.LONGER, *focused.SLOWER}
    assert {row for c in focused_claims.CLAIMS for row in (c.above, c.below)} <= of_grid
    page = focused_claims.claims_page()
    for claim in focused_claims.CLAIMS:
        _, printed, recorded, verdict = line(page, claim.text)
        assert (recorded, verdict) == ("–", "not recorded")
        assert printed == "–" if "ours" in claim.text else float(printed) > 0, "the paper claims what its tables say"
    assert page.count(focused_claims.EVERY_PAIR) == 0 and page.count("the paper's cut") == 1


def test_claims_on_the_mask_and_k_are_of_all_cells(publish):
    publish(*grid(lambda mask, k=0: 2 if mask == "eq14" else 1))
    page = focused_claims.claims_page()
    mask = "the mask matters: Eq. 14 above Eq. 13, all K together (ours)"
    k = "… K = 6 above K = 2, both masks together (ours)"
    assert line(page, mask)[2:] == ["+50.0 (+50.0 … +50.0)", "yes"]
    assert line(page, k)[2].startswith("+0.0 ") and line(page, k)[3].startswith("not to be told")
    assert "Seeds of a trained row: focused_k_mask 2." in page, "of the runs, not of those that are pooled"


def test_a_recorded_claim_has_its_difference_and_verdict(publish):
    others = [record(row, tasks="ner", correct=correct) for row, correct in (("Bi-LSTM", 1), ("RDCNN", 2))]
    publish(record("Focused", correct=2), *others)
    page = focused_claims.claims_page()
    assert "focused_main 1 to 2" in focused_claims.seeds_of_rows({"focused_main": [*others, record("RDCNN", seed=1)]})
    assert line(page, "entities: focused above Bi-LSTM")[1:] == [
        "+2.63", "+50.0 (+50.0 … +50.0)", "yes, in the one seed done",
    ]  # fmt: skip
    assert line(page, "… above RDCNN")[3].startswith("not to be told")
    assert line(page, "entities: focused above Bi-LSTM", 1)[3] == "not recorded"
