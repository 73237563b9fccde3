"""Switches of the generating head."""

from dataclasses import dataclass

from relex.errors import RelexError
from relex.heads.options import check_dropout, check_lowest


@dataclass(frozen=True)
class GenerationOptions:
    """Switches of the generating head.

    `decoder_layers` (6 are published, which a CPU feels), their attention `heads` and their `width` (512 are
    published). `max_width`: words of the widest entity. `max_steps`: a sequence is at most so long, its end not counted
    (64 in the public code, where long reports want three times as many). `punctuation`: signs are words of their own
    also in texts without Chinese (`word_starts`).
    """

    decoder_layers: int = 3
    heads: int = 8
    width: int = 384
    max_width: int = 12
    max_steps: int = 256
    punctuation: bool = False
    dropout: float = 0.1

    def __post_init__(self):
        check_lowest(self, decoder_layers=1, heads=1, width=1, max_width=1, max_steps=1)
        check_dropout(self)
        if self.width % self.heads:
            raise RelexError(f"decoder states of width {self.width} do not divide among {self.heads} heads")
