"""The switches of the span model."""

from dataclasses import dataclass

from relex.errors import RelexError

CONTEXTS = ("sea", "gru", "cls")
SCOPES = ("span", "sentence")
LOCAL_CONTEXTS = ("max", "attention", "encoder_max", "cls", "encoder_global", "global")


@dataclass(frozen=True)
class SpanOptions:
    """Switches of the span model; SpERT is `fusion` off, `context` cls, `local_context` encoder_max.

    `context` of a candidate entity: `sea`, `gru` (ISER-GRU) or `cls`; `sea_scope`: computed for every `span` with its
    own rows hidden, or once for a `sentence`. `local_context` of a pair: `max` or `attention` over the fused states
    between both entities, `encoder_max` over the encoder's, or of the whole sentence: `global` (maximum of fused
    states), `encoder_global`, `cls`. `max_width`: words of the widest candidate; `width_size`: of its embedding.
    `negative_spans`, `negative_pairs`: at most so many drawn for each window and step. `threshold`: probability from
    which a relation holds.
    """

    fusion: bool = True
    context: str = "sea"
    sea_scope: str = "span"
    local_context: str = "max"
    max_width: int = 10
    width_size: int = 25
    negative_spans: int = 100
    negative_pairs: int = 100
    heads: int = 8
    threshold: float = 0.4
    dropout: float = 0.1

    def __post_init__(self):
        known = {"context": CONTEXTS, "sea_scope": SCOPES, "local_context": LOCAL_CONTEXTS}
        for name, names in known.items():
            if getattr(self, name) not in names:
                raise RelexError(f"there is no {name} {getattr(self, name)!r}; known are {', '.join(names)}")
        for name in ("max_width", "width_size", "negative_spans", "negative_pairs", "heads"):
            if getattr(self, name) < 1:
                raise RelexError(f"{name} is {getattr(self, name)}, but must be at least 1")
        if not (0 <= self.dropout < 1 and 0 < self.threshold < 1):
            raise RelexError(
                f"dropout is {self.dropout} and threshold {self.threshold}, but must lie between 0 and 1 "
                "(of the ends only dropout 0 is possible)"
            )
