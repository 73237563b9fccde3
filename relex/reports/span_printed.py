"""What the tables of the ISER paper say of themselves: checks of printed figures that need no run, in words."""

import pandas as pd

from relex.reports.printed import identity_misses, recall_totals, reported
from relex.reports.span import PRINTED_AS, TASKS, printed

TABLES = {"interactions": ("Table 3", "Table 5"), "conll04": ("Table 4", "Table 6")}
"""Corpus → its tables of the comparison and of the ablation."""
CORPUS = {"chddi": "CH-DDI", "conll04": "CoNLL04"}


def which_part(sizes: pd.DataFrame | None) -> str:
    """Which part of the shipped files the paper's test set of CoNLL04 is; `sizes` by `span.part_sizes`, or no files."""
    claimed = reported("iser")["corpora"]["conll04"]["test"]
    said = "The paper's CoNLL04 has a test part of {sentences} sentences, {entities} entities, {relations} relations. "
    said = said.format(**claimed)
    if sizes is None:
        return said + "The files are not on this machine, so their parts cannot be counted here."
    same = [part for part, line in sizes.iterrows() if line.to_dict() == claimed]
    found = "No part of the shipped files has these counts."
    if same:
        found = f"In the shipped files the part with exactly these counts is **{' and '.join(same)}**."
    own = sizes.loc["test"]
    return f"{said}{found} The files' own test part has {own['sentences']} sentences and {own['relations']} relations."


def ranks() -> str:
    """Markdown: whether ISER's F1 is the highest of its tables of the comparison, a line a table and task."""
    lines = []
    for corpus, (table, _) in TABLES.items():
        rows = printed(corpus, "comparison")
        for task, items in TASKS.items():
            scores = {row: cells[m] for row, cells in rows.items() if (m := f"{task}.strict.f1") in cells}
            better = [f"{row} ({score:.2f})" for row, score in scores.items() if score > scores["ISER"]]
            place = f"below {' and '.join(better)}" if better else "first"
            lines.append(f"- {table}, {CORPUS[PRINTED_AS[corpus]]}, {items}: ISER ({scores['ISER']:.2f}) is {place}.")
    return "\n".join(lines)


def misses() -> pd.DataFrame:
    """`printed.identity_misses` of all four tables; lines are (table, row, items)."""
    found = {
        TABLES[corpus][i]: identity_misses(printed(corpus, experiment))
        for i, experiment in enumerate(("comparison", "ablation"))
        for corpus in TABLES
    }
    return pd.concat({k: v for k, v in found.items() if len(v)}, names=["table", "row", "items"]).round(2)


def disagreements() -> str:
    """Markdown: where row *full* of an ablation is not ISER's row of the comparison, and what F1 each recall gives."""
    lines = []
    for corpus, (of_comparison, of_ablation) in TABLES.items():
        full, iser = printed(corpus, "ablation")["full"], printed(corpus, "comparison")["ISER"]
        for metric in (m for m in full if full[m] != iser[m]):
            task, _, score = metric.split(".")
            p, f1 = full[f"{task}.strict.p"], full[f"{task}.strict.f1"]
            line = (
                f"- {CORPUS[PRINTED_AS[corpus]]}, {TASKS[task]}, {score.upper()}: "
                f"{iser[metric]:.2f} in {of_comparison} and {full[metric]:.2f} in {of_ablation}, "
                f"with the same P {p:.2f} and F1 {f1:.2f}"
            )
            if score == "r":
                given = [f"{r:.2f} gives {2 * p * r / (p + r):.2f}" for r in (iser[metric], full[metric])]
                line += f"; of R {' and '.join(given)}"
            lines.append(line + ".")
    return "\n".join(lines)


def totals() -> pd.DataFrame:
    """`printed.recall_totals` of the recalls of both tables of a corpus; lines are (corpus, items)."""
    sizes, found = reported("iser")["corpora"], {}
    for corpus, key in PRINTED_AS.items():
        both = printed(corpus, "comparison") | printed(corpus, "ablation")
        for task, items in TASKS.items():
            recalls = [cells[r] for cells in both.values() if (r := f"{task}.strict.r") in cells]
            found[CORPUS[key], items] = recall_totals(recalls, sizes[key]["test"][items])
    return pd.DataFrame.from_dict(found, orient="index").round({"by chance": 1})


def totals_told(table: pd.DataFrame) -> str:
    """Markdown: what `totals` says, and whether the relations of Table 2 add up to those of Table 1."""
    lines = []
    for (corpus, items), line in table.iterrows():
        if line["fit it"] >= line["fit that"]:
            lines.append(f"- {corpus}, {items}: the printed total, {line['printed total']:.0f}, fits best.")
        else:
            lines.append(
                f"- {corpus}, {items}: only {line['fit it']:.0f} of {line['recalls']:.0f} recalls are possible with "
                f"the printed total, {line['printed total']:.0f}; {line['fit that']:.0f} are with "
                f"**{line['best total']:.0f}**."
            )
    content = reported("iser")
    for i, part in enumerate(("train", "test")):
        total = sum(cells[i] for cells in content["chddi_relation_counts"].values())
        lines.append(
            f"- The CH-DDI relations of {part} in Table 2 add up to {total:,}; Table 1 prints "
            f"{content['corpora']['chddi'][part]['relations']:,}."
        )
    return "\n".join(lines)


def steps() -> pd.DataFrame:
    """Each removal of Tables 5 and 6: F1 of relations it costs, and about how many triples of the test part that is."""
    columns, sizes = {}, reported("iser")["corpora"]
    for corpus, key in PRINTED_AS.items():
        scores = {row: cells["re.strict.f1"] for row, cells in printed(corpus, "ablation").items()}
        gaps = {row: scores["full"] - score for row, score in scores.items() if row != "full"}
        total = sizes[key]["test"]["relations"]
        columns[CORPUS[key], "points"] = {row: f"{gap:.2f}" for row, gap in gaps.items()}
        columns[CORPUS[key], "about so many triples"] = {row: f"{gap * total / 100:.1f}" for row, gap in gaps.items()}
    return pd.DataFrame(columns)
