"""The switches of tables of token pairs: a scheme, a scorer and a loss, which go together or are refused."""

from dataclasses import dataclass
from typing import Literal

from relex.errors import RelexError
from relex.heads.options import check_choices, check_dropout, check_lowest, check_threshold
from relex.heads.table.losses import LOSSES
from relex.heads.table.schemes import SCHEMES


@dataclass(frozen=True)
class TableOptions:
    """Switches of a table; the defaults are TPLinker.

    `scheme`: how triples are written (`relex.heads.table.schemes`). `scorer`: `mlp`, of `wide` times D units with an
    `activation`; `pointer`, or `efficient`, with queries and keys of `size` numbers; `tucker`, with `size` numbers a
    token and a relation, their `fusion`, and relation vectors read from `names`; `hadamard` and `additive`, in
    `rounds`; `grid`, of `size` channels. A `size` of 0 is that of the paper. `loss`: `softmax` of exclusive tags;
    `bce`, `zlpr_tags` (over the tags of a cell) or `zlpr_cells` (over the cells of a table) of what is there or not.
    `positive`: how often cells that hold something count in a softmax. Where tags say the entities, `label_size`
    numbers of a token's tag stand beside its state, and tables count `link_weight` times what tags do. `threshold`:
    the probability from which something is there, exclusive tags aside.
    """

    scheme: Literal[*SCHEMES] = "handshake"
    scorer: Literal["mlp", "pointer", "efficient", "tucker", "hadamard", "additive", "grid"] = "mlp"
    loss: Literal[*LOSSES] = "softmax"
    wide: int = 1
    activation: Literal["tanh", "relu"] = "tanh"
    size: int = 0
    fusion: bool = False
    names: bool = False
    rounds: int = 1
    positive: float = 1.0
    label_size: int = 0
    link_weight: float = 1.0
    threshold: float = 0.5
    dropout: float = 0.1

    def __post_init__(self):
        check_choices(self)
        check_lowest(self, wide=1, size=0, rounds=1, label_size=0)
        check_threshold(self)
        check_dropout(self)
        for name in ("positive", "link_weight"):
            if getattr(self, name) <= 0:
                raise RelexError(f"{name} is {getattr(self, name)}, but must be above 0")
        scheme = SCHEMES[self.scheme]
        exclusive = scheme.exclusive
        if exclusive != (self.loss == "softmax"):
            fits = "softmax" if exclusive else ", ".join(name for name in LOSSES if name != "softmax")
            raise RelexError(f"loss {self.loss!r} does not go with scheme {self.scheme!r}; choose {fits}")
        for switch, used, holders in (
            ("wide", self.wide > 1, ("mlp",)),
            ("fusion", self.fusion, ("tucker",)),
            ("names", self.names, ("tucker",)),
            ("rounds", self.rounds > 1, ("hadamard", "additive")),
        ):
            if used and self.scorer not in holders:
                raise RelexError(f"scorer {self.scorer!r} cannot have {switch}; {' and '.join(holders)} can")
        if self.names and not scheme.named():
            named = ", ".join(name for name, kind in SCHEMES.items() if kind.named())
            raise RelexError(f"scheme {self.scheme!r} has tables without names; choose one of {named}")
        if not scheme.tagged and (self.label_size or self.link_weight != 1):
            tagged = ", ".join(name for name, kind in SCHEMES.items() if kind.tagged)
            raise RelexError(f"scheme {self.scheme!r} has no tags for label_size and link_weight; {tagged} have some")
        if self.positive != 1 and not exclusive:
            raise RelexError(f"loss {self.loss!r} has no positive; softmax has it")
        if self.scorer == "additive" and self.rounds > 2:
            raise RelexError(f"rounds is {self.rounds}, but the scorer 'additive' has 2 at most")
