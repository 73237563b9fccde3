"""The audit: a made-up paper of true counts raises nothing, each corrupted cell its finding; then the four papers."""

from collections import Counter

import numpy as np
import pytest

from relex.audits.audit import RULES, audit, checks, leads
from relex.audits.cells import Printed, printed, reported
from relex.audits.findings import STRENGTHS, Case, weaker
from relex.errors import RelexError

PAPERS = ("umrc", "cbrrel", "iser", "focused")
GOLD = {"a": 96, "b": 223}
PAPER = {"title": "Made up", "tables": {"main": "Table 1", "classes": "Table 2", "sizes": "Table 3"}}
BETWEEN = {"rule": "between", "total": "main", "classes": "classes"}
PRECISIONS = {"rule": "precisions", "total": "main", "classes": "classes"}
SHARED = {"rule": "shared", "total": "main", "classes": "classes"}
TOTAL = {"rule": "total", "rows": ["main"], "said": "sizes/gold"}
MISFIT = {"rule": "misfit", "rows": ["main"], "total": 319, "own": [f"s{i}" for i in range(8)]}
IDENTITY = {"rule": "identity"}


def true_tables(seed):
    """Eight systems on 319 gold items of two classes, every cell rounded from counts."""
    rng, values = np.random.default_rng(seed), {"sizes/gold": sum(GOLD.values())}
    for i in range(8):
        right = {c: int(rng.integers(n // 2, n)) for c, n in GOLD.items()}
        found = {c: k + int(rng.integers(3, 40)) for c, k in right.items()}
        for c in GOLD:
            values |= prf(f"classes/s{i}/{c}_", right[c], found[c], GOLD[c])
        values |= prf(f"main/s{i}/", sum(right.values()), sum(found.values()), sum(GOLD.values()))
    return values


def prf(stem, right, found, gold):
    cells = 100 * right / found, 100 * right / gold, 200 * right / (found + gold)
    return {stem + column: round(cell, 2) for column, cell in zip(("p", "r", "f1"), cells, strict=True)}


def findings(values, check, paper=PAPER):
    return [f for f in RULES[check["rule"]](Case(Printed("made up", values), paper, check)) if f is not None]


@pytest.mark.parametrize("seed", range(10))
def test_true_tables_raise_nothing(seed):
    values = true_tables(seed)
    assert not [f for check in (IDENTITY, BETWEEN, PRECISIONS, SHARED, TOTAL, MISFIT) for f in findings(values, check)]


@pytest.mark.parametrize("seed", range(10))
def test_a_corrupted_cell_raises_its_finding_and_no_other_row(seed):
    values = true_tables(seed)
    (found,) = findings(values | {"main/s3/f1": round(values["main/s3/f1"] + 0.3, 2)}, IDENTITY)
    assert found.strength == "decisive" and found.cells == "s3, F1", "above the F1 of P and R"
    (found,) = findings(values | {"main/s3/f1": round(values["main/s3/f1"] - 0.06, 2)}, IDENTITY)
    assert found.strength == "strong" and "means over several runs" in found.left
    low = values | {"main/s3/r": 20.0}
    assert [(f.cells, f.strength) for f in findings(low, BETWEEN)] == [("s3, R", "decisive")]
    assert [f.strength for f in findings(low, SHARED)] == ["decisive"]
    (found,) = findings(values | {"main/s3/p": values["main/s3/p"] - 9}, PRECISIONS)
    assert found.cells == "s3, P and R" and found.strength == "decisive"
    (found,) = findings(values | {"main/s3/r": round(100 * 200.5 / 319, 2)}, MISFIT)
    assert found.cells == "s3" and found.strength == "strong"


def test_a_total_that_is_not_the_printed_one():
    (found,) = findings(true_tables(1) | {"sizes/gold": 324}, TOTAL)
    assert found.strength == "decisive" and "counts of 319 gold items" in found.computed


def test_rows_of_two_parts():
    values = true_tables(2)
    for i in range(4, 8):
        values |= prf(f"main/s{i}/", 150 + 7 * i, 171 + 9 * i, 257)
    groups = {
        name: {"rows": ["main"], "only": [f"s{i}" for i in rows]}
        for name, rows in {"first": range(4), "second": range(4, 8)}.items()
    }
    (found,) = findings(values, {"rule": "apart", "groups": groups, "bound": 500})
    assert found.strength == "decisive" and "first: 4 rows fit 319" in found.computed
    same = {"rule": "apart", "groups": {"one": groups["first"], "again": groups["first"]}, "bound": 500}
    assert not findings(values, same)
    parts = {"here": {"": 319}, "there": {"": 257}}
    found = findings(values, {"rule": "part", "rows": ["main"], "parts": parts, "claimed": "here"})
    assert [f.cells.split(",")[0] for f in found] == ["s4", "s5", "s6", "s7"]
    assert {f.strength for f in found} <= {"strong", "moderate"}, "one column alone decides nothing"


def test_differences_and_sums():
    values = {"main/a/f1": 75.0, "main/b/f1": 70.0, "main/c/f1": 69.0, "sizes/x": 3, "sizes/y": 4, "sizes/all": 7}
    off = {"rule": "difference", "of": "main/a/f1", "minus": "main/b/f1"}
    assert not findings(values, off | {"said": 5.01}), "rounding"
    assert findings(values, off | {"said": 5.02})[0].strength == "weak"
    (found,) = findings(values, off | {"said": 6.0})
    assert found.strength == "decisive" and "It would be so with 69.00 (c, F1)" in found.computed
    assert findings(values, off | {"said": 6.0, "strength": "moderate"})[0].strength == "moderate"
    sums = {"rule": "sums", "parts": ["sizes/x", "sizes/y"], "total": "sizes/all", "cells": "sizes"}
    assert not findings(values, sums) and findings(values | {"sizes/x": 2}, sums)[0].strength == "decisive"
    assert not findings(values, sums | {"parts": "sizes"})


def test_ranks_copies_and_sentences():
    values = {"main/a/f1": 75.0, "main/b/f1": 76.0, "main/a/r": 60.0, "main/b/r": 60.0}
    best = {"rule": "best", "table": "main", "row": "a", "columns": ["f1"], "says": "A is best."}
    assert findings(values, best)[0].computed == "A is best. Above its 75.00 stand b 76.00."
    assert not findings(values, best | {"row": "b"}) and not findings(values, best | {"without": ["b"]})
    copied = {"rule": "copied", "rows": ["main/a", "main/b"], "columns": ["r"], "though": ["f1"]}
    assert findings(values, copied)[0].strength == "strong" and not findings(values, copied | {"columns": ["f1"]})
    above = {"rule": "above", "cells": "a, b", "says": "A above B.", "pairs": [["main/a/f1", "main/b/f1"]]}
    assert findings(values, above)[0].strength == "decisive"
    both = above | {"pairs": [["main/a/f1", "main/b/f1"], ["main/b/f1", "main/a/f1"]]}
    assert findings(values, both)[0].strength == "strong"
    assert not findings(values, above | {"pairs": [["main/b/f1", "main/a/f1"]]})
    same = {"rule": "same", "cells": [["main/a/r", "main/b/r"], ["main/a/f1", "main/b/f1"]]}
    assert len(findings(values, same)) == 1


def test_accuracy_of_one_label():
    values = {"main/a/macro_r": 88.6, "main/a/micro_f1": 88.6}
    check = {"rule": "accuracy", "tables": ["main"], "documents": 1000, "left": "another score"}
    assert not findings(values, check)
    assert "by +0.40 to +0.40" in findings(values | {"main/a/micro_f1": 89.0}, check)[0].computed


def test_an_address_that_is_not_there():
    with pytest.raises(KeyError, match="no cell 'main/z/f1'"):
        findings({}, {"rule": "difference", "of": "main/z/f1", "minus": "main/z/f1", "said": 1})


def test_a_check_can_only_lower_the_strength():
    assert weaker("decisive", "moderate") == "moderate" and weaker("weak", "decisive") == "weak"


def test_every_printed_cell_has_an_address():
    def numbers(content):
        if isinstance(content, dict):
            return sum(map(numbers, content.values()))
        if isinstance(content, list):
            return sum(map(numbers, content))
        return isinstance(content, int | float) and not isinstance(content, bool)

    for paper in PAPERS:
        tables = reported(paper)["tables"]
        shown = printed(paper).values
        assert sum(numbers({k: v for k, v in body.items() if k != "columns"}) for body in tables.values()) == sum(
            address.split("/")[0] in {*tables, "printed_variation"} for address in shown
        ), paper


@pytest.mark.parametrize("paper", PAPERS)
def test_every_table_is_named_and_every_lead_is_answered(paper):
    content = checks()[paper]
    assert {*reported(paper)["tables"]} <= {*content["tables"]}
    noted, answered = reported(paper)["leads_for_the_audit"], leads(paper)
    assert len(noted) == len(answered)
    for lead, one in zip(noted, answered, strict=True):
        assert lead.startswith(one.lead) and one.verdict.split(" in part")[0] in ("confirmed", "rejected")


def test_every_rule_is_used_and_every_check_compares_something():
    used = Counter(check["rule"] for paper in PAPERS for check in checks()[paper]["checks"])
    assert used.keys() | {"identity"} == RULES.keys()
    for paper in PAPERS:
        cells = printed(paper)
        for check in checks()[paper]["checks"]:
            assert list(RULES[check["rule"]](Case(cells, checks()[paper], check))), check


def test_what_the_papers_print():
    found = {paper: audit(paper)[0] for paper in PAPERS}
    for some in found.values():
        assert [f.rank for f in some] == sorted(f.rank for f in some)
        assert all(f.strength in STRENGTHS and f.left and f.computed.endswith(".") for f in some)
    decisive = {(f.paper, f.rule, f.cells) for some in found.values() for f in some if f.strength == "decisive"}
    assert {
        ("UMRC", "difference", "weighted loss, macro-R against regular loss, macro-R"),
        ("CBRRel", "identity", "without FGM, F1"),
        ("CBRRel", "between", "OneRel, R"),
        ("CBRRel", "difference", "CBRRel, EPO F1 against ATG, EPO F1"),
        ("ISER", "part", "Multi-head, entities, relations"),
        ("ISER", "one_type", "ISER (macro), entities"),
        ("Focused attention", "apart", "relations"),
    } <= decisive
    assert not [f for f in found["umrc"] if f.rule == "best"], "that claim holds"


def test_a_paper_that_is_not_there():
    with pytest.raises(RelexError, match="there is no paper 'nix'; known are umrc, cbrrel, iser, focused"):
        audit("nix")
