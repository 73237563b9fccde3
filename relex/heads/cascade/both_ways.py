"""Tagging from both ends: objects of subjects, subjects of objects, and the relations of the pairs (BiRTE).

Ren et al. 2022, "A Simple but Effective Bidirectional Framework for Relational Triple Extraction". A cascade misses all
triples of a subject that it misses; here a pair is found if either of its entities is found first.

What their public code does otherwise is not copied. There the subjects' states get the [CLS] of the objects', then the
objects' that of the subjects', which has been changed by then; here each kind of state gets its own. There the linear
terms of the biaffine form are commented out; here they are in. There relations are trained on gold pairs alone, so
that the classifier never sees a wrong pair, and on one subject, one object and one pair of a text in a step; here on
all of them, and on drawn pairs that have no relation. That, and classes that type the entities, is ours. The paper's
"share-aware learning", a rate for the taggers and another one for the encoder, is what every head here has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Document, Schema
from relex.encoders.encoder import Encoder
from relex.heads.cascade.model import CHUNK, RARE, tagged
from relex.heads.cascade.spans import cross_entropy, ends, looked_up, moved, number, scaled_logits, tags
from relex.heads.classes import ClassExtractor
from relex.heads.head import Batch, pad
from relex.heads.layers import inside
from relex.heads.options import check_choices, check_dropout, check_lowest, check_threshold
from relex.heads.span.model import sample_per_group


@dataclass(frozen=True)
class BothWaysOptions:
    """Switches of tagging from both ends.

    `ways`: `both`, or only the pairs that are found from `subjects`, or from `objects`. `negative_pairs`: at most so
    many drawn for each window and step. `threshold`: probability from which a tag is set and a relation holds.
    """

    ways: Literal["both", "subjects", "objects"] = "both"
    negative_pairs: int = 20
    dropout: float = 0.1
    threshold: float = 0.5

    def __post_init__(self):
        check_choices(self)
        check_lowest(self, negative_pairs=1)
        check_dropout(self)
        check_threshold(self)


class Text(NamedTuple):
    """What W windows are read into: states W×L×D of tokens as parts of subjects, of objects and of either in a pair,
    each with their own [CLS]; and the encoder's state of [CLS], W×D.
    """

    subjects: Tensor
    objects: Tensor
    pairs: Tensor
    cls: Tensor


class Way(nn.Module):
    """One direction: spans of one kind are tagged, and for each of them the spans of the other kind."""

    def __init__(self, width: int):
        super().__init__()
        self.first, self.second = nn.Linear(width, 2), nn.Linear(width, 2)
        for tagger in (self.first, self.second):
            nn.init.constant_(tagger.bias, RARE)


class BothWays(ClassExtractor):
    """Encoder → three kinds of states → both ways of tagging → pairs → classes of relation.

    R counts classes, a relation type with one of its pairs of entity types, as in `Cascade`.
    """

    options_type: ClassVar[type] = BothWaysOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: BothWaysOptions):
        super().__init__(encoder, schema, options)
        width = encoder.hidden_size
        self.read_subjects, self.read_objects, self.read_pairs = (nn.Linear(width, width) for _ in range(3))
        self.from_subjects = Way(width) if options.ways != "objects" else None
        self.from_objects = Way(width) if options.ways != "subjects" else None
        self.relate = nn.Bilinear(width, width, len(self.classes))
        self.relate_alone = nn.Linear(2 * width, len(self.classes), bias=False)
        nn.init.normal_(self.relate.weight, std=1 / width)
        nn.init.constant_(self.relate.bias, RARE)
        self.dropout = nn.Dropout(options.dropout)

    # From Documents to tensors

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """Gold triples that tokens and tags cannot represent, counted as in `Cascade.alignment`.

        `ambiguous`: from neither end does pairing with the nearest end return both spans.
        """
        rows = self.rows(documents)
        return {
            "windowed": sum(len(row.windows) > 1 for row in rows),
            "without_tokens": sum(row.without_tokens for row in rows),
            "inexact": sum(row.inexact for row in rows),
            "between_windows": sum(row.between_windows for row in rows),
            "ambiguous": sum(self._not_read_back(documents[i : i + 64]) for i in range(0, len(documents), 64)),
        }

    def _not_read_back(self, documents: Sequence[Document]) -> int:
        """How many gold triples of these documents decoding does not return from perfect logits."""
        batch = self.collate(documents)
        windows = [(i, window.first) for i, window in self.windows(documents)]

        def in_texts(triples: Sequence[Sequence[int]]) -> set[tuple[int, ...]]:  # once, in however many windows
            return {(i, a + at, b + at, c, d + at, e + at) for w, a, b, c, d, e in triples for i, at in [windows[w]]}

        gold = [(i, *t) for i, found in enumerate(self._windowed_triples(documents)) for t in found]
        found, _ = self.decode(*self.gold_logits(batch), batch["attention_mask"])
        return len(in_texts(gold) - in_texts(found.tolist()))

    def _windowed_triples(self, documents: Sequence[Document]) -> list[list[tuple[int, ...]]]:
        return [sorted(triples) for row in self.rows(documents) for triples in row.triples]

    def collate(self, documents: Sequence[Document]) -> Batch:
        """Tensors of B documents in W ≥ B windows, with S gold subjects and O gold objects that make P pairs.

        `input_ids`, `attention_mask` W×L; `subjects` S×3 and `objects` O×3 (window, first, last token, after
        [CLS]); `pairs` P×2 (subject, object); `relations` K×2 (pair, class); `count`: B.
        """
        windows = [window for _, window in self.windows(documents)]
        input_ids, mask = pad([w.ids for w in windows], self.encoder.pad_id)
        subjects: dict[tuple[int, ...], int] = {}
        objects: dict[tuple[int, ...], int] = {}
        pairs: dict[tuple[int, int], int] = {}
        relations = []
        for window, triples in enumerate(self._windowed_triples(documents)):
            for first, last, class_id, *tail in triples:
                subject = subjects.setdefault((window, first, last), len(subjects))
                pair = subject, objects.setdefault((window, *tail), len(objects))
                relations.append((pairs.setdefault(pair, len(pairs)), class_id))
        return {
            "input_ids": input_ids,
            "attention_mask": mask,
            "subjects": torch.tensor(list(subjects), dtype=torch.long).reshape(-1, 3),
            "objects": torch.tensor(list(objects), dtype=torch.long).reshape(-1, 3),
            "pairs": torch.tensor(list(pairs), dtype=torch.long).reshape(-1, 2),
            "relations": torch.tensor(relations, dtype=torch.long).reshape(-1, 2),
            "count": torch.tensor(len(documents)),
        }

    def _ways(self, batch: Batch) -> list[tuple[Way | None, Tensor, Tensor, Tensor]]:
        """Both ways, each with the gold spans that it begins with and, for each pair, such a span and another one."""
        subject, object_ = batch["pairs"].unbind(1)
        return [
            (self.from_subjects, batch["subjects"], subject, batch["objects"][object_]),
            (self.from_objects, batch["objects"], object_, batch["subjects"][subject]),
        ]

    def gold_logits(self, batch: Batch) -> tuple[list, Callable[[Tensor], Tensor]]:
        """Logits that say what a batch says, in the form that `decode` takes."""
        sure, ways = 20.0, []
        for way, spans, own, others in self._ways(batch):
            first = tags(spans, spans[:, 0], *batch["attention_mask"].shape)
            second = tags(others, own, len(spans), first.shape[1])
            told = first * 2 * sure - sure, looked_up(spans, second * 2 * sure - sure, -sure)
            ways.append(None if way is None else told)
        pairs = self._gold_pairs(batch)
        classes = torch.full((len(pairs), len(self.classes)), -sure)
        classes[batch["relations"][:, 0], batch["relations"][:, 1]] = sure
        return ways, looked_up(pairs, classes, -sure)

    def _gold_pairs(self, batch: Batch) -> Tensor:
        """P×5: window, first and last token of the subject, of the object."""
        subject, object_ = batch["pairs"].unbind(1)
        return torch.cat([batch["subjects"][subject], batch["objects"][object_, 1:]], 1)

    # Forward, loss, and back to Documents

    def states(self, batch: Batch) -> Text:
        """The windows as `Text`."""
        states = self.encoder(batch["input_ids"], batch["attention_mask"])

        def read(layer: nn.Linear) -> Tensor:
            own = layer(states)
            return self.dropout(own + own[:, :1])

        return Text(*map(read, (self.read_subjects, self.read_objects, self.read_pairs)), self.dropout(states[:, 0]))

    def first_logits(self, text: Text) -> list[Tensor | None]:
        """W×L×2 for each way: does a subject, or an object, start or end at a token."""
        return [
            None if way is None else way.first(states + text.cls[:, None]).float()
            for way, states in ((self.from_subjects, text.subjects), (self.from_objects, text.objects))
        ]

    def objects_of(self, text: Text, subjects: Tensor) -> Tensor:
        """S×L×2 for `subjects` S×3 (window, first, last token): where objects of each start and end.

        A token's state is multiplied with the mean of the subject's first and last state, which is what the gate of our
        cascade does, and [CLS] is added.
        """
        vectors, cls = ends(text.subjects, subjects), text.cls[subjects[:, 0]]
        return scaled_logits(self.from_subjects.second, text.objects, subjects[:, 0], vectors, cls)

    def subjects_of(self, text: Text, objects: Tensor) -> Tensor:
        """O×L×2 for `objects` O×3: the same from the other end."""
        vectors, cls = ends(text.objects, objects), text.cls[objects[:, 0]]
        return scaled_logits(self.from_objects.second, text.subjects, objects[:, 0], vectors, cls)

    def relation_logits(self, text: Text, pairs: Tensor) -> Tensor:
        """P×R for `pairs` P×5 (window, first and last token of the subject, of the object): a biaffine form of both.

        Each subject meets the R matrices once, however many objects it is paired with.
        """
        subjects, number = pairs[:, :3].unique(dim=0, return_inverse=True)
        matrices = self.relate.weight.transpose(1, 2).flatten(0, 1)  # (R·D)×D
        turned = F.linear(ends(text.pairs, subjects), matrices).unflatten(
            1, (len(self.classes), self.relate.in2_features)
        )
        head, tail = ends(text.pairs, pairs[:, :3]), ends(text.pairs, pairs[:, [0, 3, 4]])
        both = torch.bmm(turned.index_select(0, number), tail[..., None])[..., 0] + self.relate.bias
        return (both + self.relate_alone(torch.cat([head, tail], 1))).float()

    def loss(self, batch: Batch) -> Tensor:
        """Binary cross entropies, summed, mean over documents.

        Of both ways as in `Cascade`: of all tags, per token. Of pairs: of all classes, the mean over the gold pairs of
        a window, and beside it, ours, the mean over its drawn ones.
        """
        text, mask = self.states(batch), batch["attention_mask"].float()
        weights = mask / mask.sum(1, keepdim=True) / batch["count"]  # W×L
        ways = zip(self.first_logits(text), (self.objects_of, self.subjects_of), self._ways(batch), strict=True)
        loss = 0.0
        for logits, second, (way, spans, own, others) in ways:
            if way is None:
                continue
            loss = loss + cross_entropy(logits, tags(spans, spans[:, 0], *mask.shape), weights)
            if len(spans):
                targets = tags(others, own, len(spans), mask.shape[1])
                loss = loss + cross_entropy(second(text, spans), targets, weights[spans[:, 0]])
        if len(batch["pairs"]):
            gold, drawn = self._gold_pairs(batch), self._drawn_pairs(batch)
            targets = torch.zeros(len(gold) + len(drawn), len(self.classes), device=gold.device)
            targets[batch["relations"][:, 0], batch["relations"][:, 1]] = 1
            logits = self.relation_logits(text, torch.cat([gold, drawn]))
            shares = [1 / torch.bincount(p[:, 0])[p[:, 0]] / batch["count"] for p in (gold, drawn)]
            loss = loss + cross_entropy(logits, targets, torch.cat(shares))
        return loss

    def _drawn_pairs(self, batch: Batch) -> Tensor:
        """P×5 pairs without relation, drawn of the pairs that the taggers may find by mistake.

        These are other pairs of gold spans of a window, of whichever kind, and of gold spans with a border moved.
        """
        gold, spans = self._gold_pairs(batch), torch.cat([batch["subjects"], batch["objects"]])
        spans = torch.cat([spans, moved(spans, batch["attention_mask"].sum(1))]).unique(dim=0)
        head, tail = torch.nonzero(spans[:, None, 0] == spans[:, 0], as_tuple=True)
        pairs = torch.cat([spans[head], spans[tail, 1:]], 1)
        length = batch["attention_mask"].shape[1]
        pairs = pairs[~torch.isin(number(pairs, length), number(gold, length))]
        return pairs[sample_per_group(pairs[:, 0], self.options.negative_pairs)]

    def predict(self, batch: Batch, documents: Sequence[Document], threshold: float | None = None) -> list[Document]:
        """The documents with the entities and relations of the predicted triples; `threshold` as in `decode`."""
        text = self.states(batch)
        seconds = partial(self.objects_of, text), partial(self.subjects_of, text)
        firsts, relations = self.first_logits(text), partial(self.relation_logits, text)
        ways = [None if f is None else (f, second) for f, second in zip(firsts, seconds, strict=True)]
        return self._documents(documents, *self.decode(ways, relations, batch["attention_mask"], threshold))

    def decode(
        self,
        ways: Sequence[tuple[Tensor, Callable[[Tensor], Tensor]] | None],
        relation_logits: Callable[[Tensor], Tensor],
        mask: Tensor,
        threshold: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Tags to triples K×6: window, first and last token of the subject, class, first and last token of the object;
        and of each, K, the lowest probability of its class and of the four tags of the way that is surer of them.

        `ways`, from subjects and from objects: tags W×L×2 of their spans, and a function spans S×3 → tags S×L×2 of the
        others; None for a way that is not gone. A function pairs P×5 → P×R has the classes of the pairs that any way
        finds. Tags become spans as in `Cascade.decode`.
        """
        limit = torch.tensor(threshold or self.options.threshold).logit().item()
        found, sure = zip(*(self._pairs_of_way(*w, mask, limit) for w in ways if w is not None), strict=True)
        if ways[1] is not None:
            found = (*found[:-1], found[-1][:, [0, 3, 4, 1, 2]])
        pairs, place = torch.cat(found).unique(dim=0, return_inverse=True)
        of_tags = torch.cat(sure)
        of_tags = of_tags.new_zeros(len(pairs)).scatter_reduce(0, place, of_tags, "amax", include_self=False)
        step = max(1, CHUNK // (max(1, len(self.classes)) * self.encoder.hidden_size))
        triples, sure = [pairs.new_zeros(0, 6)], [of_tags[:0]]
        for part, own in zip(pairs.split(step), of_tags.split(step), strict=True):
            logits = relation_logits(part)
            pair, class_id = torch.nonzero(logits >= limit, as_tuple=True)
            triples.append(torch.cat([part[pair, :3], class_id[:, None], part[pair, 3:]], 1))
            sure.append(torch.minimum(logits[pair, class_id], own[pair]))
        return torch.cat(triples), torch.cat(sure).sigmoid()

    def _pairs_of_way(self, first: Tensor, second: Callable, mask: Tensor, limit: float) -> tuple[Tensor, Tensor]:
        """P×5: window, a span that a way begins with, and one that it finds for it; the lowest logit of all tags, P."""
        text = inside(mask)
        *spans, of_spans = tagged(first[:, 1:], text, limit)
        spans = torch.stack(spans, 1)
        found, sure = [spans.new_zeros(0, 5)], [of_spans[:0]]
        step = max(1, CHUNK // (mask.shape[1] * self.encoder.hidden_size))
        for part, own in zip(spans.split(step), of_spans.split(step), strict=True):
            row, begin, end, of_tags = tagged(second(part)[:, 1:], text[part[:, 0]], limit)
            found.append(torch.cat([part[row], begin[:, None], end[:, None]], 1))
            sure.append(torch.minimum(own[row], of_tags))
        return torch.cat(found), torch.cat(sure)
