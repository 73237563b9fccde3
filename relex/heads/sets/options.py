"""Switches of the set head."""

from dataclasses import dataclass

from relex.errors import RelexError
from relex.heads.options import check_dropout, check_lowest


@dataclass(frozen=True)
class SetOptions:
    """Switches of the set head.

    `queries`: at most so many triples are found in a window; `decoder_layers` and their attention `heads`.
    `none_weight`: of the class "no triple" in the loss (0.25 to 1 in the public runs). `max_width`: tokens of the
    widest entity; the published 10 is for English words, and where tokens are characters it would lose a third of the
    triples of medical reports.
    """

    queries: int = 15
    decoder_layers: int = 3
    heads: int = 8
    none_weight: float = 0.25
    max_width: int = 30
    dropout: float = 0.1

    def __post_init__(self):
        check_lowest(self, queries=1, decoder_layers=1, heads=1, max_width=1)
        check_dropout(self)
        if not self.none_weight > 0:
            raise RelexError(f"none_weight is {self.none_weight}, but must be above 0")
