"""The claims of the ISER paper, on records made by hand and on none."""

import copy

import pytest

from relex import book
from relex.experiments import iser, span_claims


def record(experiment, row, correct, corpus="conll04", seed=0):
    """A record of twenty documents with two gold and two predicted triples each, `correct` right ones in each."""
    hits = " ".join([str(correct)] * 20)
    answers = {f"{name}{s}": " ".join("2" * 20) for name in ("gold", "predicted") for s in ("", "_strict", "_ner")}
    f1 = correct / 2
    return {
        "experiment": experiment, "run": f"{row} {seed}", "commit": "", "date": "", "time": {},
        "config": {
            "row": row, "split": "shipped", "seed": seed, "corpus": corpus, "profile": "cpu", "encoder": "e",
            "layers": 6, "epochs": 10, "train_limit": 0, "unit": "", "align": "",
        },
        "corpus": {"name": corpus, "stand_in": corpus != "conll04", "sizes": {"train": 9}},
        "metrics": {"ner.strict.f1": 0.75, "dev.ner.strict.f1": 0.8, "re.strict.f1": f1, "dev.re.strict.f1": f1 / 4},
        "counts": {"n": 20, "ner": {"drug": {}} if corpus == "interactions" else {"Loc": {}, "Org": {}}},
        "machine": {"device": "cpu", "cpu": "1 × c"},
        "answers": answers | {"correct": hits, "correct_strict": hits, "correct_ner": hits, "unseen": "1" * 20},
    }  # fmt: skip


@pytest.fixture
def publish(monkeypatch):
    """Makes records the published ones."""

    def use(*records):
        monkeypatch.setattr(
            span_claims, "published", lambda name: [copy.deepcopy(r) for r in records if r["experiment"] == name]
        )

    return use


def line(page, start):
    return [cell.strip() for cell in next(x for x in page.splitlines() if x.startswith(f"| {start} |")).split("|")][
        1:-1
    ]


def test_every_claim_is_of_rows_that_the_paper_or_the_grid_has():
    empty = dict.fromkeys([c.experiment for c in span_claims.CLAIMS], [])
    for corpus in span_claims.BOTH:
        table = span_claims.claims_table(corpus, empty)
        for text, printed in table["printed"].items():
            assert printed == "–" if "ours" in text else float(printed) > 0, "the paper claims what its tables say"
    rows = [iser.comparison_rows, iser.ablation_rows]
    grid = {c.row for f in rows for profile in ("cpu", "full") for corpus in iser.BOTH for c in f(profile, corpus)}
    assert {row for c in span_claims.CLAIMS for row in (c.above, c.below)} <= grid


def test_without_records_the_page_says_so(publish):
    publish()
    page = span_claims.claims_page()
    lines = 2 * (len(span_claims.CLAIMS) + len(span_claims.RESTS))
    assert page.count("| not recorded |") == lines and page.count(span_claims.NOTHING) == 2
    assert line(page, "ISER is above SpERT")[1:] == ["+3.22", "–", "not recorded"]
    assert line(page, "SpERT")[1:] == ["86.74", "68.31"] and "stand-in" in page


def test_records_decide(publish):
    publish(
        *(record("iser_comparison", row, n, seed=s) for s in (0, 1) for row, n in (("ISER", 2), ("SpERT", 1))),
        *(record("iser_ablation", row, n) for row, n in (("full", 1), ("sea->cls", 2), ("lc->gc", 1))),
        record("iser_ablation", "full", 2, "interactions"), record("iser_ablation", "sea->cls", 1, "interactions"),
    )  # fmt: skip
    page = span_claims.claims_page()
    real, stand_in = page.split("**interactions, a")
    gain = "+50.0 (+50.0 … +50.0)"
    assert line(real, "ISER is above SpERT") == ["ISER is above SpERT", "+3.22", gain, "yes"]
    one = ", in the one seed done"
    assert line(real, "SEA is above [CLS]")[2:] == ["−50.0 (−50.0 … −50.0)", f"**no, the opposite**{one}"]
    assert line(real, "… and above the whole sentence of fused states")[3].startswith("not to be told from zero, in")
    assert line(real, "interactive fusion helps")[3] == "not recorded", "the record of this row is missing"
    assert line(stand_in, "SEA is above [CLS]")[1:] == ["+2.28", gain, "yes, in the one seed done"]
    assert line(real, "SpERT")[1:] == ["86.74", "80.0 ± 0.0", "75.0 ± 0.0", "68.31", "12.5 ± 0.0", "50.0 ± 0.0"]
    assert "2 seeds" in real and "a generated stand-in" in stand_in and span_claims.NOTHING not in page


@pytest.mark.parametrize(
    ("lows", "verdict"),
    [((0.1, 0.2), "yes"), ((0.1, -0.2), "not in every seed"), ((-0.3, -0.2), "**no, the opposite**")],
)
def test_attention_has_to_rest_there_in_every_seed(publish, lows, verdict):
    def rests(low):
        return {
            "queries": "relation",
            "targets": "entities",
            "documents": 9,
            "difference": low,
            "low": low,
            "high": low,
        }

    looks = [
        {"trained": [rests(low)], "fresh fusion": [rests(0.01) | {"queries": "entity"}, rests(0.03)]} for low in lows
    ]
    publish(*(record("iser_attention", "ISER", 1, seed=i) | {"attention": look} for i, look in enumerate(looks)))
    real, stand_in = span_claims.claims_page().split("**interactions, a")
    mean = f"{50 * sum(lows):+.1f}".replace("-", "−")
    assert line(real, "relation queries rest on entities: ISER")[1:] == ["+3.0", mean, verdict]
    assert "entity queries" not in real, "this corpus does not tell which words state a relation"
    assert line(stand_in, "relation queries rest on entities")[3] == "not recorded"


def test_two_rows_of_one_run_say_nothing(publish):
    full, span = record("iser_ablation", "full", 1), record("iser_ablation", "sea of spans", 1)
    publish(full, span | {"run": full["run"]})
    assert line(span_claims.claims_page(), "… for every span above once a sentence (ours)")[3] == "not recorded"
    publish(full, span)
    assert line(span_claims.claims_page(), "… for every span above once a sentence (ours)")[3].startswith("not to be")


def test_the_book_writes_what_the_chapter_includes(publish, tmp_path):
    publish()
    path, _ = book.write_claims(tmp_path)
    assert path == tmp_path / book.EXECUTED / "iser_claims.md"
    assert path.read_text(encoding="utf-8") == span_claims.claims_page()
