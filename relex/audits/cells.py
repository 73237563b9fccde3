"""The papers' printed tables as flat cells, each with an address: `table/row/column`."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import yaml

PRF = ("p", "r", "f1")
"""Columns of a scored row, in the order of all four papers."""

COLUMNS = {"iser": tuple(f"{task}_{score}" for task in ("ner", "re") for score in PRF)}
"""Columns of tables that do not name their own; elsewhere they are P, R and F1."""

VARIATION = "printed_variation"
"""Differences that a table prints beside its rows; a table of its own here."""


@dataclass(frozen=True)
class Scored:
    """A printed precision, recall and F1 (percent) of one row; `kind` is what was scored, such as `ner`, or empty."""

    table: str
    row: str
    kind: str
    p: float
    r: float
    f1: float

    @property
    def cells(self) -> tuple[float, float, float]:
        return self.p, self.r, self.f1

    def address(self, column: str) -> str:
        return f"{self.table}/{self.row}/{self.kind}_{column}" if self.kind else f"{self.table}/{self.row}/{column}"


@dataclass(frozen=True)
class Printed:
    """What a paper prints: address → value, tables in percent; all that is no table stands under its own keys."""

    paper: str
    values: dict[str, float] = field(repr=False)

    def __getitem__(self, address: str) -> float:
        if address not in self.values:
            raise KeyError(f"{self.paper}.yaml has no cell {address!r}; correct the address")
        return self.values[address]

    def of(self, value: str | float) -> float:
        """A number as it is, or the cell of an address."""
        return self[value] if isinstance(value, str) else value

    def below(self, prefix: str) -> dict[str, float]:
        """All cells whose address begins with `prefix/`, by the rest of their address."""
        start = f"{prefix}/"
        return {name.removeprefix(start): v for name, v in self.values.items() if name.startswith(start)}

    def scored(self) -> list[Scored]:
        """Every row that has P, R and F1, in the order of the paper."""
        found = []
        for address in self.values:
            stem = address.removesuffix("p")
            if stem == address or not stem.endswith(("_", "/")) or address.startswith(VARIATION):
                continue
            if all(stem + column in self.values for column in PRF):
                head, kind = stem[:-1].rsplit("/", 1) if stem.endswith("_") else (stem[:-1], "")
                table, row = head.split("/", 1)
                found.append(Scored(table, row, kind, *(self.values[stem + column] for column in PRF)))
        return found

    def select(self, names: Sequence[str], without: Sequence[str] = (), rows: Sequence[str] = ()) -> list[Scored]:
        """The distinct scored rows of `table` or `table:kind` names; `rows` are names.

        `without` leaves out rows by `row` or `table/row`.
        """
        found = {}
        for one in self.scored():
            named = one.table in names or f"{one.table}:{one.kind}" in names
            left_out = one.row in without or f"{one.table}/{one.row}" in without
            if named and not left_out and (not rows or one.row in rows):
                found.setdefault((one.kind, one.cells), one)
        return list(found.values())


def reported(paper: str) -> dict:
    """The printed figures of a paper (`umrc`, `cbrrel`, `iser`, `focused`), in percent as in its tables."""
    return deepcopy(_parsed(paper))


@cache
def _parsed(paper: str) -> dict:
    return yaml.safe_load(resources.files("relex").joinpath(f"data/{paper}.yaml").read_text(encoding="utf-8"))


def printed(paper: str) -> Printed:
    """All printed figures of a paper by address."""
    content = reported(paper)
    values = {}
    for table, body in content.pop("tables").items():
        columns = body.get("columns", COLUMNS.get(paper, PRF))
        values |= dict(_flat(table, body["rows"], columns))
        values |= dict(_flat(VARIATION, body.get(VARIATION, {}), columns))
    for name, body in content.items():
        values |= dict(_flat(name, body, ("train", "test")))
    return Printed(paper, values)


def _flat(address: str, body, columns: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Numbers below an address: a key of a mapping is a level, an item of a list a column."""
    if isinstance(body, dict):
        for key, below in body.items():
            if isinstance(below, list):  # `epo: [p, r, f1]` of a row is epo_p, epo_r, epo_f1
                yield from _flat(f"{address}/{key}{'_' if '/' in address else '/'}", below, columns)
            else:
                yield from _flat(f"{address}/{key}", below, columns)
    elif isinstance(body, list):
        if len(body) == len(columns):
            yield from ((f"{address}{c}", v) for c, v in zip(columns, body, strict=True) if v is not None)
    elif isinstance(body, int | float) and not isinstance(body, bool):
        yield address, body
