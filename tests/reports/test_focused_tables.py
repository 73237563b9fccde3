"""Tables and claims of the chapter on focused attention, on records made by hand and on what the paper prints."""

import copy

import made
import pandas as pd
import pytest

from relex.corpora import Corpus
from relex.documents import Document, Relation, RelationType, Schema, Span
from relex.experiments import focused
from relex.figures import plots
from relex.figures.style import use_style
from relex.reports import claims, compare, printed, results, tables
from relex.reports import focused as focused_tables


def record(row, corpus="casmed", seed=0, tasks="joint", experiment="focused_main", correct=1, **config):
    """A record of 400 documents with two gold and two predicted items each, of which `correct` are right."""
    has = {"joint": ("ner", "re", "given", "kept"), "ner": ("ner",), "rc": ("re", "given", "kept"), None: ("ner", "re")}
    metrics = {f"{focused_tables.METRIC[t]}.{s}": correct / 2 for t in has[tasks] for s in printed.PRF}
    changes = {"corpus": corpus, "stand_in": corpus != "casmed", "metrics": metrics | {"re.strict.f1": correct / 2}}
    if tasks is None:
        head = {"dictionary": "dictionary", "schema only": "schema_only"}[row]
        return made.counted(row, correct / 2, head=head, **changes) | {"experiment": experiment}
    return made.record(row, correct / 2, seed, task=tasks, **changes, **config) | {"experiment": experiment}


BARS = [record("dictionary", tasks=None, correct=0.2), record("schema only", tasks=None, correct=0.4)]


def test_printed_rows():
    assert printed.rows("focused", "ner")["RDCNN"] == {
        "ner.strict.p": 96.49, "ner.strict.r": 94.90, "ner.strict.f1": 95.69,
    }  # fmt: skip
    given = printed.rows("focused", "rc_gold_entities")["CNN"]
    assert given["given.re.strict.f1"] == given["kept.re.strict.f1"] == 94.86
    assert printed.rows("focused", "joint")["Focused"]["re.strict.r"] == 82.54
    ablation = printed.rows("focused", "ablation")
    assert "ner.strict.f1" not in ablation["only RC"] and ablation["only RC"]["given.re.strict.f1"] == 95.62
    assert set(printed.rows("focused", "k_and_mask")) == set(focused.K_AND_MASK)
    assert set(printed.rows("focused", "ablation")) == set(focused.ABLATION)
    for table in ("ner", "rc_gold_entities", "joint"):
        assert set(printed.rows("focused", table)) <= {"Focused", *focused.BASELINES}


def test_a_table_has_who_does_the_task_from_what_it_is_given():
    records = [
        record("Focused"), record("Bi-LSTM", tasks="ner"), record("CNN", tasks="rc"), record("dictionary", tasks=None),
        record("schema only", tasks=None),
    ]  # fmt: skip
    rows = {task: results.rows_in_order(focused_tables.of_task(records, task)) for task in focused_tables.TASKS}
    assert rows == {
        "ner": ["Focused", "Bi-LSTM", "dictionary"], "re": ["Focused", "dictionary"],
        "given": ["Focused", "CNN", "schema only"], "kept": ["Focused", "CNN"],
    }  # fmt: skip
    table = focused_tables.scores(printed.rows("focused", "rc_gold_entities"), records, [], "given")
    assert table.loc["schema only", ("F1", tables.RECORDED)] == "50.0"
    assert table.loc["RCN", ("F1", tables.PRINTED)] == "92.19"
    assert ("F1", tables.HERE) not in table.columns
    pairs = [("Focused", "schema only"), ("Focused", "Bi-LSTM")]
    found = compare.differences(records, pairs, compare.GIVEN)
    assert list(found.index) == ["Focused − schema only"] and found["difference"].item() == 0


def grid(correct, seeds=(0, 1)):
    return [
        record(row, seed=seed, experiment="focused_k_mask", correct=correct(**switches), **switches)
        for row, switches in (focused.K_AND_MASK | focused.UNMASKED).items()
        for seed in seeds
    ]


def test_effects_of_mask_and_k_are_of_all_cells():
    records = grid(lambda mask, k=0: 2 if mask == "eq14" else 1)
    found = focused_tables.effects([*BARS, *records], "re")
    assert list(found.index) == ["Eq. 14 − Eq. 13", "K = 4 − K = 2", "K = 6 − K = 4", "K = 6 − K = 2"]
    assert found["difference"].tolist() == pytest.approx([0.5, 0, 0, 0]) and found["seeds"].tolist() == [2] * 4
    assert found["verdict"].tolist() == ["indicative: higher"] + 3 * ["indicative: within the noise"]
    assert focused_tables.effects(records[:3], "re").empty
    longer = record("K2-eq14, longer", mask="eq14", k=2, correct=0, epochs=60)
    again = focused_tables.effects([*BARS, *records, longer], "re")
    assert again["difference"].tolist() == found["difference"].tolist(), "rows of other epochs are no cell"
    shown = focused_tables.grid(records, "re")
    assert shown.loc[4, ("eq14", "measured")] == "100.0 ± 0.0" and shown.loc[6, ("eq13", tables.PRINTED)] == "91.88"
    assert list(shown.index) == [2, 4, 6]


def test_a_row_whose_runs_find_nothing_has_not_learned_be_it_a_control_or_not():
    rows = {"joint": 2, "only RC": 0, "none": 0}
    records = [
        record(row, seed=s, correct=n, mask="none" if row == "none" else "eq14")
        for row, n in rows.items()
        for s in range(3)
    ]
    found = compare.differences([*BARS, *records], [("joint", "only RC"), ("joint", "none")], compare.GIVEN)
    assert found["verdict"].tolist() == ["not learned", "not learned"]
    assert found["difference"].tolist() == pytest.approx([1, 1])
    assert "control" in found["reason"].iloc[1]
    some = [record("only RC", seed=s, correct=2 * (s < 2)) for s in range(3)]
    found = compare.differences([*BARS, *records[:3], *some], [("joint", "only RC")], compare.GIVEN)
    assert found["verdict"].item() == "no verdict" and "scatter" in found["reason"].item(), "one of three collapsed"


def test_every_run_and_every_printed_cell_is_drawn():
    table = focused_tables.cells(grid(lambda mask, k=0: 2 if mask == "eq14" else 1))
    assert table["printed"].sum() == 12 and (~table["printed"]).sum() == 24, "six cells, two tasks, two seeds"
    measured = table[~table["printed"]].groupby("mask")["score"].mean()
    assert measured.to_dict() == {"Eq. 13": 0.5, "Eq. 14": 1.0}
    use_style()
    panels = plots.k_and_mask(table, "grid").axes
    assert [axes.get_title("left") for axes in panels] == [focused_tables.TASKS[task] for task in ("ner", "re")]
    full = [line for line in panels[1].lines if line.get_linestyle() == "-"]
    assert [line.get_ydata().tolist() for line in full] == [[0.5] * 3, [1.0] * 3]
    dotted = [line for line in panels[1].lines if line.get_linestyle() == ":" and len(line.get_ydata())]
    assert dotted[1].get_ydata()[1] == pytest.approx(0.9218), "K = 4 under Eq. 14, as printed"


def test_how_fine_the_instrument_is():
    shown = printed.rows("focused", "ablation")
    records = [record("joint", correct=2), record("only RC", correct=1)]
    found = focused_tables.differences(records, "given", [("joint", "only RC")], shown)
    found[["low", "high"]] = 0.4, 0.6
    counted = {"counts": {"re.strict.tp": 30, "re.strict.fn": 10, "ner.strict.tp": 7, "ner.strict.fn": 3}}
    table = focused_tables.resolution(found, counted, "given", focused_tables.OF_OTHERS)
    assert list(table) == ["± points", "± items, of 40", "printed, in items of 126"]
    assert table.loc["joint − only RC"].tolist() == ["10.0", "4", "+1.0"]
    assert list(focused_tables.resolution(found, counted, "ner")) == ["± points", "± items, of 10"]


def test_differences_have_what_is_printed_beside_them():
    records = [*BARS, *(record(row, seed=s, correct=n) for row, n in (("joint", 2), ("only RC", 1)) for s in range(3))]
    pairs = [("joint", "only RC"), ("joint", "unknown")]
    found = focused_tables.differences(records, "given", pairs, printed.rows("focused", "ablation"))
    assert found.index.tolist() == ["joint − only RC"] and found["printed"].item() == pytest.approx(0.0082)
    assert focused_tables.differences(records, "given", pairs)["printed"].isna().all()


def test_tables_of_differences_are_told_and_drawn_by_corpus_and_task():
    records = [*BARS, *(record(row, seed=s, correct=n) for row, n in (("joint", 2), ("only RC", 1)) for s in range(3))]
    pair = ("joint", "only RC")
    found = {
        ("casmed", "given"): focused_tables.differences(records, "given", [pair]),
        ("arteriography", "given"): focused_tables.differences([], "given", [pair]),
    }
    head, table, summary, other, nothing = focused_tables.told(found)
    assert head == focused_tables.heading("casmed", "given") and head.endswith("relations of given entities**")
    assert table.loc["joint − only RC", "verdict"] == "higher" and "1 *higher*" in summary
    assert "arteriography" in other and nothing == "There is nothing to compare."
    use_style()
    assert len(list(focused_tables.drawn(found))) == 1
    claims = {"both help": ("given", [pair]), "of another task": ("ner", [pair])}
    lines = focused_tables.answers(claims, found).splitlines()
    assert lines[0] == "- *both help*" and lines[1].endswith("(measured +50.0): **stands**.")
    assert lines[2].endswith(": untested here (not recorded).") and lines[3:] == ["- *of another task*"]
    told = focused_tables.each_line(found, "given").splitlines()
    assert told[0].endswith(": joint − only RC: higher.") and told[1].endswith(": not recorded.")


def test_an_answer_has_printed_differences_with_two_digits():
    records = [record(row, seed=s) for row in ("joint", "only RC") for s in range(2)]
    pair = [("joint", "only RC")]
    found = focused_tables.differences(records, "given", pair, printed.rows("focused", "ablation"))
    text = focused_tables.answers({"both help": ("given", pair)}, {("casmed", "given"): found})
    assert "(printed +0.82; measured 0.0): cannot be told (no bar recorded)." in text


def test_precision_on_kept_pairs_is_told_where_pairs_were_left_out():
    whole, cut = record("CNN", tasks="rc"), record("CNN", tasks="rc", negative_share=0.15)
    cut["metrics"] |= {"given.re.strict.p": 0.7, "kept.re.strict.p": 0.9}
    assert focused_tables.asked([whole]) == ("given",) and focused_tables.asked([whole, cut]) == ("given", "kept")
    text = focused_tables.thinned([cut], ["CNN", "RCN"])
    assert text.splitlines()[-1] == "- CNN: a precision of 90.0 on kept pairs and 70.0 on all pairs."
    assert focused_tables.thinned([whole], ["CNN", "RCN"]) == ""


def test_runs_that_found_nothing_are_counted():
    runs = [record("only RC", seed=s, correct=s) for s in range(3)]
    assert focused_tables.found_nothing([*BARS, *runs]).endswith(": *only RC*, 1 of 3.")
    assert focused_tables.found_nothing([*BARS, *runs[1:]]).endswith(": none.")


def test_one_model_takes_the_time_of_two():
    runs = {
        row: record(row) | {"time": {"train_s": s}} for row, s in (("only NER", 60), ("only RC", 40), ("joint", 75))
    }
    assert "took 100 s a seed, together 75 s, 75% of it" in focused_tables.time_together(list(runs.values()))
    assert focused_tables.time_together([runs["joint"]]) == ""


def test_what_tags_and_pairs_cannot_hold_is_shown_by_part():
    counts = {f"{part}.{name}": n for part, n in (("train", 2), ("test", 0)) for name in focused_tables.LOST}
    table = focused_tables.held({"counts": counts | {"n": 400}})
    assert table.loc["entities that overlap another"].tolist() == [2, 0] and list(table.index) == list(
        focused_tables.LOST.values()
    )


def test_attention_is_shown_in_percent():
    index = pd.MultiIndex.from_tuples([("after", 6)], names=["moment", "layer"])
    table = focused_tables.attended(pd.DataFrame({"cls": 0.25, "even": 0.5, "documents": 8.0, "pairs": 30.0}, index))
    assert table.loc[("after", 6)].tolist() == ["25.0", "50.0", 8, 30] and "texts" in table


def test_recalls_tell_how_many_relations_there_were():
    table = focused_tables.recalls()
    assert table["fit 126"].tolist() == [4, 2, 0, 2] and table["fit 190"].tolist() == [0, 0, 6, 0]
    assert printed.fitting([82.54, 81.75], focused_tables.OF_OTHERS) == 2
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


def claims_page(*records):
    return claims.claims_page("focused", lambda name: [copy.deepcopy(r) for r in records if r["experiment"] == name])


def test_claims_on_the_mask_and_k_are_of_all_cells():
    bars = [one | {"experiment": "focused_k_mask"} for one in BARS]
    page = claims_page(*bars, *grid(lambda mask, k=0: 2 if mask == "eq14" else 1))
    mask = "the mask matters: Eq. 14 above Eq. 13, all K together (ours)"
    k = "… K = 6 above K = 2, both masks together (ours)"
    assert line(page, mask)[3].startswith("+50.0 (+4") and line(page, mask)[1] == "indicative: yes"
    assert line(page, k)[3].startswith("0.0 ") and line(page, k)[1] == "indicative: cannot be distinguished from zero"
    assert "Seeds of a trained row: focused_k_mask 2." in page, "of the runs, not of those that are pooled"
    page = claims_page(*grid(lambda mask, k=0: 2 if mask == "eq14" else 1))
    assert line(page, mask)[1] == "no verdict (no bar recorded)"


def test_a_recorded_claim_has_its_difference_and_verdict():
    others = [
        record(row, tasks="ner", correct=n, seed=s) for row, n in (("Bi-LSTM", 1), ("RDCNN", 2)) for s in range(3)
    ]
    page = claims_page(*BARS, *(record("Focused", correct=2, seed=s) for s in range(3)), *others)
    assert "focused_main 3 to 4" in claims.seeds_of_rows({"focused_main": [*others, record("RDCNN", seed=3)]})
    _, verdict, printed, recorded = line(page, "entities: focused above Bi-LSTM")
    assert printed == "+2.63" and recorded.startswith("+50.0 (+4") and verdict == "yes"
    assert line(page, "… above RDCNN")[1] == "cannot be distinguished from zero"
    assert line(page, "entities: focused above Bi-LSTM", 1)[1] == "not recorded"
