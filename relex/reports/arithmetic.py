"""Claims against the printed figures of their own paper: what of them contradicts a claim, with the sum."""

from collections.abc import Mapping

import numpy as np

from relex.reports import printed

ROUNDING = 0.0100001
"""How far a difference of two printed cells may be from one that a text gives, in points: three roundings to 0.005."""
SCORES = {"p": "precision", "r": "recall", "f1": "F1", "macro_f1": "macro-F1"}


def contradiction(paper: str, check: Mapping) -> str:
    """What one check of `data/ledger.yaml` finds, as a clause; empty where the printed figures bear the claim out.

    A check is one of: `above` and `below`, rows of a `table` whose `metric` a claim has in this order, or whose
    difference it has `said`; a `row` whose `metric` it has `said`; `confusion`, answers by class (R×R, gold ×
    predicted) of classes of different size, which a claim wants to have unequal micro-precision and micro-recall.
    """
    if "confusion" in check:
        return _balance(np.array(check["confusion"]))
    rows, metric = printed.rows(paper, check["table"]), check["metric"]
    name = SCORES[metric.split(".")[-1]]
    if "row" in check:
        shown = rows[check["row"]][metric]
        differs = abs(shown - check["said"]) > 1e-9
        return f"the table has {shown:.2f}, not {check['said']:.2f}" if differs else ""
    above, below = (rows[check[side]][metric] for side in ("above", "below"))
    found = above - below
    if "said" in check:
        differs = abs(found - check["said"]) > ROUNDING
        return f"{name}: {above:.2f} − {below:.2f} = {found:.2f}, not {check['said']:.2f}" if differs else ""
    return f"{name} of {check['below']}, {below:.2f}, is not below {check['above']}'s {above:.2f}" if found <= 0 else ""


def _balance(confusion: np.ndarray) -> str:
    """That micro-precision and micro-recall are equal for classes of unequal size."""
    sizes, right = confusion.sum(axis=1), int(np.trace(confusion))
    predicted, gold = int(confusion.sum(axis=0).sum()), int(sizes.sum())
    if len(set(sizes.tolist())) == 1 or predicted != gold:
        return ""
    listed = " and ".join(map(str, sizes.tolist()))
    return f"classes of {listed} documents, {right} right answers: micro-P = micro-R = micro-F1 = {right}/{gold}"
