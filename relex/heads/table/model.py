"""Tables of token pairs: a scheme writes triples into cells, a scorer gives cells logits, a loss trains them.

TPLinker, TPLinker+, GPLinker, OneRel, EmRel, GRTE, multi-head selection, GraphRel and W2NER are choices of the three
(`TableOptions`). Ours: classes type the entities, biases begin rare, texts are read in windows, and gradients of all
cells are those of chunks of rows. TPLinker's weights of its losses move over 6,000 steps; here they are those it ends
with, which are equal.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from relex.documents import Document, Schema, Span
from relex.encoders.encoder import Encoder
from relex.errors import say_once
from relex.found import keep_higher
from relex.heads.classes import ClassExtractor, Row, TokenTriple
from relex.heads.extraction import characters
from relex.heads.head import Batch, pad
from relex.heads.layers import inside, most_probable, scored, surest
from relex.heads.pairs.crf import CRF
from relex.heads.pairs.tags import Tags, lowest_within
from relex.heads.table.choice import make_scorer
from relex.heads.table.chunks import row_chunks
from relex.heads.table.losses import LOSSES
from relex.heads.table.options import TableOptions
from relex.heads.table.scheme import REASONS, Scored
from relex.heads.table.schemes import SCHEMES, LastTokens, WordPairs
from relex.heads.table.scorers import ALL, RARE, Context, Scorer

MOST = 2**12
"""Cells of a window that are read at the most, those of which the scorer is surest: many times what any text of a
corpus has, and few enough that spans and links of an untrained table are joined in seconds."""
LOST = ("windowed", "without_tokens", "inexact", "between_windows", *REASONS, "spurious", "entities")
"""What `Table.alignment` counts."""


class Table(ClassExtractor):
    """Encoder → tables of token pairs, and BIEOS tags where the scheme has its entities from them."""

    options_type: ClassVar[type] = TableOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: TableOptions):
        super().__init__(encoder, schema, options)
        numbers = {name: i for i, name in enumerate(schema.entity_types)}
        pairs = [(numbers[head], numbers[tail]) for _, head, tail in self.classes]
        self.scheme = SCHEMES[options.scheme](pairs, len(numbers))
        self.selection_metric = "" if self.scheme.relations else "ner.strict.f1"
        self.dropout = nn.Dropout(options.dropout)
        width = encoder.hidden_size
        if self.scheme.tagged:
            self.tags = Tags(schema.entity_types)
            self.emit = nn.Linear(width, len(self.tags.names))
            nn.init.constant_(self.emit.bias[1:], RARE)
            self.crf = CRF(len(self.tags.names), self.tags.allowed())
        self.label = nn.Embedding(len(self.tags.names), options.label_size) if options.label_size else None
        self.scorer = make_scorer(options, self.scheme, width + options.label_size)
        if options.names:
            self._keep_names([*schema.entity_types, *map(" ".join, ((h, r, t) for r, h, t in self.classes))])

    def _keep_names(self, names: Sequence[str]) -> None:
        """Remember the tokens of names, N×M: types of entities, then classes with both their types."""
        texts = self.encoder.tokenize(names)
        rows = [(self.encoder.cls_id, *t.ids[: self.encoder.max_length - 2], self.encoder.sep_id) for t in texts]
        ids, mask = pad(rows, self.encoder.pad_id)
        self.register_buffer("name_ids", ids, persistent=False)
        self.register_buffer("name_mask", mask, persistent=False)

    # From Documents to tensors

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """Gold annotations that tokens and cells cannot represent.

        `windowed` documents exceed the encoder's positions; triples are `without_tokens` (an absent mention, or one
        that the tokenizer leaves out), `inexact` (a token reaches over a mention's border) or `between_windows`. Others
        do not come back from their cells, each for the first of these reasons: `one_token` entities where corners need
        two; `mistyped`, an entity has not the type that its class says; `overlapping` entities, of which tags hold one;
        `overwritten`, another tag has a cell of theirs; `ambiguous`, their cells are read otherwise. `spurious` triples
        come back and are not gold. `entities` do not come back as they are, where they have types by themselves.
        """
        total = Counter(dict.fromkeys(LOST, 0))
        for document, row in zip(documents, self.rows(documents), strict=True):
            total["windowed"] += len(row.windows) > 1
            if self.scheme.relations:
                total.update({name: getattr(row, name) for name in ("without_tokens", "inexact", "between_windows")})
                total.update(self._misread(row))
            if self.scheme.typed:
                total["entities"] += len(set(document.entities) - self._entities(row))
        return {name: total[name] for name in LOST}

    def _entities(self, row: Row) -> set[Span]:
        """The typed entities of a text that come back from cells and tags."""
        found = set()
        for window, entities in zip(row.windows, row.entities, strict=True):
            _, read = self.scheme.decode(self.scheme.encode((), entities), self.scheme.kept(entities))
            found.update(characters(window, *place, self.schema.entity_types[kind]) for *place, kind in read)
        return found

    def _misread(self, row: Row) -> Counter[str]:
        """The triples of a text that no window gives back, by reason, and those that are not gold."""
        gold, kept, lost, wrong = set(), set(), {}, set()
        for window, triples, entities in zip(row.windows, row.triples, row.entities, strict=True):

            def in_text(triple: TokenTriple, at: int = window.first) -> TokenTriple:
                return tuple(x if i == 2 else x + at for i, x in enumerate(triple))

            reasons, spurious = self.scheme.read_back(triples, entities)
            gold.update(map(in_text, triples))
            kept.update(in_text(t) for t in triples if t not in reasons)
            lost.update((in_text(t), reason) for t, reason in reasons.items())
            wrong.update(map(in_text, spurious))
        return Counter([reason for t, reason in lost.items() if t not in kept] + ["spurious"] * len(wrong - gold))

    def collate(self, documents: Sequence[Document]) -> Batch:
        """Tensors of B documents in W ≥ B windows, with K gold cells.

        `input_ids`, `attention_mask` W×L; `cells` K×5 (window, table, row, column, tag), rows and columns counted
        after [CLS]; `count`: B; where tags say the entities, also `tags` W×(L − 1), 0 where there is none.
        """
        rows = self.rows(documents)
        windows = [w for row in rows for w in zip(row.windows, row.triples, row.entities, strict=True)]
        input_ids, mask = pad([window.ids for window, _, _ in windows], self.encoder.pad_id)
        found = [
            (i, *cell)
            for i, (_, triples, entities) in enumerate(windows)
            for cell in sorted(self.scheme.encode(triples, entities))
        ]
        batch = {
            "input_ids": input_ids,
            "attention_mask": mask,
            "cells": torch.tensor(found, dtype=torch.long).reshape(-1, 5),
            "count": torch.tensor(len(documents)),
        }
        if self.scheme.tagged:
            kept = [self.scheme.kept(entities) for _, _, entities in windows]
            tags = [torch.from_numpy(self.tags.encode(mask.shape[1] - 1, own)) for own in kept]
            batch["tags"] = torch.stack(tags)
        return batch

    # Forward and loss

    def states(self, batch: Batch) -> Tensor:
        """W×(L − 1)×D: of all tokens after [CLS]."""
        return self.dropout(self.encoder(batch["input_ids"], batch["attention_mask"])[:, 1:])

    def context(self, states: Tensor, counted: Tensor, tags: Tensor | None = None) -> Context:
        """What the scorer prepares of states W×N×D and a mask W×N of the tokens that count; `tags` W×N."""
        if self.label is not None:
            labels = self.label(tags.clamp(min=0))
            states = torch.cat([states, labels.to(states.dtype)], -1)
        return self.scorer.prepare(states, counted, *([self.name_states()] if self.options.names else []))

    def name_states(self) -> Tensor:
        """N×D: the mean state of each name's tokens."""
        counted = self.counted(self.name_mask, 0)[..., None]
        states = self.encoder(self.name_ids, self.name_mask)[:, 1:]
        return (states * counted).sum(1) / counted.sum(1).clamp(min=1)

    def counted(self, mask: Tensor, reach: int | None = None) -> Tensor:
        """W×(L − 1): the tokens of each text, of an attention mask W×L; [SEP] only if the scheme reaches there."""
        place = torch.arange(mask.shape[1] - 1, device=mask.device)
        return place < mask.sum(1, keepdim=True) - 2 + (self.scheme.reach if reach is None else reach)

    def loss(self, batch: Batch) -> Tensor:
        """The loss of the tables of a window, and of its tags; windows add up to documents, of which it is the mean.

        Tags count a token, by a CRF. To them the tables of multi-head selection come as a sum over the pairs of each
        token (Bekoulis Eq. 6, 7), GraphRel's as the mean over pairs, of both its phases alike. Its second phase tags
        entities anew, ours does not.
        """
        states, counted = self.states(batch), self.counted(batch["attention_mask"])
        context = self.context(states, counted, batch.get("tags"))
        by_window = self._of_tables(self.scorer, context, counted, batch["cells"])
        if self.options.scorer == "additive" and self.scorer.first is not None:
            by_window = by_window + self._of_tables(self.scorer.first, context[2:], counted, batch["cells"])
        if self.scheme.tagged:
            tokens = counted.sum(1).clamp(min=1)
            if isinstance(self.scheme, LastTokens) and not isinstance(self.scheme, WordPairs):
                by_window = by_window * tokens
            of_tags = self.crf.loss(self.tag_logits(states), batch["tags"], inside(batch["attention_mask"]))
            by_window = self.options.link_weight * by_window + of_tags / tokens
        return by_window.sum() / batch["count"]

    def _of_tables(self, scorer: Scorer, context: Context, counted: Tensor, gold: Tensor) -> Tensor:
        more = {"positive": self.options.positive} if self.options.loss == "softmax" else {}
        return LOSSES[self.options.loss](scorer, context, counted, gold, self.scheme.triangle, **more)

    def tag_logits(self, states: Tensor) -> Tensor:
        """W×N×T: scores of the tags of states W×N×D."""
        return self.emit(states).float()

    # Back to Documents

    def predict(self, batch: Batch, documents: Sequence[Document], threshold: float | None = None) -> list[Document]:
        """The documents with entities and relations; `threshold` as in `decode`."""
        states, mask = self.states(batch), batch["attention_mask"]
        tags, sure = self.tagging(self.tag_logits(states), mask) if self.scheme.tagged else (None, None)
        context = self.context(states, self.counted(mask), tags)
        return self._documents(documents, self.decode(partial(self.scorer, context), mask, tags, sure, threshold))

    def tagging(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The best tags W×(L − 1) of their scores W×(L − 1)×T, and how probable each is."""
        best = self.crf.decode(emissions, inside(mask))
        return best, self.crf.probabilities(emissions, best, inside(mask))

    def decode(
        self,
        logits: Callable[[slice, slice, slice], Tensor],
        mask: Tensor,
        tags: Tensor | None = None,
        sure: Tensor | None = None,
        threshold: float | None = None,
    ) -> list[Scored]:
        """Triples and entities of each of W windows with their scores, after one copy from the device.

        `logits` gives those of rows, tables and columns as a scorer does, W×k×(L−1)×T×C; `mask` W×L an attention mask;
        `tags` W×(L − 1) are the best ones, if they say the entities, and `sure` their probabilities. What is there or
        not is there from the probability `threshold`, by default that of the options.
        """
        limit = torch.tensor(threshold or self.options.threshold).logit().item()
        cells, of_cells = self._cells(logits, self.counted(mask), limit)
        spans, of_spans = cells.new_zeros(0, 4), of_cells[:0]
        if tags is not None:
            spans = self.tags.decode(tags, inside(mask))
            of_spans = lowest_within(sure, spans)
        both = scored(torch.cat([cells, nn.functional.pad(spans, (0, 1))]), torch.cat([of_cells, of_spans]))
        own: list[tuple[dict, dict]] = [({}, {}) for _ in mask]
        for (window, *cell), score in both[: len(cells)]:
            own[window][0][tuple(cell)] = score
        for (window, first, last, kind, _), score in both[len(cells) :]:
            own[window][1][first, last, kind] = score
        return [self.scheme.decode_scored(*found) for found in own]

    def _cells(
        self, logits: Callable[[slice, slice, slice], Tensor], counted: Tensor, limit: float
    ) -> tuple[Tensor, Tensor]:
        """K×5 (window, table, row, column, tag): the cells that hold something; how probable that is, K."""
        found, sure, probable, left = [], [], [], 0
        for rows in row_chunks(*counted.shape, self.scorer.floats):
            columns = slice(rows.start, None) if self.scheme.triangle else ALL
            scores = logits(rows, ALL, columns)  # W×k×L×T×C
            here = counted[:, rows, None] & counted[:, None, columns]
            here = here.triu() if self.scheme.triangle else here
            best, tag = scores[..., 1:].max(-1) if self.scheme.exclusive else (scores[..., 0], None)
            margin = best - (scores[..., 0] if self.scheme.exclusive else limit)
            held = margin > 0 if self.scheme.exclusive else margin >= 0
            place = torch.nonzero(held & here[..., None])  # K×4 (window, row, column, table)
            margin = margin[place.unbind(1)]
            at = scores[place.unbind(1)]  # K×C
            probability = most_probable(at)[0] if self.scheme.exclusive else at[:, 0].float().sigmoid()
            tag = torch.ones_like(margin) if tag is None else tag[place.unbind(1)] + 1
            window, row, column, table = place.unbind(1)
            cells = torch.stack([window, table, row + rows.start, column + (columns.start or 0), tag.long()], 1)
            chosen = surest(window, margin, MOST)
            left += len(cells) - len(chosen)
            found.append(cells[chosen])
            sure.append(margin[chosen])
            probable.append(probability[chosen])
        cells = torch.cat(found)
        chosen = surest(cells[:, 0], torch.cat(sure), MOST)
        left += len(cells) - len(chosen)
        if left:
            say_once(f"a text has more than {MOST:,} cells in its tables, of which only the surest {MOST:,} are read")
        return cells[chosen], torch.cat(probable)[chosen]

    def _documents(self, documents: Sequence[Document], found: Sequence[Scored]) -> list[Document]:
        """Documents with the findings of `decode`; windows are merged by their offsets."""
        types = self.schema.entity_types
        triples: list[dict] = [{} for _ in documents]
        spans: list[dict] = [{} for _ in documents]
        for (i, window), (of_window, entities) in zip(self.windows(documents), found, strict=True):
            for triple, score in of_window.items():
                self._keep(triples[i], window, triple, score)
            for (first, last, kind), score in entities.items():
                keep_higher(spans[i], characters(window, first, last, types[kind]), score)
        return self._assembled(documents, spans, triples)
