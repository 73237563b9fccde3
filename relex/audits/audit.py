"""The audit of the four papers' printed tables: the checks of `data/audit.yaml`, by the rules, as findings.

It reads figures alone and needs no run, so it takes about two seconds.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from relex.audits.cells import printed
from relex.audits.findings import Case, Finding
from relex.audits.rules_of_scores import SCORE_RULES
from relex.audits.rules_of_text import TEXT_RULES
from relex.audits.rules_of_totals import TOTAL_RULES
from relex.errors import RelexError

RULES = SCORE_RULES | TOTAL_RULES | TEXT_RULES
EVERYWHERE = {"rule": "identity"}
"""The check that every paper gets."""


@dataclass(frozen=True)
class Lead:
    """A suspicion that was noted when the tables were transcribed, and what the audit says of it."""

    paper: str
    lead: str
    verdict: str
    why: str


@cache
def checks() -> dict:
    """`data/audit.yaml`: paper → its title, names of tables, checks, and leads."""
    return yaml.safe_load(resources.files("relex").joinpath("data/audit.yaml").read_text(encoding="utf-8"))


def audit(paper: str) -> tuple[list[Finding], int]:
    """The findings of a paper (`umrc`, `cbrrel`, `iser`, `focused`), strongest first, and the number of comparisons.

    Raises a `RelexError` for a paper that has no checks.
    """
    if paper not in checks():
        raise RelexError(f"there is no paper {paper!r}; known are {', '.join(checks())}")
    content, cells, outcomes = checks()[paper], printed(paper), []
    for check in (EVERYWHERE, *content["checks"]):
        outcomes += RULES[check["rule"]](Case(cells, content, check))
    findings = [outcome for outcome in outcomes if outcome is not None]
    return sorted(findings, key=lambda finding: finding.rank), len(outcomes)


def leads(paper: str) -> list[Lead]:
    """What became of the leads of a paper."""
    return [Lead(checks()[paper]["title"], one["lead"], one["verdict"], one["why"]) for one in checks()[paper]["leads"]]
