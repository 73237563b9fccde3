"""What corpora of triples hold, counted by `relex.audits.triples`, beside what CBRRel's Tables 1 and 2 print."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from relex.corpora.readers import casmed
from relex.reports import words
from relex.reports.printed import reported, rows
from relex.reports.tables import PRINTED

SHARES = ("test in train", "test in train or dev")
"""Facts of a split that are shares; all others are whole numbers."""


def facts(counted: Mapping[tuple[str, str], Mapping[str, float]]) -> pd.DataFrame:
    """(Corpus, split) → its `split_facts` as a table of numbers, a line each."""
    table = pd.DataFrame.from_dict(counted, orient="index")
    whole = [column for column in table if column not in SHARES]
    return table.astype(dict.fromkeys(whole, int))


def formatted(table: pd.DataFrame) -> pd.DataFrame:
    """`facts` for display, shares in percent."""
    return table.assign(**{share: table[share].map("{:.1%}".format) for share in SHARES})


def shortcuts(scored: Mapping[tuple[str, str], Mapping[str, Mapping[str, float]]]) -> pd.DataFrame:
    """(Corpus, split) → its `shortcut_scores` as a table of fractions with columns (baseline, `all` or `unseen`)."""
    lines = {
        key: {(baseline, kind): f1 for baseline, cells in scores.items() for kind, f1 in cells.items()}
        for key, scores in scored.items()
    }
    table = pd.DataFrame.from_dict(lines, orient="index")
    return table.set_axis(pd.MultiIndex.from_tuples(table.columns), axis=1)


def percent(table: pd.DataFrame) -> pd.DataFrame:
    """`shortcuts` for display; a dash where a split has no such texts."""
    return table.map(lambda f1: "–" if np.isnan(f1) else f"{f1:.1%}").rename(columns=words.titled)


def furthest(table: pd.DataFrame) -> str:
    """Where the look-up table of `shortcuts` gets furthest, and for casmed the best printed F1; Markdown."""
    best = table["lookup", "all"].idxmax()
    score = table.loc[best, ("lookup", "all")]
    text = f"The look-up table gets furthest on `{best[0]}`, split `{best[1]}`: {score:.1%}."
    if best[0] != "casmed":
        return text
    f1, name = max((cells["triples.string.f1"], row) for row, cells in rows("cbrrel", "comparison_casmed").items())
    return (
        f"{text} The best F1 that the paper prints for its corpus of such reports is {f1:.2f} ({name}), "
        f"{'below' if 100 * score > f1 else 'above'} that; its split is not known."
    )


def relations(counted: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Triples of each relation, printed and in each corpus (corpus → relation → triples), by the paper's codes."""
    printed = reported("cbrrel")["tables"]["relation_counts"]["rows"]
    columns = {PRINTED: pd.Series(printed)}
    columns |= {name: some.set_axis(map(casmed.relation_code, some.index)) for name, some in counted.items()}
    table = pd.DataFrame(columns).fillna(0).astype(int).loc[list(printed)]
    named = {code: name for name, code in casmed.CODES.items()}
    table.insert(0, "relation", [f"{named[pair[:2]]}_{named[pair[2:]]}" for pair in table.index])
    return table


def relation_findings(table: pd.DataFrame, reports: int, segments: int) -> str:
    """How far the counts of `relations` are the printed ones for casmed; empty where it was not counted."""
    if "casmed" not in table:
        return ""
    same = int((table[PRINTED] == table["casmed"]).sum())
    totals = table[[PRINTED, "casmed"]].sum()
    paper = reported("cbrrel")["tables"]["dataset_statistics"]["rows"]
    return (
        f"{same} of {len(table)} relations have the printed number of triples; the totals are "
        f"{totals[PRINTED]:,} (printed) and {totals['casmed']:,}. "
        f"The paper counts {paper['quantity'][1]} records; the files have {reports:,} reports in {segments:,} segments."
    )


def overlap(counted: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Classes of overlap: lines (corpus, `printed`, `sentences` or `triples`), from corpus → its `overlap_counts`."""
    statistics = reported("cbrrel")["tables"]["dataset_statistics"]
    lines = {
        (name, PRINTED): {k: statistics["rows"][k][i] for k in ("normal", "seo", "epo")}
        for i, name in enumerate(statistics["columns"])
    }
    lines |= {(name, kind): table.loc[kind].to_dict() for name, table in counted.items() for kind in table.index}
    return pd.DataFrame.from_dict(lines, orient="index").sort_index(level=0, sort_remaining=False)


def overlap_findings(table: pd.DataFrame) -> str:
    """What `overlap` says of the printed classes, and whether a report can hold EPO at all; Markdown."""
    statistics, lines = reported("cbrrel")["tables"]["dataset_statistics"], []
    for i, name in enumerate(statistics["columns"]):
        total, classes = statistics["rows"]["triples"][i], sum(table.loc[(name, PRINTED)])
        said = "so some triples are of two classes, or of none."
        if total == classes:
            said = "so it put each triple in one class."
        elif classes > 2 * total:
            said = "more than twice as many, though a triple is of two classes at most."
        lines.append(
            f"- The printed classes of {name} add up to {classes:,}, the paper's number of triples is {total:,}: {said}"
        )
    for name in ("casmed", "angiography"):
        if (name, "triples") not in table.index:
            continue
        epo = int(table.loc[(name, "triples"), "epo"])
        said = "the types of two entities leave one relation at most, so no ordered pair has two."
        if epo:
            said = "two relations of one ordered pair of strings, which needs a string that stands for two types."
        beside = f" The paper prints {statistics['rows']['epo'][1]}." if name == "casmed" else ""
        lines.append(f"- {name} has **{epo} triples with EPO**: {said}{beside}")
    return "\n".join(lines)


def alignment(table: pd.DataFrame) -> pd.DataFrame:
    """`alignment_facts` for display: ambiguous triples with their share, and other readings in percent."""
    share = (table["ambiguous"] / table["string triples"]).map("{:.1%}".format)
    return table.assign(**{
        "ambiguous": table["ambiguous"].map(str) + " (" + share + ")",
        "other than nearest": table["other than nearest"].map("{:.1%}".format),
    })  # fmt: skip
