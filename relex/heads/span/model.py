"""Span models: every stretch of a few words is a candidate entity, every pair of entities a candidate relation.

ISER (its Sections 3.2 to 3.7), SpERT (Eberts and Ulges 2020) and SPAN (Ji et al. 2020), which are corners of the same
grid of switches.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Document, Schema
from relex.encoders.encoder import Encoder
from relex.errors import RelexError, say_once
from relex.heads.head import Batch
from relex.heads.layers import inside, most_probable, surest
from relex.heads.span.layers import ContextEncoder, Fusion, QueryAttention, RangeMax, SpanAttention, stretch
from relex.heads.span.options import SpanOptions
from relex.heads.span.spans import SpanExtractor, pairs_within, sample_per_group

MOST = 100
"""Entities of a window that are paired: many times what the windows of our corpora have, and few enough that a model
which has not learned, and takes most stretches for entities, is done in seconds."""
CHUNK = 2**22
"""Numbers of one feature that prediction holds at a time, which bounds memory whatever the number of spans."""


class _Text(NamedTuple):
    """What spans and pairs of a batch are looked up in: fused states W×N×D, their mask W×N and maxima.

    `context` of spans W×D, unless each has its own; `local` context of pairs: maxima between them, one for the whole
    window W×D, or None for what a pair attends to.
    """

    fused: Tensor
    mask: Tensor
    maxima: RangeMax
    context: Tensor | None
    local: RangeMax | Tensor | None


class SpanModel(SpanExtractor):
    """Encoder → interactive fusion → candidate spans → entities → pairs → relations."""

    options_type: ClassVar[type] = SpanOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: SpanOptions):
        super().__init__(encoder, schema, options)
        self.probes = ("attention",) if options.fusion else ()
        width = encoder.hidden_size
        asks = {"sea", "query"} & {options.context} | {"query"} & {options.local_context}
        if asks and width % options.heads:
            raise RelexError(f"states of width {width} do not divide among {options.heads} heads; choose others")
        self.pool = SpanAttention(width) if options.pooling == "attention" else None
        vector = width if self.pool is None else 3 * width  # of a span
        self.fusion = Fusion(width, options.residual) if options.fusion else None
        self.context = None
        if options.context == "query":
            self.context = QueryAttention(vector, width, options.heads)
        elif options.context != "cls":
            self.context = ContextEncoder(width, options.heads, options.context == "sea")
        self.widths = nn.Embedding(options.max_width, options.width_size)
        self.weigh = nn.Linear(width, 1) if options.local_context == "attention" else None
        self.between = None
        if options.local_context == "query":
            self.between = QueryAttention(2 * vector, width, options.heads)
        self.dropout = nn.Dropout(options.dropout)
        self.classify_span = nn.Linear(vector + width + options.width_size, len(self.types) + 1)
        self.classify_pair = nn.Linear(2 * vector + width + 2 * options.width_size, len(self.relations))

    def states(self, batch: Batch) -> _Text:
        """Encoder and fused states of a batch."""
        mask = batch["attention_mask"]
        return self.text(self.encoder(batch["input_ids"], mask), inside(mask))

    def text(self, states: Tensor, inside: Tensor) -> _Text:
        """What spans are looked up in, of encoder states W×(N + 1)×D, [CLS] first, and the tokens of the text W×N."""
        encoder = states[:, 1:]
        fused = encoder if self.fusion is None else self.fusion(encoder, inside)
        maxima, context = RangeMax(fused), None
        if self.context is None:
            context = states[:, 0]
        elif self.options.context != "query" and self.options.sea_scope == "sentence":
            context = self.context(fused, inside, torch.arange(len(inside), device=inside.device), inside)
        return _Text(fused, inside, maxima, context, self._local(states[:, 0], encoder, fused, inside, maxima))

    def attention(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Where entity queries and relation queries of the fusion look, W×N×N each, tokens without [CLS].

        Raises a `RelexError` for a model without fusion.
        """
        if self.fusion is None:
            raise RelexError("this model has no interactive fusion, so there is no attention to look at; set fusion")
        mask = batch["attention_mask"]
        return self.fusion.attention(self.encoder(batch["input_ids"], mask)[:, 1:], inside(mask))

    def _local(self, cls: Tensor, encoder: Tensor, fused: Tensor, mask: Tensor, maxima: RangeMax):
        kind = self.options.local_context
        if kind in ("max", "encoder_max"):
            return maxima if kind == "max" or self.fusion is None else RangeMax(encoder)
        if kind in ("global", "encoder_global"):
            return (fused if kind == "global" else encoder).masked_fill(~mask[..., None], -torch.inf).amax(1)
        return cls if kind == "cls" else None

    def _vectors(self, text: _Text, spans: Tensor) -> Tensor:
        """What spans S×4 look like in themselves: maxima S×D, or with attention S×3D."""
        window, first, last, _ = spans.unbind(1)
        return text.maxima(window, first, last) if self.pool is None else self.pool(text.fused, window, first, last)

    def span_features(self, text: _Text, spans: Tensor) -> Tensor:
        """What a span is classified by, joined (ISER Eq. 10): S×F for `spans` S×4."""
        vectors = self._vectors(text, spans)
        return torch.cat([vectors, self.widths(spans[:, 3]), self._context(text, spans, vectors)], -1)

    def span_logits(self, text: _Text, spans: Tensor) -> Tensor:
        """S×(E+1) for `spans` S×4 (ISER Eq. 11); type 0 is no entity."""
        return self.classify_span(self.dropout(self.span_features(text, spans))).float()

    def _context(self, text: _Text, spans: Tensor, vectors: Tensor) -> Tensor:
        window, first, last, _ = spans.unbind(1)
        if text.context is not None:
            return text.context.index_select(0, window)
        if self.options.context == "query":
            return self.context(vectors, text.fused, window, text.mask[window])
        visible = text.mask[window] & ~stretch(first, last, text.mask.shape[1])
        return self.context(text.fused, text.mask, window, visible)

    def pair_features(self, text: _Text, spans: Tensor, pairs: Tensor) -> Tensor:
        """What a pair is classified by, joined (ISER Eq. 12, ISER Eq. 13): P×F for `pairs` P×2, one for each order."""
        head, tail = (spans[i] for i in pairs.unbind(1))
        ends = [f for s in (head, tail) for f in (self._vectors(text, s), self.widths(s[:, 3]))]
        return torch.cat([*ends, self._between(text, head, tail, ends[::2])], -1)

    def pair_logits(self, text: _Text, spans: Tensor, pairs: Tensor) -> Tensor:
        """P×R for `pairs` P×2 of indices of `spans` S×4 (ISER Eq. 14)."""
        return self.classify_pair(self.dropout(self.pair_features(text, spans, pairs))).float()

    def _between(self, text: _Text, head: Tensor, tail: Tensor, vectors: Sequence[Tensor]) -> Tensor:
        """The local context of pairs, P×D; zeros where nothing stands between the entities."""
        window = head[:, 0]
        if isinstance(text.local, Tensor):
            return text.local.index_select(0, window)
        first, last = torch.minimum(head[:, 2], tail[:, 2]) + 1, torch.maximum(head[:, 1], tail[:, 1]) - 1
        if text.local is not None:
            return text.local(window, first, last)
        between = stretch(first, last, text.mask.shape[1])  # P×N
        if self.between is not None:
            return self.between(torch.cat([*vectors], -1), text.fused, window, between)
        scores = self.weigh(text.fused)[..., 0].float().index_select(0, window).masked_fill(~between, -1e9)
        share = (scores.softmax(-1) * between).to(text.fused.dtype)
        return torch.bmm(share[:, None], text.fused.index_select(0, window))[:, 0]

    def loss(self, batch: Batch) -> Tensor:
        """The sum (ISER Eq. 15) of cross entropies of spans (ISER Eq. 16) and of pairs, binary (ISER Eq. 17): means."""
        text = self.states(batch)
        loss = self.span_loss(text, *self.spans_to_learn(batch))
        return loss + self.pair_loss(text, batch["entities"], *self.pairs_to_learn(batch))

    def span_loss(self, text: _Text, spans: Tensor, kinds: Tensor) -> Tensor:
        """Cross entropy of `spans` S×4 that are of types `kinds` S, 0 for none."""
        return F.cross_entropy(self.span_logits(text, spans), kinds) if len(spans) else text.fused.sum() * 0

    def pair_loss(self, text: _Text, entities: Tensor, pairs: Tensor, targets: Tensor) -> Tensor:
        """Binary cross entropy of `pairs` P×2 of `entities` G×5 with the relations `targets` P×R."""
        if not len(pairs):
            return text.fused.new_zeros(())
        if not targets.numel():  # no relation types: the mean of nothing is no number
            return text.fused.sum() * 0
        return F.binary_cross_entropy_with_logits(self.pair_logits(text, entities[:, :4], pairs), targets)

    def spans_to_learn(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """S×4 gold entities, then drawn candidates that are none; their types S."""
        gold = batch["entities"]
        spans = torch.cat([gold[:, :4], self._negative_spans(batch)])
        return spans, torch.cat([gold[:, 4], gold.new_zeros(len(spans) - len(gold))])

    def _negative_spans(self, batch: Batch) -> Tensor:
        every, gold = self.candidates(batch["words"]), batch["entities"][:, :3]
        length = batch["attention_mask"].shape[1]

        def place(spans):
            return (spans[:, 0] * length + spans[:, 1]) * length + spans[:, 2]

        negative = every[~torch.isin(place(every), place(gold))]
        return negative[sample_per_group(negative[:, 0], self.options.negative_spans)]

    def pairs_to_learn(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """P×2 pairs of gold entities, all related ones and some others of the same window; their targets P×R."""
        entities, relations = batch["entities"], batch["relations"]
        pairs = pairs_within(entities[:, 0])
        place = pairs[:, 0] * len(entities) + pairs[:, 1]  # rising
        targets = torch.zeros(len(pairs), len(self.relations), device=entities.device)
        row = torch.searchsorted(place, relations[:, 0] * len(entities) + relations[:, 1])
        targets[row, relations[:, 2]] = 1
        related = targets.any(1)
        kept = related.clone()
        others = torch.nonzero(~related)[:, 0]
        kept[others[sample_per_group(entities[pairs[others, 0], 0], self.options.negative_pairs)]] = True
        return pairs[kept], targets[kept]

    def predict(self, batch: Batch, documents: Sequence[Document], threshold: float | None = None) -> list[Document]:
        """The documents with predicted entities and relations; `threshold` as in `decode`."""
        text = self.states(batch)
        spans = self.candidates(batch["words"])
        logits = partial(self.span_logits, text), partial(self.pair_logits, text)
        return self._documents(documents, *self.decode(spans, *logits, threshold))

    def decode(
        self,
        spans: Tensor,
        span_logits: Callable[[Tensor], Tensor],
        pair_logits: Callable[[Tensor, Tensor], Tensor],
        threshold: float | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Entities G×5 (as in `collate`) and relations K×3 of candidates S×4, as SpERT filters them: a span is what is
        most probable for it; every ordered pair of different entities has the relations with at least the probability
        `threshold`, by default that of the options. And their probabilities, G and K.

        Of a window with more than `MOST` entities, which none has once it has learned, only the surest are paired.
        """
        limit = torch.tensor(threshold or self.options.threshold).logit().item()
        spans_at_once, pairs_at_once = self._at_once(spans)
        best = [most_probable(span_logits(part)) for part in spans.split(spans_at_once)]
        sure, kinds = (torch.cat(parts) for parts in zip(*best, strict=True))
        entities, sure = torch.cat([spans, kinds[:, None]], 1)[kinds > 0], sure[kinds > 0]
        paired = surest(entities[:, 0], sure, MOST).sort().values
        if len(paired) < len(entities):
            say_once(f"a window has more than {MOST} entities, of which only the surest {MOST} are paired")
        relations, of_relations = [entities.new_zeros(0, 3)], [sure[:0]]
        for heads in torch.arange(len(paired), device=spans.device).split(max(1, CHUNK // max(1, len(paired)))):
            for pairs in paired[pairs_within(entities[paired, 0], heads)].split(pairs_at_once):
                logits = pair_logits(entities[:, :4], pairs)
                pair, relation = torch.nonzero(logits >= limit, as_tuple=True)
                relations.append(torch.cat([pairs[pair], relation[:, None]], 1))
                of_relations.append(logits[pair, relation].sigmoid())
        return entities, torch.cat(relations), sure, torch.cat(of_relations)

    def _at_once(self, spans: Tensor) -> tuple[int, int]:
        """How many of these spans, and of pairs of them, are scored at a time."""
        width, options, tokens, longest = self.encoder.hidden_size, self.options, 1, 1
        if len(spans):
            tokens, longest = (torch.stack([spans[:, 2], spans[:, 2] - spans[:, 1]]).amax(1) + 1).tolist()
        span = pair = width * (longest if self.pool is not None else 1)
        if self.weigh is not None or self.between is not None:
            pair = width * tokens
        if options.context == "query" or (self.context is not None and options.sea_scope == "span"):
            span = tokens * max(width, options.heads * tokens if options.context == "sea" else 0)  # states, attention
        return max(1, CHUNK // span), max(1, CHUNK // pair)
