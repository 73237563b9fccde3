"""Rules that read P, R and F1: the identity, totals behind a column, mixtures of classes.

A rule takes a `Case` and yields, for each comparison it makes, a finding, or None where the numbers fit.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from relex.audits import granularity, mixture
from relex.audits.cells import PRF, Scored
from relex.audits.findings import Case, Finding
from relex.audits.identity import f1, macro_too_high, miss

Outcomes = Iterator[Finding | None]

WIDE = 10.0
"""Points: a spread of P − R over runs that no report of means would pass over."""
TYPO = "a slip of the pen in one of the three cells"
OTHER_COUNT = "another count of the gold items (duplicates dropped, another tokenizer), or means over runs"


def identity(case: Case) -> Outcomes:
    """Every scored row: is F1 that of P and R?  A macro F1 has to be at or below it."""
    for row in case.printed.scored():
        words, table = case.word(row.address("f1")), case.table(row.table)
        told = f"P {row.p:.2f} and R {row.r:.2f} give {f1(row.p, row.r):.2f}, printed is {row.f1:.2f}"
        if row.kind == "macro" or row.row.endswith("-macro"):
            high = macro_too_high(row.p, row.r, row.f1)
            yield case.finding(words, table, "decisive", told + ", above what any classes give.", TYPO) if high else None
            continue
        found = miss(row.p, row.r, row.f1)
        if found is None:
            yield None
            continue
        one_run = case.paper.get("runs") == "one"
        certain = found.above or found.spread >= WIDE or (found.outside and one_run)
        told += f" ({found.gap:+.2f})" + (", and not even between them" if found.outside else "")
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


def off(case: Case) -> Outcomes:
    """Which rows are no counts of the total that the others share?  Strong for rows of the paper's `own` system."""
    number, own = _whole(case, "total"), case.check.get("own", ())
    for row in case.printed.select(case.check["rows"], case.check.get("without", ())):
        if granularity.fits(row.cells, number):
            yield None
            continue
        ours, alone = row.row in own, not granularity.recall_fits(row.r, number)
        if alone:
            told = f"R {row.r:.2f} would be {row.r * number / 100:.2f} of {number}, no whole number"
        else:
            (right, *_) = [k for cut in (False, True) for k in granularity.whole(row.r, number, cut)]
            told = f"R {row.r:.2f} is {right} of {number}, and P {row.p:.2f} would be {right} of {100 * right / row.p:.2f}"
        by_chance = 1 - granularity.recall_chance(number)
        told += f"; {by_chance:.0%} of random recalls do not fit." if alone else "; P, R and F1 are no counts together."
        strength = ("strong" if alone else "moderate") if ours else ("moderate" if alone else "weak")
        yield case.finding(f"{case.row(row.row)}, {case.kind(row.kind)}", case.table(row.table), strength, told, OTHER_COUNT)


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
            f"{case.kind(row.kind)} R {row.r:.2f} is {found[0][0]} of {sizes[row.kind]}" for found, row in counts if found
        )
        no = " and ".join(f"{parts[claimed][row.kind]}" for row in rows)
        told += f", the sizes of the {others[0]} part (chance {luck:.0e}); it is no count of {no}, the {claimed} part."
        cells = ", ".join(case.kind(row.kind) for row in rows)
        strength = "decisive" if luck < 1e-4 and len(rows) > 1 else "strong" if luck < 1e-3 else "moderate"
        left = "none of counting; the row may be copied from another paper, which the text does not say"
        yield case.finding(f"{case.row(name)}, {cells}", case.table(rows[0].table), strength, told, left)


def apart(case: Case) -> Outcomes:
    """Groups of rows that share a total each and have none in common up to `bound`."""
    bound, told, lucks, sets = _whole(case, "bound"), [], [], []
    selected = {}
    for name, chosen in case.check["groups"].items():
        rows = case.printed.select(chosen["rows"], chosen.get("without", ()), chosen.get("only", ()))
        selected[name] = rows
        fitting = [n for n in range(2, bound + 1) if all(granularity.counts(r.cells, n) for r in rows)]
        if not fitting:
            yield None
            return
        chances = [granularity.chance(r.cells, fitting[0]) for r in rows]
        lucks.append(granularity.luck(len(rows), chances, fitting[0]))
        sets.append(set(fitting))
        told.append(f"{name}: {len(rows)} rows fit {fitting[0]} in P, R and F1 (chance {lucks[-1]:.0e})")
    tables = [row.table for rows in selected.values() for row in rows]
    if set.intersection(*sets):
        yield None
        return
    strength = "decisive" if max(lucks) < 1e-3 else "strong"
    said = f"{'; '.join(told)}; up to {bound:,} no total fits all."
    left = "none for one part; that the tables were measured on several parts, which the text does not say"
    kind = next(iter(selected.values()))[0].kind or "P, R, F1"
    yield case.finding(case.kind(kind), case.table(*dict.fromkeys(tables)), strength, said, left)


def unshared(case: Case) -> Outcomes:
    """Recalls of one column that are not whole counts of any one total of the `size` that the test part can have."""
    rows, size = case.printed.select(case.check["rows"], case.check.get("without", ())), _whole(case, "size")
    recalls = list(dict.fromkeys(row.r for row in rows))
    bound = case.check.get("bound", 20 * size)
    first = granularity.first_total(recalls, bound)
    if first is not None and first <= size:
        yield None
        return
    fitting = sum(granularity.recall_fits(r, size) for r in recalls)
    beyond = f"the smallest of which all {len(recalls)} recalls are whole counts is {first:,}"
    if first is None:
        beyond = f"up to {bound:,} there is none of which all {len(recalls)} recalls are whole counts"
    told = (
        f"Of {size:,} gold items {fitting} recalls are whole counts, {len(recalls) * granularity.recall_chance(size):.1f} "
        f"would be by chance; {beyond}."
    )
    runs = f"means over {-(-first // size)} runs or more" if first else "means over many runs"
    left = f"{runs}, which the text does not mention"
    yield case.finding(f"R of {case.kind(rows[0].kind) or 'triples'}", case.table(*case.check["rows"]), "strong", told, left)


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
            left = "none; the two tables are of different runs or parts" if linear else "the same, or unequal runs averaged"
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
        f"The weights that {len(systems)} systems can share best ({_weights(kinds, weights)}) leave a total recall {worst:.2f} "
        f"points off; even of two systems {apart_} of {len(pairs)} pairs share none."
    )
    left = "none: recalls over the same gold items mix alike, means over runs too; the tables are of different runs or parts"
    names = ", ".join(case.row(name) for name, _, _ in systems)
    yield case.finding(f"R of {names}", case.table(case.check["total"], case.check["classes"]), "decisive", told, left)


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
    told += ", ".join(f"{gap:+.2f} ({case.row(name)})" for name, gap in offs.items()) + "."
    left = "a test part that is mixed otherwise than the corpus, though no one mixture fits all systems"
    yield case.finding("R of all systems", case.table(case.check["total"], case.check["classes"]), "moderate", told, left)


def _systems(case: Case) -> Iterator[tuple[str, Scored, dict[str, Scored]]]:
    """Rows that stand both in the table of totals and in that of classes: name, total, kind → class."""
    rows = case.printed.scored()
    for whole in (row for row in rows if row.table == case.check["total"]):
        parts = {row.kind: row for row in rows if (row.table, row.row) == (case.check["classes"], whole.row)}
        if parts:
            yield whole.row, whole, parts


def _weights(kinds: Sequence[str], weights) -> str:
    return ", ".join(f"{kind} {weight:.2f}" for kind, weight in zip(kinds, weights, strict=True))


def _whole(case: Case, key: str) -> int:
    return int(case.printed.of(case.check[key]))


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
        f"{gap:+.2f} points of F1 are {right} right of {found} found against {other} of {of}, of {number} gold items: "
        f"{right - other} right more, {(of - other) - (found - right)} wrong fewer."
    )
    left = "none needed: the difference is as printed, only small beside chance"
    yield case.finding(
        " against ".join(case.row(row.row) for row in pairs), case.table(pairs[0].table), "moderate", told, left
    )


SCORE_RULES = {
    rule.__name__: rule for rule in (identity, total, off, part, apart, unshared, between, shared, sizes, steps)
}  # fmt: skip
