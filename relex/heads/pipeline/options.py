"""The switches of the pipeline."""

from dataclasses import dataclass
from typing import Literal

from relex.encoders.encodings import MARKED
from relex.heads.options import check_choices, check_dropout, check_lowest


@dataclass(frozen=True)
class PipelineOptions:
    """Switches of the pipeline; as they are it is PURE.

    `max_width`: words of the widest candidate; `width_size`: of its embedding; `hidden`: of the two hidden layers that
    classify spans. `encoding`: the markers around the entities of a pair, one of `relex.encoders.encodings.MARKED`.
    `approx`: they stand behind the text, and all pairs of a text share one pass. `most_entities`: of each window, the
    surest of those found are paired, the others stay entities without a relation. `punctuation`: signs are words of
    their own also in texts without Chinese (`word_starts`).
    """

    max_width: int = 8
    width_size: int = 150
    hidden: int = 150
    encoding: Literal[*MARKED] = "typed"
    approx: bool = False
    most_entities: int = 32
    punctuation: bool = False
    dropout: float = 0.1

    def __post_init__(self):
        check_choices(self)
        check_lowest(self, max_width=1, width_size=1, hidden=1, most_entities=2)
        check_dropout(self)
