"""The claims of the paper on focused attention beside the published records, for its chapter."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from relex.experiments import focused_tables, tables
from relex.experiments.focused import ALONE, BOTH, EVERY_PAIR, OF_CORPUS
from relex.experiments.records import published
from relex.experiments.span_claims import NOTHING, RULED, claim_lines, markdown_table
from relex.reports import compare


class Claim(NamedTuple):
    """`above` has a higher F1 than `below` in a task of `focused_tables`; both are rows of an experiment."""

    text: str
    experiment: str
    task: str
    above: str
    below: str


MAIN, GRID, ABLATION = "focused_main", "focused_k_mask", "focused_ablation"

PRINTED_IN = {
    (MAIN, "ner"): "ner", (MAIN, "given"): "rc_gold_entities", (MAIN, "re"): "joint", (GRID, "ner"): "k_and_mask",
    (GRID, "re"): "k_and_mask", (ABLATION, "ner"): "ablation", (ABLATION, "given"): "ablation",
}  # fmt: skip
"""Experiment and task → the paper's table of them."""

CLAIMS = (
    Claim("entities: focused above Bi-LSTM", MAIN, "ner", "Focused", "Bi-LSTM"),
    Claim("… above RDCNN", MAIN, "ner", "Focused", "RDCNN"),
    Claim("… above Joint-Bi-LSTM", MAIN, "ner", "Focused", "Joint-Bi-LSTM"),
    Claim("relations of given entities: focused above RCN", MAIN, "given", "Focused", "RCN"),
    Claim("… above CNN", MAIN, "given", "Focused", "CNN"),
    Claim("… above Joint-Bi-LSTM, entities given", MAIN, "given", "Focused", "Joint-Bi-LSTM"),
    Claim("… learning relations alone, above RCN (ours)", MAIN, "given", ALONE, "RCN"),
    Claim("… learning relations alone, above CNN (ours)", MAIN, "given", ALONE, "CNN"),
    Claim("relations end to end: focused above Joint-Bi-LSTM", MAIN, "re", "Focused", "Joint-Bi-LSTM"),
    Claim("… training on every pair above the paper's cut (ours)", MAIN, "re", EVERY_PAIR, "Focused"),
    Claim("K = 4 with Eq. 14 is best for relations: above K = 2", GRID, "re", "K4-eq14", "K2-eq14"),
    Claim("… above K = 6", GRID, "re", "K4-eq14", "K6-eq14"),
    Claim("… above K = 4 with Eq. 13", GRID, "re", "K4-eq14", "K4-eq13"),
    Claim("… above K = 2 with Eq. 13, the next best", GRID, "re", "K4-eq14", "K2-eq13"),
    Claim("the mask matters: Eq. 14 above Eq. 13, all K together (ours)", GRID, "re", "Eq. 14", "Eq. 13"),
    Claim("… with K = 2 and three times the epochs (ours)", GRID, "re", "K2-eq14, longer", "K2-eq13, longer"),
    Claim("K matters: K = 4 above K = 2, both masks together (ours)", GRID, "re", "K = 4", "K = 2"),
    Claim("… K = 6 above K = 2, both masks together (ours)", GRID, "re", "K = 6", "K = 2"),
    Claim("K = 6 with Eq. 13 is best for entities: above K = 4", GRID, "ner", "K6-eq13", "K4-eq13"),
    Claim("… above K = 6 with Eq. 14", GRID, "ner", "K6-eq13", "K6-eq14"),
    Claim("a mask is above none (ours)", GRID, "re", "K4-eq14", "none"),
    Claim("joint training helps entities", ABLATION, "ner", "joint", "only NER"),
    Claim("… and relations of given entities", ABLATION, "given", "joint", "only RC"),
    Claim("… at a third of the rate (ours)", ABLATION, "given", "joint, lr 1e-4", "only RC, lr 1e-4"),
    Claim("… a text counted once for entities, not once a pair (ours)", ABLATION, "ner", "joint", "joint, NER by pair"),
)
"""What the paper says of Tables II to VI, in the order of its text, and what we ask besides."""

EXPLAINED = (
    "differences of strict F1 in points, in brackets the 95 % interval over seeds and documents: of entities, "
    "relations end to end, or relations of given entities (all pairs), as the line says. " + RULED
)


def claims_page() -> str:
    """Markdown: for each corpus what is printed and recorded of `CLAIMS`; where nothing is published, it says so."""
    parts = []
    for corpus in BOTH:
        records = {name: tables.where(published(name), corpus=corpus) for name in (MAIN, GRID, ABLATION)}
        every = [record for chosen in records.values() for record in chosen]
        parts.append(f"**{focused_tables.title(corpus)}**: {EXPLAINED}")
        cut = "negative_share" in OF_CORPUS[corpus]
        claims = [claim for claim in CLAIMS if cut or claim.above != EVERY_PAIR]
        parts.append(markdown_table(claims_table(claims, records)))
        told = (tables.provenance(every), seeds_of_rows(records), focused_tables.caution(every))
        parts.append(" ".join(filter(None, told)) if every else NOTHING)
    return "\n\n".join(parts) + "\n"


def seeds_of_rows(records: dict[str, Sequence[dict]]) -> str:
    """How many seeds the trained rows of each experiment have: a comparison has those that both of its rows have."""
    counts = {
        name: sorted(Counter(r["config"]["row"] for r in some if "epochs" in r["config"]).values())
        for name, some in records.items()
    }
    told = [f"{name} {' to '.join(map(str, dict.fromkeys((c[0], c[-1]))))}" for name, c in counts.items() if c]
    return f"Seeds of a trained row: {', '.join(told)}." if told else ""


def claims_table(claims: Sequence[Claim], records: dict[str, Sequence[dict]]) -> pd.DataFrame:
    """One line a claim: printed and recorded difference in points, and the verdict; `records` by experiment."""
    found, prints = {}, {}
    for claim in claims:
        shown = focused_tables.printed(PRINTED_IN[claim.experiment, claim.task])
        score, pair, chosen = compare.SCORES[claim.task], (claim.above, claim.below), records[claim.experiment]
        if pair in focused_tables.POOLED:
            found[claim.text] = focused_tables.effect(chosen, score, pair)
        else:
            found[claim.text] = compare.differences(chosen, [pair], score)
        prints |= dict.fromkeys([claim.text], tables.printed_differences([pair], shown, score.metric).get(pair))
    return claim_lines(found, {text: value for text, value in prints.items() if value is not None})
