"""The switches of the span model."""

from dataclasses import dataclass
from typing import Literal

from relex.heads.options import check_choices, check_dropout, check_lowest, check_threshold


@dataclass(frozen=True)
class SpanOptions:
    """Switches of the span model; SpERT is `fusion` off, `context` cls, `local_context` encoder_max.

    In the manner of SPAN (Ji et al. 2020) is SpERT with `pooling` attention and both contexts query; its weights of the
    two losses, .4 and .6, are left out. `residual`: the fusion adds each answer to the view that asked. This is ours;
    the paper's text does not have it. `pooling` of a span: `max`, or `attention`: first and last state and a weighted
    sum. `context` of a candidate entity: `sea`, `gru` (ISER-GRU), `cls`, or `query`: the span asks all tokens of its
    text; `sea_scope`: of the first two, computed for every `span` with its own rows hidden, or once for a `sentence`.
    `local_context` of a pair: `max` or `attention` over the fused states between both entities, `query`: what the pair
    asks of them, `encoder_max` over the encoder's, or of the whole sentence: `global` (maximum of fused states),
    `encoder_global`, `cls`. `max_width`: words of the widest candidate; `width_size`: of its embedding.
    `punctuation`: signs are words of their own also in texts without Chinese (`word_starts`).
    `negative_spans`, `negative_pairs`: at most so many drawn for each window and step. `threshold`: probability from
    which a relation holds.
    """

    fusion: bool = True
    residual: bool = False
    pooling: Literal["max", "attention"] = "max"
    context: Literal["sea", "gru", "cls", "query"] = "sea"
    sea_scope: Literal["span", "sentence"] = "span"
    local_context: Literal["max", "attention", "encoder_max", "cls", "encoder_global", "global", "query"] = "max"
    max_width: int = 10
    width_size: int = 25
    punctuation: bool = False
    negative_spans: int = 100
    negative_pairs: int = 100
    heads: int = 8
    threshold: float = 0.4
    dropout: float = 0.1

    def __post_init__(self):
        check_choices(self)
        check_lowest(self, max_width=1, width_size=1, negative_spans=1, negative_pairs=1, heads=1)
        check_dropout(self)
        check_threshold(self)


@dataclass(frozen=True)
class DistilledOptions(SpanOptions):
    """Switches of a span model with teachers: those of the span model, and STER's.

    `teachers` read the gold `entities` behind the text, its gold `relations`, or there is one of each (`both`). The
    student draws near to them with the `weight` 1 as in the released code; 0: there are no teachers.
    """

    teachers: Literal["entities", "relations", "both"] = "both"
    weight: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        check_lowest(self, weight=0)
