"""What a corpus is: three parts of Documents, their schema, and the facts a record needs to name them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from relex.documents import Document, Schema
from relex.errors import RelexError

PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class Corpus:
    """Documents in three parts.

    `fingerprint` identifies the bytes and options they came from, `stand_in` says that the text is
    generated, `counts` holds what the reader met on its way (placeholders, absent mentions, …).
    """

    name: str
    schema: Schema
    train: tuple[Document, ...]
    dev: tuple[Document, ...]
    test: tuple[Document, ...]
    fingerprint: str
    stand_in: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        for part in PARTS:
            if not getattr(self, part):
                raise RelexError(f"corpus {self.name!r} has an empty {part} part; it needs at least one document")

    @property
    def sizes(self) -> dict[str, int]:
        """Number of Documents in each part."""
        return {part: len(getattr(self, part)) for part in PARTS}


def fingerprint(*facts) -> str:
    """Sixteen hexadecimal digits that change whenever any of the JSON-able `facts` does."""
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def subsample(documents: Sequence[Document], limit: int) -> tuple[Document, ...]:
    """All documents, or the first `limit` of a shuffle that is the same in every run."""
    if not 0 < limit < len(documents):
        return tuple(documents)
    chosen = np.random.default_rng(0).permutation(len(documents))[:limit]
    return tuple(documents[i] for i in sorted(chosen))
