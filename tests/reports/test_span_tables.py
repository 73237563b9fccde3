"""Tables of the chapter on span models, on records made by hand and on what the paper prints."""

import made
import numpy as np
import pytest

from relex.corpora import Corpus
from relex.corpora.generators.interactions import generate as interactions
from relex.documents import Document, Relation, RelationType, Schema, Span
from relex.evaluation import extraction
from relex.heads.span.spans import LOST
from relex.reports import printed, results, span, tables


def record(row, corpus="conll04", seed=0, correct="2 2 2 2", strict="", f1=0.5, profile="cpu", **config):
    """A record of four documents with two gold and two predicted entities and triples each."""
    answers = {name: "2 2 2 2" for name in ("gold", "predicted")} | {"correct": correct, "unseen": "1111"}
    for suffix in ("_ner", "_strict"):
        answers |= {f"gold{suffix}": "2 2 2 2", f"predicted{suffix}": "2 2 2 2", f"correct{suffix}": strict or correct}
    cell, types = {"tp": 4, "fp": 4, "fn": 4}, ("Loc", "Org") if corpus == "conll04" else ("药物",)
    names = [f"{t}.{m}.{macro}f1" for t in ("ner", "re") for m in span.MODES for macro in ("", "macro_")]
    return {
        "config": {"row": row, "corpus": corpus, "seed": seed, "profile": profile, "epochs": 1, **config},
        "corpus": {"name": corpus, "stand_in": corpus != "conll04", "fingerprint": "x"},
        "metrics": dict.fromkeys(names, f1) | {"dev.ner.strict.f1": f1 + 0.1, "dev.re.strict.f1": f1 + 0.2},
        "counts": {"n": 4, "ner": dict.fromkeys(types, cell), "relations.strict": {"拮抗": cell}}
        | {f"{part}.{name}": i for part in ("train", "test") for i, name in enumerate(LOST)},
        "answers": answers,
    }  # fmt: skip


def test_printed_rows_and_their_macro_averages():
    rows = span.printed("conll04", "comparison")
    assert rows["ISER"]["re.strict.f1"] == 71.53 and rows["ISER"]["re.strict.macro_f1"] == 72.77
    assert "ISER-macro" not in rows and "ner.strict.p" not in rows["OneRel"] and rows["OneRel"]["re.strict.r"] == 70.64
    assert span.printed("interactions", "ablation")["full"]["ner.strict.r"] == 97.72
    assert span.printed("jsonl:mine", "comparison") == {}


def test_both_parts_stand_beside_the_print():
    table = span.by_part({"A": {"re.strict.f1": 71.53}}, [record("A")], [record("B", f1=0.2)])
    assert table.loc["A", ("relations", tables.PRINTED, "“test”")] == "71.53"
    assert table.loc["A", ("relations", tables.RECORDED, "dev")] == "70.0"
    assert table.loc["A", ("entities", tables.RECORDED, "test")] == "50.0"
    assert table.loc["B", ("relations", tables.HERE, "dev")] == "40.0"
    assert ("entities", tables.PRINTED, "“test”") not in table
    dev = tables.comparison(span.STRICT["re"], {"A": {"re.strict.f1": 71.53}}, [record("A")], [], "dev.")
    assert dev.loc["A", [("F1", tables.PRINTED), ("F1", tables.RECORDED)]].tolist() == ["71.53", "70.0"]


def test_modes_are_of_trained_rows():
    baseline = record("look-up")
    del baseline["config"]["epochs"]
    table = span.modes([baseline, record("A", f1=0.25)])
    assert list(table.columns) == ["A"] and table.shape[0] == 12 and (table == "25.0").all(axis=None)


def test_real_corpora_come_first():
    mixed = [record("A", "interactions"), record("A", "jsonl:mine"), record("A")]
    assert results.corpora_of(mixed) == ["conll04", "interactions", "jsonl:mine"]


def test_types_with_their_names_in_the_paper():
    shown = span.by_type([record("A", "interactions"), record("B", "interactions")], "A", "B", "re")
    assert shown.loc["拮抗 (Antagonism)"].tolist() == [8, "50.0", "50.0", "0.0", "–"]
    assert span.by_type([record("A")], "A", "B", "ner").empty


def test_what_candidates_cannot_hold_is_shown_in_full():
    shown = span.not_expressed([record("A")])
    assert shown["test"].tolist() == list(range(len(LOST))) and set(span.MEANING) == set(LOST)


def test_entities_out_of_reach():
    counts = {"ner.strict.tp": 3, "ner.strict.fn": 2} | {f"test.{name}": 1 for name in LOST}
    run = {"config": {"row": "A", "epochs": 1, "max_width": 10}, "counts": counts}
    assert span.out_of_reach([run]) == (
        "Candidates are of up to 10 words. Of 5 gold entities in the test sentences, at most 4 are out of reach."
    )


LEARNED = [made.counted("dictionary", corpus="conll04")]
for name, shares in {"A": (0.8, 0.81, 0.82), "B": (0.6, 0.61, 0.62), "C": (0.8, 0.81, 0.82)}.items():
    LEARNED += made.seeds(name, shares, corpus="conll04")


def test_differences_of_entities_and_relations_with_what_is_printed():
    found = span.differences(LEARNED, [("A", "B")], {"A": {"re.strict.f1": 70.0}, "B": {"re.strict.f1": 68.5}})
    assert list(found) == ["ner", "re"] and found["re"].loc["A − B", "printed"] == pytest.approx(0.015)
    assert found["re"].loc["A − B", "verdict"] == "higher" and np.isnan(found["ner"].loc["A − B", "printed"])


def test_claims_need_all_of_their_pairs():
    pairs = [("A", "B"), ("A", "C")]
    found = {"conll04": span.differences(LEARNED, pairs, {"A": {"re.strict.f1": 70.0}, "B": {"re.strict.f1": 68.5}})}
    said = span.claims({"first": [("A", "B")], "both": pairs, "another": [("A", "D")]}, found, ["re"]).splitlines()
    assert said[:2] == ["- *first*", "  - relations, CoNLL04 (printed +1.50, measured +20.0): **stands**."]
    assert said[3].startswith(
        "  - relations, CoNLL04 (printed +1.50, measured +20.0 and 0.0): cannot be told (above zero: "
    )
    assert said[4:] == ["- *another*", "  - relations, CoNLL04: untested here (not recorded)."]
    assert span.claims({"first": [("A", "B")]}, found).count("\n  - ") == 2


def test_what_a_dearer_row_costs_and_brings():
    def timed(runs, train, predict, device="cpu"):
        return [
            r | {"time": {"train_s": train + i, "predict_s": predict}, "machine": {"device": device}}
            for i, r in enumerate(runs)
        ]

    full, dear = (
        timed(made.seeds(row, (0.8, 0.81, 0.82)), *times) for row, times in (("full", (10, 2)), ("dear", (25, 3)))
    )
    pairs = [("full", "dear"), ("full", "same")]
    found = span.differences([made.counted("dictionary"), *full, *dear], pairs, {})
    told = span.price([*full, *dear], ["dear", "absent"], found)
    assert told.startswith(
        "- Row *dear* takes 2.5 times as long to train and 1.5 times as long to predict as row *full*. Entities: "
    )
    assert "Relations: *full* is 0.0 points above *dear*" in told and "absent" not in told
    elsewhere = timed(dear, 25, 3, "gpu")
    assert "ran on cpu and gpu, so its times do not compare with those of" in span.price(
        [*full, *elsewhere], ["dear"], found
    )
    same = [r | {"config": r["config"] | {"row": "same"}} for r in full]
    assert span.price([*full, *same], ["same"], found) == "- Row *same* is row *full*."
    assert span.price(full, ["dear"], found) == "These records hold no rows of ours."


SCHEMA = Schema(("drug",), (RelationType("raises", (("drug", "drug"),)), RelationType("lowers", (("drug", "drug"),))))


def sentence(number, word, name):
    text = f"alpha {word} beta"
    return Document(str(number), text, (Span(0, 5, "drug"), Span(len(text) - 4, len(text), "drug")), (name,))


def toy():
    words = {"raises": Relation(0, 1, "raises"), "lowers": Relation(1, 0, "lowers")}
    documents = tuple(sentence(i, word, relation) for i in range(6) for word, relation in words.items())
    return Corpus("toy", SCHEMA, documents, documents[:2], documents[:2], fingerprint="x", counts={})


def test_ngrams_of_pairs_tell_relations_and_directions():
    corpus = toy()
    predicted = span.pair_ngrams(corpus)
    assert [d.relations for d in predicted] == [d.relations for d in corpus.test]
    metrics, _ = extraction.evaluate(corpus.test, predicted, corpus.schema, ())
    table = span.difficulty([record("A"), record("look-up")], corpus)
    assert table.index.tolist() == ["look-up", "character n-grams", "A"]
    assert table.loc["character n-grams"].tolist() == ["gold entities", "–", "100.0", "100.0", 2]
    assert metrics["re.strict.f1"] == 1 and table.loc["A", "entities, F1"] == "50.0"


def test_sizes_of_parts():
    shown = span.part_sizes(toy())
    assert shown.loc["train"].tolist() == [12, 24, 12] and shown.loc["test"].to_dict() == {
        "sentences": 2, "entities": 4, "relations": 2
    }  # fmt: skip


def test_f1_that_p_and_r_do_not_give():
    def row(p, r, f1):
        return {"re.strict.p": p, "re.strict.r": r, "re.strict.f1": f1}

    rows = {"right": row(50, 50, 50), "rounded": row(33.33, 66.67, 44.44), "wrong": row(60, 50, 54.6)}
    found = printed.identity_misses(rows | {"outside": row(60, 50, 49.0), "silent": {"re.strict.f1": 3.0}})
    assert [name for name, _ in found.index] == ["wrong", "outside"] and found["outside"].tolist() == [False, True]
    assert printed.identity_misses({}).empty


def test_recalls_tell_how_many_there_were():
    recalls = [round(100 * k / 382, 2) for k in (250, 290, 301, 309, 333)]
    assert printed.fitting(recalls, 382) == 5
    found = printed.recall_totals(recalls, 386)
    assert (found["best total"], found["fit that"]) == (382, 5) and found["fit it"] < 3
    assert found["by chance"] == pytest.approx(5 * 387 / 10_001)


def test_relation_names_of_the_stand_in_are_the_paper_s():
    assert set(interactions.RELATIONS) == {r.name for r in interactions.SCHEMA.relation_types}
    assert np.isfinite([v for row in span.printed("interactions", "ablation").values() for v in row.values()]).all()
