"""Rules that read P, R and F1 of rows: the identity, classes and their total, macro and micro averages.

A rule takes a `Case` and yields, for each comparison it makes, a finding, or None where the numbers fit.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from relex.audits import granularity, mixture
from relex.audits.cells import PRF, Scored
from relex.audits.findings import Case, Outcomes, signed
from relex.audits.identity import UNIT, f1, macro_too_high, miss

COARSE = 0.1
"""Points that roundings of six class cells can make in a total."""
WIDE = 10.0
"""Points: a spread of P − R over runs that no report of means would pass over."""
TYPO = "a slip of the pen in one of the three cells"


def identity(case: Case) -> Outcomes:
    """Every scored row: is F1 that of P and R?  A macro F1 has to be at or below it."""
    for row in case.printed.scored():
        words, table = case.word(row.address("f1")), case.table(row.table)
        told = f"P {row.p:.2f} and R {row.r:.2f} give {f1(row.p, row.r):.2f}, printed is {row.f1:.2f}"
        if row.kind == "macro" or row.row.endswith("-macro"):
            high = macro_too_high(row.p, row.r, row.f1)
            yield (
                case.finding(words, table, "decisive", told + ", above what any classes give.", TYPO) if high else None
            )
            continue
        found = miss(row.p, row.r, row.f1)
        if found is None:
            yield None
            continue
        one_run = case.paper.get("runs") == "one"
        certain = found.above or found.spread >= WIDE or (found.outside and one_run)
        told += f" ({signed(found.gap)})" + (", and not even between them" if found.outside else "")
        if found.above:
            told += "; a mean over runs would be lower, not higher"
        else:
            told += f"; means over runs would need P − R to vary by {found.spread:.1f} points"
        told += _repaired(case, row)
        left = TYPO if certain else "means over several runs, which the text does not mention"
        yield case.finding(words, table, "decisive" if certain else "strong", told + ".", left)


def _repaired(case: Case, row: Scored) -> str:
    """Which single other cell would make the row whole counts, where the total is known."""
    total = case.paper.get("gold", {}).get(f"{row.table}:{row.kind}")
    near = granularity.repairs(row.cells, total)[:1] if total else []
    return "".join(f"; {COLUMN[column]} {value:.2f} would fit all three as counts of {total}" for column, value in near)


COLUMN = dict(zip(PRF, ("P", "R", "F1"), strict=True))


def between(case: Case) -> Outcomes:
    """A total lies between its classes: `total` and `classes` are tables with rows of the same names."""
    for name, whole, parts in _systems(case):
        for column in PRF:
            cells = {kind: getattr(part, column) for kind, part in parts.items()}
            value = getattr(whole, column)
            points = mixture.beyond(value, list(cells.values()))
            if not points:
                yield None
                continue
            shown = ", ".join(f"{case.kind(kind)} {cell:.2f}" for kind, cell in cells.items())
            side = "below all" if value < min(cells.values()) else "above all"
            told = f"{COLUMN[column]} of all triples is {value:.2f}, {side} of its classes ({shown}), by {points:.2f}."
            linear = column == "r"
            left = (
                "none; the two tables are of different runs or parts"
                if linear
                else "the same, or unequal runs averaged"
            )
            strength = "decisive" if linear else "strong"
            tables = case.table(case.check["total"], case.check["classes"])
            yield case.finding(f"{case.row(name)}, {COLUMN[column]}", tables, strength, told, left)


def shared(case: Case) -> Outcomes:
    """All systems of a table share one mixture of class sizes, since they are scored on the same gold items."""
    systems = [s for s in _systems(case) if s[0] not in case.check.get("without", ())]
    totals = [whole.r for _, whole, _ in systems]
    parts = [[part.r for part in by_kind.values()] for _, _, by_kind in systems]
    weights, worst = mixture.shared_weights(totals, parts)
    if worst <= 0.01:
        yield None
        return
    kinds = [case.kind(kind) for kind in systems[0][2]]
    pairs = list(combinations(range(len(systems)), 2))
    apart_ = sum(mixture.shared_weights([totals[i] for i in two], [parts[i] for i in two])[1] > 0.01 for two in pairs)
    told = (
        f"The weights that {len(systems)} systems can share best ({_weights(kinds, weights)}) leave a total recall "
        f"{worst:.2f} points off; even of two systems {apart_} of {len(pairs)} pairs share none."
    )
    left = "none: recalls over the same gold items mix alike, means over runs too, so the runs or parts differ"
    names = ", ".join(case.row(name) for name, _, _ in systems)
    yield case.finding(f"R of {names}", case.table(case.check["total"], case.check["classes"]), "decisive", told, left)


def precisions(case: Case) -> Outcomes:
    """Each system alone: the total precision that its classes allow, given its total recall, whatever the class sizes.

    Not linear in runs, but a mean over runs moves the bounds by hundredths, so a gap of more than a point is decisive.
    """
    for name, whole, parts in _systems(case):
        scored = list(parts.values())
        limits = mixture.precision_range(whole.r, [part.r for part in scored], [part.p for part in scored])
        if limits is None:  # rule `between` has the recall itself
            continue
        gap = max(limits[0] - whole.p, whole.p - limits[1])
        if gap <= COARSE:
            yield None
            continue
        told = (
            f"Whatever sizes make its class recalls {whole.r:.2f} in all, its class precisions then make "
            f"{limits[0]:.2f} to {limits[1]:.2f}; printed is {whole.p:.2f}."
        )
        tables = case.table(case.check["total"], case.check["classes"])
        strength = "decisive" if gap > 1 else "strong"
        left = "none; the two tables are of different runs or parts"
        yield case.finding(f"{case.row(name)}, P and R", tables, strength, told, left)


def sizes(case: Case) -> Outcomes:
    """Do the printed class sizes give the total recalls?  The test part may be mixed otherwise than the corpus."""
    printed = [case.printed[address] for address in case.check["sizes"].values()]
    offs = {}
    for name, whole, parts in _systems(case):
        expected = mixture.weighted([parts[kind].r for kind in case.check["sizes"]], printed)
        offs[name] = whole.r - expected
    offs = {name: gap for name, gap in offs.items() if name not in case.check.get("without", ())}
    if max(map(abs, offs.values())) <= 0.01:
        yield None
        return
    told = "Class sizes as printed give total recalls that differ from the printed ones by "
    told += ", ".join(f"{signed(gap)} ({case.row(name)})" for name, gap in offs.items()) + "."
    left = "a test part that is mixed otherwise than the corpus, though no one mixture fits all systems"
    yield case.finding(
        "R of all systems", case.table(case.check["total"], case.check["classes"]), "moderate", told, left
    )


def _systems(case: Case) -> Iterator[tuple[str, Scored, dict[str, Scored]]]:
    """Rows that stand both in the table of totals and in that of classes: name, total, kind → class."""
    rows = case.printed.scored()
    for whole in (row for row in rows if row.table == case.check["total"]):
        parts = {row.kind: row for row in rows if (row.table, row.row) == (case.check["classes"], whole.row)}
        if parts:
            yield whole.row, whole, parts


def _weights(kinds: Sequence[str], weights) -> str:
    return ", ".join(f"{kind} {weight:.2f}" for kind, weight in zip(kinds, weights, strict=True))


def one_type(case: Case) -> Outcomes:
    """With one class there is nothing to average, so `row` and its `macro` row are one in P, R and F1 of `kind`."""
    kind = case.check["kind"]
    pairs = [[case.printed[f"{case.check[name]}/{kind}_{c}"] for name in ("row", "macro")] for c in PRF]
    wrong = [f"{COLUMN[c]} {a:.2f} and {b:.2f}" for c, (a, b) in zip(PRF, pairs, strict=True) if abs(a - b) > UNIT]
    if not wrong:
        yield None
        return
    told = f"{case.check['says']} Printed, micro and macro: {', '.join(wrong)}."
    cells = case.word(f"{case.check['macro']}/{kind}_f1").rpartition(" ")[0]
    yield case.finding(cells, case.table(case.check["row"]), "decisive", told, TYPO)


SCORE_RULES = {rule.__name__: rule for rule in (identity, between, shared, precisions, sizes, one_type)}
