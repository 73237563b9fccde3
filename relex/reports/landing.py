"""What came out, for the first page: a few lines with a number each, from records, printed tables and the ledger."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from relex.audits.audit import audit, checks
from relex.reports import compare, ledger_page, printed, results, words
from relex.reports.families import Published
from relex.reports.ledger import PAPERS, Entry, Evidence
from relex.reports.verdict import NOT_LEARNED, REFUTED

HEADLINES = ("umrc-best-encoding", "cbrrel-baselines", "iser-spert", "focused-joint-lstm")
"""The claim of each paper that its title or abstract rests on."""
CHAPTERS = {
    "umrc": "relation-classification",
    "cbrrel": "cascade-tagging",
    "iser": "span-models",
    "focused": "focused-attention",
}
"""Where the evidence of each paper is told."""
UNDECIDED = "without a verdict beside"
ORDERS = (*words.ORDER.values(), UNDECIDED)
COUNTING = "TF-IDF pair+sentence+between"
"""The row of the baselines that counts characters of mentions, of the sentence, and of the words between."""


class Case(NamedTuple):
    """A system in the picture of the first page: what was recorded of it, and which printed cell stands beside.

    Without a `row` it is the highest of the trained ones.
    """

    experiment: str
    where: dict
    score: compare.Score
    row: str
    cell: tuple[str, str, str, str]


CASES = {
    "UMRC": Case("encoding_ablation", {"corpus": "umrc10"}, compare.CLASSES, "",
                 ("umrc", "encoder_comparison", "chinese-roberta/entity2", "macro_f1")),
    "CBRRel": Case("cbrrel_comparison", {"corpus": "casmed"}, compare.STRING, "CBRRel",
                   ("cbrrel", "comparison_casmed", "CBRRel", "triples.string.f1")),
    "ISER": Case("iser_comparison", {"corpus": "conll04"}, compare.RE, "ISER, residual",
                 ("iser", "comparison_conll04", "ISER", "re.strict.f1")),
    "Focused attention": Case("focused_main", {"corpus": "casmed"}, compare.RE, "Focused",
                              ("focused", "joint", "Focused", "re.strict.f1")),
}  # fmt: skip
"""The four systems. Focused attention's own corpus is not public, so what was measured is of another one."""


def picture(published: Published) -> pd.DataFrame:
    """What each paper prints of its system, what was measured here, and the strongest system that learns nothing.

    Of several splits the primary one counts; without a `row`, the row that is highest on the test part.

    Columns `score`, `source`, `low`, `high`: fractions; intervals over documents and seeds, NaN where there is none.
    """
    lines = {}
    for name, case in CASES.items():
        paper, table, cell, metric = case.cell
        lines[f"{name}: as printed"] = (printed.rows(paper, table)[cell][metric] / 100, "printed", np.nan, np.nan)
        records = results.where(published(case.experiment), **case.where)
        if not records:
            continue
        split = results.main_split(records)
        records = results.where(records, split=split)
        of_row = {
            row: runs for row in results.rows_in_order(results.trained(records))
            if (runs := [r for r in results.of_row(records, row) if case.score.applies(r)])
        }  # fmt: skip
        row = case.row or max(of_row, key=lambda one: case.score.of_runs(of_row[one]).mean(), default="")
        if row not in of_row:
            continue
        found, lowest = case.score.interval(of_row[row]), compare.bar(records, of_row[row][0], case.score)
        on = f"{case.where['corpus']}, {split}" if split != "shipped" else case.where["corpus"]
        lines[f"{name}: {words.titled(row)}, {on}"] = (found.mean, "measured", found.low, found.high)
        if lowest is not None:
            lines[f"{name}: {lowest.name}, {on}"] = (lowest.score, "counts alone", np.nan, np.nan)
    return pd.DataFrame.from_dict(lines, orient="index", columns=["score", "source", "low", "high"])


def findings(entries: Sequence[Entry], published: Published) -> str:
    """Markdown: a list, each item a finding with its evidence one click away."""
    told = [_printed(), _claims(entries), _counting(published)]
    told += [_headline(entry) for name in HEADLINES for entry in entries if entry.id == name]
    return "".join(f"* {line}\n" for line in told if line)


def _printed() -> str:
    found = {paper: audit(paper) for paper in checks()}
    strengths = {paper: Counter(f.strength for f in findings) for paper, (findings, _) in found.items()}
    compared, total = sum(number for _, number in found.values()), sum(strengths.values(), Counter())
    papers = sum(bool(counts["decisive"]) for counts in strengths.values())
    return (
        f"**The papers' own figures do not always fit together.** Of {compared} comparisons of printed cells "
        f"{total['decisive']} fail in a way that no rounding and no mean over runs explains, in {papers} of "
        f"{len(found)} papers; {total['strong']} more are hard to explain. {{doc}}`The audit <audit>`"
    )


def _claims(entries: Sequence[Entry]) -> str:
    refuted = sum(entry.verdict.text == REFUTED for entry in entries)
    return (
        f"**Of {len(entries)} claims {refuted} are refuted by their own paper's figures.** "
        f"{ledger_page.counted(entries)} {{doc}}`The ledger <ledger>`"
    )


def _counting(published: Published) -> str:
    """Empty where one of both has no record."""
    counted = results.values(results.where(published("baselines"), corpus="umrc10"), COUNTING, "accuracy")
    best = [r for r in published("strongest") if r["config"]["corpus"] == "umrc10"]
    learned = max((sum(v) / len(v) for row in results.rows_in_order(best)
                   if (v := results.values(best, row, "accuracy"))), default=None)  # fmt: skip
    if not counted or learned is None:
        return ""
    return (
        f"**Counting characters comes near.** On umrc10 a linear model of character n-grams has an accuracy of "
        f"{100 * sum(counted) / len(counted):.1f} %, our strongest BERT {100 * learned:.1f} %. "
        "{doc}`Three encoders <executed/encoder_comparison>`"
    )


def _headline(entry: Entry) -> str:
    """The claim and its verdict; why a row of it has not learned, or how its rows compare on the first real corpus."""
    lines = [e for e in entry.evidence if e.measured is not None]
    first = [e for e in lines if e.corpus == min(lines, key=lambda e: e.stand_in).corpus] if lines else []
    told = ""
    if entry.verdict.word == NOT_LEARNED and entry.verdict.reason:
        told = f": {entry.verdict.reason.partition(';')[0]}"
    elif first:
        told = f". On {ledger_page.corpus(first[0])} {_compared(first)}, {ledger_page.evidence_of(first)}"
    paper, text = PAPERS[entry.paper], entry.verdict.text
    return (
        f"**{paper[0].upper()}{paper[1:]}: \u201c{entry.claim}\u201d.** {text[0].upper()}{text[1:]}{told}. "
        f"{{doc}}`The chapter <{CHAPTERS[entry.paper]}>`"
    )


def _compared(lines: Sequence[Evidence]) -> str:
    """How the rows of some comparisons stand to each other: `A is below B −6.6 (−8.6 … −4.6); …`, points."""
    said: dict[str, dict[str, list[str]]] = {}
    several = len({line.comparison.rpartition(", ")[2] for line in lines}) > 1
    for line in lines:
        rows, _, score = line.comparison.rpartition(", ")
        one, _, other = rows.partition(" \u2212 ")
        order = words.ORDER.get(compare.outcome(line.verdict), UNDECIDED)
        item = f"{words.listed([other])} {f'in {score} ' if several else ''}{ledger_page.measured(line)}"
        said.setdefault(words.titled(one), {}).setdefault(order, []).append(item)
    return "; ".join(
        f"{one} is " + "; ".join(f"{order} {', '.join(orders[order])}" for order in ORDERS if order in orders)
        for one, orders in said.items()
    )
