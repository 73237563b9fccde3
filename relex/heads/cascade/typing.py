"""Types of entities after their triples are found, for corpora with far more pairs of types than relations.

A class for each relation and pair of types is what CasRel has, and fine where a relation has a pair or two. With 36
pairs each of seven relations has few examples of any class, and the tagger learns none. Then classes are relations
alone, and what types a triple's entities have is asked afterwards. This is ours.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Schema
from relex.heads.cascade.spans import ends

MANY = 3
"""Classes for each relation, in the mean, above which classes are relations; corpora of the study have fewer than 2."""


def outnumbered(schema: Schema) -> bool:
    """Whether pairs of types outnumber relations by far."""
    return sum(len(r.allowed) for r in schema.relation_types) > MANY * len(schema.relation_types)


class Typer(nn.Module):
    """The types of the two entities of triples, of those pairs that the schema allows."""

    def __init__(self, width: int, schema: Schema):
        super().__init__()
        types = {name: i for i, name in enumerate(schema.entity_types)}
        self.classify = nn.Linear(width, len(types))
        allowed = torch.zeros(len(schema.relation_types), len(types), len(types), dtype=torch.bool)
        for i, relation in enumerate(schema.relation_types):
            for head, tail in relation.allowed:
                allowed[i, types[head], types[tail]] = True
        self.register_buffer("allowed", allowed, persistent=False)  # R×E×E

    def loss(self, states: Tensor, entities: Tensor) -> Tensor:
        """Cross entropies G of `entities` G×4 (window, first and last token, type) in states W×L×D."""
        logits = self.classify(ends(states, entities[:, :3])).float()
        return F.cross_entropy(logits, entities[:, 3], reduction="none")

    def forward(self, states: Tensor, triples: Tensor) -> tuple[Tensor, Tensor]:
        """Types K×2 of subject and object of triples K×6 (window, first, last, relation, first, last), the most
        probable pair that its relation allows; and how probable the less probable of both is, K."""
        subjects, objects = (self._log_probabilities(states, triples[:, at]) for at in ([0, 1, 2], [0, 4, 5]))
        both = subjects[:, :, None] + objects[:, None]  # K×E×E
        best = both.masked_fill(~self.allowed[triples[:, 3]], -torch.inf).flatten(1).argmax(1)
        types = torch.stack([best // subjects.shape[1], best % subjects.shape[1]], 1)
        sure = torch.stack([part.gather(1, types[:, i, None])[:, 0] for i, part in enumerate((subjects, objects))])
        return types, sure.amin(0).exp()

    def _log_probabilities(self, states: Tensor, spans: Tensor) -> Tensor:
        return self.classify(ends(states, spans)).float().log_softmax(-1)
