"""The claims of the papers, on records made by hand and on none."""

import copy

import made
import pytest

from relex.book import build
from relex.experiments import EXPERIMENTS
from relex.reports import claims, families, openings, pooled
from relex.reports.words import points


def record(experiment, row, correct, corpus="conll04", seed=0, **changes):
    """A record of 400 documents, half of which `correct` finds for each triple of two."""
    metrics = {f"{part}{name}": value for part, share in (("", 1), ("dev.", 0.25))
               for name, value in (("ner.strict.f1", 0.75), ("re.strict.f1", correct / 2 * share))}  # fmt: skip
    made_ = made.record(row, correct / 2, seed, corpus=corpus, stand_in=corpus != "conll04", metrics=metrics, **changes)
    return made_ | {"experiment": experiment}


def bar(experiment, corpus="conll04"):
    return made.counted("dictionary", 0.1, corpus=corpus, stand_in=corpus != "conll04") | {"experiment": experiment}


def page(*records, paper="iser"):
    return claims.claims_page(paper, lambda name: [copy.deepcopy(r) for r in records if r["experiment"] == name])


def line(page, start):
    return [cell.strip() for cell in next(x for x in page.splitlines() if x.startswith(f"| {start} |")).split("|")][
        1:-1
    ]


PAPERS = ("umrc", "cbrrel", "iser", "focused")


def of_paper(paper):
    return [(group, claim) for group in families.asked(paper)["groups"] for claim in group["claims"]]


@pytest.mark.parametrize("paper", PAPERS)
def test_every_claim_is_of_rows_that_the_grid_has(paper):
    corpora = list(families.asked(paper)["corpora"])
    later = {"K2-eq13, longer", "K2-eq14, longer", "only RC, lr 1e-4", "joint, lr 1e-4"}  # of grids that were replaced
    for group, claim in of_paper(paper):
        rows_of = EXPERIMENTS[group["experiment"]].rows
        grid = {c.row for profile in ("cpu", "full") for corpus in corpora for c in rows_of(profile, corpus)}
        rows = {claim["above"], claim["below"]} - later
        assert (claim["above"], claim["below"]) in pooled.POOLED or rows <= grid, claim["claim"]


@pytest.mark.parametrize("paper", PAPERS)
def test_without_records_the_page_says_so(paper):
    text, corpora = page(paper=paper), families.asked(paper)["corpora"]
    asked = sum(claim.get("only", corpus) == corpus for _, claim in of_paper(paper) for corpus in corpora)
    rests = len(corpora) * len(claims.RESTS) * (paper == "iser")
    assert text.count("| not recorded |") == asked + rests and text.count(claims.NOTHING) == len(corpora)
    for _, claim in of_paper(paper):
        cells = line(text, claim["claim"])
        assert (cells[2] == "–") == ("ours" in claim["claim"]), "the paper claims what its tables say"


def test_what_papers_print_stands_beside():
    assert line(page(), "ISER is above SpERT")[1:] == ["not recorded", "+3.22", "–"]
    assert line(page(), "SpERT")[1:] == ["86.74", "68.31"] and "stand-in" in page()
    assert line(page(paper="umrc"), "Basic2 outperforms Basic1")[2] == "+1.38"
    assert line(page(paper="cbrrel"), "CBRRel is above CasRel")[2] == "+6.19"
    assert "Focused, every pair" not in page(paper="focused") and page(paper="focused").count("the paper's cut") == 1


def test_records_decide():
    text = page(
        bar("iser_comparison"), bar("iser_ablation"), bar("iser_ablation", "interactions"),
        *(record("iser_comparison", row, n, seed=s) for s in range(3) for row, n in (("ISER", 2), ("SpERT", 1))),
        *(record("iser_ablation", row, n, seed=s) for s in range(2) for row, n in (("full", 1), ("sea->cls", 2))),
        record("iser_ablation", "lc->gc", 1),
        *(record("iser_ablation", row, n, "interactions", seed=s)
          for s in range(3) for row, n in (("full", 2), ("sea->cls", 1))),
    )  # fmt: skip
    real, stand_in = text.split("**interactions, a")
    first, verdict, printed, recorded = line(real, "ISER is above SpERT")
    assert (first, printed, verdict) == ("ISER is above SpERT", "+3.22", "yes") and recorded.startswith("+50.0 (+4")
    assert line(real, "SEA is above [CLS]")[1] == "indicative: no, the opposite"
    assert line(real, "… and above the whole sentence of fused states")[1] == "no verdict (one seed)"
    assert line(real, "interactive fusion helps")[1] == "not recorded", "the record of this row is missing"
    assert line(stand_in, "SEA is above [CLS]")[1] == "On our generated corpus: yes"
    assert line(real, "SpERT")[1:] == ["86.74", "75.0 ± 0.0", "75.0 ± 0.0", "68.31", "12.5 ± 0.0", "50.0 ± 0.0"]
    assert "3 seeds" in real and "a generated stand-in" in stand_in and claims.NOTHING not in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"history": made.RISING}, "no verdict (still rising: ISER)"),
        ({"epochs": 4}, "no verdict (unequal budgets)"),
    ],
)
def test_a_row_that_breaks_a_rule_has_no_verdict_on_the_page(changes, said):
    text = page(
        bar("iser_comparison"), *(record("iser_comparison", "SpERT", 1, seed=s) for s in range(3)),
        *(record("iser_comparison", "ISER", 2, seed=s, **changes) for s in range(3)),
    )  # fmt: skip
    assert line(text, "ISER is above SpERT")[1] == said


def test_a_row_below_the_dictionary_has_not_learned():
    runs = [record("iser_comparison", row, n, seed=s) for s in range(3) for row, n in (("ISER", 0.1), ("SpERT", 1))]
    text = page(bar("iser_comparison"), *runs)
    verdict = line(text, "ISER is above SpERT")[1]
    assert verdict == "not learned (ISER (5.0) is not above dictionary (10.0))"


@pytest.mark.parametrize(
    ("lows", "shuffled", "verdict"),
    [
        ((0.1, 0.2, 0.1), 0.5, "yes"), ((0.01, 0.02, 0.01), 0.5, "hardly"),
        ((0.1, -0.2, 0.1), 0.5, "not in every seed"),
        ((-0.3, -0.2, -0.1), 0.5, "**no, the opposite**"),
        ((0.1, 0.2), 0.5, "indicative: yes"), ((0.1,), 0.5, "no verdict (one seed)"),
    ],
)  # fmt: skip
def test_attention_has_to_rest_there_in_every_seed(lows, shuffled, verdict):
    def rests(low, **changes):
        found = dict.fromkeys(("spread", "difference", "low", "high"), low) | {"shuffled": shuffled}
        found |= {"queries": "relation", "targets": "entities", "documents": 9, "mass": shuffled + low}
        return found | changes

    looks = [{"trained": [rests(low)], "fresh fusion": [rests(0.01, queries="entity"), rests(0.03)]} for low in lows]
    runs = [record("iser_attention", "ISER", 1, seed=i) | {"attention": look} for i, look in enumerate(looks)]
    text = page(bar("iser_comparison"), *runs)
    real, stand_in = text.split("**interactions, a")
    mean = points(sum(lows) / len(lows))
    assert line(real, "relation queries rest on entities: ISER")[1:] == [verdict, "+3.0", mean]
    assert "entity queries" not in real, "this corpus does not tell which words state a relation"
    assert line(stand_in, "relation queries rest on entities")[1] == "not recorded"


def test_two_rows_of_one_run_say_nothing():
    full = [record("iser_ablation", "full", 1, seed=s) for s in range(3)]
    span = [record("iser_ablation", "sea of spans", 1, seed=s) for s in range(3)]
    claim = "… for every span above once a sentence (ours)"
    text = page(bar("iser_ablation"), *full, *(s | {"run": f["run"]} for s, f in zip(span, full, strict=True)))
    assert line(text, claim)[1] == "no verdict (both rows are the same runs)"
    text = page(bar("iser_ablation"), *full, *span)
    assert line(text, claim)[1] == "cannot be distinguished from zero"


def test_the_book_writes_what_the_chapters_include(project):
    pages = build.write_claims(project)
    names = [f"{paper}_{kind}.md" for kind in ("claims", "verdicts") for paper in PAPERS]
    names += [f"{page}_opening.md" for page in openings.pages()]
    assert [path.name for path in pages] == [
        *names, "cbrrel_memory.md", "evidence.md", "audit.md", "ledger.md", "findings.md", "matrix.md",
        "ledger_summary.svg", "matrix.svg", "four_systems.svg",
    ]  # fmt: skip
    assert all(path.is_file() for path in pages)
    assert pages[2].read_text(encoding="utf-8") == page()
