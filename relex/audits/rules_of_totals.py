"""Rules on the totals behind a column: of which number of gold items P, R and F1 are whole counts, in which rows."""

from math import sqrt

from relex.audits import granularity
from relex.audits.cells import Scored
from relex.audits.findings import Case, Outcomes, signed

ROOM = 1.25
"""How much larger than its share a part of a corpus may come out when documents are drawn."""
OTHER_COUNT = "another count of the gold items (duplicates dropped, another tokenizer), or means over runs"


def total(case: Case) -> Outcomes:
    """Is the printed number of gold items (`said`) the one that a column was counted over?"""
    rows, said = case.printed.select(case.check["rows"], case.check.get("without", ())), _whole(case, "said")
    cells = [row.cells for row in rows]
    near = range(int(0.9 * said), int(1.1 * said) + 1)
    best, fitting = granularity.best_total(cells, near)
    of_said = [row for row in cells if granularity.fits(row, said)]
    luck = granularity.luck(len(fitting), [granularity.chance(row, best) for row in cells], len(near))
    if best == said or luck > 1e-6 or len(of_said) * 2 > len(fitting):
        yield None
        return
    recalls = [sum(granularity.recall_fits(row.r, n) for row in rows) for n in (best, said)]
    told = (
        f"P, R and F1 of {len(fitting)} of {len(rows)} rows are counts of {best} gold items (chance {luck:.0e}), of "
        f"{len(of_said)} rows counts of the printed {said}; of the recalls alone {recalls[0]} and {recalls[1]}."
    )
    left = "some gold items are counted once or left out, which the text does not say"
    yield case.finding(f"all rows, {case.kind(rows[0].kind)}", case.table(*case.check["rows"]), "decisive", told, left)


def misfit(case: Case) -> Outcomes:
    """Rows that are no counts of the `total` that the others share: one finding for each row of the paper's `own` code.

    Rows of other systems make one finding for each table. Strong where at least half of the own rows are such counts,
    so that single runs were printed; moderate elsewhere.
    """
    number, own, foreign = _whole(case, "total"), case.check.get("own", ()), {}
    rows = case.printed.select(case.check["rows"], case.check.get("without", ()))
    fit = {row.address("r"): granularity.fits(row.cells, number) for row in rows}
    ours = [fit[row.address("r")] for row in rows if row.row in own]
    strength = "strong" if sum(ours) * 2 >= len(ours) else "moderate"
    for row in rows:
        if fit[row.address("r")] or row.row not in own:
            yield None
        else:
            cells = ", ".join(filter(None, (case.row(row.row), case.kind(row.kind))))
            told = f"{_off(row, number)}; {sum(ours)} of the {len(ours)} own rows are counts of {number}."
            yield case.finding(cells, case.table(row.table), strength, told, OTHER_COUNT)
        if row.row not in own and not granularity.recall_fits(row.r, number):
            foreign.setdefault(row.table, []).append(row)
    for table, some in foreign.items():
        shown = ", ".join(f"{case.row(row.row)} {row.r:.2f}" for row in some)
        told = (
            f"Recalls that are no k of {number}, which {sum(ours)} of the {len(ours)} own rows are counts of: {shown}."
        )
        cells = f"{', '.join(case.row(row.row) for row in some)}, {case.kind(some[0].kind)}"
        yield case.finding(cells, case.table(table), strength if len(some) > 1 else "moderate", told, OTHER_COUNT)


def _off(row: Scored, number: int) -> str:
    """How a row misses a total: by its recall, or by its precision beside that recall."""
    if not granularity.recall_fits(row.r, number):
        return f"R {row.r:.2f} would be {row.r * number / 100:.2f} of {number}, no whole number"
    right = next(k for cut in (False, True) for k in granularity.whole(row.r, number, cut))
    return (
        f"R {row.r:.2f} is {right} of {number}, and P {row.p:.2f} would be {right} of {100 * right / row.p:.2f} found"
    )


def part(case: Case) -> Outcomes:
    """On which of several test `parts` was each row scored?  `claimed` is the one that the text names."""
    parts, claimed = case.check["parts"], case.check["claimed"]
    by_row: dict[str, list[Scored]] = {}
    for row in case.printed.select(case.check["rows"], case.check.get("without", ())):
        by_row.setdefault(row.row, []).append(row)
    for name, rows in by_row.items():
        fit = {p: [granularity.fits(row.cells, sizes[row.kind]) for row in rows] for p, sizes in parts.items()}
        others = [p for p in parts if p != claimed and all(fit[p])]
        if any(fit[claimed]) or not others:
            yield None
            continue
        sizes = parts[others[0]]
        luck = 1.0
        for row in rows:
            luck *= granularity.chance(row.cells, sizes[row.kind])
        counts = [(granularity.counts(row.cells, sizes[row.kind]), row) for row in rows]
        told = " and ".join(
            f"{case.kind(row.kind)} R {row.r:.2f} is {found[0][0]} of {sizes[row.kind]}"
            for found, row in counts
            if found
        )
        no = " and ".join(f"{parts[claimed][row.kind]}" for row in rows)
        told += f", the sizes of the {others[0]} part (chance {luck:.0e}); it is no count of {no}, the {claimed} part."
        cells = ", ".join(case.kind(row.kind) for row in rows)
        strength = "decisive" if luck < 1e-4 and len(rows) > 1 else "strong" if luck < 1e-3 else "moderate"
        left = "none of counting; the row may be copied from another paper, which the text does not say"
        yield case.finding(f"{case.row(name)}, {cells}", case.table(rows[0].table), strength, told, left)


def unit(case: Case) -> Outcomes:
    """Rows counted in another `unit` than their column says: of `total` such units, not of the `claimed` items."""
    total, claimed = _whole(case, "total"), _whole(case, "claimed")
    rows = case.printed.select(case.check["rows"], case.check.get("without", ()))
    other = [row for row in rows if granularity.counts(row.cells, total) and not granularity.fits(row.cells, claimed)]
    if not other:
        yield None
        return
    luck = granularity.luck(len(other), [granularity.chance(row.cells, total) for row in rows])
    told = ", ".join(f"{case.row(row.row)} {granularity.counts(row.cells, total)[0][0]} of {total}" for row in other)
    told = f"P, R and F1 are counts of {total} {case.check['unit']}, not of {claimed} {case.kind(rows[0].kind)}: {told}"
    left = "none of counting; these systems find no other entities than those of triples, which the text does not say"
    cells = f"{', '.join(case.row(row.row) for row in other)}, {case.kind(rows[0].kind)}"
    strength = "decisive" if luck < 1e-4 else "strong" if luck < 1e-2 else "moderate"
    yield case.finding(cells, case.table(rows[0].table), strength, f"{told} (chance {luck:.0e}).", left)


def own_total(case: Case) -> Outcomes:
    """A row that is no count of the `claimed` gold items but in all its columns of one other number near it."""
    claimed = _whole(case, "claimed")
    rows = case.printed.select(case.check["rows"], rows=case.check["only"])
    near = [n for n in range(int(0.75 * claimed), int(1.25 * claimed) + 1) if n != claimed]
    fitting = [n for n in near if all(granularity.counts(row.cells, n) for row in rows)]
    if not fitting or any(granularity.fits(row.cells, claimed) for row in rows):
        yield None
        return
    (number, *_), luck = fitting, float(len(near))
    for row in rows:
        luck *= granularity.chance(row.cells, fitting[0])
    counts = {row: granularity.counts(row.cells, number)[0] for row in rows}
    told = " and ".join(
        f"{case.kind(row.kind)} {right} of {number}, {found} found" for row, (right, found) in counts.items()
    )
    right, found = counts[rows[-1]]
    told += (
        f" (chance {luck:.0e}); no column is a count of {claimed}. Over {claimed}, were nothing else right, F1 of "
        f"{case.kind(rows[-1].kind)} would be {200 * right / (claimed + found):.2f} in place of {rows[-1].f1:.2f}."
    )
    cells = f"{case.row(rows[0].row)}, {', '.join(case.kind(row.kind) for row in rows)}"
    yield case.finding(cells, case.table(rows[0].table), "strong", told, OTHER_COUNT)


def apart(case: Case) -> Outcomes:
    """Groups of rows that share a total each and have none in common up to `bound`."""
    bound, groups = _whole(case, "bound"), _groups(case)
    fitting = {name: _fitting(rows, bound) for name, rows in groups.items()}
    if not all(fitting.values()) or set.intersection(*map(set, fitting.values())):
        yield None
        return
    lucks = {name: _luck(rows, fitting[name][0]) for name, rows in groups.items()}
    told = "; ".join(
        f"{name}: {len(rows)} rows fit {fitting[name][0]:,} in P, R and F1 (chance {lucks[name]:.0e})"
        for name, rows in groups.items()
    )
    strength = "decisive" if max(lucks.values()) < 1e-3 else "strong"
    left = "none for one part; that the tables were measured on several parts, which the text does not say"
    yield case.finding(*_where(case, groups), strength, f"{told}; up to {bound:,} no total fits all.", left)


def together(case: Case) -> Outcomes:
    """Parts of a corpus that are larger together than the corpus: totals of `groups` against `whole`."""
    whole, groups = _whole(case, "whole"), _groups(case)
    fitting = {name: _fitting(rows, whole) for name, rows in groups.items()}
    if not all(fitting.values()) or sum(totals[0] for totals in fitting.values()) <= whole:
        yield None
        return
    parts = " and ".join(f"{totals[0]:,} ({name})" for name, totals in fitting.items())
    told = f"The smallest totals that fit are {parts}, together more than the {whole:,} of the whole corpus."
    yield case.finding(*_where(case, groups), "strong", told, OTHER_COUNT)


def share(case: Case) -> Outcomes:
    """Parts of a corpus beside the `share` of `whole` that the text gives them; totals of `groups`."""
    whole, part, groups = _whole(case, "whole"), case.check["share"], _groups(case)
    fitting = {name: _fitting(rows, whole) for name, rows in groups.items()}
    deviation = sqrt(whole * part * (1 - part))
    far = {name: (t[0] - whole * part) / deviation for name, t in fitting.items() if t}
    if not far or max(map(abs, far.values())) < 4:
        yield None
        return
    parts = ", ".join(f"{fitting[name][0]} ({name}, {abs(z):.1f} standard deviations off)" for name, z in far.items())
    told = f"{case.check['says']} A part should have about {whole * part:.0f}; the totals that fit are {parts}."
    left = "a split by documents, whose numbers of relations vary; or only some relations were scored"
    yield case.finding(*_where(case, groups), "moderate", told, left)


def _groups(case: Case) -> dict[str, list[Scored]]:
    return {
        name: case.printed.select(chosen["rows"], chosen.get("without", ()), chosen.get("only", ()))
        for name, chosen in case.check["groups"].items()
    }


def _fitting(rows: list[Scored], bound: int) -> list[int]:
    return [n for n in range(2, bound + 1) if all(granularity.counts(row.cells, n) for row in rows)]


def _luck(rows: list[Scored], number: int) -> float:
    return granularity.luck(len(rows), [granularity.chance(row.cells, number) for row in rows], number)


def _where(case: Case, groups: dict[str, list[Scored]]) -> tuple[str, str]:
    rows = [row for some in groups.values() for row in some]
    return case.kind(rows[0].kind) or case.kind(rows[-1].kind), case.table(*(row.table for row in rows))


def unshared(case: Case) -> Outcomes:
    """Recalls of one column that are not whole counts of any one total of the `size` that the test part can have."""
    rows, size = case.printed.select(case.check["rows"], case.check.get("without", ())), _whole(case, "size")
    recalls = list(dict.fromkeys(row.r for row in rows))
    bound = case.check.get("bound", 20 * size)
    first = granularity.first_total(recalls, bound)
    if first is not None and first <= ROOM * size:
        yield None
        return
    fitting = sum(granularity.recall_fits(r, size) for r in recalls)
    if first is None:
        beyond = f"up to {bound:,} there is no total of which all {len(recalls)} are"
    else:
        beyond = f"the smallest total of which all {len(recalls)} are is {first:,}"
    told = (
        f"Of {size:,} gold items {fitting} recalls are whole counts, "
        f"{len(recalls) * granularity.recall_chance(size):.1f} would be by chance; {beyond}."
    )
    runs = f"means over {-(-first // size)} runs or more" if first else "means over many runs"
    left = f"{runs}, which the text does not mention"
    kind = next((case.kind(row.kind) for row in rows if row.kind), "triples")
    yield case.finding(f"R of {kind}", case.table(*case.check["rows"]), "strong", told, left)


def _whole(case: Case, key: str) -> int:
    return int(case.printed.of(case.check[key]))


def uncounted(case: Case) -> Outcomes:
    """Rows that are no counts of any total up to `bound` in P, R and F1: not together, or with `any`, none of them."""
    rows, bound = case.printed.select(case.check["rows"], case.check.get("without", ())), _whole(case, "bound")
    possible = [[granularity.fits(row.cells, n) for n in range(1, bound + 1)] for row in rows]
    alone = [any(fitting) for fitting in possible]
    if any(alone) if case.check.get("any") else any(map(all, zip(*possible, strict=True))):
        yield None
        return
    told = f"No total up to {bound:,} makes "
    told += f"any of the {len(rows)} rows" if case.check.get("any") else f"the {len(rows)} rows together"
    left = "means over runs, which the text does not mention"
    yield case.finding(
        case.check["cells"], case.table(*case.check["rows"]), "strong", told + " counts in P, R and F1.", left
    )


def steps(case: Case) -> Outcomes:
    """How many items a difference of two rows is, given their total."""
    number = _whole(case, "total")
    pairs = [next(iter(case.printed.select([t], rows=[name]))) for t, name in case.check["rows"]]
    (right, found), (other, of) = (granularity.counts(row.cells, number)[0] for row in pairs)
    if abs(right - other) > 2:
        yield None
        return
    gap = pairs[0].f1 - pairs[1].f1
    told = (
        f"{signed(gap)} points of F1 are {right} right of {found} found against {other} of {of}, "
        f"of {number} gold items: {right - other} right more, {(of - other) - (found - right)} wrong fewer."
    )
    left = "none needed: the difference is as printed, only small beside chance"
    yield case.finding(
        " against ".join(case.row(row.row) for row in pairs), case.table(pairs[0].table), "moderate", told, left
    )


TOTAL_RULES = {
    rule.__name__: rule
    for rule in (total, misfit, part, unit, own_total, apart, together, share, unshared, uncounted, steps)
}  # fmt: skip
