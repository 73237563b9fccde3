"""Where the [CLS] state of focused attention looks: at itself, at either entity of a pair, or elsewhere.

The masks of Xue et al. (Section III-C3, Eq. 13, 14) force [CLS] to look at {CLS, EN1, EN2} alone. That they do needs no
measuring; how the attention is split among the three does, and so does how little of it falls on the entities in the
pass without a mask.
"""

import pandas as pd
import torch
from torch import Tensor, nn

from relex.evaluation.statistics import bootstrap_interval

GROUPS = ("cls", "first", "second", "elsewhere")
"""Where attention can fall: on [CLS], on the entity that comes first in the text, on the other one, on other tokens."""
MOMENTS = ("before", "after")
"""Before the focus: the pass that tags are read from; after it: the pass of the pair, under its mask."""
RESAMPLES = 2_000


def weights(block: nn.Module, queries: Tensor, states: Tensor, seen: Tensor) -> Tensor:
    """Attention of a layer of BERT's shape, B×H×Q×L: `queries` B×Q×D, some rows of `states` B×L×D, look at L tokens.

    `seen` (bool) B×Q×L, or B×1×L for the same in every row, is the layer's MASK; each row sees a token at least. H
    heads; rows sum to 1; without dropout. It is in single precision, or in double where the states are.
    """
    own = block.attention.self

    def by_head(x: Tensor) -> Tensor:
        return x.unflatten(-1, (own.num_attention_heads, -1)).transpose(1, 2)

    query, key = by_head(own.query(queries)), by_head(own.key(states))
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    return scores.masked_fill(~seen[:, None], -torch.inf).softmax(-1)


def groups(length: int, pairs: Tensor) -> Tensor:
    """P×L: for each of `length` tokens its group by its number in `GROUPS`.

    `pairs` P×4: first and last token of the one entity and of the other, counted from [CLS] = 0, sharing no token.
    """
    place = torch.arange(length, device=pairs.device)
    found = torch.full((len(pairs), length), GROUPS.index("elsewhere"), device=pairs.device)
    found[:, 0] = GROUPS.index("cls")
    for name, ends in (("first", pairs[:, :2]), ("second", pairs[:, 2:])):
        found[(ends[:, :1] <= place) & (place <= ends[:, 1:])] = GROUPS.index(name)
    return found


def shares(attention: Tensor, group: Tensor) -> Tensor:
    """P×4: of attention P×L, what falls on each of `GROUPS`; `group` P×L as `groups` gives it."""
    return attention.new_zeros(len(attention), len(GROUPS)).scatter_add(1, group, attention)


def even(seen: Tensor, group: Tensor) -> Tensor:
    """P: what would fall on both entities if attention were even over the tokens that are `seen` (bool) P×L."""
    of_each = shares(seen.float() / seen.sum(1, keepdim=True), group)
    return of_each[:, GROUPS.index("first")] + of_each[:, GROUPS.index("second")]


def summary(looks: pd.DataFrame) -> pd.DataFrame:
    """Means of a table with the columns document, pair, layer, moment, those of `GROUPS`, and even.

    Indexed by moment and layer: `GROUPS`; `entities`, first and second together, with its 95 % bootstrap interval over
    documents `low` … `high`; `even`; `documents` and `pairs`, how many there are. The mean of a document is that over
    its pairs, and every document counts the same: of one with ten entities there would else be 45 times as much as of
    one with two.
    """
    lines = {}
    for moment in MOMENTS:
        for layer, chosen in looks[looks["moment"] == moment].groupby("layer"):
            by_document = chosen.groupby("document", sort=False)[[*GROUPS, "even"]].mean()
            interval = bootstrap_interval((by_document["first"] + by_document["second"]).to_numpy(), RESAMPLES)
            found = {"entities": interval.mean, "low": interval.low, "high": interval.high}
            counted = {"documents": len(by_document), "pairs": len(chosen)}
            lines[moment, layer] = by_document[list(GROUPS)].mean().to_dict() | found | {
                "even": by_document["even"].mean()
            } | counted  # fmt: skip
    columns = [*GROUPS, "entities", "low", "high", "even", "documents", "pairs"]
    index = pd.MultiIndex.from_tuples(lines, names=["moment", "layer"])
    return pd.DataFrame(list(lines.values()), index=index, columns=columns)
