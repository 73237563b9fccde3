"""Cascade tagging: first subjects, then for each of them its objects by relation (CasRel, CBRRel)."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Document, Schema
from relex.encoders.encoder import Encoder
from relex.errors import RelexError
from relex.evaluation.extraction import unordered
from relex.heads.cascade.layers import ConvStack, RelativeAttention, UNet
from relex.heads.cascade.options import CascadeOptions
from relex.heads.cascade.typing import Typer, outnumbered
from relex.heads.classes import ClassExtractor, TokenTriple
from relex.heads.head import Batch, pad
from relex.heads.layers import BiLSTM, inside

RARE = -4.0
"""Bias a tagger starts from: few tokens begin or end anything, and learning that costs an epoch."""
CHUNK = 2**24
"""Object logits held at a time in prediction, which bounds memory whatever the number of subjects."""


class Cascade(ClassExtractor):
    """Encoder → BiLSTM → relative attention → subject tagger → U-Net → object tagger for each class of relation.

    A class is a relation type with one of its pairs of entity types; R counts classes here, so that the relation of a
    predicted triple also types its entities. Where such pairs outnumber relations by far, a class is a relation, and
    entities are typed afterwards (`relex.heads.cascade.typing`).
    """

    options_type: ClassVar[type] = CascadeOptions
    probes: ClassVar[tuple[str, ...]] = ("curve",)

    def __init__(self, encoder: Encoder, schema: Schema, options: CascadeOptions):
        super().__init__(encoder, schema, options)
        if outnumbered(schema):
            self.classes = [(name, "", "") for name in schema.relation_names]
            self.class_of = {(name,): i for i, name in enumerate(schema.relation_names)}
        width = (options.lstm_size or encoder.hidden_size) if options.bilstm else encoder.hidden_size
        for what, parts, used in (
            ("heads", options.heads, options.attention),
            ("2^depth", 2**options.depth, options.feature_fusion == "unet"),
            ("2 directions", 2, options.bilstm),
        ):
            if used and width % parts:
                raise RelexError(f"states of width {width} do not divide among {what} ({parts}); choose another size")
        self.dropout = nn.Dropout(options.dropout)
        self.bilstm = BiLSTM(encoder.hidden_size, width) if options.bilstm else None
        self.attention = (
            RelativeAttention(width, options.heads, options.distance, options.dropout) if options.attention else None
        )
        fusions = {"unet": lambda: UNet(options.channels, options.depth), "cnn": lambda: ConvStack(options.channels)}
        self.fusion = fusions[options.feature_fusion]() if options.feature_fusion in fusions else None
        self.tag_subjects = nn.Linear(width, 2)
        self.tag_objects = nn.Linear(width, 2 * len(self.classes))
        for tagger in (self.tag_subjects, self.tag_objects):
            nn.init.constant_(tagger.bias, RARE)
        self.typer = Typer(width, schema) if outnumbered(schema) else None
        self.gate = nn.Linear(width, width) if options.gate else None
        if self.gate is not None:
            nn.init.zeros_(self.gate.weight)
            nn.init.zeros_(self.gate.bias)

    # From Documents to tensors

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """Gold triples that tokens and tags cannot represent.

        `windowed` documents exceed the encoder's positions; `without_tokens`: triples with an absent mention or one
        that the tokenizer leaves out; `inexact`: a token reaches over a mention's border; `between_windows`: no window
        holds both entities; `ambiguous`: two subjects, or two objects of one subject and class, lie so in each other
        that pairing starts with the nearest end returns another span. `unordered`: triples of a relation whose subjects
        need their objects in different orders, which without `gate` no weights can give.
        """
        rows = self.rows(documents)
        return {
            "windowed": sum(len(row.windows) > 1 for row in rows),
            "without_tokens": sum(row.without_tokens for row in rows),
            "inexact": sum(row.inexact for row in rows),
            "between_windows": sum(row.between_windows for row in rows),
            "unordered": sum(unordered(triples) for row in rows for triples in row.triples),
            "ambiguous": sum(self._not_read_back(documents[i : i + 64]) for i in range(0, len(documents), 64)),
        }

    def _not_read_back(self, documents: Sequence[Document]) -> int:
        """How many gold triples of these documents decoding does not return from perfect logits."""
        batch = self.collate(documents)
        subjects, objects, _ = self.decode(*self.gold_logits(batch), batch["attention_mask"])
        windows = [(i, window.first) for i, window in self.windows(documents)]

        def in_texts(subjects: Tensor, objects: Tensor) -> set[tuple[int, ...]]:  # one triple, in however many windows
            triples = torch.cat([subjects[objects[:, 0]], objects[:, 1:]], 1).tolist()
            return {(i, a + at, b + at, c, d + at, e + at) for w, a, b, c, d, e in triples for i, at in [windows[w]]}

        return len(in_texts(batch["subjects"], batch["objects"]) - in_texts(subjects, objects))

    def gold_logits(self, batch: Batch) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """Logits that say what the targets of a batch say, in the form that `decode` takes."""
        sure = 20.0
        places = {tuple(s): i for i, s in enumerate(batch["subjects"].tolist())}
        targets = self._object_targets(batch)

        def object_logits(subjects: Tensor) -> Tensor:
            rows = [places.get(tuple(s), len(places)) for s in subjects.tolist()]
            return F.pad(targets, (0, 0, 0, 0, 0, 0, 0, 1))[rows] * 2 * sure - sure  # a last row for other subjects

        return batch["subject_targets"] * 2 * sure - sure, object_logits

    def collate(self, documents: Sequence[Document]) -> Batch:
        """Tensors of B documents in W ≥ B windows, with S gold subjects that have K gold objects.

        `input_ids`, `attention_mask` W×L; `subject_targets` W×L×2, 1 at first and at last tokens; `subjects` S×3
        (window, first, last token, counted after [CLS]); `objects` K×4 (subject, class, first, last token); `count`: B;
        where entities are typed afterwards, `entities` G×4 (window, first, last token, type).
        """
        rows = self.rows(documents)
        input_ids, mask = pad([w.ids for row in rows for w in row.windows], self.encoder.pad_id)
        batch = {"input_ids": input_ids, "attention_mask": mask, "count": torch.tensor(len(documents))}
        if self.typer is not None:
            typed = [(i, *e) for i, found in enumerate(e for row in rows for e in row.entities) for e in sorted(found)]
            batch["entities"] = torch.tensor(typed, dtype=torch.long).reshape(-1, 4)
        return batch | self._targets([t for row in rows for t in row.triples], mask)

    def _targets(self, triples: Sequence[frozenset[TokenTriple]], mask: Tensor) -> Batch:
        places: dict[tuple[int, int, int], int] = {}
        objects = [
            (places.setdefault((i, *triple[:2]), len(places)), *triple[2:])
            for i, window in enumerate(triples)
            for triple in sorted(window)
        ]
        subjects = torch.tensor(list(places), dtype=torch.long).reshape(-1, 3)
        targets = torch.zeros(*mask.shape, 2)
        targets[:, 1:][subjects[:, 0], subjects[:, 1], 0] = 1
        targets[:, 1:][subjects[:, 0], subjects[:, 2], 1] = 1
        return {
            "subject_targets": targets,
            "subjects": subjects,
            "objects": torch.tensor(objects, dtype=torch.long).reshape(-1, 4),
        }

    def _object_targets(self, batch: Batch) -> Tensor:
        """S×L×R×2: 1 at first and at last tokens of the objects of each gold subject."""
        subjects, objects = batch["subjects"], batch["objects"]
        shape = len(subjects), batch["attention_mask"].shape[1], len(self.classes), 2
        targets = torch.zeros(shape, device=subjects.device)
        targets[:, 1:][objects[:, 0], objects[:, 2], objects[:, 1], 0] = 1
        targets[:, 1:][objects[:, 0], objects[:, 3], objects[:, 1], 1] = 1
        return targets

    # Forward, loss, and back to Documents

    def states(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """States W×L×D that subjects are tagged on, and those that objects are tagged on."""
        mask = batch["attention_mask"]
        states = self.dropout(self.encoder(batch["input_ids"], mask))
        if self.bilstm is not None:
            states = self.dropout(self.bilstm(states, mask))
        if self.attention is not None:
            states = self.attention(states, mask)
        return states, states if self.fusion is None else self.fusion(states, mask)

    def object_logits(self, states: Tensor, tagged: Tensor, subjects: Tensor, fused: Tensor | None = None) -> Tensor:
        """S×L×R×2 for `subjects` S×3 (window, first, last token), from what `states` and `tag_objects` give.

        The printed sum is linear in the subject (CBRRel Eq. 15, 16): (x + v)W + b = (xW + b) + vW. `tagged` W×L×2R is
        the first part, computed once for a text; a subject adds its vector v, the mean of its first and last state. So
        it cannot change the order of the tokens. With `gate` it can: (x ⊙ tanh(vU + c))W comes on top, x from `fused`
        W×L×D; U and c start at zero, as the printed equation.
        """
        window, first, last = subjects.unbind(1)
        tokens = states[:, 1:]
        vectors = (tokens[window, first] + tokens[window, last]) / 2  # S×D
        logits = tagged.index_select(0, window) + F.linear(vectors, self.tag_objects.weight)[:, None]
        if self.gate is not None:
            scaled = fused.index_select(0, window) * self.gate(vectors).tanh()[:, None]
            logits = logits + F.linear(scaled, self.tag_objects.weight)
        return logits.unflatten(-1, (len(self.classes), 2)).float()

    def loss(self, batch: Batch) -> Tensor:
        """Binary cross entropy of the four taggers, summed (CBRRel Eq. 14, 17, 18), per token, mean over documents."""
        states, fused = self.states(batch)
        mask = batch["attention_mask"].float()
        weights = mask / mask.sum(1, keepdim=True) / batch["count"]  # W×L
        logits = self.tag_subjects(states).float()
        by_token = F.binary_cross_entropy_with_logits(logits, batch["subject_targets"], reduction="none").sum(-1)
        loss = (by_token * weights).sum()
        if len(batch["subjects"]):
            chosen = self._chosen(batch["subjects"], len(mask))
            subjects, targets = batch["subjects"][chosen], self._object_targets(batch)[chosen]
            logits = self.object_logits(states, self.tag_objects(fused), subjects, fused)
            by_token = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum((-1, -2))  # S×L
            loss = loss + (by_token * weights[subjects[:, 0]]).sum()
        if self.typer is not None and len(batch["entities"]):
            # per token, as the tags: a mean over entities would outweigh them, and nothing would be tagged
            of_types = self.typer.loss(states, batch["entities"])
            loss = loss + (of_types * weights[batch["entities"][:, 0], 0]).sum()
        return loss

    def _chosen(self, subjects: Tensor, windows: int) -> Tensor:
        """Which gold subjects (S, bool) a step trains on: all, or one drawn for each window."""
        if self.options.subjects == "all":
            return torch.ones(len(subjects), dtype=torch.bool, device=subjects.device)
        drawn = torch.rand(len(subjects), device=subjects.device)
        highest = drawn.new_zeros(windows).scatter_reduce(0, subjects[:, 0], drawn, "amax")
        return drawn == highest[subjects[:, 0]]

    def predict(self, batch: Batch, documents: Sequence[Document], threshold: float | None = None) -> list[Document]:
        """The documents with the entities and relations of the predicted triples; `threshold` as in `decode`."""
        states, fused = self.states(batch)
        tagged = self.tag_objects(fused)
        subjects, objects, sure = self.decode(
            self.tag_subjects(states).float(),
            lambda chosen: self.object_logits(states, tagged, chosen, fused),
            batch["attention_mask"],
            threshold,
        )
        triples = torch.cat([subjects[objects[:, 0]], objects[:, 1:]], 1)
        if self.typer is not None:
            types, of_types = self.typer(states, triples)
            triples, sure = torch.cat([triples, types], 1), torch.minimum(sure, of_types)
        return self._documents(documents, triples, sure)

    def decode(
        self,
        subject_logits: Tensor,
        object_logits: Callable[[Tensor], Tensor],
        mask: Tensor,
        threshold: float | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Tags to spans: `subjects` S×3 (window, first, last token) and `objects` K×4 (subject, class, first, last).

        Also, for each of K objects, the lowest probability of its own two tags and of its subject's.

        `subject_logits` W×L×2 and a function subjects S×3 → S×L×R×2. A start is paired with the nearest end at or after
        it (CasRel); a start without one is dropped. [CLS], [SEP] and padding (`mask` W×L) begin and end nothing. A tag
        is set from the probability `threshold`, by default that of the options.
        """
        limit = torch.tensor(threshold or self.options.threshold).logit().item()
        text, classes = inside(mask), len(self.classes)
        window, first, last, of_subjects = tagged(subject_logits[:, 1:], text, limit)
        subjects = torch.stack([window, first, last], 1)
        found, sure = [subjects.new_zeros(0, 4)], [of_subjects[:0]]
        numbers = max(2 * classes, self.gate.in_features if self.gate is not None else 0)
        step = max(1, CHUNK // max(1, mask.shape[1] * numbers))
        for begin in range(0, len(subjects), step):
            chosen = subjects[begin : begin + step]
            logits = object_logits(chosen)[:, 1:]
            tags = (logits >= limit) & text[chosen[:, 0]][..., None, None]
            starts, ends = tags.transpose(1, 2).unbind(-1)  # S×R×L each
            row, first, last = _pairs(starts.flatten(0, 1), ends.flatten(0, 1))
            row, class_id = row // classes, row % classes
            found.append(torch.stack([begin + row, class_id, first, last], 1))
            of_tags = torch.minimum(logits[row, first, class_id, 0], logits[row, last, class_id, 1])
            sure.append(torch.minimum(of_tags, of_subjects[begin + row]))
        return subjects, torch.cat(found), torch.cat(sure).sigmoid()


def tagged(logits: Tensor, text: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Row, first and last token of the spans that tags N×L×2 say within `text` N×L; the lower of their two logits."""
    row, first, last = _pairs(*((logits >= limit) & text[..., None]).unbind(-1))
    return row, first, last, torch.minimum(logits[row, first, 0], logits[row, last, 1])


def _pairs(starts: Tensor, ends: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Starts and ends N×L (bool) → row, first, last token of each span: a start with the nearest end at or after it."""
    length = starts.shape[1]
    place = torch.arange(length, device=starts.device)
    nearest = torch.where(ends, place, length).flip(1).cummin(1).values.flip(1)
    row, first = torch.nonzero(starts & (nearest < length), as_tuple=True)
    return row, first, nearest[row, first]
