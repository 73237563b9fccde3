"""The claims of the papers (`relex/data/claims.yaml`) beside the published records: what chapters take from records."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from relex import markup
from relex.reports import attention, span, tables, words
from relex.reports.families import Published, asked, family, printed_of, records_of
from relex.reports.results import is_trained, rows_in_order, trained
from relex.reports.words import points

MISSING = "not recorded"
NOTHING = "No record of this corpus is published in this edition; the columns fill when one is."
RULED = (
    "A verdict is at 0.05 after Holm's correction over the claims of this table; a line that breaks a rule of evidence "
    "has none, and the reason stands in its place."
)
SCORES = (
    'Strict F1 in percent. The paper\'s "test" is the development part, by which our epochs were chosen as well; that '
    "flatters. The test part flatters nobody."
)
MASS = (
    "Attention that falls there, less the share of shuffled attention, in points, means over seeds: of the fusion "
    "before training, on the trained encoder, and of the trained one. *Yes* or *no* where the interval over "
    "documents excludes 0 in every seed, *hardly* where that is less than a tenth more than if it were shuffled; the "
    "rules of evidence hold here as well."
)
RESTS = {
    "relation queries rest on entities": ("relation", "entities"),
    "entity queries rest on words that state a relation": ("entity", "triggers"),
}
"""What ISER's paper says of its Figures 7 and 8: claim → queries and targets."""


def claims_page(paper: str, published: Published) -> str:
    """Markdown: for each corpus what is printed and recorded of a paper's claims; where nothing is, it says so."""
    content, parts = asked(paper), []
    for corpus in content["corpora"]:
        records = records_of(paper, corpus, published)
        every = [record for chosen in records.values() for record in chosen]
        interval = "in points, in brackets the 95 % interval over seeds and documents"
        parts.append(f"**{tables.title(corpus)}**: {content['title']}, {interval}. {RULED}")
        parts.append(markdown_table(claims_table(paper, corpus, records)))
        if corpus == "conll04":
            parts += [SCORES, markdown_table(part_scores(records["iser_comparison"]))]
        if paper == "iser":
            parts += [MASS, markdown_table(attention_table(with_attention(records)))]
        told = (tables.provenance(every), seeds_of_rows(records), tables.caution(every))
        parts.append(" ".join(filter(None, told)) if every else NOTHING)
    return "\n\n".join(parts) + "\n"


def with_attention(records: dict[str, list[dict]]) -> list[dict]:
    """The records with attention, and the bars, which other experiments have."""
    counted = [record for some in records.values() for record in some if not is_trained(record)]
    return [*records["iser_attention"], *counted]


def seeds_of_rows(records: dict[str, Sequence[dict]]) -> str:
    """How many seeds the trained rows of each experiment have: a comparison has those that both of its rows have."""
    counts = {
        name: sorted(Counter(r["config"]["row"] for r in trained(some)).values()) for name, some in records.items()
    }
    told = [f"{name} {' to '.join(map(str, dict.fromkeys((c[0], c[-1]))))}" for name, c in counts.items() if c]
    return f"Seeds of a trained row: {', '.join(told)}." if told else ""


def claims_table(paper: str, corpus: str, records: dict[str, Sequence[dict]]) -> pd.DataFrame:
    """One line a claim, all one family: verdict, printed and recorded difference in points; `records` by experiment."""
    found, lines = family(paper, corpus, records), {}
    for text, value in printed_of(paper, corpus).items():
        line = {"verdict": MISSING, "printed": "–" if value is None else points(value, 2), "recorded": "–"}
        if text in found.index:
            cells = found.loc[text]
            line["recorded"] = f"{points(cells['difference'])} ({words.interval(cells)})"
            line["verdict"] = words.answer(cells)
        lines[text] = line
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("claim")


def part_scores(records: Sequence[dict]) -> pd.DataFrame:
    """Strict F1 of trained rows on conll04: printed, on the development part that the paper calls test, on the test."""
    chosen, shown = trained(records), span.printed("conll04", "comparison")
    rows = rows_in_order(chosen) or ["SpERT", "ISER-GRU", "ISER"]
    table = span.by_part({row: shown[row] for row in rows if row in shown}, chosen, [])
    table.columns = [f"{task}, {part if source == tables.RECORDED else source}" for task, source, part in table.columns]
    return table.reindex(rows).rename_axis("CoNLL04")


def attention_table(records: Sequence[dict]) -> pd.DataFrame:
    """How much more attention falls where `RESTS` says than if shuffled, untrained and trained; a line a claim and row.

    `records` are those with attention, and those of rows that learn nothing.

    Rows that cannot tell, for nobody knows the words of their corpus that state a relation, are left out.
    """
    table, lines = attention.lines(records), {}
    answers = {
        "more": "yes", "hardly more": "hardly", "less": "no, the opposite", "as shuffled": "not in every seed",
    }  # fmt: skip
    for claim, rests in RESTS.items():
        for row in rows_in_order(records):
            own = table[[key[1:4] == (row, *rests) for key in table.index]].droplevel([0, 1, 2, 3])
            if "trained" in own.index:
                reach, _, word = own.loc["trained", "verdict"].rpartition(": ")
                said = answers.get(word, words.with_reason(own.loc["trained"]))
                lines[f"{claim}: {row}"] = {
                    "verdict": f"{reach}: {said}" if reach else f"**{said}**" if word == "less" else said,
                    "untrained": points(own["difference"].get("fresh fusion", np.nan)),
                    "trained": points(own.loc["trained", "difference"]),
                }
    nothing = {claim: {"verdict": MISSING, "untrained": "–", "trained": "–"} for claim in RESTS}
    return pd.DataFrame.from_dict(lines or nothing, orient="index").rename_axis("claim")


def markdown_table(table: pd.DataFrame) -> str:
    """A table with its index as Markdown."""
    lines = [[name, *cells] for name, cells in zip(table.index, table.to_numpy().tolist(), strict=True)]
    return markup.table([[table.index.name, *table.columns], *lines])
