"""The grid of Table V of focused attention as runs of one switch: the mask over all K, K over both masks."""

from collections.abc import Sequence

import pandas as pd

from relex.reports import compare
from relex.reports.results import is_trained

MASKS = {"eq13": "Eq. 13", "eq14": "Eq. 14"}
CELLS = {f"K{k}-{mask}": {"k": k, "mask": mask} for mask in MASKS for k in (2, 4, 6)}
"""The rows of Table V, and their switches."""
POOLED = {
    **dict.fromkeys([("Eq. 14", "Eq. 13")], compare.Pool("mask", MASKS, "k")),
    **dict.fromkeys(
        [("K = 4", "K = 2"), ("K = 6", "K = 4"), ("K = 6", "K = 2")],
        compare.Pool("k", {k: f"K = {k}" for k in (2, 4, 6)}, "mask"),
    ),
}
"""What pooled runs of Table V's grid are asked: pair of rows → how runs are pooled for it."""


def effect(records: Sequence[dict], score: compare.Score, pair: tuple[str, str]) -> pd.DataFrame:
    """The difference that the mask makes over all K, or K over both masks; empty where no cell has all its partners.

    Runs are compared with their partners, so that what the other switch does is no noise in what the one does.
    """
    chosen = [r for r in records if r["config"]["row"] in CELLS or not is_trained(r)]
    return compare.differences(chosen, [pair], score, pool_by=POOLED[pair])
