"""The ledger: every claim of the four papers, the evidence of published records, and one verdict.

What decides a claim stands in `data/ledger.yaml`. A claim that printed figures of its own paper contradict, as the
audit finds, is *refuted*, whatever we measure. Else the lines of `data/claims.yaml` that it needs decide
(`relex.reports.verdict`): those of real corpora, and where these have no record those of a stand-in.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml

from relex import corpora
from relex.audits.audit import audit
from relex.audits.findings import Finding
from relex.reports import attention, claims, families, verdict, words
from relex.reports.families import Published
from relex.reports.verdict import REFUTED, UNTESTED, Verdict

PAPERS = {"umrc": "UMRC", "cbrrel": "CBRRel", "iser": "ISER", "focused": "focused attention"}
SIDES = {"more": "higher", "less": "lower", "as shuffled": "within the noise"}
"""Verdicts of attention in the words of differences."""

DIGITS = 4
"""Of points: more than any page shows, so that no number is rounded twice."""


class Evidence(NamedTuple):
    """A comparison behind a claim, of one corpus; differences in percentage points, None where there are none.

    `needs` is the name of its line in `data/claims.yaml`, `comparison` says its rows and what is scored.
    """

    corpus: str
    stand_in: bool
    needs: str
    comparison: str
    printed: float | None
    measured: float | None
    low: float | None
    high: float | None
    seeds: int | None
    rising: str
    verdict: str
    reason: str

    @property
    def off(self) -> bool:
        """Whether a line that may have a verdict has the printed difference outside of its interval."""
        allowed = bool(verdict.outcome(self.verdict)) and self.printed is not None
        return allowed and not self.low <= self.printed <= self.high


class Entry(NamedTuple):
    """A claim with all that the ledger knows of it; `of` is the claim as it was transcribed, or `text`."""

    id: str
    paper: str
    of: str
    claim: str
    place: str
    rule: str
    printed: str
    note: str
    refuted_by: list[str]
    evidence: list[Evidence]
    verdict: Verdict
    by_corpus: dict[str, Verdict]

    def as_json(self) -> dict:
        """All fields; the verdicts as `verdict`, `reach`, `reason`, and `full` where nothing restricts one."""
        found = self._asdict() | {"paper": PAPERS[self.paper], "evidence": [e._asdict() for e in self.evidence]}
        found["by_corpus"] = {name: _fields(one) for name, one in self.by_corpus.items()}
        return found | _fields(self.verdict)


@cache
def claimed() -> dict[str, list[dict]]:
    """`data/ledger.yaml`: the claims of each paper."""
    return yaml.safe_load(resources.files("relex").joinpath("data/ledger.yaml").read_text(encoding="utf-8"))


def ledger(published: Published, papers: Sequence[str] = tuple(PAPERS)) -> list[Entry]:
    """Every claim of some papers with its verdict, in the order of the papers; `published` gives records."""
    return [entry for paper in papers for entry in _of_paper(paper, published)]


def _of_paper(paper: str, published: Published) -> list[Entry]:
    content, lines = families.asked(paper), {}
    for corpus in content["corpora"]:
        records = families.records_of(paper, corpus, published)
        lines[corpus] = _lines(paper, corpus, records)
    found = audit(paper)[0]
    return [_entry(paper, one, lines, found) for one in claimed()[paper]]


def _lines(paper: str, corpus: str, records: dict[str, list[dict]]) -> pd.DataFrame:
    """The family of a paper's claims on a corpus and, of ISER, where attention rests; as `families.family`."""
    found = families.family(paper, corpus, records)
    if paper != "iser":
        return found
    table, rests = attention.lines(claims.with_attention(records)), {}
    for text, asked in claims.RESTS.items():
        key = (corpus, "ISER", *asked, "trained")
        if key in table.index:
            line = table.loc[key]
            reach, colon, word = line["verdict"].rpartition(": ")
            start = reach + colon
            if word == "hardly more":
                start, word = "", "no verdict"
                line = pd.Series(dict(line) | {"reason": "more than shuffled in every seed, by less than a tenth"})
            rests[text] = dict(line[["difference", "low", "high", "seeds", "reason"]]) | {
                "verdict": f"{start}{SIDES.get(word, word)}", "reach": start, "printed": np.nan,
                "rising": "still rising: ISER" if "still rising" in line["reason"] else "",
            }  # fmt: skip
    more = pd.DataFrame.from_dict(rests, orient="index")
    return pd.concat([found, more]) if len(more) else found


def refutations(one: dict, found: Sequence[Finding]) -> list[str]:
    """The sums that refute a claim of `data/ledger.yaml`, a clause each: decisive and strong findings of its checks."""
    strong = {finding.id: finding.computed for finding in found if finding.strength in ("decisive", "strong")}
    return [strong[name].rstrip(".") for name in one.get("refuted_by", ()) if name in strong]


def _entry(paper: str, one: dict, lines: dict[str, pd.DataFrame], found: Sequence[Finding]) -> Entry:
    refuted_by, needs = refutations(one, found), one.get("needs", [])
    evidence, by_corpus = [], {}
    for corpus, table in lines.items() if needs else ():
        prints, named = families.printed_of(paper, corpus), families.comparisons(paper, corpus)
        there = [name for name in needs if name in table.index]
        for name in (name for name in needs if name in prints or name in there):
            evidence.append(_evidence(corpus, name, named.get(name, name), table, prints))
        by_corpus[corpus] = verdict.of(table.loc[there], [name for name in needs if name not in there])
    shown = [words.points(e.printed / 100, 2) for e in evidence if e.printed is not None]
    return Entry(
        one["id"], paper, one["of"], one["claim"], one["place"], one["rule"],
        one.get("printed") or ", ".join(dict.fromkeys(shown)), one.get("note", ""), refuted_by, evidence,
        _verdict(one, refuted_by, lines), by_corpus,
    )  # fmt: skip


def _verdict(one: dict, refuted_by: list[str], lines: dict[str, pd.DataFrame]) -> Verdict:
    """The verdict of a claim: by the paper's own figures, else by real corpora, else by stand-ins."""
    if refuted_by:
        return Verdict(REFUTED, reason="; ".join(refuted_by))
    if "untested" in one:
        return Verdict(UNTESTED, reason=one["untested"])
    needs = one.get("needs", [])
    if not needs:
        return Verdict(UNTESTED, reason="no printed figure contradicts it, and no run here asks it")
    stand_ins = corpora.names(stand_in=True)
    for group in ([c for c in lines if c not in stand_ins], [c for c in lines if c in stand_ins]):
        tables = {c: lines[c].loc[[name for name in needs if name in lines[c].index]] for c in group}
        tables = {corpora.title(c): table for c, table in tables.items() if len(table)}
        if tables:
            there = {name for table in tables.values() for name in table.index}
            missing = [name for name in needs if name not in there]
            pooled = [table.set_axis([f"{n}, {c}" for n in table.index]) for c, table in tables.items()]
            found = verdict.of(pd.concat(pooled) if len(pooled) > 1 else next(iter(tables.values())), missing)
            if len(tables) > 1 and found.reason:
                of_each = {c: verdict.of(table, missing) for c, table in tables.items()}
                found = found._replace(reason="; ".join(f"{c}: {v.reason or v.text}" for c, v in of_each.items()))
            return found
    return verdict.of(pd.DataFrame())


def _evidence(corpus: str, name: str, compared: str, table: pd.DataFrame, prints: dict[str, float | None]) -> Evidence:
    value = prints.get(name)
    shown, generated = None if value is None else round(100 * value, DIGITS), corpus in corpora.names(stand_in=True)
    if name not in table.index:
        return Evidence(corpus, generated, name, compared, shown, None, None, None, None, "", "", verdict.UNRECORDED)
    line = table.loc[name]
    measured = [round(100 * float(line[key]), DIGITS) for key in ("difference", "low", "high")]
    return Evidence(
        corpus, generated, name, compared, shown, *measured, int(line["seeds"]), line["rising"], line["verdict"],
        line["reason"],
    )  # fmt: skip


def _fields(found: Verdict) -> dict:
    return {"verdict": found.word, "reach": found.reach.removesuffix(": "), "reason": found.reason, "full": found.full}
