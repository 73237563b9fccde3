"""Documents dealt out to parts by one seeded shuffle."""

import random
from collections.abc import Iterable, Sequence

from relex.corpora.corpus import PARTS
from relex.corpora.similarity import clusters, masked, near_duplicates
from relex.documents import Document
from relex.errors import RelexError

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


def deal_novel(documents: Sequence[Document], shares: dict[str, float]) -> Parts:
    """`deal` of whole clusters of texts that are alike, see `relex.corpora.similarity.clusters`.

    So no text of a part equals one of another part but for numbers, nor is it a near duplicate of one after the mask.
    That is checked on the parts; a `RelexError` says if it does not hold.
    """
    groups = [[documents[index] for index in same] for same in clusters([d.text for d in documents])]
    parts = deal(groups, shares, [len(group) for group in groups])
    if any((found := near(parts)).values()):
        raise RelexError(f"the split is not novel, {found} are near duplicates across its parts; report this as a bug")
    return parts


def near(parts: Parts) -> dict[str, int]:
    """How many Documents have a near duplicate elsewhere, numbers masked; texts that are equal then are included.

    `dev.near`: in train; `test.near`: in train or dev.
    """
    after = {part: [masked(d.text) for d in documents] for part, documents in parts.items()}
    return {
        "dev.near": int(near_duplicates(after["dev"], after["train"]).sum()),
        "test.near": int(near_duplicates(after["test"], after["train"] + after["dev"]).sum()),
    }


def without_seen(parts: Parts) -> Parts:
    """The parts, of test only the Documents whose text is not verbatim in train or dev."""
    known = {d.text for part in ("train", "dev") for d in parts[part]}
    return parts | {"test": tuple(d for d in parts["test"] if d.text not in known)}


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
