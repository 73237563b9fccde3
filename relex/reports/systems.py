"""Tables of the systems that the papers compare with: what each row is, and how it stands beside a paper's own rows."""

import json
from collections.abc import Sequence
from importlib import resources

import pandas as pd
import yaml

from relex.files import project_root
from relex.reports import compare, printed, results, words

OWN = {"cbrrel": ("CBRRel", "CasRel"), "iser": ("ISER", "SpERT")}
"""Paper → its system and the baseline that this is built on."""
PRINTED_IN = {
    "casmed": ("cbrrel", "comparison_casmed"), "angiography": ("cbrrel", "comparison_casmed"),
    "conll04": ("iser", "comparison_conll04"), "interactions": ("iser", "comparison_chddi"),
}  # fmt: skip
"""Corpus → the paper and its table that print these systems; a stand-in has those of its model corpus."""
SCORES = {"cbrrel": compare.STRING, "iser": compare.SCORES["re"]}
"""Paper → what its tables rank by: triples as strings, or strict relations."""


def manner() -> pd.DataFrame:
    """One line a system: where it is from, what of it is as published, and what is ours."""
    text = resources.files("relex").joinpath("data/systems.yaml").read_text(encoding="utf-8")
    lines = pd.DataFrame.from_dict(yaml.safe_load(text), orient="index").rename_axis("system")
    return lines.rename(columns={"source": "from", "published": "as published"})


def ceilings() -> pd.DataFrame:
    """What each way of tagging gives back of gold triples, a line each: percent of recall / triples that are wrong.

    A column a corpus, with its number of triples; what `relex corpora ceilings --untyped --json` printed.
    """
    told = json.loads((project_root() / "book" / "results" / "ceilings.json").read_text(encoding="utf-8"))
    found = {}
    for corpus, schemes in told.items():
        gold = next(iter(schemes.values()))["gold"]
        found[f"{corpus}, {gold:,}"] = {
            name: f"{100 * one['found'] / one['gold']:.2f} / {one['spurious']}" for name, one in schemes.items()
        }
    return pd.DataFrame(found).rename_axis("scheme")


def columns(corpus: str) -> list[dict[str, str]]:
    """Metrics of the paper's table → titles, a table each; with entities, which are all that W2NER finds.

    Entities and relations are two tables: printed and recorded, one would be wider than a page.
    """
    paper, _ = PRINTED_IN[corpus]
    if paper == "cbrrel":
        return [{f"triples.string.{s}": s.upper() for s in printed.PRF} | {"entities.strict.f1": "entities, F1"}]
    items = {"ner": "entities", "re": "relations"}
    return [{f"{task}.strict.{s}": f"{name}, {s.upper()}" for s in printed.PRF} for task, name in items.items()]


def without_relations(record: dict) -> bool:
    """Whether a record is of a system that knows entities alone (W2NER)."""
    return record["config"].get("scheme") == "chain"


def pairs(records: Sequence[dict], corpus: str) -> list[tuple[str, str]]:
    """The paper's system against every other trained row, and every other row against the paper's baseline.

    A rank that a paper prints is the sign of lines of the first kind.
    """
    own, baseline = OWN[PRINTED_IN[corpus][0]]
    chosen = [r for r in results.trained(results.where(records, corpus=corpus)) if not without_relations(r)]
    others = [row for row in results.rows_in_order(chosen) if row not in (own, baseline)]
    return [(own, row) for row in (baseline, *others)] + [(row, baseline) for row in others]


def differences(records: Sequence[dict], corpus: str) -> pd.DataFrame:
    """`compare.differences` of `pairs` on a corpus, in the score that the paper ranks by; one family."""
    paper, table = PRINTED_IN[corpus]
    chosen, score = results.where(records, corpus=corpus), SCORES[paper]
    wanted = pairs(chosen, corpus)
    shown = printed.differences(wanted, printed.rows(paper, table), score.metric)
    return compare.differences(chosen, wanted, score, shown)


def ranks(found: pd.DataFrame, corpus: str) -> str:
    """Which rows the paper's system is higher than, lower than, or without a verdict beside; Markdown, a line each."""
    own, _ = OWN[PRINTED_IN[corpus][0]]
    said: dict[str, list[str]] = {}
    for _, line in found.iterrows():
        one, other = line["rows"]
        if one == own:
            said.setdefault(line["verdict"], []).append(other)
    return "\n".join(f"- {own}, *{verdict}*: {words.listed(rows)}." for verdict, rows in said.items())
