"""The ledger as a table of the command line, as a page of the book, and as the end of each method chapter."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from relex import corpora
from relex.figures.ledger import squares
from relex.reports import verdict, words
from relex.reports.claims import markdown_table
from relex.reports.ledger import PAPERS, Entry, Evidence
from relex.reports.verdict import FALLS, REFUTED, STANDS, VERDICTS

FIGURE = "executed/ledger_summary.svg"
"""The figure, from where the page stands."""
COLUMNS = ("paper", "claim", "verdict", "printed", "measured (95 % interval)", "corpus", "seeds, converged?")


def rows(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """`COLUMNS` of every claim, a line for each comparison; only the first has paper, claim and verdict."""
    found = []
    for entry in entries:
        start = (PAPERS[entry.paper], entry.claim, entry.verdict.text)
        for line in entry.evidence:
            found.append((*start, signed(line.printed), measured(line), corpus(line), runs(line)))
            start = ("", "", "")
        if not entry.evidence:
            found.append((*start, entry.printed or "–", "–", "–", "–"))
    return found


def signed(points: float | None) -> str:
    """A printed difference in points, with two decimals and its sign."""
    return "–" if points is None else words.points(points / 100, 2)


def measured(line: Evidence) -> str:
    """`+0.4 (−0.6 … +1.4)`."""
    if line.measured is None:
        return "–"
    return "{} ({} … {})".format(*(words.points(x / 100) for x in (line.measured, line.low, line.high)))


def corpus(line: Evidence) -> str:
    """The corpus of a comparison, and whether it is generated."""
    return f"{line.corpus}, generated" if line.stand_in else line.corpus


def runs(line: Evidence) -> str:
    """Seeds of a comparison, and whether its rows were done with learning."""
    return "–" if line.seeds is None else f"{line.seeds}, {'no' if line.rising else 'yes'}"


def drawn(entries: Sequence[Entry]) -> Figure:
    """A square a claim, by paper and verdict."""
    # A verdict that no restriction applies to, such as *untested here*, is drawn full.
    claims = {
        name: [(e.verdict.word, not e.verdict.reach) for e in entries if e.paper == paper]
        for paper, name in PAPERS.items()
    }
    return squares(claims, VERDICTS, (STANDS, FALLS))


def counted(entries: Sequence[Entry]) -> str:
    """How many claims have which verdict, in a sentence; those that are restricted are counted apart."""
    number = Counter(entry.verdict.text for entry in entries)
    told = ", ".join(f"{number[text]} *{text}*" for text in sorted(number, key=_rank))
    return f"Of {len(entries)} claims: {told}."


def _rank(text: str) -> int:
    return next(i for i, word in enumerate(VERDICTS) if text.endswith(word))


def page(entries: Sequence[Entry]) -> str:
    """Markdown: the counts, the figure, a table for each paper, and every claim with its evidence, folded."""
    parts = [counted(entries), _figure(entries)]
    for paper, name in PAPERS.items():
        own = [entry for entry in entries if entry.paper == paper]
        parts += [f"## {name[0].upper()}{name[1:]}", table(own), *map(folded, own)]
    return "\n\n".join(parts) + "\n"


def _figure(entries: Sequence[Entry]) -> str:
    colours = "blue, decided by runs; orange, by the paper's own figures; grey, open"
    caption = f"{counted(entries)} A square is a claim: {colours}."
    return (
        f"```{{figure}} {FIGURE}\n:name: fig-ledger\n:width: 700px\n:alt: Claims by paper and verdict. "
        f"{_alt(entries)}\n\n{caption}\n```"
    )


def _alt(entries: Sequence[Entry]) -> str:
    told = []
    for paper, name in PAPERS.items():
        number = Counter(entry.verdict.text for entry in entries if entry.paper == paper)
        told.append(f"{name}: {', '.join(f'{number[text]} {text}' for text in sorted(number, key=_rank))}")
    return "; ".join(told) + "."


def table(entries: Sequence[Entry]) -> str:
    """A Markdown table of claims, verdicts second; a claim of several comparisons shows how many have which verdict."""
    lines = {
        entry.claim: {"verdict": verdict.told(entry.verdict._replace(reason="")), "measured": short(entry)}
        for entry in entries
    }
    return markdown_table(pd.DataFrame.from_dict(lines, orient="index").rename_axis("claim"))


def short(entry: Entry) -> str:
    """What was measured for a claim, in a cell: the one comparison with its interval, or how many there are."""
    found = [line for line in entry.evidence if line.measured is not None]
    if not found:
        return "–"
    if len(found) == 1:
        return f"{measured(found[0])}, {corpus(found[0])}"
    word = Counter(verdict.outcome(line.verdict) or line.verdict for line in found)
    return f"{len(found)} comparisons: {', '.join(f'{n} {w}' for w, n in word.items())}"


def folded(entry: Entry) -> str:
    """One claim as a box that opens: place, rule, what is printed, why the verdict, and every comparison."""
    bare = entry.verdict._replace(reason="")
    lines = [f"* Verdict: {verdict.told(bare)}" + (f"; {entry.verdict.reason}." if entry.verdict.reason else ".")]
    lines.append(f"* Place: {entry.place}." + (f" Printed: {entry.printed}." if entry.printed else ""))
    lines.append(f"* What decides: {entry.rule}.")
    if entry.note:
        lines.append(f"* {entry.note}")
    lines += [f"* {corpora.title(line.corpus)}, {line.comparison}: {told(line)}" for line in entry.evidence]
    return f"````{{dropdown}} {entry.claim}\n" + "\n".join(lines) + "\n````"


def told(line: Evidence) -> str:
    """A comparison in a sentence: printed, measured, seeds, verdict and its reason."""
    shown = "" if line.printed is None else f"printed {signed(line.printed)}; "
    if line.measured is None:
        return f"{shown}{line.reason}."
    seeds = f"{line.seeds} seed{'s' * (line.seeds > 1)}"
    why = f" ({line.reason})" if line.reason else ""
    off = " The interval excludes the printed difference." if line.off else ""
    return f"{shown}measured {measured(line)}, {seeds}: {line.verdict}{why}.{off}"


def came_out(paper: str, entries: Sequence[Entry]) -> str:
    """Markdown for the end of a chapter: each claim of a paper, its verdict, and on what evidence, a line each."""
    lines = []
    for entry in (entry for entry in entries if entry.paper == paper):
        on = dict.fromkeys(corpora.title(line.corpus) for line in entry.evidence if line.measured is not None)
        runs_of = [line for line in entry.evidence if line.measured is not None]
        basis = f", on {' and '.join(on)}, {evidence_of(runs_of)}" if runs_of and entry.verdict.word != REFUTED else ""
        why = f" ({entry.verdict.reason})" if entry.verdict.reason else ""
        lines.append(f"* *{entry.claim}*: {verdict.told(entry.verdict._replace(reason=''))}{why}{basis}.")
    own = [entry for entry in entries if entry.paper == paper]
    return f"{counted(own)} {{doc}}`ledger` has the evidence.\n\n" + "\n".join(lines) + "\n"


def evidence_of(lines: Sequence[Evidence]) -> str:
    """Seeds of some comparisons in words."""
    seeds = sorted({line.seeds for line in lines})
    return f"{seeds[0]} seed{'s' * (seeds[0] > 1)}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
