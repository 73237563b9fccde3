"""What records say of where interactive fusion looks: a table, lines for a figure, and a verdict in words.

The claim is the ISER paper's, read there from two pictures (Figures 7 and 8): relation queries look at entities, entity
queries at the words that tell a relation.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from relex.analysis import attention_mass
from relex.reports import compare, results, words
from relex.reports.words import points

MOMENTS = attention_mass.MOMENTS[::-1]
"""The trained model first."""
CLAIMED = (("relation", "entities"), ("entity", "triggers"))
"""Queries and targets of the paper's reading."""
WORDS = {"entities": "entities", "triggers": "trigger words"}
CLEAR = 1.1
"""Times as much as shuffled: a difference below may be sure and is small all the same."""
SAYS = {
    "more": "holds", "hardly more": "hardly holds", "less": "points the wrong way", "as shuffled": "does not show",
}  # fmt: skip
"""What a verdict says of the paper's reading."""
REFUSED = ("not learned", "no verdict")
LEVELS = ("corpus", "row", "queries", "targets", "moment")


def lines(records: Sequence[dict]) -> pd.DataFrame:
    """One line for each corpus, table row, kind of queries, kind of targets and moment, as fractions.

    `mass` is the mean over seeds, `sd` its sample standard deviation; `shuffled` what shuffled attention has;
    `difference` the mean of mass − shuffled, `low` and `high` the lowest and highest end of the seeds' 95 % intervals
    over documents; `spread` how wide the attention is (1: even); `documents` and `seeds` how many are behind it.
    `verdict` is *more* or *less* when the intervals of all seeds are on that side of zero, *hardly more* where that is
    less than `CLEAR` times as much, else *as shuffled*; or it is refused, for the `reason` given: rows have to have
    learned relations, and all of `relex.reports.rules` holds.
    """
    found: dict[tuple, list[tuple[dict, dict]]] = {}
    for record in records:
        for moment in MOMENTS:
            for line in record.get("attention", {}).get(moment, []):
                if line["documents"]:
                    key = record["config"]["corpus"], record["config"]["row"], line["queries"], line["targets"], moment
                    found.setdefault(key, []).append((record, line))
    table = pd.DataFrame([_over_seeds(key[1], seeds, records) for key, seeds in found.items()])
    return table.set_index(pd.MultiIndex.from_arrays(list(zip(*found, strict=True)) or [[]] * 5, names=LEVELS))


def _over_seeds(row: str, runs: Sequence[tuple[dict, dict]], records: Sequence[dict]) -> dict:
    seeds = pd.DataFrame([line for _, line in runs])
    mean, low, high = seeds.mean(numeric_only=True), seeds["low"].min(), seeds["high"].max()
    documents = int(seeds["documents"].max())
    refused, reason, reach = compare.standing(row, [record for record, _ in runs], records, compare.RE, documents)
    more = "more" if mean["mass"] >= CLEAR * mean["shuffled"] else "hardly more"
    word = more if low > 0 else "less" if high < 0 else "as shuffled"
    return {
        "mass": mean["mass"], "sd": seeds["mass"].std(ddof=1), "shuffled": mean["shuffled"],
        "difference": mean["difference"], "low": low, "high": high, "spread": mean["spread"],
        "documents": documents, "seeds": len(seeds), "verdict": refused or f"{reach}{word}", "reason": reason,
    }  # fmt: skip


def shown(table: pd.DataFrame, corpus: str, row: str) -> pd.DataFrame:
    """`lines` of one corpus and row for display: mass in percent, differences in points.

    `verdict`, `spread` and, in brackets, the interval are those of the trained model.
    """
    cells = {}
    for (queries, targets), own in _of(table, corpus, row).groupby(["queries", "targets"], sort=False):
        moments = own.droplevel(["queries", "targets"])
        line, last = moments.loc["trained"], moments.drop("trained")
        sd = "" if np.isnan(line["sd"]) else f" ± {100 * line['sd']:.1f}"
        cells[f"{queries} queries → {WORDS[targets]}"] = {
            "verdict": words.with_reason(line),
            "mass": f"{100 * line['mass']:.1f}{sd}", "trained − shuffled": _with_interval(line),
            **{f"{moment} − shuffled": words.points(other["difference"], 2) for moment, other in last.iterrows()},
            "spread": f"{100 * line['spread']:.0f}", "documents": line["documents"], "seeds": line["seeds"],
        }  # fmt: skip
    return pd.DataFrame.from_dict(cells, orient="index").rename_axis(row)


def intervals(table: pd.DataFrame, corpus: str, row: str) -> pd.DataFrame:
    """The paper's reading on one corpus and row at all moments, as `relex.reports.plot.differences` draws it."""
    own = _of(table, corpus, row)
    keys = [(q, t, m) for q, t in CLAIMED for m in MOMENTS if (q, t, m) in own.index]
    return own.loc[keys].set_axis([f"{q} queries → {WORDS[t]}, {m}" for q, t, m in keys])


def verdict(table: pd.DataFrame, corpus: str, row: str) -> str:
    """Markdown: what one corpus and row say of the paper's reading, of training, and of a division of roles."""
    own, parts = _of(table, corpus, row), []
    for queries, targets in CLAIMED:
        if (queries, targets, "trained") not in own.index:
            parts.append(f"- {queries.capitalize()} queries: this corpus does not mark its {WORDS[targets]}.")
            continue
        line = own.loc[(queries, targets, "trained")]
        reach = line["verdict"].rpartition(": ")[0]
        says = (_reading,) if line["verdict"] in REFUSED else (_reading, _training, _roles)
        said = [f"{reach}:" if reach else "", *(say(own, queries, targets) for say in says)]
        parts.append("- " + " ".join(filter(None, said)))
    return "\n".join(parts)


def drawn_from(record: dict, recorded: Sequence[dict]) -> str:
    """Markdown: which model draws the pictures, what it scores, and whether the statistic is of other runs."""
    config, corpus = record["config"], record["config"]["corpus"]
    source = "a recorded run" if record in recorded else "this execution"
    scores = [f"{task.upper()} {record['metrics'][f'{task}.strict.f1']:.1%}" for task in ("ner", "re")]
    said = (
        f"The model is `{config['row']}` of {source}, profile {config['profile']}, seed {config['seed']}; "
        f"its strict F1 on the test part: {' and '.join(scores)}."
    )
    if record not in recorded and results.where(recorded, corpus=corpus):
        said += " The weights of the recorded runs are not on this machine; the statistic below is theirs."
    return said


def _of(table: pd.DataFrame, corpus: str, row: str) -> pd.DataFrame:
    index = table.index
    chosen = (index.get_level_values("corpus") == corpus) & (index.get_level_values("row") == row)
    return table[chosen].droplevel(["corpus", "row"])


def _reading(own: pd.DataFrame, queries: str, targets: str) -> str:
    line = own.loc[(queries, targets, "trained")]
    factor, word = line["mass"] / line["shuffled"], line["verdict"].rpartition(": ")[2]
    says = SAYS.get(word)
    emphasis = "**" if line["verdict"] == word else ""
    refused = f"Of the paper's reading there is no verdict: {line['reason']}"
    said = f"The paper's reading {emphasis}{says}{emphasis}" if says else refused
    return (
        f"{queries.capitalize()} queries of trained models lay {100 * line['mass']:.1f} % of their attention on "
        f"{WORDS[targets]}, shuffled attention {100 * line['shuffled']:.1f} %: {_with_interval(line)} points, "
        f"{factor:.2f} times as much. {said}."
    )


def _training(own: pd.DataFrame, queries: str, targets: str) -> str:
    trained, told = own.loc[(queries, targets, "trained")], []
    names = {"fresh fusion": "a fresh fusion on the trained encoder", "before training": "the untrained model"}
    for moment, name in names.items():
        if (queries, targets, moment) in own.index:
            line, word = own.loc[(queries, targets, moment)], "indistinguishable"
            if line["high"] < trained["low"] or trained["high"] < line["low"]:
                word = f"{'less' if line['high'] < trained['low'] else 'more'} than after training"
            told.append(f"{name} {points(line['difference'], 2)} ({word})")
    apart = [text.endswith("after training)") for text in told]
    if not told:
        return ""
    depends = "depends on it" if all(apart) else "depends on it in part" if any(apart) else "does not depend on it"
    return f"Training: what is seen {depends}; {', '.join(told)}."


def _roles(own: pd.DataFrame, queries: str, targets: str) -> str:
    """Whether the other queries look there less; if they do not, the two directions have no roles."""
    other = {"relation": "entity", "entity": "relation"}[queries]
    if (other, targets, "trained") not in own.index:
        return ""
    mine, theirs = own.loc[(queries, targets, "trained")], own.loc[(other, targets, "trained")]
    if mine["low"] > theirs["high"]:
        says = "less; the roles are those of the paper"
    elif mine["high"] < theirs["low"]:
        says = "more; the roles are not those of the paper"
    else:
        says = "indistinguishable; no division of roles shows"
    return f"{other.capitalize()} queries are at {points(theirs['difference'], 2)}: {says}."


def _with_interval(line: pd.Series) -> str:
    return f"{points(line['difference'], 2)} ({points(line['low'], 2)} … {points(line['high'], 2)})"
