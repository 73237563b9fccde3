"""Tables and findings of the chapter on cascade tagging: scores by split, what is looked up, thresholds, gradients.

They stand beside those of `relex.reports.tables`, which know nothing of splits; `relex.reports.overlap` has what goes
by the triples of a sentence.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from relex.markup import escaped
from relex.reports import compare, families, printed, results, tables, words

SCORES = {"p": "triples.string.p", "r": "triples.string.r", "f1": "triples.string.f1"}
"""Columns of the paper's tables → metrics of records: strings are what the paper must have compared."""

COLUMNS = {SCORES["p"]: "P", SCORES["r"]: "R", SCORES["f1"]: "F1"}
"""Metrics → column titles of `tables.comparison`."""

OF_GRADIENTS = {
    "distance": "1 − cosine", "angle": "angle, degrees", "norm_ratio": "second length / first",
    "perturbation_ratio": "step / length of the embeddings", "loss_change": "change of the loss",
}  # fmt: skip
"""Columns of `gradients` → what tables call them."""
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

KINDS = {
    "look-up": "no learning", "masked look-up": "no learning", "dictionary": "no learning",
    "schema only": "given the gold entities", "nearest entity": "given the gold entities",
}  # fmt: skip
"""What rows of `cbrrel_comparison` are that are not trained."""


def by_split(
    printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict], metric: str = SCORES["f1"]
) -> pd.DataFrame:
    """One line per table row: a metric as printed, and for each split on all and on unseen test texts, in percent.

    `printed` maps row → metric → percent. Columns are (source, split, `all` or `unseen`); a split
    without seen texts has one column, `all unseen`.
    """
    rows = list(dict.fromkeys([*printed, *results.rows_in_order([*recorded, *here])]))
    columns = {(tables.PRINTED, "", ""): tables.printed_cells(printed, metric, rows)}
    for source, records in ((tables.RECORDED, recorded), (tables.HERE, here)):
        for split in results.splits(records):
            chosen = results.where(records, split=split)
            nothing_seen = all(r["counts"].get("unseen.n") == r["counts"]["n"] for r in chosen)
            kinds = {"all unseen": metric} if nothing_seen else {"all": metric, "unseen": f"unseen.{metric}"}
            for kind, name in kinds.items():
                columns[source, split, kind] = tables.cells(chosen, name, rows)
    return tables.assembled(columns, rows)


def split_differences(
    records: Sequence[dict], a: str, b: str, printed: float = np.nan, score: compare.Score = compare.STRING
) -> pd.DataFrame:
    """Row A minus row B on every split, on all of its test texts and on the unseen ones alone, where both exist.

    As `compare.differences`, all lines one family; `printed` is the difference that the paper prints, a fraction. It
    names no split, so it stands beside every line. Lines are named `SPLIT, all` and `SPLIT, unseen`, or for a split
    without seen texts `SPLIT, all unseen`. Unseen texts have the score of a table or a dictionary on them as bar.
    """
    found = {}
    for split in results.splits(records):
        chosen = results.where(records, split=split)
        if not {a, b} <= set(results.rows_in_order(chosen)):
            continue
        marks = results.of_row(chosen, a)[0]["answers"]["unseen"]
        kinds = {"all": None} | ({"unseen": "unseen"} if "1" in marks else {})
        for kind, documents in kinds.items() if "0" in marks else [("all unseen", None)]:
            line = compare.differences(chosen, [(a, b)], score, {(a, b): printed}, documents)
            found[f"{split}, {kind}"] = line
    return families.settled(compare.together(found), records, score)


def settings(records: Sequence[dict]) -> pd.DataFrame:
    """How the trained rows of each corpus and split were trained: layers, epochs, seeds, device; a line each.

    Grids of several editions stand beside each other, and a score is to be read with its own settings.
    """
    lines: dict[str, dict] = {}
    for record in results.trained(records):
        config = record["config"]
        told = {
            "layers": config["layers"], "epochs": config["epochs"], "seeds": config["seed"],
            "device": record["machine"]["device"],
        }  # fmt: skip
        for name, value in told.items():
            lines.setdefault(results.origin(record).replace("**", ""), {}).setdefault(name, set()).add(value)
    cells = {
        source: {k: str(len(v)) if k == "seeds" else ", ".join(map(str, sorted(v))) for k, v in line.items()}
        for source, line in lines.items()
    }
    return pd.DataFrame.from_dict(cells, orient="index").rename_axis("trained on")


def split_findings(a: str, b: str, found: pd.DataFrame) -> str:
    """A table of `split_differences` of rows A and B in words: a point a line, what is left unseen, the verdicts."""
    if found.empty:
        return words.summary(found)
    lines = [f"- {name}: {words.told(a, b, line)}" for name, line in found.iterrows()]
    return "\n".join([*lines, "", words.left(a, b, found), "", words.summary(found)])


def against_memory(records: Sequence[dict], row: str) -> pd.DataFrame:
    """A row minus the look-up table, and minus the dictionary, on every split: `split_differences`, one family."""
    memories = ("look-up", "dictionary")
    return compare.together({f"{row} − {memory}": split_differences(records, row, memory) for memory in memories})


def repeating_split(records: Sequence[dict]) -> str:
    """The first split some of whose test texts stand in training, or the main one where no split has such texts."""
    repeat = [r for r in records if r["counts"].get("unseen.n", r["counts"]["n"]) < r["counts"]["n"]]
    return results.splits(repeat)[0] if results.splits(repeat) else results.main_split(records)


def looked_up(steps: pd.DataFrame, split: str) -> str:
    """What the look-up table and the dictionary of a `ladder` reach, and how many printed rows are below; Markdown."""
    table, dictionary = (steps["score"].get(row, np.nan) for row in ("look-up", "dictionary"))
    rows = steps.loc[steps["source"] == tables.PRINTED, "score"]
    return (
        f"On split `{split}` the look-up table reaches {table:.1%} and the dictionary {dictionary:.1%}. "
        f"Of the {len(rows)} printed rows, the look-up table is above {(rows < table).sum()}. "
        "The paper's split is not known, so this compares with the kind of split and not with the very same documents."
    )


def ladder(records: Sequence[dict], printed: dict[str, dict[str, float]], metric: str = SCORES["f1"]) -> pd.DataFrame:
    """Printed rows and the means of measured ones, for `plots.ladder`, with the input of each."""
    lines = [{"row": f"{row} (printed)", "score": cells[SCORES["f1"]] / 100, "source": tables.PRINTED}
             for row, cells in printed.items() if SCORES["f1"] in cells]  # fmt: skip
    for row in results.rows_in_order(records):
        scores = results.values(records, row, metric)
        if scores:
            lines.append({"row": row, "score": np.mean(scores), "source": KINDS.get(row, "trained")})
    order = [tables.PRINTED, *dict.fromkeys(KINDS.values()), "trained"]
    return pd.DataFrame(sorted(lines, key=lambda line: order.index(line["source"]))).set_index("row")


def curves(records: Sequence[dict], rows: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Row → its precision–recall curve, mean over seeds: `p` and `r`, indexed by threshold; rows without are left out.

    Raises a `RelexError` where records are of several splits, as all tables of one row do.
    """
    found = {}
    for row in rows:
        points = [point for record in results.of_row(records, row) for point in record.get("curve", [])]
        if points:
            found[row] = pd.DataFrame(points).groupby("threshold")[["p", "r"]].mean()
    return found


def best_thresholds(curves: dict[str, pd.DataFrame]) -> str:
    """F1 of each of `curves` at the threshold 0.5, and where it is highest; Markdown."""
    lines = []
    for row, curve in curves.items():
        f1 = 2 * curve["p"] * curve["r"] / (curve["p"] + curve["r"]).clip(lower=1e-9)
        lines.append(
            f"- {row}: F1 {f1.get(0.5, np.nan):.1%} at 0.5, at most {f1.max():.1%} (threshold {f1.idxmax():g})"
        )
    return "\n".join(
        [*lines, "", "The best threshold of a test part is no result; it shows how much the choice could matter."]
    )


def removals(table: pd.DataFrame) -> str:
    """A table of differences *full − row* in a sentence: what it does to take a module out; Markdown."""
    if table.empty:
        return words.summary(table)
    effects = {"higher": "taking it out costs F1", "lower": "taking it out raises F1"}
    texts = []
    for verdict, lines in table.groupby("verdict"):
        text = effects.get(compare.outcome(verdict), verdict)
        names = ", ".join(line.removeprefix("full − ") for line in lines.index)
        texts.append(f"{text}{'' if compare.is_full(verdict) or text == verdict else f' ({verdict})'}: {names}")
    return f"Of {len(table)} removals: {'; '.join(texts)}. {words.summary(table)}"


def printed_notes() -> str:
    """Checks of CBRRel's printed Table 7: the F1 of *-fgm* beside its P and R, the two rows of CasRel; Markdown."""
    rows = printed.rows("cbrrel", "ablation_casmed")
    p, r, f1 = (rows["-fgm"][SCORES[k]] for k in ("p", "r", "f1"))
    effect = printed.differences([("full", "-fgm")], rows, SCORES["f1"])["full", "-fgm"]
    notes = []
    if not min(p, r) <= f1 <= max(p, r):
        notes.append(
            f"- Row *-fgm* prints F1 {f1:.2f}, outside of its P {p:.2f} and R {r:.2f}. A harmonic mean lies between; "
            f"theirs is {2 * p * r / (p + r):.2f}. One of the three numbers is wrong, so the printed effect of FGM, "
            f"{100 * effect:.2f} points, rests on a row that cannot be right as it stands."
        )
    for name in ("casmed", "duie"):
        casrel, alone = (
            printed.rows("cbrrel", f"{table}_{name}")[row]
            for table, row in (("comparison", "CasRel"), ("ablation", "encoder_only"))
        )
        notes.append(
            f"- {name}: CasRel in Table 4 and the encoder alone in Table 7 are "
            f"{'the same row' if casrel == alone else 'different rows'} "
            f"(F1 {casrel[SCORES['f1']]:.2f} and {alone[SCORES['f1']]:.2f})."
        )
    return "\n".join(notes)


def sweep(records: Sequence[dict], metric: str = SCORES["f1"]) -> pd.DataFrame:
    """A metric of every run of a sweep of ε: columns `epsilon`, `score`, `seed`, by rising ε."""
    lines = [
        {"epsilon": r["config"]["fgm"], "score": r["metrics"][metric], "seed": r["config"]["seed"]} for r in records
    ]
    return pd.DataFrame(lines).sort_values(["epsilon", "seed"], ignore_index=True)


def gradients(records: Sequence[dict]) -> pd.DataFrame:
    """Clean and adversarial gradients of all runs that compared them, means over the runs.

    One line for each moment (`when`: *before training*, *after training*) and `epsilon`: `distance` (1 − cosine),
    `angle` (degrees), `norm_ratio`, `perturbation_ratio`, `loss_change`, and `runs`. Empty without such runs.
    """
    names = {"start": "before training", "end": "after training"}
    lines = [
        {"when": when, "run": i, **point} for i, r in enumerate(records) for key, when in names.items()
        for point in r.get("gradients", {}).get(key, [])
    ]  # fmt: skip
    if not lines:
        return pd.DataFrame(columns=["when", "epsilon", "distance", "angle", "norm_ratio", "runs"])
    table = pd.DataFrame(lines)
    table["distance"] = 1 - table["cosine"]
    table["angle"] = np.degrees(np.arccos(table["cosine"].clip(-1, 1)))
    kept = ["distance", "angle", "norm_ratio", "perturbation_ratio", "loss_change"]
    grouped = table.groupby(["when", "epsilon"], sort=False)
    means = grouped[kept].mean()
    means["runs"] = grouped["run"].nunique()
    return means.reset_index().sort_values(["when", "epsilon"], ascending=[False, True], ignore_index=True)


def printed_epsilon(systems: dict[str, pd.DataFrame], epsilon: float) -> pd.DataFrame:
    """The lines of `gradients` of each system at one ε, indexed by system and moment, without `epsilon`."""
    tables_ = [table[table["epsilon"] == epsilon].assign(system=name) for name, table in systems.items()]
    return pd.concat(tables_).set_index(["system", "when"]).drop(columns="epsilon")


def in_powers(number: float) -> str:
    """Two digits, and a power of ten where that is shorter: `0.16`, `3.5·10⁻⁶`."""
    if number == 0 or 1e-3 <= abs(number) < 1e4:
        return f"{number:.3g}".replace("-", "−")
    digits, power = f"{number:.1e}".split("e")
    return f"{digits}·10{str(int(power)).translate(SUPERSCRIPTS)}".replace("-", "−")


def gradients_told(table: pd.DataFrame) -> pd.DataFrame:
    """A table of `printed_epsilon` for display, its columns in words."""
    return table.map(in_powers).rename(columns=OF_GRADIENTS)


def gradient_findings(systems: dict[str, pd.DataFrame], epsilon: float) -> str:
    """Whether FGM's second gradient is the first at `epsilon`, and from which ε it turns by a degree; Markdown."""
    lines = []
    for (system, when), cells in printed_epsilon(systems, epsilon).iterrows():
        table = systems[system]
        matters = table[(table["when"] == when) & (table["angle"] > 1)]["epsilon"]
        first = f"the first ε tried with more than one degree is {matters.min():g}"
        lines.append(
            f"- {system}, {when}: at ε = {epsilon:g} the two gradients are {cells['angle']:.2g}° apart, the second "
            f"{'longer' if cells['norm_ratio'] >= 1 else 'shorter'} by a share of {abs(cells['norm_ratio'] - 1):.1e}; "
            f"**the second pass {'repeats the first' if cells['angle'] < 1 else 'turns the step'}**. "
            f"Of the sweep, {first if len(matters) else 'no ε tried reaches one degree'}."
        )
    return "\n".join(lines) or "These records hold no gradients."


def control_findings(controls: pd.DataFrame, control: str) -> str:
    """What FGM's ε adds to its second pass, and the second pass to none, from lines among *full*, `control`, *-fgm*."""
    if f"full − {control}" not in controls.index:
        return "The control row is in the grids of profiles cpu and full only."
    added = words.told("the full model", f"*{control}*", controls.loc[f"full − {control}"])
    again = words.told(f"*{control}*", "*-fgm*", controls.loc[f"{control} − -fgm"])
    return f"- What ε adds: {added}.\n- What the second pass adds: {again}."


def entity_table(
    printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict], score: str = "f1"
) -> pd.DataFrame:
    """`tables.comparison` of `p`, `r` or `f1` of the entities that take part in triples, a line a type and row.

    `printed` is `printed.rows("cbrrel", "entities_casmed")`.
    """
    types = dict.fromkeys(name for r in [*recorded, *here] for name in r["counts"].get("entities", {}))
    metrics = {f"entities.{name}.{score}": name for name in types}
    table = tables.comparison(metrics, printed, recorded, here).drop(columns="seeds", level=0)
    long = table.stack(0, future_stack=True).swaplevel()
    return long.reindex(pd.MultiIndex.from_product([types, table.index], names=["entity type", "row"])).fillna("–")


def largest_types(found: pd.DataFrame, codes: Mapping[str, str], least: int = 30) -> str:
    """Of a table of `tables.type_differences`, the type with the largest difference, measured and printed; Markdown.

    Types with fewer than `least` gold items are named and left out of the measured ones, where others have as many.
    `codes` maps type → the paper's code.
    """
    few = found.index[found["gold"] < least]
    common = found.drop(index=few) if len(few) < len(found) else found
    largest, expected = common["difference"].idxmax(), found["printed"].idxmax()
    same = (common["difference"] * common["printed"] > 0).sum()
    out = few if len(few) < len(found) else ()
    left_out = "".join(f" {escaped(name)} has {found['gold'][name]} gold items here and is left out." for name in out)
    return (
        f"The largest difference is that of {escaped(largest)} ({codes[largest]}), "
        f"{words.points(common['difference'].max())} points; the paper prints the largest for "
        f"{escaped(expected)} ({codes[expected]}), {words.points(found['printed'].max())}. The sign is the printed one "
        f"for {same} of {len(common)} types.{left_out}"
    )


def types_in_points(found: pd.DataFrame) -> pd.DataFrame:
    """A table of `tables.type_differences` for display, in percent; the error is one over seeds."""
    shown = pd.DataFrame(index=found.index)
    for name in (name for name in found if name != "gold" and found[name].notna().any()):
        told = words.points if name in ("difference", "printed") else "{:.1f}".format
        scale = 1 if told is words.points else 100
        shown[name] = ["–" if np.isnan(value) else told(scale * value) for value in found[name]]
    return shown.assign(gold=found["gold"]).rename(columns={"error": "± over seeds"})


def memory(records: Sequence[dict]) -> str:
    """What tables that learn nothing reach on splits that repeat texts, beside printed F1 and trained rows; Markdown.

    The differences are those of `against_memory`, the same as on the page of the comparison.
    """
    shown = {
        table: [value for cells in printed.rows("cbrrel", table).values() for key, value in cells.items()
                if key.endswith(".f1") and not key.startswith("overlap.triple")]
        for table in ("comparison_casmed", "overlap_casmed")
    }  # fmt: skip
    numbers = {"comparison_casmed": "Table 4", "overlap_casmed": "Table 5"}
    apart = {row: against_memory(records, row) for row in ("CasRel", "CBRRel")}
    lines = []
    for split in results.splits(records):
        chosen = results.where(records, split=split)
        if all(r["counts"].get("unseen.n") == r["counts"]["n"] for r in chosen):
            continue
        reach = {row: results.values(chosen, row, SCORES["f1"]) for row in ("look-up", "dictionary")}
        told = [f"{row} {100 * found[0]:.1f}" for row, found in reach.items() if found]
        for table, values in shown.items() if reach["look-up"] else ():
            below = sum(value < 100 * reach["look-up"][0] for value in values)
            told.append(f"the look-up is above {below} of the {len(values)} F1 of {numbers[table]}")
        for row, found in apart.items():
            name = f"{row} − dictionary, {split}, all"
            told += [words.told(row, "the dictionary", found.loc[name])] if name in found.index else []
        lines.append(f"* `{split}`: {'; '.join(told)}.")
    return "\n".join(lines) or "No record of such a split is published in this edition."
