"""The systems that the focused-attention paper compares with: no transformer, a reader of a text, a reader of pairs.

Xue et al., Tables II–IV. Rows, as options:

* Bi-LSTM (`reader` bilstm, `tasks` ner): Huang et al. 2015, "Bidirectional LSTM-CRF Models for Sequence Tagging",
  Gridach 2017 for biomedical text; embeddings, a BiLSTM, a CRF. No features made by hand, and none of
  characters beside the encoder's tokens.
* RDCNN (rdcnn, ner): Qiu et al. 2019, see `DilatedConvolutions`.
* Joint-Bi-LSTM (bilstm, `pairs` cnn, joint): Zheng et al. 2017; one BiLSTM for both tasks. Their LSTM that decodes tags
  is a CRF here, as in the other rows; for its pairs see `PairConvolution`.
* CNN (none, cnn, rc): Nguyen and Grishman 2015, see `PairConvolution`.
* RCN (bilstm, capsule, rc): Wang et al. 2018, see `PairCapsules`.

All of them share tags, classes and losses of the focused model, so that what differs is how a text is read.
"""

from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from relex.documents import Schema
from relex.encoders.encoder import Encoder
from relex.heads.head import Batch
from relex.heads.layers import BiLSTM, inside
from relex.heads.pairs.baseline_layers import DilatedConvolutions, PairCapsules, PairConvolution
from relex.heads.pairs.options import ShallowOptions
from relex.heads.pairs.tagger import PairTagger

FILTERS, CAPSULES = 150, 16
"""Of each window (Nguyen and Grishman 2015), and of each piece (ours), where `hidden` is 0."""


class _Text(NamedTuple):
    """States of a batch W×N×D without [CLS]; the mask W×N of their tokens, without [SEP]."""

    states: Tensor
    mask: Tensor


class Shallow(PairTagger):
    """Embeddings of tokens → reader → CRF over BIEOS tags → entities; reader's states of two of them → relation.

    Embeddings are those of the encoder, trained further at its rate; a norm brings the rows of any encoder to one
    scale. Of a pretrained encoder they are more than the papers' baselines had. Its layers, and its embeddings of
    positions, are not read and are dropped, from the encoder that is passed as well: parameters are those of the
    baseline alone.
    """

    options_type: ClassVar[type] = ShallowOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: ShallowOptions):
        _keep_words(encoder)
        embedded = encoder.word_embeddings.embedding_dim
        width = embedded if options.reader == "none" else options.width
        super().__init__(encoder, schema, options, width)
        self.norm = nn.LayerNorm(embedded)
        if options.reader == "bilstm":
            self.reader = BiLSTM(embedded, width)
        elif options.reader == "rdcnn":
            self.reader = DilatedConvolutions(embedded, width)
        if options.tasks != "ner" and options.pairs == "capsule":
            self.pair = PairCapsules(width, options.hidden or CAPSULES, self.classes, options.dropout)
        elif options.tasks != "ner":
            self.pair = PairConvolution(width, options.hidden or FILTERS, options.reader != "none")
            self.classify = nn.Linear(self.pair.size, self.classes)

    def states(self, batch: Batch) -> _Text:
        """What the reader makes of each text."""
        mask = inside(batch["attention_mask"])
        states = self.dropout(self.norm(self.encoder.word_embeddings(batch["input_ids"][:, 1:])))
        return _Text(states if self.options.reader == "none" else self.reader(states, mask), mask)

    def tokens(self, states: _Text) -> Tensor:
        """W×N×D."""
        return states.states

    def pair_logits(self, states: _Text, entities: Tensor, pairs: Tensor) -> Tensor:
        """P×C for `pairs` P×2 of indices of `entities` G×4, which share no token with each other."""
        found = self.pair(states.states, states.mask, entities, pairs)
        return (found if self.options.pairs == "capsule" else self.classify(self.dropout(found))).float()


def _keep_words(encoder: Encoder) -> None:
    """Drop all of an encoder but the embedding of its tokens; its tokenizer and its positions stay as they are."""
    model, words = encoder.model, encoder.word_embeddings
    model.encoder.layer = nn.ModuleList()
    model.config.num_hidden_layers = 0
    unread = [(model, "embeddings_project")] if hasattr(model, "embeddings_project") else []  # ELECTRA
    unread += [(model.embeddings, name) for name, part in model.embeddings.named_children() if part is not words]
    for parent, name in unread:
        setattr(parent, name, None)
