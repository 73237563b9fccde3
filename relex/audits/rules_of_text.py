"""Rules that compare cells with each other and with the sentences about them: differences, sums, ranks, equal cells."""

from relex.audits.arithmetic import ahead, difference_error, instead, micro, sum_error
from relex.audits.findings import Case, Outcomes, signed
from relex.audits.identity import UNIT

SLIP = "a slip of the pen, or a text that was written for an earlier table"
TEXT = "none of counting; the sentence may have been written for other figures"
REAL = 0.02
"""Points: two roundings cannot make a larger difference."""


def difference(case: Case) -> Outcomes:
    """A printed difference (`said`) against the two cells it is of: `of` minus `minus`."""
    a, b = case.check["of"], case.check["minus"]
    values, said = (case.printed[a], case.printed[b]), case.printed.of(case.check["said"])
    error = difference_error(said, *values)
    if not error:
        yield None
        return
    told = f"{values[0]:.2f} − {values[1]:.2f} = {signed(values[0] - values[1])}, printed is {signed(said)}."
    same_table = {name: value for name, value in case.printed.values.items() if name.split("/")[0] == a.split("/")[0]}
    if found := instead(said, values[0], same_table):
        told += f" It would be so with {case.printed[found[0]]:.2f} ({case.word(found[0])})."
    cells = f"{case.word(a)} against {case.word(b)}"
    yield case.finding(cells, case.table(a, b), "decisive" if abs(error) > REAL else "weak", told, SLIP)


def said(case: Case) -> Outcomes:
    """A value that the text names (`said`) against its cell."""
    cell, value = case.check["cell"], case.check["said"]
    if abs(case.printed[cell] - value) <= UNIT:
        yield None
        return
    digits = ",.0f" if isinstance(value, int) else ".2f"
    told = f"The text ({case.check['where']}) has {value:{digits}}, the table {case.printed[cell]:{digits}}."
    yield case.finding(case.word(cell), case.table(cell), "decisive", told, SLIP)


def sums(case: Case) -> Outcomes:
    """Parts that have to add up to a total: `parts` are addresses or one prefix, `total` an address or number."""
    parts = case.check["parts"]
    values = list(case.printed.below(parts).values()) if isinstance(parts, str) else [case.printed[p] for p in parts]
    total = case.printed.of(case.check["total"])
    values = [v for v in values if v != total] if isinstance(parts, str) else values
    error = sum_error(values, total)
    if not error:
        yield None
        return
    told = f"The parts add up to {sum(values):,.0f}, printed is {total:,.0f}."
    yield case.finding(
        case.check["cells"], case.table(case.check["total"]), "decisive", told, case.check.get("left", SLIP)
    )


def within(case: Case) -> Outcomes:
    """A part that cannot be larger than its whole: `part` at most `whole`, addresses or numbers."""
    part, whole = case.printed.of(case.check["part"]), case.printed.of(case.check["whole"])
    if part <= whole:
        yield None
        return
    told = f"{case.check['cells']}: {part:,.0f} is more than {whole:,.0f}."
    yield case.finding(case.check["cells"], case.check["table"], "decisive", told, SLIP)


def same(case: Case) -> Outcomes:
    """Cells of one system on one corpus that stand in several places: `cells` are pairs of addresses."""
    for a, b in case.check["cells"]:
        values = case.printed[a], case.printed[b]
        if values[0] == values[1]:
            yield None
            continue
        told = (
            f"{values[0]:.2f} in {case.table(a)} ({case.word(a)}), {values[1]:.2f} in {case.table(b)} ({case.word(b)})."
        )
        strength = "decisive" if abs(values[0] - values[1]) > REAL else "weak"
        yield case.finding(case.word(a), case.table(a, b), strength, told, SLIP)


def copied(case: Case) -> Outcomes:
    """Two rows of different systems that agree in every cell of `columns` and differ in `though`.

    The table has to hold enough digits for that to be no accident, so the strength is never decisive by itself.
    """
    a, b = case.check["rows"]
    equal = [c for c in case.check["columns"] if case.printed[f"{a}/{c}"] == case.printed[f"{b}/{c}"]]
    if len(equal) < len(case.check["columns"]):
        yield None
        return
    values = ", ".join(f"{case.word(f'{a}/{c}').split(', ')[-1]} {case.printed[f'{a}/{c}']:.2f}" for c in equal)
    told = f"{case.row(a.split('/', 1)[1])} and {case.row(b.split('/', 1)[1])} have the same {values}"
    unequal = [
        f"{case.word(f'{a}/{c}').split(', ')[-1]} {case.printed[f'{a}/{c}']:.2f} and {case.printed[f'{b}/{c}']:.2f}"
        for c in case.check.get("though", ())
    ]
    told += f", but {', '.join(unequal)}." if unequal else "."
    cells = f"{case.row(a.split('/', 1)[1])}, {case.row(b.split('/', 1)[1])}"
    yield case.finding(cells, case.table(a, b), "strong", told, "an accident, or one row copied into the other")


def one_convention(case: Case) -> Outcomes:
    """Two names that are one system on one corpus (all `equal` pairs agree) and two on another (`unequal` pairs)."""
    equal, unequal = ([[case.printed[x] for x in pair] for pair in case.check[k]] for k in ("equal", "unequal"))
    if any(a != b for a, b in equal) or all(a == b for a, b in unequal):
        yield None
        return
    one, other = (", ".join(f"{a:.2f} and {b:.2f}" for a, b in pairs) for pairs in (equal, unequal))
    told = f"The same in all {len(equal)} cells on one corpus ({one}), different on the other ({other})."
    first = case.check["equal"][0]
    yield case.finding(case.check["cells"], case.table(*first), "decisive", told, "two meanings of one name of a row")


def best(case: Case) -> Outcomes:
    """A row that the text calls best: in `columns` of `table`, among all rows or those of `among`."""
    table, row = case.check["table"], case.check["row"]
    for column in case.check["columns"]:
        scores = {
            a.rpartition("/")[0]: v for a, v in case.printed.below(table).items() if a.rpartition("/")[2] == column
        }
        scores = {a: v for a, v in scores.items() if a not in case.check.get("without", ())}
        above = ahead(row, scores)
        if not above:
            yield None
            continue
        names = ", ".join(f"{case.row(name)} {score:.2f}" for name, score in above.items())
        told = f"{case.check['says']} Above its {scores[row]:.2f} stand {names}."
        cells = case.word(f"{table}/{row}/{column}")
        yield case.finding(cells, case.table(table), "decisive", told, TEXT)


def above(case: Case) -> Outcomes:
    """Pairs [higher, lower] that follow from a sentence; one finding names the pairs that are the other way round."""
    wrong = [(a, b) for a, b in case.check["pairs"] if case.printed[a] <= case.printed[b]]
    if not wrong:
        yield None
        return
    shown = "; ".join(
        f"{case.word(a)} {case.printed[a]:.2f} beside {case.word(b)} {case.printed[b]:.2f}" for a, b in wrong
    )
    of = len(case.check["pairs"])
    told = f"{case.check['says']} Printed: {shown}" + (
        f" ({len(wrong)} of {of} comparisons)." if len(wrong) < of else "."
    )
    tables = case.table(*(address for pair in wrong for address in pair))
    yield case.finding(case.check["cells"], tables, "decisive" if len(wrong) == len(case.check["pairs"]) else "strong",
                       told, TEXT)  # fmt: skip


def smaller_gain(case: Case) -> Outcomes:
    """A difference that the text calls smaller than another: `smaller` and `larger` are pairs of cells or numbers."""
    (a, b), (c, d) = ([case.printed.of(x) for x in case.check[name]] for name in ("smaller", "larger"))
    if a - b <= c - d + REAL:
        yield None
        return
    told = f"{case.check['says']} {a:.2f} − {b:.2f} = {signed(a - b)}, {c:.2f} − {d:.2f} = {signed(c - d)}."
    yield case.finding(case.check["cells"], case.check["table"], "decisive", told, TEXT)


def confounded(case: Case) -> Outcomes:
    """A difference between rows that differ in two things, where the second `alone` (a pair of cells) makes as much."""
    a, b = (case.printed[case.check[name]] for name in ("of", "minus"))
    c, d = (case.printed[x] for x in case.check["alone"])
    if abs(c - d) < abs(a - b):
        yield None
        return
    told = f"{case.check['says']} {a:.2f} − {b:.2f} = {signed(a - b)}; the second alone has {signed(c - d)}."
    cells = f"{case.word(case.check['of'])} against {case.word(case.check['minus'])}"
    yield case.finding(cells, case.table(case.check["of"]), "moderate", told, "the second may matter less elsewhere")


def accuracy(case: Case) -> Outcomes:
    """With one label a document and equal classes, macro recall = accuracy = micro F1; `documents` in the test part.

    Means over runs keep the identity, so a difference beyond rounding is decisive.
    """
    documents, wrong, recalls = case.check["documents"], {}, []
    for address, value in case.printed.values.items():
        if address.split("/")[0] in case.check["tables"] and address.endswith("/micro_f1"):
            recall = case.printed[address.replace("micro_f1", "macro_r")]
            recalls.append(recall)
            if abs(recall - value) > UNIT:
                wrong[address] = value - recall
    if not wrong:
        yield None
        return
    counted = sum(abs(r * documents / 100 - round(r * documents / 100)) < 1e-6 for r in recalls)
    low, high = min(wrong.values()), max(wrong.values())
    told = (
        "With one label a text and equal classes, micro-F1 is accuracy is macro-R. "
        f"{counted} of {len(recalls)} macro-Rs are whole counts of {documents:,} texts, as they should be; "
        f"{len(wrong)} micro-F1s are not macro-R, by {signed(low)} to {signed(high)}."
    )
    yield case.finding("micro-F1 of all rows", case.table(*case.check["tables"]), "decisive", told, case.check["left"])


def one_label(case: Case) -> Outcomes:
    """A text that takes micro P = micro R for a mark of balanced classes; `matrix` is made up and not balanced."""
    p, r = micro(case.check["matrix"])
    classes = [sum(line) for line in case.check["matrix"]]
    if p != r or min(classes) == max(classes):
        yield None
        return
    told = (
        f"{case.check['says']} Each wrong label is one false positive and one false negative, so the three are one "
        f"number: with classes of {' and '.join(map(str, classes))} texts, say, micro-P {p:.2f} and micro-R {r:.2f}."
    )
    yield case.finding(case.check["cells"], case.check["table"], "decisive", told, "none of counting")


def ceiling(case: Case) -> Outcomes:
    """A weighted mean F1 cannot be above both P and R that it is made of: `score` at most the larger of `of`."""
    score, of = case.printed[case.check["score"]], [case.printed[x] for x in case.check["of"]]
    if score <= max(of) + UNIT:
        yield None
        return
    told = f"{case.check['says']} {score:.2f} is above both, {of[0]:.2f} and {of[1]:.2f}."
    yield case.finding(case.word(case.check["score"]), case.table(case.check["score"]), "decisive", told, TEXT)


def macro_gap(case: Case) -> Outcomes:
    """How far macro F1 lies below the mean of macro P and macro R, beside the other rows of the same tables."""
    gaps = {}
    for row in case.printed.scored():
        if row.table in case.check["tables"] and row.row not in case.check.get("without", ()):
            gaps.setdefault(f"{row.table}/{row.row}", (row.p + row.r) / 2 - row.f1)
    for address, factor in case.check["rows"].items():
        rest = [gap for name, gap in gaps.items() if name not in case.check["rows"]]
        if gaps[address] < factor * max(rest):
            yield None
            continue
        told = (
            f"Macro-F1 lies {gaps[address]:.2f} points below the mean of macro-P and macro-R, in the other rows "
            f"{min(rest):.2f} to {max(rest):.2f}."
        )
        yield case.finding(
            case.word(f"{address}/macro_f1"), case.table(address), "moderate", told, "classes with very unequal P and R"
        )


def counted(case: Case) -> Outcomes:
    """Printed counts against a count of the files: `pairs` of address and number; `source` names the files."""
    off = [(a, n) for a, n in case.check["pairs"] if case.printed.of(a) != n]
    if not off:
        yield None
        return
    told = "; ".join(f"{case.word(a)} printed {case.printed[a]:,.0f}, counted {n:,}" for a, n in off)
    agreeing = len(case.check["pairs"]) - len(off)
    told += f" ({agreeing} of {len(case.check['pairs'])} counts agree; {case.check['source']})."
    yield case.finding(case.check["cells"], case.table(*(a for a, _ in off)), "strong", told, "other files than these")


def outside_part(case: Case) -> Outcomes:
    """Sizes that the paper prints for its test part against those of the public parts: `sizes` and `parts`."""
    sizes = {name: case.printed[a] for name, a in case.check["sizes"].items()}
    same_as = [part for part, own in case.check["parts"].items() if own == sizes]
    if same_as == [case.check["claimed"]] or not same_as:
        yield None
        return
    own = case.check["parts"][case.check["claimed"]]
    told = (
        f"Printed are {', '.join(f'{n:,.0f} {k}' for k, n in sizes.items())}: exactly the public {same_as[0]} part; "
        f"the {case.check['claimed']} part has {', '.join(f'{n:,} {k}' for k, n in own.items())}."
    )
    yield case.finding(case.check["cells"], case.check["table"], "decisive", told, case.check["left"])


def missing(case: Case) -> Outcomes:
    """Rows that a sentence promises and a table lacks."""
    there = {row.row for row in case.printed.scored() if row.table == case.check["table"]}
    gone = [name for name in case.check["rows"] if name not in there]
    if not gone:
        yield None
        return
    told = f"{case.check['says']} {case.table(case.check['table'])} has no {' and no '.join(gone)}."
    yield case.finding(
        ", ".join(gone), case.table(case.check["table"]), "strong", told, "a run that failed and was left out"
    )


def elsewhere(case: Case) -> Outcomes:
    """Cells that another paper prints for the same system (`cells`: address → value) though the text reproduced it."""
    equal = [a for a, value in case.check["cells"].items() if case.printed[a] == value]
    if len(equal) < len(case.check["cells"]):
        yield None
        return
    values = " and ".join(f"{case.printed[a]:.2f} ({case.word(a)})" for a in equal)
    told = f"{case.check['says']} {values}: the very figures of {case.check['source']}."
    yield case.finding(
        case.word(equal[0]).split(",")[0], case.table(*equal), "strong", told, "a reproduction to the digit"
    )


def equal_classes(case: Case) -> Outcomes:
    """A text that explains results by rare classes, where all are of one size: `parts` are [all, of a class]."""
    parts, classes = case.check["parts"], case.check["classes"]
    if any(whole != classes * each for whole, each in parts.values()):
        yield None
        return
    counts = ", ".join(f"{name} {each} of each" for name, (_, each) in parts.items())
    told = f"{case.check['says']} All {classes} classes are of one size in every part ({counts})."
    yield case.finding(case.check["cells"], case.check["table"], "strong", told, TEXT)


def misnamed(case: Case) -> Outcomes:
    """A number that the text names by another `word` than its column."""
    if case.printed[case.check["cell"]] != case.check["said"]:
        yield None
        return
    told = f"{case.check['says']} In the table it is {case.word(case.check['cell'])}."
    yield case.finding(case.check["cells"], case.table(case.check["cell"]), "weak", told, "a loose word")


def numbered(case: Case) -> Outcomes:
    """A table that the text calls by another number."""
    right = case.table(case.check["table"])
    if right == case.check["said"]:
        yield None
        return
    told = f"{case.check['where']} points to {case.check['said']}, but {right} has the figures."
    yield case.finding("reference", right, "weak", told, "tables were renumbered")


TEXT_RULES = {
    rule.__name__: rule
    for rule in (
        difference, said, sums, within, same, copied, one_convention, best, above, smaller_gain, confounded, accuracy,
        one_label, ceiling, macro_gap, counted, outside_part, missing, elsewhere, equal_classes, misnamed, numbered,
    )
}  # fmt: skip
