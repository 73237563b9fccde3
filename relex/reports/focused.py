"""Tables and sentences of the chapter on focused attention: entities, relations end to end and of given entities, K
and mask.

They stand beside those of `relex.reports.tables`, which know nothing of given entities. Tables of differences come by
(corpus, task), each as `relex.reports.compare.differences` gives it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from relex.corpora import Corpus
from relex.corpora.generators.arteriography.generate import compared
from relex.reports import compare, families, plot, printed, results, tables, words
from relex.reports.pooled import CELLS, MASKS, POOLED, effect
from relex.reports.printed import PRF, reported

TASKS = {
    "ner": "entities", "re": "relations, end to end", "given": "relations of given entities",
    "kept": "relations of given entities, kept pairs",
}  # fmt: skip
"""What is scored → its name in the book. `kept` is `given` without the pairs that `negative_share` takes away."""

METRIC = {"ner": "ner.strict", "re": "re.strict", "given": "given.re.strict", "kept": "kept.re.strict"}
"""What is scored → how the names of its metrics in a record begin."""

OF_TABLE_V, OF_OTHERS = 190, 126
"""Relations that recalls of Table V are shares of, and those of the others, as their digits tell (`recalls`)."""

LOST = {
    "without_tokens": "entities without tokens", "inexact": "entities with a border inside a token",
    "overlapping": "entities that overlap another", "two_relations": "second relations of a pair",
    "relations": "relations lost with their entities", "windowed": "texts in several windows",
    "without_pairs": "texts without a pair",
}  # fmt: skip
"""Counts of a record that tell what tags and pairs cannot hold, as the chapter explains them → names in tables."""

LONGER = (
    ("K2-eq14", "K2-eq13"), ("K2-eq14, longer", "K2-eq13, longer"),
    ("K2-eq13, longer", "K2-eq13"), ("K2-eq14, longer", "K2-eq14"),
)  # fmt: skip
"""What an earlier grid asked with two rows of three times the epochs; the present one does not have them."""

Pairs = Sequence[tuple[str, str]]
Found = Mapping[tuple[str, str], pd.DataFrame]
"""(Corpus, task) → a table of differences."""


def heading(corpus: str, task: str) -> str:
    """What stands above a table: the corpus and what is scored, in bold Markdown."""
    return f"**{tables.title(corpus)}: {TASKS[task]}**"


def of_task(records: Iterable[dict], task: str) -> list[dict]:
    """The records of systems that do a task from its own input; see `relex.reports.compare.Score`."""
    return [record for record in records if compare.SCORES[task].applies(record)]


def scores(
    printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict], task: str, part: str = ""
) -> pd.DataFrame:
    """`tables.comparison` of strict P, R and F1 of a task; `part` is `dev.` for the development part."""
    metrics = {f"{METRIC[task]}.{s}": s.upper() for s in PRF}
    return tables.comparison(metrics, printed, of_task(recorded, task), of_task(here, task), part)


def effects(records: Sequence[dict], task: str) -> pd.DataFrame:
    """Every `effect` on a task, a line each, one family."""
    score = compare.SCORES[task]
    found = compare.together([effect(records, score, pair) for pair in POOLED])
    return families.settled(found, records, score)


def differences(
    records: Sequence[dict], task: str, pairs: Pairs, shown: dict[str, dict[str, float]] | None = None
) -> pd.DataFrame:
    """`compare.differences` of a task; beside them those of `shown`, a printed table as `printed.rows` reads it."""
    score = compare.SCORES[task]
    found = compare.differences(records, pairs, score, printed.differences(pairs, shown or {}, score.metric))
    return families.settled(found, records, score)


def told(found: Found) -> Iterator[str | pd.DataFrame]:
    """Each table of differences under its heading, in points, and its verdicts in a sentence."""
    for (corpus, task), table in found.items():
        yield heading(corpus, task)
        if len(table):
            yield words.in_points(table)
        yield words.summary(table)


def drawn(found: Found) -> Iterator[Figure]:
    """A figure of each table of differences that has a line."""
    for (corpus, task), table in found.items():
        if len(table):
            yield plot.differences(table, title=f"{corpus}: F1 of {TASKS[task]}")


def answers(claims: Mapping[str, tuple[str, Pairs]], found: Found) -> str:
    """What tables of differences say of each claim, corpus by corpus, as a list of Markdown.

    `claims`: text → the task, and the pairs of rows of which the claim wants the first above the second. Printed and
    measured differences stand in the order of the pairs, in points.
    """
    lines = []
    for text, (task, pairs) in claims.items():
        lines.append(f"- *{text}*")
        for (corpus, of), table in found.items():
            if of == task:
                chosen = table.loc[[line for line in (f"{a} − {b}" for a, b in pairs) if line in table.index]]
                lines.append(f"  - {tables.title(corpus)}{_numbers(chosen)}: {words.claim(chosen)}.")
    return "\n".join(lines)


def _numbers(lines: pd.DataFrame) -> str:
    """Printed and measured differences of some lines in brackets; empty without lines."""
    shown = [words.points(p, 2) for p in lines["printed"].dropna()]
    measured = ", ".join(words.points(d) for d in lines["difference"])
    start = f"printed {', '.join(shown)}; " if shown else ""
    return f" ({start}measured {measured})" if measured else ""


def each_line(found: Found, task: str) -> str:
    """The verdict of every line of a task's tables, corpus by corpus, as a list of Markdown."""
    lines = []
    for (corpus, of), table in found.items():
        if of == task:
            verdicts = [f"{name}: {words.with_reason(line)}" for name, line in table.iterrows()]
            lines.append(f"- {tables.title(corpus)}: {'; '.join(verdicts) or 'not recorded'}.")
    return "\n".join(lines)


def resolution(found: pd.DataFrame, record: dict, task: str, of_paper: int = 0) -> pd.DataFrame:
    """How small a difference a table of `compare.differences` could distinguish from zero: half of its interval.

    In points, and in so many of the items of a `record`'s test part; beside it what the paper prints, in items of its
    own test part where it is known that it has `of_paper` of them.
    """
    kind = "ner.strict" if task == "ner" else "re.strict"
    items = record["counts"][f"{kind}.tp"] + record["counts"][f"{kind}.fn"]
    half = (found["high"] - found["low"]) / 2
    table = pd.DataFrame(index=found.index)
    table["± points"] = [f"{100 * h:.1f}" for h in half]
    table[f"± items, of {items:,}"] = [f"{h * items:.0f}" for h in half]
    if of_paper and found["printed"].notna().any():
        shown = ["–" if np.isnan(p) else f"{p * of_paper:+.1f}" for p in found["printed"]]
        table[f"printed, in items of {of_paper}"] = shown
    return table


def asked(records: Sequence[dict]) -> tuple[str, ...]:
    """The tasks of given entities that records tell apart: `kept` is one where some pairs do not train."""
    thinned = any(r["config"].get("negative_share", 1.0) < 1 for r in records)
    return ("given", "kept") if thinned else ("given",)


def thinned(records: Sequence[dict], rows: Sequence[str]) -> str:
    """What leaving out pairs of the test part does to the precision of rows with the same weights, as a Markdown list.

    Empty where nothing is left out.
    """
    lines = []
    for row in rows:
        all_pairs, kept = (
            100 * np.mean(results.values(records, row, f"{METRIC[t]}.p") or [0]) for t in ("given", "kept")
        )
        if kept != all_pairs:
            lines.append(f"- {row}: a precision of {kept:.1f} on kept pairs and {all_pairs:.1f} on all pairs.")
    return "\n".join(["The same weights, asked of fewer pairs:\n", *lines]) if lines else ""


def held(record: dict) -> pd.DataFrame:
    """What tags and pairs cannot hold of the texts that a run was trained and tested on: the counts of `LOST`."""
    counts = record["counts"]
    columns = {part: {title: counts[f"{part}.{name}"] for name, title in LOST.items()} for part in ("train", "test")}
    return pd.DataFrame(columns).rename_axis("of the texts trained and tested")


def found_nothing(records: Sequence[dict]) -> str:
    """Of how many runs of each row no answer was right among given entities, in a sentence."""
    metric = f"{METRIC['given']}.f1"
    scores = {row: results.values(records, row, metric) for row in results.rows_in_order(results.trained(records))}
    lines = [f"*{row}*, {found.count(0)} of {len(found)}" for row, found in scores.items() if 0 in found]
    return f"Runs that found no relation of given entities: {'; '.join(lines) or 'none'}."


def time_together(records: Sequence[dict]) -> str:
    """What training both tasks at once saves over each alone, by the fastest seeds; empty without its rows."""
    rows = ("only NER", "only RC", "joint")
    found = {row: [r["time"]["train_s"] for r in results.of_row(records, row)] for row in rows}
    if not all(found.values()):
        return ""
    ner, rc, joint = (min(seconds) for seconds in found.values())
    return (
        f"Training both alone took {ner + rc:,.0f} s a seed, together {joint:,.0f} s, {joint / (ner + rc):.0%} of it; "
        "and one encoder is kept where there were two."
    )


def grid(records: Sequence[dict], task: str, part: str = "") -> pd.DataFrame:
    """Strict F1 of a task by K (lines) and mask (columns), in percent; what the paper prints stands first."""
    of, shown = of_task(records, task), printed.rows("focused", "k_and_mask")
    columns = {}
    for mask in ("eq13", "eq14"):
        rows = {k: f"K{k}-{mask}" for k in sorted({cells["k"] for cells in CELLS.values()})}
        columns[mask, tables.PRINTED] = {k: f"{shown[row][f'{METRIC[task]}.f1']:.2f}" for k, row in rows.items()}
        columns[mask, "measured"] = {
            k: tables.mean_and_sd(results.values(of, row, f"{part}{METRIC[task]}.f1")) for k, row in rows.items()
        }
    return pd.DataFrame(columns).rename_axis("K")


def cells(records: Sequence[dict]) -> pd.DataFrame:
    """Table V for `plots.k_and_mask`: F1 of entities and of relations end to end, one line a run or a print."""
    lines, shown = [], printed.rows("focused", "k_and_mask")
    for task in ("ner", "re"):
        metric = f"{METRIC[task]}.f1"
        for row, switches in CELLS.items():
            own = {"task": TASKS[task], "K": switches["k"], "mask": MASKS[switches["mask"]]}
            lines.append(own | {"score": shown[row][metric] / 100, "printed": True})
            measured = results.values(of_task(records, task), row, metric)
            lines += [own | {"score": value, "printed": False} for value in measured]
    return pd.DataFrame(lines)


def attended(summary: pd.DataFrame) -> pd.DataFrame:
    """A table of `relex.analysis.cls_attention.summary` for display: shares in percent, then texts and pairs."""
    counts = summary[["documents", "pairs"]]
    shares = summary.drop(columns=counts.columns).mul(100).map("{:.1f}".format)
    return shares.join(counts.astype(int).rename(columns={"documents": "texts"}))


def recalls() -> pd.DataFrame:
    """How many of the printed recalls of each table are k of 126 and k of 190 relations, and how many by chance.

    One line for relations of each table; a recall has 10,001 values, and a total fits total + 1 of them.
    """
    lines = {}
    names = {"rc_gold_entities": "III", "joint": "IV", "k_and_mask": "V", "ablation": "VI"}
    for table, number in names.items():
        task = "given" if table in ("rc_gold_entities", "ablation") else "re"
        metric = f"{METRIC[task]}.r"
        found = [cells[metric] for cells in printed.rows("focused", table).values() if metric in cells]
        line = {"recalls": len(found), "printed": ", ".join(f"{r:.2f}" for r in dict.fromkeys(found))}
        for total in (OF_OTHERS, OF_TABLE_V):
            line[f"fit {total}"] = printed.fitting(found, total)
            line[f"by chance, {total}"] = f"{len(found) * (total + 1) / 10_001:.2f}"
        lines[f"Table {number}"] = line
    return pd.DataFrame.from_dict(lines, orient="index")


def identity_misses() -> pd.DataFrame:
    """Printed rows whose F1 is not that of the P and R beside it; see `printed.identity_misses`."""
    found = {}
    for table in reported("focused")["tables"]:
        rows = {
            row: {k.removeprefix("given."): v for k, v in cells.items() if not k.startswith("kept.")}
            for row, cells in printed.rows("focused", table).items()
        }
        found[table] = printed.identity_misses(rows)
    return pd.concat(found, names=["table", "row", "items"])


def table_one(corpus: Corpus) -> pd.DataFrame:
    """Table I: entities and relations, by direction, as printed and in a corpus of its schema; pairs without relation.

    Of the pairs of No Relation the paper prints those that are left of all when 85 % are discarded.
    """
    documents = compared(corpus)
    shown, lines = reported("focused")["corpus_statistics"], {}
    for name in corpus.schema.entity_types:
        lines["entities", name, ""] = (
            shown["entities"].get(name),
            sum(s.type == name for d in documents for s in d.entities),
        )
    related = [(name, head.start > tail.start) for d in documents for head, name, tail in d.triples()]
    for name in corpus.schema.relation_names:
        for direction, later in (("e1 to e2", False), ("e2 to e1", True)):
            number = related.count((name, later))
            if number or direction in shown["relations"].get(name, {}):
                lines["relations", name, direction] = (shown["relations"].get(name, {}).get(direction), number)
    pairs = sum(len(d.entities) * (len(d.entities) - 1) // 2 for d in documents)
    asked = {frozenset((r.head, r.tail)) | {d.id} for d in documents for r in d.relations}
    lines["pairs", "No Relation", ""] = (round(shown["relations"]["No Relation"]["none"] / 0.15), pairs - len(asked))
    table = pd.DataFrame.from_dict(lines, orient="index", columns=["printed", "here"]).astype("Int64")
    table.index = pd.MultiIndex.from_tuples(lines, names=["", "type", "direction"])
    return table
