"""The claims of the ISER paper beside the published records: the part of its chapter that is written from records."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from relex.experiments import span_tables, tables
from relex.experiments.iser import BOTH
from relex.experiments.records import published
from relex.experiments.tables import points


class Claim(NamedTuple):
    """`above` has a higher F1 of relations than `below`; both are rows of an experiment."""

    text: str
    experiment: str
    above: str
    below: str


CLAIMS = (
    Claim("ISER is above SpERT", "iser_comparison", "ISER", "SpERT"),
    Claim("… with a residual path in the fusion (ours)", "iser_comparison", "ISER, residual", "SpERT"),
    Claim("attention in SEA is worth more than its GRU alone", "iser_comparison", "ISER", "ISER-GRU"),
    Claim("interactive fusion helps", "iser_ablation", "full", "-interactive_fusion"),
    Claim("… its residual path helps (ours)", "iser_ablation", "full", "no residual"),
    Claim("SEA is above [CLS]", "iser_ablation", "full", "sea->cls"),
    Claim("… for every span above once a sentence (ours)", "iser_ablation", "sea of spans", "full"),
    Claim("between two names: the maximum is above attention", "iser_ablation", "full", "lc->lc_att"),
    Claim("… fused states are above BERT's", "iser_ablation", "full", "lc->lc_bert"),
    Claim("… what stands between is above [CLS]", "iser_ablation", "full", "lc->cls"),
    Claim("… and above the whole sentence of BERT's states", "iser_ablation", "full", "lc->gc_bert"),
    Claim("… and above the whole sentence of fused states", "iser_ablation", "full", "lc->gc"),
    Claim("whole sentence: fused states are above BERT's", "iser_ablation", "lc->gc", "lc->gc_bert"),
)
"""What the paper says of Tables 3 to 6, in the order of its text, and what we ask besides."""

RESTS = {
    "relation queries rest on entities": ("relation", "entities"),
    "entity queries rest on words that state a relation": ("entity", "triggers"),
}
"""What it says of Figures 7 and 8: claim → queries and targets of `relex.experiments.attention.rests`."""

VERDICTS = {"higher": "yes", "lower": "**no, the opposite**", "within the noise": "not to be told from zero",
            span_tables.UNLEARNED: "cannot be told: a row has not learned the task"}  # fmt: skip
MISSING = "not recorded"

POINTS = (
    "differences of strict F1 of relations in points, in brackets the 95 % interval over seeds and "
    "documents; with one seed, over documents alone: another seed may well be further away."
)
SCORES = (
    'Strict F1 in percent. The paper\'s "test" is the development part, by which our epochs were chosen as well; that '
    "flatters. The test part flatters nobody."
)
MASS = (
    "Attention that falls there, less what would if it were shuffled, in points, means over seeds: of the fusion as it "
    "was before training, on the trained encoder, and of the trained one. *Yes* or *no* where the interval over "
    "documents excludes 0 in every seed."
)
NOTHING = "No record of this corpus is published in this edition; the columns fill when one is."


def claims_page() -> str:
    """Markdown: for each corpus what is printed and recorded of `CLAIMS` and `RESTS`, and scores on conll04's parts.

    Where nothing is published, the tables say so.
    """
    names = [*dict.fromkeys(c.experiment for c in CLAIMS), "iser_attention"]
    parts = []
    for corpus in BOTH:
        records = {name: tables.where(published(name), corpus=corpus) for name in names}
        every = [record for chosen in records.values() for record in chosen]
        parts.append(f"**{span_tables.title(corpus)}**: {POINTS}")
        parts.append(markdown_table(claims_table(corpus, records)))
        if corpus == "conll04":
            parts += [SCORES, markdown_table(part_scores(records["iser_comparison"]))]
        parts += [MASS, markdown_table(attention_table(records["iser_attention"]))]
        parts.append(f"{tables.provenance(every)} {span_tables.caution(every)}" if every else NOTHING)
    return "\n\n".join(parts) + "\n"


def claims_table(corpus: str, records: dict[str, Sequence[dict]]) -> pd.DataFrame:
    """One line a claim: printed and recorded difference in points, and the verdict; `records` by experiment."""
    lines = {}
    for experiment in dict.fromkeys(c.experiment for c in CLAIMS):
        claims = [c for c in CLAIMS if c.experiment == experiment]
        printed = span_tables.printed(corpus, experiment.removeprefix("iser_"))
        pairs = [(c.above, c.below) for c in claims]
        shown = tables.printed_differences(pairs, printed, "re.strict.f1")
        found = span_tables.differences(records[experiment], pairs, printed)
        for claim, pair in zip(claims, pairs, strict=True):
            line = {"printed": points(shown[pair], 2) if pair in shown else "–", "recorded": "–", "verdict": MISSING}
            if (name := " − ".join(pair)) in found.index and _differ(records[experiment], *pair):
                cells = tables.in_points(found.loc[[name]]).iloc[0]
                line["recorded"] = f"{cells['difference']} ({cells['95 % interval']})"
                alone = ", in the one seed done" if found.loc[name, "seeds"] == 1 else ""
                line["verdict"] = VERDICTS[found.loc[name, "verdict"]] + alone
            lines[claim.text] = line
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("claim")


def _differ(records: Sequence[dict], a: str, b: str) -> bool:
    """Whether two rows are not the same runs: with SEA for every span everywhere, a row of it has nothing to add."""
    return {r["run"] for r in tables.of_row(records, a)} != {r["run"] for r in tables.of_row(records, b)}


def part_scores(records: Sequence[dict]) -> pd.DataFrame:
    """Strict F1 of trained rows on conll04: printed, on the development part that the paper calls test, on the test."""
    chosen = span_tables.trained(records)
    printed = span_tables.printed("conll04", "comparison")
    rows = tables.rows_in_order(chosen) or ["SpERT", "ISER-GRU", "ISER"]
    table = span_tables.by_part({row: printed[row] for row in rows if row in printed}, chosen, [])
    table.columns = [f"{task}, {part if source == tables.RECORDED else source}" for task, source, part in table.columns]
    return table.reindex(rows).rename_axis("CoNLL04")


def attention_table(records: Sequence[dict]) -> pd.DataFrame:
    """How much more attention falls where `RESTS` says than if shuffled, untrained and trained; a line a claim and row.

    Rows that cannot tell, for nobody knows the words of their corpus that state a relation, are left out.
    """
    lines = {}
    for claim, asked in RESTS.items():
        for row in tables.rows_in_order(records):
            found = {
                moment: _looks(tables.of_row(records, row), moment, asked) for moment in ("fresh fusion", "trained")
            }
            if found["trained"]:
                untrained, trained = (points(np.mean([x["difference"] for x in some])) for some in found.values())
                line = {"untrained": untrained, "trained": trained, "verdict": _rests(found["trained"])}
                lines[f"{claim}: {row}"] = line
    nothing = {claim: {"untrained": "–", "trained": "–", "verdict": MISSING} for claim in RESTS}
    return pd.DataFrame.from_dict(lines or nothing, orient="index").rename_axis("claim")


def _looks(records: Sequence[dict], moment: str, asked: tuple[str, str]) -> list[dict]:
    """What records measured of these queries and targets, one line a seed."""
    lines = [line for r in records for line in r.get("attention", {}).get(moment, [])]
    return [line for line in lines if (line["queries"], line["targets"]) == asked and line["documents"]]


def _rests(trained: Sequence[dict]) -> str:
    if all(line["low"] > 0 for line in trained):
        return "yes"
    return VERDICTS["lower"] if all(line["high"] < 0 for line in trained) else "not in every seed"


def markdown_table(table: pd.DataFrame) -> str:
    """A table with its index as Markdown."""
    lines = [[table.index.name, *table.columns], ["---"] * (1 + len(table.columns))]
    lines += [[name, *cells] for name, cells in zip(table.index, table.to_numpy().tolist(), strict=True)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
