"""The claims of the ISER paper beside the published records: the part of its chapter that is written from records."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from relex.experiments import attention_tables, span_tables, tables
from relex.experiments.iser import BOTH
from relex.experiments.records import published
from relex.reports import compare, words
from relex.reports.words import points


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

MISSING = "not recorded"

RULED = (
    "A verdict is at 0.05 after Holm's correction over the claims of this table; a line that breaks a rule of evidence "
    "has none, and the reason stands in its place."
)
POINTS = (
    "differences of strict F1 of relations in points, in brackets the 95 % interval over seeds and documents. " + RULED
)
SCORES = (
    'Strict F1 in percent. The paper\'s "test" is the development part, by which our epochs were chosen as well; that '
    "flatters. The test part flatters nobody."
)
MASS = (
    "Attention that falls there, less what would if it were shuffled, in points, means over seeds: of the fusion as it "
    "was before training, on the trained encoder, and of the trained one. *Yes* or *no* where the interval over "
    "documents excludes 0 in every seed; the rules of evidence hold here as well."
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
    shown = {
        experiment: span_tables.printed(corpus, experiment.removeprefix("iser_"))
        for experiment in dict.fromkeys(c.experiment for c in CLAIMS)
    }
    found = {c.text: compare.differences(records[c.experiment], [(c.above, c.below)], compare.RE) for c in CLAIMS}
    prints = {
        c.text: tables.printed_differences([(c.above, c.below)], shown[c.experiment], compare.RE.metric) for c in CLAIMS
    }
    return claim_lines(found, {text: value for text, some in prints.items() for value in some.values()})


def claim_lines(found: dict[str, pd.DataFrame], printed: dict[str, float]) -> pd.DataFrame:
    """The lines of a table of claims, one family: claim → a table of one line or none; `printed` by claim."""
    table, lines = compare.together({text: one for text, one in found.items() if len(one)}), {}
    for text in found:
        line = {"printed": points(printed[text], 2) if text in printed else "–", "recorded": "–", "verdict": MISSING}
        if text in table.index:
            cells = table.loc[text]
            line["recorded"] = f"{points(cells['difference'])} ({words.interval(cells)})"
            line["verdict"] = words.answer(cells)
        lines[text] = line
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("claim")


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
    table, lines = attention_tables.lines(records), {}
    words_of = {"more": "yes", "less": "no, the opposite", "as shuffled": "not in every seed"}
    for claim, asked in RESTS.items():
        for row in tables.rows_in_order(records):
            own = table[[key[1:4] == (row, *asked) for key in table.index]].droplevel([0, 1, 2, 3])
            if "trained" in own.index:
                verdict = own.loc["trained", "verdict"]
                reach, _, word = verdict.rpartition(": ")
                said = words_of.get(word, words.with_reason(own.loc["trained"]))
                lines[f"{claim}: {row}"] = {
                    "untrained": points(own["difference"].get("fresh fusion", np.nan)),
                    "trained": points(own.loc["trained", "difference"]),
                    "verdict": f"{reach}: {said}" if reach else f"**{said}**" if word == "less" else said,
                }
    nothing = {claim: {"untrained": "–", "trained": "–", "verdict": MISSING} for claim in RESTS}
    return pd.DataFrame.from_dict(lines or nothing, orient="index").rename_axis("claim")


def markdown_table(table: pd.DataFrame) -> str:
    """A table with its index as Markdown."""
    lines = [[table.index.name, *table.columns], ["---"] * (1 + len(table.columns))]
    lines += [[name, *cells] for name, cells in zip(table.index, table.to_numpy().tolist(), strict=True)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
