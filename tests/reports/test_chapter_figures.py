"""The figures that the chapter on cascade tagging has of the gate are those of the published records."""

import numpy as np
import pytest

from relex import corpora
from relex.experiments import published
from relex.files import project_root
from relex.reports import compare, overlap, results, words

LINES = ("one order serves all subjects", "different orders are needed")


@pytest.mark.skipif(not corpora.find("casmed"), reason="which documents need another order is told by the corpus")
def test_where_the_gate_gains():
    records = results.where(published("cbrrel_gate"), split="novel", unit="")
    page = (project_root() / "book" / "cascade-tagging.md").read_text(encoding="utf-8").splitlines()
    found = overlap.differences(records, "CasRel, gated", "CasRel", "order")
    documents = overlap.masks(results.of_row(records, "CasRel")[0], "order")
    for name, (kind, line) in zip(LINES, found.iterrows(), strict=True):
        cells = [cell.strip() for cell in next(x for x in page if x.startswith(f"| {name} |")).strip("|").split("|")]
        assert cells[1] == str(documents[kind].sum())
        assert cells[-1] == f"{words.points(line['difference'])} ({words.interval(line)})"
        scores = [np.mean(compare.STRING.of_runs(results.of_row(records, row), documents[kind]))
                  for row in ("CasRel", "CasRel, gated")]  # fmt: skip
        assert [cells[4], cells[6]] == [f"{100 * score:.1f}" for score in scores]
