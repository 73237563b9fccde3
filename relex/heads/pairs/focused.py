"""Focused attention: BERT's last layers read a text once for entities, and once for each pair under a mask of its own.

Xue et al., "Fine-tuning BERT for Joint Entity and Relation Extraction in Chinese Medical Text", Section III.
"""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from relex.documents import Schema
from relex.encoders.encoder import Encoder
from relex.heads.head import Batch
from relex.heads.pairs.focused_layers import check_encoder, cls_of_pairs, contextual, upper_layers
from relex.heads.pairs.options import FocusedOptions
from relex.heads.pairs.tagger import PairTagger


class _Text(NamedTuple):
    """States of a batch W×L×D after the lower layers and after the upper ones that were read; the mask W×L."""

    passed: list[Tensor]
    mask: Tensor


class Focused(PairTagger):
    """Encoder → CRF over BIEOS tags → entities; encoder, focused on two of them → their relation."""

    options_type: ClassVar[type] = FocusedOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: FocusedOptions):
        check_encoder(encoder, options.k)
        width, hidden = encoder.hidden_size, options.hidden or encoder.hidden_size
        super().__init__(encoder, schema, options, width)
        if options.tasks != "ner":
            self.perceive = nn.Linear(width, hidden)
            self.classify = nn.Linear(hidden, self.classes)

    def states(self, batch: Batch) -> _Text:
        """What all pairs of a text share, and its entities with them."""
        k, mask = self.options.k, batch["attention_mask"]
        upper = upper_layers(self.options.mask, k, self.options.tasks != "rc")
        return _Text(contextual(self.encoder, k, batch["input_ids"], mask, upper), mask)

    def tokens(self, states: _Text) -> Tensor:
        """H^ner_N, W×N×D: states after all layers."""
        return states.passed[self.options.k][:, 1:]

    def pair_logits(self, states: _Text, entities: Tensor, pairs: Tensor) -> Tensor:
        """P×C for `pairs` P×2 of indices of `entities` G×4, which share no token (Focused Eq. 15), (Focused Eq. 16).

        All that is read of a pair is its [CLS]: under mask `none` pairs of one text have the same logits.
        """
        one, other = (entities[i] for i in pairs.unbind(1))
        places = torch.cat([one[:, :1], one[:, 1:3] + 1, other[:, 1:3] + 1], 1)  # counted from [CLS]
        blocks = self.encoder.blocks[self.encoder.layers - self.options.k :]
        cls = cls_of_pairs(self.options.mask, blocks, states.passed, states.mask, places)
        return self.classify(self.dropout(self.perceive(self.dropout(cls)).tanh())).float()
