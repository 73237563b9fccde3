"""A span model that learns beside teachers, which read behind the text what is to be found in it (STER).

STER trains SpERT three times: two teachers first, then a student whose features draw near to theirs. The trainer here
knows no stages, so all three learn in the same steps, which is ours: early targets come from teachers that know little.
A teacher begins as a copy of the student, and its targets are those of the pass it learns from, with dropout. What the
released code does and this does not: every reader draws candidates of its own there, so that all but gold rows compare
different spans; relations are told as token ids 1, 2, …, rows that BERT's vocabulary leaves unused and others do not.
The gradients of student and teachers are clipped together, by the trainer.
"""

import copy
from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Document, Schema
from relex.encoders.encoder import Encoder
from relex.heads.head import Batch, pad
from relex.heads.layers import inside
from relex.heads.span.model import SpanModel
from relex.heads.span.options import DistilledOptions
from relex.heads.span.spans import SpanWindow

ROWS = 200
"""Spans of a document by which the released code divides its sum, whatever their number."""


class Distilled(SpanModel):
    """The student, which alone predicts, and its teachers by the answers they are given."""

    options_type: ClassVar[type] = DistilledOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: DistilledOptions):
        super().__init__(encoder, schema, options)
        chosen = [name for name in ("entities", "relations") if options.teachers in (name, "both") and options.weight]
        teachers = {name: copy.deepcopy(self) for name in chosen}
        if "relations" in teachers:
            teachers["relations"].encoder.add_markers([_marker(name) for name in self.relations])
        self.teachers = nn.ModuleDict(teachers)

    def collate(self, documents: Sequence[Document]) -> Batch:
        """As for the student; for each teacher `NAME_ids`, `NAME_mask` W×L′: the text, what it is told, [SEP]."""
        batch = super().collate(documents)
        windows = [window for _, window in self.windows(documents)]
        for name in self.teachers:
            rows = [(*w.ids[:-1], *self._told(name, w)[: self._room(w)], w.ids[-1]) for w in windows]
            batch[f"{name}_ids"], batch[f"{name}_mask"] = pad(rows, self.encoder.pad_id)
        return batch

    def _told(self, name: str, window: SpanWindow) -> list[int]:
        """Tokens of the gold entities one after the other, or a token for each gold relation."""
        if name == "entities":
            places = [(window.words[first, 0] + 1, window.words[last, 1] + 2) for first, last, _ in window.entities]
            return [token for begin, end in places for token in window.ids[begin:end]]
        encoder = self.teachers[name].encoder
        return [encoder.marker_id(_marker(self.relations[relation])) for _, _, relation in window.relations]

    def _room(self, window: SpanWindow) -> int:
        return self.encoder.max_length - len(window.ids)

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """As `SpanModel.alignment`; `untold`: so often a teacher is not told all, for a window leaves no room."""
        windows = [window for _, window in self.windows(documents)]
        untold = sum(len(self._told(name, w)) > self._room(w) for name in self.teachers for w in windows)
        return super().alignment(documents) | {"untold": untold}

    def loss(self, batch: Batch) -> Tensor:
        """The student's loss, those of the teachers on the same spans and pairs, and what draws its features to theirs.

        Teachers come after all that the student draws, so that it has the dropout of a SpanModel.
        """
        text, gold = self.states(batch), batch["entities"]
        spans, kinds = self.spans_to_learn(batch)
        loss = self.span_loss(text, spans, kinds)
        pairs, targets = self.pairs_to_learn(batch)
        loss = loss + self.pair_loss(text, gold, pairs, targets)
        for name, teacher in self.teachers.items():
            told = self._text_told(name, batch)
            loss = loss + teacher.span_loss(told, spans, kinds) + teacher.pair_loss(told, gold, pairs, targets)
            with torch.no_grad():
                wanted = teacher.span_features(told, spans), teacher.pair_features(told, gold[:, :4], pairs)
            own = self.span_features(text, spans), self.pair_features(text, gold[:, :4], pairs)
            windows = spans[:, 0], gold[pairs[:, 0], 0]
            apart = sum(map(contrast, own, wanted, windows, 2 * [len(batch["words"])]))
            loss = loss + self.options.weight * apart
        return loss

    def _text_told(self, name: str, batch: Batch):
        """The text as a teacher reads it: what it is told has an effect on its states, and none of its own."""
        states = self.teachers[name].encoder(batch[f"{name}_ids"], batch[f"{name}_mask"])
        mask = batch["attention_mask"]
        return self.teachers[name].text(states[:, : mask.shape[1]], inside(mask))


def contrast(student: Tensor, teacher: Tensor, window: Tensor, windows: int) -> Tensor:
    """How far features S×F of a student are from those of its teacher, as STER's released code has it: a number.

    With d = 1 − cosine a row adds d(s, t) and the mean over other windows of (2 − d(s, t′) + d(s, t)) / 2, where t′ is
    the teacher's row of the same rank there; where no other window has so many rows, the first alone. `window` S: that
    of a row. The sum is divided by W · 200 · W · 4 (the paper's equations have another loss, which that code leaves
    unused).
    """
    s, t = F.normalize(student.float(), dim=-1), F.normalize(teacher.float(), dim=-1)
    order = window.argsort(stable=True)
    sizes = torch.bincount(window, minlength=windows)
    place = torch.arange(len(window), device=window.device)
    rank = torch.empty_like(place).scatter_(0, order, place - (sizes.cumsum(0) - sizes)[window[order]])
    others = torch.bincount(rank, minlength=len(rank))[rank] - 1
    # a mean of cosines is the cosine with a mean of directions
    mean = (torch.zeros_like(t).index_add_(0, rank, t)[rank] - t) / others.clamp(min=1)[:, None]
    near, far = 1 - (s * t).sum(-1), 1 - (s * mean).sum(-1)
    apart = torch.where(others > 0, (2 - far + near) / 2, 0)
    return (near + apart).sum() / (windows * ROWS * windows * 4)


def _marker(relation: str) -> str:
    return f"[relation:{relation}]"
