"""The scorer that options choose for the tables of a scheme."""

from relex.errors import RelexError
from relex.heads.table.grid import Grid
from relex.heads.table.options import TableOptions
from relex.heads.table.scheme import Scheme
from relex.heads.table.scorers import MLP, Additive, EfficientPointer, Hadamard, Pointer, Scorer, Tucker

SIZES = {"pointer": 64, "efficient": 64, "tucker": 128, "grid": 96}
"""`TableOptions.size` where it is 0, by scorer."""
HEADS = 4
"""Attention heads of EmRel's fusion and of GRTE's rounds."""


def make_scorer(options: TableOptions, scheme: Scheme, width: int) -> Scorer:
    """A scorer with fresh parameters for states of a `width`; raises a `RelexError` where it does not divide."""
    name, size, of_tables = options.scorer, options.size or SIZES.get(options.scorer, 0), (scheme.tables, scheme.tags)
    for what, number, parts, used in (
        ("states of width", width, HEADS, name == "hadamard" and options.rounds > 1),
        ("states of width", width, 2, name == "grid"),
        ("pairings of size", size, HEADS, options.fusion),
        ("pairings of size", size, 2, name in ("pointer", "efficient")),
    ):
        if used and number % parts:
            raise RelexError(f"{what} {number} do not divide into {parts} parts; choose another size")
    if name == "pointer":
        return Pointer(width, *of_tables, scheme.spans, size)
    if name == "efficient":
        return EfficientPointer(width, *of_tables, scheme.spans, size, scheme.alike)
    if name == "tucker":
        names = table_names(scheme) if options.names else ()
        return Tucker(width, *of_tables, size, size, options.fusion, names, options.dropout)
    if name == "hadamard":
        return Hadamard(width, *of_tables, options.rounds, HEADS, options.dropout)
    if name == "additive":
        return Additive(width, *of_tables, options.rounds, options.dropout)
    if name == "grid":
        return Grid(width, *of_tables, size, dropout=options.dropout)
    return MLP(width, *of_tables, options.wide * width, options.activation, options.dropout)


def table_names(scheme: Scheme) -> tuple[tuple[int, int], ...]:
    """For each table the number of its name, of E types and then R classes, and of which group of tables it is."""
    first = {"types": 0, "classes": scheme.types}
    groups = enumerate(zip(scheme.groups, scheme.sizes, strict=True))
    return tuple((first[group] + i, kind) for kind, (group, size) in groups for i in range(size))
