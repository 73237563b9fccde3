"""Documents dealt out to parts by one seeded shuffle."""

import random
from collections.abc import Iterable, Sequence

from relex.corpora.corpus import PARTS
from relex.documents import Document

SEED = 0
"""The seed of every split that is made here, whatever the seed of a run."""

Parts = dict[str, tuple[Document, ...]]


def same_text(documents: Iterable[Document]) -> list[list[Document]]:
    """Documents grouped by text, in order of first appearance."""
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(document.text, []).append(document)
    return list(groups.values())


def deal(groups: Sequence[Sequence[Document]], shares: dict[str, float], weights: Sequence[int] = ()) -> Parts:
    """Whole groups for each part of `shares`, which holds fractions of the whole; what is left is train.

    `weights` are the sizes of the groups (default 1 each). Within a part, groups keep their order.
    """
    weights = weights or [1] * len(groups)
    order = list(range(len(groups)))
    random.Random(SEED).shuffle(order)
    bounds, bound = {}, 0.0
    for part, share in shares.items():
        bound += share * sum(weights)
        bounds[part] = round(bound)
    chosen, dealt = {part: [] for part in PARTS}, 0
    for index in order:
        chosen[next((part for part in bounds if dealt < bounds[part]), "train")].append(index)
        dealt += weights[index]
    return {part: tuple(document for index in sorted(chosen[part]) for document in groups[index]) for part in PARTS}


def seen(parts: Parts) -> dict[str, int]:
    """How many Documents have a text that is also elsewhere.

    `dev.seen`: in train; `test.seen`: in train or dev, all that anybody could have looked at; `test.seen_in_train`.
    """
    train, dev = ({d.text for d in parts[part]} for part in ("train", "dev"))
    return {
        "dev.seen": sum(d.text in train for d in parts["dev"]),
        "test.seen": sum(d.text in train or d.text in dev for d in parts["test"]),
        "test.seen_in_train": sum(d.text in train for d in parts["test"]),
    }
