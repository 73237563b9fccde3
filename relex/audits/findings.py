"""A finding of the audit: what a rule found in printed cells, how strong it is, which innocent explanation is left."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from relex.audits.cells import Printed

STRENGTHS = ("decisive", "strong", "moderate", "weak")
"""Decisive: neither rounding nor cutting nor means over runs can explain it, so a cell or a sentence is wrong."""

COLUMNS = {
    "p": "P", "r": "R", "f1": "F1", "macro_p": "macro-P", "macro_r": "macro-R", "macro_f1": "macro-F1",
    "micro_f1": "micro-F1", "f1_range": "F1 range",
}  # fmt: skip
"""Columns of the tables in words."""


@dataclass(frozen=True)
class Finding:
    """`table` is as the paper numbers it, `cells` are in words, `computed` and `left` are sentences.

    `id` names the check, where a claim of the ledger is refuted by it.
    """

    paper: str
    table: str
    cells: str
    rule: str
    strength: str
    computed: str
    left: str
    id: str = ""

    @property
    def rank(self) -> int:
        return STRENGTHS.index(self.strength)


Outcomes = Iterator[Finding | None]
"""What a rule yields: for each comparison a finding, or None where the numbers fit."""


def signed(points: float) -> str:
    """A difference with its sign and two decimals."""
    return f"{points:+.2f}".replace("-", "−")


def weaker(one: str, other: str | None) -> str:
    """The weaker of two strengths."""
    return max(one, other or one, key=STRENGTHS.index)


@dataclass(frozen=True)
class Case:
    """One check of `data/audit.yaml` on the cells of its paper."""

    printed: Printed
    paper: Mapping
    check: Mapping

    def finding(self, cells: str, table: str, strength: str, computed: str, left: str) -> Finding:
        """A finding of this check; what the check says of strength can only lower it, what it says is `left` stands."""
        note = self.check.get("note", "")
        return Finding(
            self.paper["title"], table, cells, self.check["rule"], weaker(strength, self.check.get("strength")),
            f"{computed} {note}".strip(), self.check.get("left", left), self.check.get("id", ""),
        )  # fmt: skip

    def table(self, *names: str) -> str:
        """The numbers of tables, by their names or by addresses of their cells."""
        known = self.paper["tables"]
        found = [*dict.fromkeys(known.get(name.split("/")[0].split(":")[0], "text") for name in names)]
        return " and ".join(filter(None, (", ".join(found[:-1]), *found[-1:])))

    def word(self, address: str) -> str:
        """The cell of an address in words: row, what was scored, column."""
        if address.split("/")[0] not in self.paper["tables"]:
            return address.replace("/", ", ")
        row, _, column = address.partition("/")[2].rpartition("/")
        kind, _, last = column.rpartition("_")
        if column in COLUMNS or last not in COLUMNS:
            kind, last = "", column
        parts = (self.row(row), self.kind(kind), COLUMNS.get(last) or self.kind(last))
        return " ".join(filter(None, (f"{parts[0]}," if parts[0] else "", *parts[1:])))

    def row(self, name: str) -> str:
        """A row as the paper calls it."""
        return self.paper.get("rows", {}).get(name, name)

    def kind(self, name: str) -> str:
        """What was scored, in words."""
        return self.paper.get("kinds", {}).get(name, name)
