"""Switches of the cascade."""

from dataclasses import dataclass
from typing import Literal

from relex.heads.options import check_choices, check_dropout, check_lowest, check_threshold


@dataclass(frozen=True)
class CascadeOptions:
    """Switches of the cascade; with `bilstm`, `attention` off and `feature_fusion` none it is CasRel.

    `feature_fusion`: `unet`, `cnn` (Table 7's "-CNN": plain convolutions in its place) or `none`. `subjects` trained on
    in a step: `all` gold ones, or one drawn for each text (`sample`), as CasRel does. `gate`: the subject also scales
    the states of the tokens, which is ours (see `Cascade.object_logits`). `lstm_size`: both directions together, 0 for
    the encoder's width (768 in the paper). `heads`, `distance`: of the attention. `channels`, `depth`: of the
    convolutions. `threshold`: probability from which a tag is set.
    """

    bilstm: bool = True
    attention: bool = True
    feature_fusion: Literal["unet", "cnn", "none"] = "unet"
    subjects: Literal["all", "sample"] = "all"
    gate: bool = False
    lstm_size: int = 0
    heads: int = 8
    distance: int = 64
    channels: int = 4
    depth: int = 2
    dropout: float = 0.1
    threshold: float = 0.5

    def __post_init__(self):
        check_choices(self)
        check_lowest(self, lstm_size=0, heads=1, distance=1, channels=1, depth=1)
        check_dropout(self)
        check_threshold(self)
