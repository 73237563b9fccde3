"""The page on the printed tables: the findings of `relex.audits.audit` as Markdown and as JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from relex.audits.audit import Lead, audit, checks, leads
from relex.audits.findings import STRENGTHS, Finding
from relex.markup import escaped
from relex.reports.claims import markdown_table

SHOWN = ("decisive", "strong")
"""Strengths that stand in the open; the others are folded away."""


def summary(papers: Sequence[str]) -> pd.DataFrame:
    """Comparisons made of each paper and findings of each strength; the last line adds up."""
    lines = {}
    for paper in papers:
        findings, comparisons = audit(paper)
        counts = Counter(finding.strength for finding in findings)
        lines[checks()[paper]["title"]] = {"checked": comparisons} | {s: counts[s] for s in STRENGTHS}
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.loc["all"] = table.sum()
    return table.rename_axis("paper")


def as_json(papers: Sequence[str]) -> dict:
    """Findings (fields of `Finding`), leads, and the number of comparisons by paper."""
    found = {paper: audit(paper) for paper in papers}
    return {
        "comparisons": {paper: number for paper, (_, number) in found.items()},
        "findings": [asdict(finding) for findings, _ in found.values() for finding in findings],
        "leads": [asdict(lead) for paper in papers for lead in leads(paper)],
    }


def page() -> str:
    """Markdown: the summary, and for each paper its findings, what is left of them, and what became of the leads."""
    papers = list(checks())
    counts = summary(papers)
    total = counts.loc["all"]
    told = (
        f"Of {total['checked']} comparisons {total['checked'] - sum(total[s] for s in STRENGTHS)} hold. "
        f"{total['decisive']} findings are decisive, {total['strong']} strong, {total['moderate']} moderate, "
        f"{total['weak']} weak."
    )
    parts = [told, markdown_table(counts.drop(columns="checked"))]
    for paper in papers:
        parts.append(section(paper))
    return "\n\n".join(parts) + "\n"


def section(paper: str) -> str:
    """The findings of one paper: a table of the strong ones; all else is folded."""
    findings, comparisons = audit(paper)
    open_, folded = ([f for f in findings if (f.strength in SHOWN) is shown] for shown in (True, False))
    parts = [f"### {checks()[paper]['title']}"]
    parts.append(f"{comparisons} comparisons, {len(findings)} findings.")
    parts.append(table(open_))
    if folded:
        parts.append(_fold("Moderate and weak findings", table(folded)))
    parts.append(_fold("What is left as an innocent explanation", left(findings)))
    parts.append(_fold("Leads of the transcription, and their outcome", leads_told(leads(paper))))
    return "\n\n".join(parts)


def table(findings: Sequence[Finding]) -> str:
    """Findings as a Markdown table: cells, strength, computation."""
    lines = ["| cells | strength | what the figures say |", "|---|---|---|"]
    lines += [f"| {escaped(_place(f))} | {f.strength} | {escaped(f.computed)} |" for f in findings]
    return "\n".join(lines)


def left(findings: Sequence[Finding]) -> str:
    """The rule and the innocent explanation of each finding, a list."""
    return "\n".join(
        f"* {escaped(_place(f))} ({f.rule.replace('_', ' ')}, {f.strength}): {escaped(f.left)}." for f in findings
    )


def leads_told(found: Sequence[Lead]) -> str:
    """Each lead with its verdict and the reason, a list."""
    return "\n".join(f"* *{escaped(one.lead)}* … **{one.verdict}**: {escaped(one.why)}." for one in found)


def _place(finding: Finding) -> str:
    return f"{finding.table}: {finding.cells}"


def _fold(title: str, body: str) -> str:
    return f"```{{dropdown}} {title}\n{body}\n```"
