"""Each rule on sentences and cells: made-up cells that agree raise nothing, cells that do not raise one finding."""

import numpy as np
import pytest

from relex.audits import arithmetic
from relex.audits.audit import RULES, checks
from relex.audits.cells import Printed, printed
from relex.audits.findings import Case

PAPER = {"title": "Made up", "tables": {"t": "Table 1", "u": "Table 2", "n": "Table 3"}, "kinds": {"ner": "entities"}}
CELLS = {
    "t/a/p": 81.25, "t/a/r": 70.27, "t/a/f1": 75.36, "t/b/p": 80.0, "t/b/r": 60.0, "t/b/f1": 68.57,
    "u/a/p": 81.25, "u/a/r": 70.27, "u/a/f1": 75.36, "u/b/p": 80.0, "u/b/r": 60.0, "u/b/f1": 68.57,
    "t/one/ner_p": 90.0, "t/one/ner_r": 80.0, "t/one/ner_f1": 84.71,
    "t/one-macro/ner_p": 90.0, "t/one-macro/ner_r": 80.0, "t/one-macro/ner_f1": 84.71,
    "n/docs": 40, "n/rows": 37,
}  # fmt: skip

GOOD_AND_BAD = {
    "said": ({"cell": "t/a/f1", "where": "abstract"}, {"said": 75.36}, {"said": 75.63}),
    "within": ({"cells": "rows", "table": "Table 3", "whole": "n/docs"}, {"part": "n/rows"}, {"part": 41}),
    "one_convention": (
        {"cells": "a"},
        {"equal": [["t/a/p", "u/a/p"]], "unequal": [["t/b/p", "u/b/p"]]},
        {"equal": [["t/a/p", "u/a/p"]], "unequal": [["t/b/p", "u/a/p"]]},
    ),
    "smaller_gain": (
        {"cells": "gain", "table": "Table 1", "says": "Less."},
        {"smaller": [75, 74], "larger": [80, 75]},
        {"smaller": ["t/a/f1", "t/b/f1"], "larger": [80, 75]},
    ),
    "confounded": (
        {"of": "t/a/f1", "minus": "t/b/f1", "says": "Two things."},
        {"alone": ["t/b/f1", "t/b/f1"]},
        {"alone": ["t/a/p", "t/b/r"]},
    ),
    "one_label": (
        {"cells": "micro", "table": "Section 1", "says": "Balance."},
        {"matrix": [[3, 1], [2, 2]]},
        {"matrix": [[3, 1], [2, 8]]},
    ),
    "ceiling": ({"of": ["t/a/p", "t/a/r"], "says": "A mean."}, {"score": "t/a/f1"}, {"score": "t/one/ner_f1"}),
    "counted": (
        {"cells": "rows", "source": "files"},
        {"pairs": [["n/docs", 40]]},
        {"pairs": [["n/docs", 40], ["n/rows", 36]]},
    ),
    "outside_part": (
        {"cells": "part", "table": "Table 3", "left": "none", "sizes": {"documents": "n/docs"}, "claimed": "test"},
        {"parts": {"test": {"documents": 40}, "dev": {"documents": 37}}},
        {"parts": {"test": {"documents": 37}, "dev": {"documents": 40}}},
    ),
    "missing": ({"table": "t", "says": "All."}, {"rows": ["a"]}, {"rows": ["a", "c"]}),
    "elsewhere": (
        {"says": "Own runs.", "source": "another paper"},
        {"cells": {"t/a/f1": 75.0}},
        {"cells": {"t/a/f1": 75.36}},
    ),
    "equal_classes": (
        {"cells": "rare", "table": "Table 3", "says": "Rare.", "classes": 4},
        {"parts": {"test": [40, 11]}},
        {"parts": {"test": [40, 10]}},
    ),
    "misnamed": ({"cell": "t/a/p", "cells": "P", "says": "Accuracy."}, {"said": 75.36}, {"said": 81.25}),
    "numbered": ({"table": "u", "where": "Section 1"}, {"said": "Table 2"}, {"said": "Table 1"}),
    "one_type": ({"row": "t/one", "kind": "ner", "says": "One type."}, {"macro": "t/one-macro"}, {"macro": "t/other"}),
    "steps": ({"total": 37}, {"rows": [["t", "a"], ["t", "far"]]}, {"rows": [["t", "a"], ["t", "near"]]}),
    "unit": ({"rows": ["t"], "claimed": 500, "unit": "pairs"}, {"total": 36}, {"total": 37}),
    "own_total": ({"rows": ["t"], "only": ["near"]}, {"claimed": 37}, {"claimed": 33}),
    "unshared": ({"rows": ["t"], "without": ["one", "one-macro", "near", "far"]}, {"size": 200}, {"size": 37}),
    "uncounted": (
        {"rows": ["t"], "cells": "a, near", "without": ["one", "one-macro", "other", "b", "far"]},
        {"bound": 200},
        {"bound": 30},
    ),
    "together": (
        {"groups": {"one": {"rows": ["t"], "only": ["a"]}, "again": {"rows": ["t"], "only": ["near"]}}},
        {"whole": 74},
        {"whole": 73},
    ),
    "share": (
        {"share": 0.1, "says": "A tenth.", "groups": {"one": {"rows": ["t"], "only": ["a"]}}},
        {"whole": 370},
        {"whole": 2000},
    ),
}
OTHERS = {
    "t/other/ner_p": 91.0, "t/other/ner_r": 80.0, "t/other/ner_f1": 85.15,
    "t/near/p": 78.12, "t/near/r": 67.57, "t/near/f1": 72.46, "t/far/p": 80.0, "t/far/r": 54.05, "t/far/f1": 64.52,
}  # fmt: skip


def outcomes(name, check):
    case = Case(Printed("made up", CELLS | OTHERS), PAPER, check | {"rule": name})
    return [finding for finding in RULES[name](case) if finding is not None]


@pytest.mark.parametrize("name", GOOD_AND_BAD)
def test_a_rule_passes_what_fits_and_finds_what_does_not(name):
    check, good, bad = GOOD_AND_BAD[name]
    assert not outcomes(name, check | good)
    (found,) = outcomes(name, check | bad)
    assert found.rule == name and found.computed and found.left


def test_micro_scores_are_one_number_for_any_confusion():
    rng = np.random.default_rng(0)
    for size in (2, 5, 10):
        p, r = arithmetic.micro(matrix := rng.integers(0, 50, (size, size)) + np.eye(size, dtype=int))
        assert p == r == pytest.approx(100 * np.trace(matrix) / matrix.sum())


def test_class_sizes_and_the_gap_of_macro_scores():
    cells = {
        "t/s/p": 70, "t/s/r": 62.5, "t/s/f1": 66.04, "u/s/x_p": 70, "u/s/x_r": 50.0, "u/s/x_f1": 58.33,
        "u/s/y_p": 70, "u/s/y_r": 75.0, "u/s/y_f1": 72.41, "n/x": 20, "n/y": 20,
    }  # fmt: skip
    check = {"rule": "sizes", "total": "t", "classes": "u", "sizes": {"x": "n/x", "y": "n/y"}}
    run = RULES["sizes"]
    assert list(run(Case(Printed("made up", cells), PAPER, check))) == [None]
    (found,) = run(Case(Printed("made up", cells | {"n/y": 60}), PAPER, check))
    assert "−6.25 (s)" in found.computed
    f1s = {"a": 79.8, "b": 79.7, "c": 78.0}
    macro = {
        f"t/{row}/macro_{c}": v for row, f1 in f1s.items() for c, v in zip(("p", "r", "f1"), (80, 80, f1), strict=True)
    }
    for far, without, number in (("c", [], 1), ("b", ["c"], 0)):
        check = {"rule": "macro_gap", "tables": ["t"], "rows": {f"t/{far}": 2}, "without": without}
        assert sum(f is not None for f in RULES["macro_gap"](Case(Printed("made up", macro), PAPER, check))) == number


@pytest.mark.parametrize("paper", ["umrc", "cbrrel", "iser", "focused"])
def test_a_difference_that_holds_fails_when_its_cell_is_moved(paper):
    cells, content = printed(paper), checks()[paper]
    for check in content["checks"]:
        if check["rule"] == "difference" and list(RULES["difference"](Case(cells, content, check))) == [None]:
            moved = Printed(paper, cells.values | {check["of"]: cells[check["of"]] + 0.5})
            assert [*RULES["difference"](Case(moved, content, check))][0].strength in ("decisive", "strong")
