"""What a table of differences says, for every outcome, in cells and sentences; bold type is for full verdicts only."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from relex.reports import verdict
from relex.reports.compare import is_full, outcome

UNDECIDED = "cannot be distinguished from zero"


TITLES = {
    "-attention": "without attention",
    "-fgm": "without FGM",
    "-bilstm": "without BiLSTM",
    "-cnn": "without CNN",
    "encoder_only": "encoder only",
    "-interactive_fusion": "without fusion",
    "sea->cls": "span context [CLS]",
    "lc->cls": "pair context [CLS]",
    "lc->gc": "pair context sentence",
    "lc->gc_bert": "pair context BERT's sentence",
    "lc->lc_att": "pair context by attention",
    "lc->lc_bert": "pair context BERT's",
    "masked_lookup": "masked look-up",
}
"""Rows of grids whose names are code → what tables and sentences call them."""
_CODE = re.compile("|".join(rf"(?<![\w.>-]){re.escape(row)}(?!\w)" for row in sorted(TITLES, key=len, reverse=True)))

ORDER = {"higher": "above", "lower": "below", "within the noise": "not distinguishable from"}
"""Outcome of a comparison → how the first of its rows stands to the second."""


def titled(text: str) -> str:
    """A text in which rows have their titles: `full − -fgm` becomes `full − without FGM`."""
    return _CODE.sub(lambda found: TITLES[found[0]], str(text))


def listed(names: Iterable[str]) -> str:
    """Rows by their titles with commas between them; a title that has a comma itself stands in quotation marks."""
    titles = map(titled, names)
    return ", ".join(f"\u201c{title}\u201d" if "," in title else title for title in titles)


def points(fraction: float, digits: int = 1) -> str:
    """A difference of fractions in percentage points with its sign: `+1.2`, `−0.4`; what rounds to zero has none."""
    text = f"{100 * fraction:+.{digits}f}".replace("-", "−")
    return text if text.strip("+−0.") else text[1:]


def in_points(table: pd.DataFrame) -> pd.DataFrame:
    """A table of `differences` for display, in percentage points: the verdict first, then what it rests on."""
    shown = pd.DataFrame(index=map(titled, table.index))
    shown["verdict"] = [with_reason(line) for _, line in table.iterrows()]
    shown["difference"] = [points(d) for d in table["difference"]]
    shown["95 % interval"] = [interval(line) for _, line in table.iterrows()]
    shown["seeds"] = table["seeds"].to_numpy()  # rows have other names there
    if table["printed"].notna().any():
        shown["printed"] = ["–" if np.isnan(p) else points(p, 2) for p in table["printed"]]
    return shown


def interval(line: pd.Series, between: str = " … ") -> str:
    """`−0.4 … +1.2`."""
    return f"{points(line['low'])}{between}{points(line['high'])}"


def with_reason(line: pd.Series) -> str:
    """The verdict of a line, and in brackets why there is none or what has to be known of it."""
    return line["verdict"] + (f" ({titled(line['reason'])})" if line["reason"] else "")


def told(a: str, b: str, line: pd.Series) -> str:
    """One line of a table of differences as a clause of Markdown."""
    size, side = f"{100 * abs(line['difference']):.1f} points", "above" if line["difference"] >= 0 else "below"
    within, found = f"(95 % interval {interval(line, ' to ')})", outcome(line["verdict"])
    if not found:
        return f"{a} is {size} {side} {b} {within}: {with_reason(line)}"
    emphasis = "**" if is_full(line["verdict"]) else ""
    start = line["reach"].replace(": ", ", ")
    if found == "within the noise":
        return f"{start}{a} is {size} {side} {b} {within}, which {emphasis}{UNDECIDED}{emphasis}"
    return f"{start}{a} is {emphasis}{size} {side}{emphasis} {b} {within}"


def summary(table: pd.DataFrame) -> str:
    """A table of `differences` in a few sentences of Markdown: its verdicts, and where the printed order is another."""
    if table.empty:
        return "There is nothing to compare."
    counts = table["verdict"].value_counts()
    words = [f"{number} *{verdict}*" for verdict, number in counts.items()]
    text = f"Of {len(table)} comparison{'s' * (len(table) > 1)}: {', '.join(words)}."
    if not all(map(outcome, table["verdict"])):
        text += " Why a line has no verdict stands beside it."
    sided = table["verdict"].map(outcome).isin(["higher", "lower"])
    against = table[sided & (table["difference"] * table["printed"] < 0)]
    if len(against):
        names = [
            f"**{name}**" if is_full(line["verdict"]) else f"{name} ({line['reach'].removesuffix(': ')})"
            for name, line in against.iterrows()
        ]
        text += f" The printed order is the opposite for {', '.join(names)}."
    return text


def left(a: str, b: str, found: pd.DataFrame) -> str:
    """What a table of lines that end in `unseen` says of test texts that do not stand in training; Markdown."""
    unseen = found[[name.endswith("unseen") for name in found.index]]
    if unseen.empty:
        return "There is nothing to compare."
    clauses = [told(a, b, line) + f" on *{name}*" for name, line in unseen.iterrows()]
    return f"On texts that do not stand verbatim in training: {'; '.join(clauses)}."


def claim(lines: pd.DataFrame) -> str:
    """What a table of `differences`, all of which a claim wants above zero, says of the claim; Markdown."""
    return verdict.told(verdict.of(lines))


def answer(line: pd.Series) -> str:
    """A line of `differences` as the answer to a claim that wants it above zero, for a cell of a table; Markdown."""
    found, verdict = outcome(line["verdict"]), line["verdict"]
    if not found:
        return with_reason(line)
    text = {"higher": "yes", "lower": "no, the opposite", "within the noise": UNDECIDED}[found]
    emphasis = "**" if found == "lower" and is_full(verdict) else ""
    return f"{line['reach']}{emphasis}{text}{emphasis}" + (f" ({titled(line['reason'])})" if line["reason"] else "")
