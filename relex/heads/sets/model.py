"""Triples as a set: learned queries look at the text, and each says one triple or none (SPN4RE).

Sui et al. 2023, "Joint Entity and Relation Extraction With Set Prediction Networks". Nothing orders the triples: the
loss takes the cheapest matching of queries and gold triples.

What their public code does otherwise is not copied. There gold triples beyond the number of queries are dropped without
a word; here they are counted. There the best first token is taken and then the best last one; here the best pair. There
the embeddings of the encoder are frozen. There a mean is taken over all triples of a batch; here over those of a
window, as the loss is a mean over documents. Classes that type the entities are ours, and so are biases that begin
rare.
"""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from relex.documents import Document, Schema
from relex.encoders.encoder import Encoder
from relex.errors import RelexError
from relex.heads.cascade.model import RARE
from relex.heads.classes import ClassExtractor
from relex.heads.head import Batch, pad
from relex.heads.layers import inside, most_probable
from relex.heads.sets.matching import costs, matched
from relex.heads.sets.options import SetOptions

LOST = ("windowed", "without_tokens", "inexact", "between_windows", "too_wide", "beyond")
"""What `Sets.alignment` counts."""


class Pointer(nn.Module):
    """Where in a text something of a query stands: wᵀ tanh(Ah + Bx)."""

    def __init__(self, width: int):
        super().__init__()
        self.of_query, self.of_token = nn.Linear(width, width), nn.Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, queries: Tensor, states: Tensor) -> Tensor:
        """W×m×D and W×L×D → W×m×L."""
        return self.score(torch.tanh(self.of_query(queries)[:, :, None] + self.of_token(states)[:, None]))[..., 0]


class Sets(ClassExtractor):
    """Encoder → m queries through decoder layers without a mask → for each a class, or none, and four pointers.

    R counts classes, a relation type with one of its pairs of entity types, as in `Cascade`; class R is no triple.
    """

    options_type: ClassVar[type] = SetOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: SetOptions):
        super().__init__(encoder, schema, options)
        width = encoder.hidden_size
        if width % options.heads:
            raise RelexError(f"states of width {width} do not divide among {options.heads} heads; choose others")
        self.queries = nn.Parameter(nn.init.orthogonal_(torch.empty(options.queries, width)))
        self.norm = nn.LayerNorm(width)
        layer = nn.TransformerDecoderLayer(
            width, options.heads, 4 * width, options.dropout, activation="gelu", batch_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, options.decoder_layers)
        for part in self.decoder.parameters():  # copies of one layer; each draws its own weights
            if part.dim() > 1:
                nn.init.xavier_uniform_(part)
        self.classify = nn.Linear(width, len(self.classes) + 1)
        nn.init.constant_(self.classify.bias[:-1], RARE)
        self.pointers = nn.ModuleList(Pointer(width) for _ in range(4))
        self.dropout = nn.Dropout(options.dropout)

    # From Documents to tensors

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """Gold triples that no query can say, counted as in `Cascade.alignment`.

        `too_wide`: an entity has more tokens than `max_width`; `beyond`: the windows that hold it have as many other
        triples as queries.
        """
        total = dict.fromkeys(LOST, 0)
        for row in self.rows(documents):
            total["windowed"] += len(row.windows) > 1
            for name in ("without_tokens", "inexact", "between_windows"):
                total[name] += getattr(row, name)
            every, narrow, said = set(), set(), set()  # of the text, in however many windows
            for window, triples in zip(row.windows, row.triples, strict=True):
                for found, part in ((every, triples), (narrow, self._narrow(triples)), (said, self._said(triples))):
                    found |= {(a + window.first, b + window.first, c, d + window.first, e + window.first)
                              for a, b, c, d, e in part}  # fmt: skip
            total["too_wide"] += len(every - narrow)
            total["beyond"] += len(narrow - said)
        return total

    def _narrow(self, triples) -> list[tuple[int, ...]]:
        """The triples of a window whose entities are not too wide, in the order of the text."""
        width = self.options.max_width
        return sorted(t for t in triples if t[1] - t[0] < width and t[4] - t[3] < width)

    def _said(self, triples) -> list[tuple[int, ...]]:
        """Those of them for which there is a query."""
        return self._narrow(triples)[: self.options.queries]

    def collate(self, documents: Sequence[Document]) -> Batch:
        """Tensors of B documents in W ≥ B windows, with K gold triples.

        `input_ids`, `attention_mask` W×L; `triples` K×6 (window, class, first and last token of head and of
        tail, counted after [CLS]), those of a window together; `sizes` W: how many each window has; `count`: B.
        """
        rows = self.rows(documents)
        input_ids, mask = pad([w.ids for row in rows for w in row.windows], self.encoder.pad_id)
        said = [self._said(triples) for row in rows for triples in row.triples]
        triples = [(i, c, a, b, d, e) for i, window in enumerate(said) for a, b, c, d, e in window]
        return {
            "input_ids": input_ids,
            "attention_mask": mask,
            "triples": torch.tensor(triples, dtype=torch.long).reshape(-1, 6),
            "sizes": torch.tensor([len(window) for window in said]),
            "count": torch.tensor(len(documents)),
        }

    def gold_logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits that say what the targets of a batch say, in the form that `decode` takes."""
        mask, triples, sure = batch["attention_mask"], batch["triples"], 50.0
        classes = torch.full((len(mask), self.options.queries, len(self.classes) + 1), -sure)
        classes[..., -1] = 0
        pointers = torch.full((*classes.shape[:2], 4, mask.shape[1] - 1), -sure)
        query = torch.arange(len(triples)) - (batch["sizes"].cumsum(0) - batch["sizes"])[triples[:, 0]]
        classes[triples[:, 0], query, triples[:, 1]] = sure
        for i, place in enumerate(triples.unbind(1)[2:]):
            pointers[triples[:, 0], query, i, place] = sure
        return classes, pointers

    # Forward, loss, and back to Documents

    def logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """W×m×(R+1) of the classes, the last for no triple; W×m×4×(L − 1) of first and last token
        of head and tail, those after [CLS]."""
        mask = batch["attention_mask"].bool()
        states = self.dropout(self.encoder(batch["input_ids"], batch["attention_mask"]))
        queries = self.dropout(self.norm(self.queries).expand(len(mask), -1, -1))
        queries = self.decoder(queries, states, memory_key_padding_mask=~mask)
        # W×m×L×D numbers for each pointer, which backward computes again
        point = partial(checkpoint, use_reentrant=False, preserve_rng_state=False) if self.training else _called
        places = [point(pointer, queries, states[:, 1:]) for pointer in self.pointers]
        places = torch.stack(places, 2).float().masked_fill(~mask[:, None, None, 1:], -torch.inf)
        return self.classify(queries).float(), places

    def loss(self, batch: Batch) -> Tensor:
        """Cross entropies of matched queries, mean over documents: `set_loss` of the batch."""
        classes, pointers = self.logits(batch)
        return self.set_loss(classes, pointers, batch["triples"], batch["sizes"]) / batch["count"]

    def set_loss(self, classes: Tensor, pointers: Tensor, triples: Tensor, sizes: Tensor) -> Tensor:
        """The sum over windows of both parts; shapes as in `logits` and `collate`.

        The mean over the queries of a window, where no triple weighs `none_weight`, of the cross entropy of classes;
        and the mean over its triples of the sum of those of the four pointers, weighted as in `costs`.
        """
        none, weights = len(self.classes), classes.new_ones(len(self.classes) + 1)
        weights[none] = self.options.none_weight
        targets = torch.full(classes.shape[:2], none, device=classes.device)
        window, class_id, *places = triples.unbind(1)
        loss = classes.new_zeros(())
        if len(triples):
            with torch.no_grad():
                query = matched(costs(classes.softmax(-1), pointers.softmax(-1), triples), window)
            targets[window, query] = class_id
            chosen = pointers[window, query]  # K×4×L
            for i, place in enumerate(places):
                by_triple = F.cross_entropy(chosen[:, i], place, reduction="none")
                loss = loss + (by_triple / sizes[window]).sum()
        by_query = F.cross_entropy(classes.transpose(1, 2), targets, weights, reduction="none")  # W×m
        return loss + (by_query.sum(1) / weights[targets].sum(1)).sum()

    def predict(self, batch: Batch, documents: Sequence[Document]) -> list[Document]:
        """The documents with the entities and relations of the predicted triples."""
        return self._documents(documents, *self.decode(*self.logits(batch), batch["attention_mask"]))

    def decode(self, classes: Tensor, pointers: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """K×6 triples (window, first and last token of head, class, those of tail) of logits as in `logits`; of each
        also, K, the lowest probability of its class and its four places.

        A query says its most probable class; of the spans within `max_width` tokens, [CLS], [SEP] and padding (`mask`
        W×L) left out, it says the one whose two pointers have the highest product of probabilities.
        """
        text = inside(mask)
        probable, best = most_probable(classes)
        window, query = torch.nonzero((best < len(self.classes)) & text.any(1, keepdim=True), as_tuple=True)
        scores = pointers[window, query].masked_fill(~text[window, None], -torch.inf)  # K×4×(L − 1)
        head, tail = self._best_span(scores[:, 0], scores[:, 1]), self._best_span(scores[:, 2], scores[:, 3])
        places = torch.cat([head, tail], 1)
        of_places = scores.softmax(-1).gather(-1, places[..., None])[..., 0].amin(1)
        sure = torch.minimum(probable[window, query], of_places)
        return torch.cat([window[:, None], head, best[window, query][:, None], tail], 1), sure

    def _best_span(self, first: Tensor, last: Tensor) -> Tensor:
        """K×2: first and last token of the best span of logits K×L each."""
        width = self.options.max_width
        ends = F.pad(last, (0, width - 1), value=-torch.inf).unfold(1, width, 1)  # K×L×width
        best = (first[..., None] + ends).flatten(1).argmax(1)
        return torch.stack([best // width, best // width + best % width], 1)


def _called(layer: nn.Module, *inputs: Tensor) -> Tensor:
    return layer(*inputs)
