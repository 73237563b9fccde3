"""The switches of heads that tag entities and classify pairs of them."""

from dataclasses import dataclass
from typing import Literal

from relex.errors import RelexError
from relex.heads.options import check_choices, check_dropout, check_lowest


@dataclass(frozen=True)
class PairOptions:
    """What all of them have.

    `tasks`: both (`joint`), entities (`ner`), or relations of given entities (`rc`). `ner_weighting`: a text counts
    once for entities (`sentence`), or as often as it has pairs (`pair`), as in the authors' code, where every pair is a
    row of its own. `negative_share` of the pairs without relation that train, always the same ones; the paper keeps
    0.15 of them. `hidden`: units of the layer before a pair's classes, 0 for the encoder's width.
    """

    tasks: Literal["joint", "ner", "rc"] = "joint"
    ner_weighting: Literal["sentence", "pair"] = "sentence"
    negative_share: float = 1.0
    hidden: int = 0
    dropout: float = 0.1

    def __post_init__(self):
        check_choices(self)
        check_lowest(self, hidden=0)
        check_dropout(self)
        if not 0 <= self.negative_share <= 1:
            raise RelexError(f"negative_share is {self.negative_share}, but must lie in 0 … 1")


@dataclass(frozen=True)
class FocusedOptions(PairOptions):
    """Switches of the focused model.

    `k`: so many of the encoder's last layers are focused, 0 for none. `mask` of a pair in them: `eq13` (only [CLS] is
    confined to both entities), `eq14` (all three are, to each other) or `none` (all see all: [CLS] is then the same
    for all pairs of a text, and so is their relation).
    """

    k: int = 4
    mask: Literal["eq13", "eq14", "none"] = "eq14"

    def __post_init__(self):
        super().__post_init__()
        check_lowest(self, k=0)


@dataclass(frozen=True)
class ShallowOptions(PairOptions):
    """Switches of the baselines, which have embeddings of tokens and no transformer.

    `reader` of the text: a `bilstm` of one layer, residual dilated convolutions (`rdcnn`), or `none`: pairs see the
    embeddings. `pairs`: how a pair is read, by convolutions (`cnn`), over the whole text without a reader and from the
    one entity through to the other with one, or by capsules of its pieces (`capsule`). `width`: units of the reader,
    both directions together. `hidden`: filters of each of four windows, 0 for 150, or capsules of each of five pieces,
    0 for 16.
    """

    reader: Literal["bilstm", "rdcnn", "none"] = "bilstm"
    pairs: Literal["cnn", "capsule"] = "cnn"
    width: int = 256

    def __post_init__(self):
        super().__post_init__()
        check_lowest(self, width=2)
        if self.reader == "bilstm" and self.width % 2:
            raise RelexError(f"width is {self.width}, but a bilstm halves it; choose an even one")
