"""What differences say of a claim: the one function behind the verdicts of notebooks, chapters and the ledger."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from relex.reports.compare import outcome
from relex.reports.rules import GENERATED, TENTATIVE

STANDS, FALLS, OPEN = "stands", "falls", "cannot be told"
NOT_LEARNED, UNTESTED, REFUTED = "not learned", "untested here", "refuted by the paper's own figures"
VERDICTS = (STANDS, FALLS, OPEN, NOT_LEARNED, UNTESTED, REFUTED)
"""What can be said of a claim."""

UNRECORDED = "not recorded"
SIDES = {"above zero": "higher", "below zero": "lower", "not distinguishable from zero": "within the noise"}


class Verdict(NamedTuple):
    """A word of `VERDICTS`, how it begins where no more can be said (`rules.reach`), and why."""

    word: str
    reach: str = ""
    reason: str = ""

    @property
    def text(self) -> str:
        """The verdict with all that restricts it: `indicative: stands`."""
        return f"{self.reach}{self.word}"

    @property
    def full(self) -> bool:
        """Whether it may stand in bold type."""
        return self.word in (STANDS, FALLS) and not self.reach


def of(lines: pd.DataFrame, missing: Sequence[str] = ()) -> Verdict:
    """The verdict on a claim that wants every line of a table of `compare.differences` above zero.

    `missing` names lines that it wants as well and no record has. One line below zero is enough for *falls*; *stands*
    takes all of them above zero. A line without verdict decides nothing, and neither does one within the noise.
    """
    if lines.empty:
        return Verdict(UNTESTED, reason=UNRECORDED)
    verdicts = lines["verdict"]
    found = {text: [n for n, v in verdicts.items() if outcome(v) == word] for text, word in SIDES.items()}
    refused = lines[[not outcome(verdict) for verdict in verdicts]]
    if below := found["below zero"]:
        reach = min((lines["reach"][name] for name in below), key=len)
        return Verdict(FALLS, reach, "" if len(below) == len(lines) and len(lines) == 1 else _parts(found))
    if len(refused):
        word = NOT_LEARNED if (refused["verdict"] == NOT_LEARNED).any() else OPEN
        return Verdict(word, reason="; ".join(dict.fromkeys("; ".join(filter(None, refused["reason"])).split("; "))))
    reach = weakest(lines["reach"])
    if missing:
        return Verdict(OPEN, reach, f"{UNRECORDED}: {', '.join(missing)}")
    if len(found["above zero"]) == len(lines):
        return Verdict(STANDS, reach)
    if not found["above zero"]:
        return Verdict(OPEN, reach, "no difference can be distinguished from zero")
    return Verdict(OPEN, reach, _parts(found))


def weakest(reaches: Sequence[str]) -> str:
    """How a verdict on several lines begins: with every restriction that one of them has."""
    words = [word for word in (GENERATED, TENTATIVE) if any(word in reach for reach in reaches)]
    return f"{', '.join(words)}: " if words else ""


def told(found: Verdict) -> str:
    """A verdict and its reason as Markdown; bold where nothing restricts it."""
    emphasis = "**" if found.full else ""
    return f"{found.reach}{emphasis}{found.word}{emphasis}" + (f" ({found.reason})" if found.reason else "")


def _parts(found: dict[str, list[str]]) -> str:
    return "; ".join(f"{text}: {', '.join(names)}" for text, names in found.items() if names)
