"""The claims of a paper on a corpus as one family for Holm's correction, whose verdicts every page shows.

A comparison can stand in several tables: among the claims, and on the page of its experiment beside lines that nobody
claims. Corrected for each table it could have a verdict in one and none in the other. So a comparison that is a claim
has the verdict of the claims' table wherever it stands.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import pandas as pd
import yaml

from relex.reports import compare, pooled, printed
from relex.reports.results import main_split, where
from relex.runs import records as run_records

Published = Callable[[str], list[dict]]
"""The published records of an experiment, by its name."""


@cache
def _content() -> dict:
    return yaml.safe_load(resources.files("relex").joinpath("data/claims.yaml").read_text(encoding="utf-8"))


def asked(paper: str) -> dict:
    """What `relex/data/claims.yaml` has of a paper (`umrc`, `cbrrel`, `iser`, `focused`)."""
    return _content()[paper]


def records_of(paper: str, corpus: str, published: Published) -> dict[str, list[dict]]:
    """The published records behind the claims of a paper on one corpus, by experiment."""
    names = dict.fromkeys(group["experiment"] for group in asked(paper)["groups"])
    names |= {"iser_attention": None} if paper == "iser" else {}
    return {name: _of_corpus(published(name), corpus) for name in names}


def _of_corpus(records: Sequence[dict], corpus: str) -> list[dict]:
    """The records of a corpus, of its first split alone."""
    chosen = where(records, corpus=corpus)
    return where(chosen, split=main_split(chosen)) if chosen else []


def family(paper: str, corpus: str, records: dict[str, Sequence[dict]]) -> pd.DataFrame:
    """Every claim of a paper's table on one corpus that records tell of, all one family; `records` by experiment.

    Lines are as of `compare.differences`, named by the claim; those of `printed_of` that are missing have no record.
    """
    content, found = asked(paper), {}
    for group in content["groups"]:
        score, chosen = compare.SCORES[group["score"]], records[group["experiment"]]
        for claim in _claims_of(group, corpus):
            pair = claim["above"], claim["below"]
            found[claim["claim"]] = (
                pooled.effect(chosen, score, pair)
                if pair in pooled.POOLED
                else compare.differences(chosen, [pair], score)
            )
    return compare.together({text: one for text, one in found.items() if len(one)})


def printed_of(paper: str, corpus: str) -> dict[str, float | None]:
    """The printed difference of each claim of a paper's table on one corpus, a fraction; None where none is printed."""
    content, prints = asked(paper), {}
    for group in content["groups"]:
        table = group.get("table", "").format(printed_as=content["corpora"][corpus])
        shown, metric = printed.rows(paper, table) if table else {}, compare.SCORES[group["score"]].metric
        for claim in _claims_of(group, corpus):
            pair = claim["above"], claim["below"]
            prints[claim["claim"]] = printed.differences([pair], shown, metric).get(pair)
    return prints


def comparisons(paper: str, corpus: str) -> dict[str, str]:
    """The rows of each claim of a paper's table on one corpus, and what is scored: `A − B, F1 of relations`."""
    return {
        claim["claim"]: f"{claim['above']} − {claim['below']}, {compare.SCORES[group['score']].title}"
        for group in asked(paper)["groups"]
        for claim in _claims_of(group, corpus)
    }


def _claims_of(group: dict, corpus: str) -> list[dict]:
    return [claim for claim in group["claims"] if claim.get("only", corpus) == corpus]


def settled(table: pd.DataFrame, records: Sequence[dict], score: compare.Score) -> pd.DataFrame:
    """A table of `compare.differences` in which lines that are claims have the verdicts of the claims' family.

    `records` are those behind it, of one corpus. A line is a claim where rows and scores of all runs are the same, so
    a table of other records than the published ones is left as it is.
    """
    places = {(record["experiment"], record["config"]["corpus"]) for record in records}
    known = {}
    for paper in _content():
        groups = [group for group in asked(paper)["groups"] if group["score"] == score.name]
        for corpus in asked(paper)["corpora"]:
            if any((group["experiment"], corpus) in places for group in groups):
                found = _published_family(paper, corpus, run_records.results_dir())
                known |= {_line(line): line for _, line in found.iterrows()}
    table = table.copy()
    for name, line in table.iterrows():
        if _line(line) in known:
            table.loc[name, ["holm", "verdict"]] = known[_line(line)][["holm", "verdict"]].to_numpy()
    return table


@cache
def _published_family(paper: str, corpus: str, folder: Path) -> pd.DataFrame:
    """The `family` of the records under `folder`, where the published ones are."""
    return family(paper, corpus, records_of(paper, corpus, run_records.published))


def _line(line: pd.Series) -> tuple:
    """What makes two lines the same comparison: its rows, the scores of their runs, difference and interval."""
    return line["rows"], *(tuple(scores) for scores in line["scores"]), line["difference"], line["low"], line["high"]
