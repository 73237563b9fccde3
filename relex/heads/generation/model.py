"""A text's graph as a sequence: entities, a stop, then head, tail and relation of each triple (ATG).

Zaratiana, Tomeh, Holat and Charnois 2024, "An Autoregressive Text-to-Graph Framework for Joint Entity and Relation
Extraction". A decoder points: at a stretch of words with a type, at a relation, at the stop or at the end. As published
are a sequence in the order of the text, a vocabulary for each text, a code for what the decoder's input was said for,
no other positions, and a loss over the whole vocabulary, which a grammar restricts at prediction alone.

What their public code does otherwise is not copied. There gold has one relation for a pair; here as many as the corpus.
There a triple that is said again is dropped, and what follows is read; here it ends its sequence, which otherwise may
go in circles. There broken output is dropped without a word; here the grammar `allowed` leaves none. There a sum of
zero tells padding; here the number of words. There the mean is taken over the steps of a batch; here over those of a
window, as the loss is a mean over documents.

Ours: vectors of relations, start, stop and end are learned beside the encoder. There they go through it in front of the
text, where they would take positions from long windows. A stretch is one layer over its first and last word, and a type
is a matrix; there it is a convolution over all its words too, and a perceptron of two layers at every place. Logits are
divided by √D, and those of entities begin rare. Left out is that training texts are joined with up to four others.
"""

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Document, Schema
from relex.encoders.encoder import Encoder
from relex.heads.cascade.model import RARE
from relex.heads.extraction import characters
from relex.heads.generation.decoder import Decoder, Text
from relex.heads.generation.grammar import START, Vocabulary, allowed, kept, roles
from relex.heads.generation.options import GenerationOptions
from relex.heads.head import Batch, pad
from relex.heads.layers import MILLION, BiLSTM, millionths, most_probable
from relex.heads.span.spans import SpanExtractor, SpanWindow

PADDING = -1
"""In a batch of sequences, what stands behind the end of the shorter ones."""


class Read(NamedTuple):
    """What a sequence is generated from: vectors of all stretches W×S×D, those that there are W×U×K (S = U·K), and the
    text that the decoder asks."""

    stretches: Tensor
    exists: Tensor
    text: Text


class Generation(SpanExtractor):
    """Encoder → BiLSTM → vectors of stretches; a decoder → one id of the vocabulary after the other.

    D is the decoder's width, V = R + 2 + U·K·C the size of the vocabulary, whose ids `Vocabulary` tells.
    """

    options_type: ClassVar[type] = GenerationOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: GenerationOptions):
        super().__init__(encoder, schema, options)
        size, width = encoder.hidden_size, options.width
        self.vocabulary = Vocabulary(len(self.relations), options.max_width, len(self.types))
        self.bilstm = BiLSTM(size, size)
        self.first, self.last = nn.Linear(size, width), nn.Linear(size, width, bias=False)
        self.typed = nn.Linear(width, len(self.types) * width)
        self.rare = nn.Parameter(torch.full((len(self.types),), RARE))
        self.others = nn.Embedding(self.vocabulary.first + 1, width)  # relations, stop, end, start
        self.codes = nn.Embedding(5, width)
        self.memory = nn.Linear(size, width)
        self.decoder = Decoder(width, options.decoder_layers, options.heads, options.dropout)
        self.dropout = nn.Dropout(options.dropout)

    # From Documents to tensors

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """As `SpanExtractor.alignment`; and `beyond`: entities and triples for which the sequences of all windows that
        hold them are too long, so that no prediction has them."""
        beyond = 0
        for row in self.rows(documents):
            held, said = set(), set()
            for window in row.windows:
                entities, triples = self._in_order(window)
                room = kept(len(entities), self.options.max_steps)
                held |= {*entities, *triples}
                said |= {*entities[: room[0]], *triples[: room[1]]}
            beyond += len(held - said)
        return super().alignment(documents) | {"beyond": beyond}

    def _in_order(self, window: SpanWindow) -> tuple[list, list]:
        """Entities and triples of a window as a sequence has them, in characters."""
        ids, triples = self.vocabulary.told(self._sequence(window))
        spans = {i: self._characters(window, i) for i in ids}
        return list(spans.values()), [(spans[head], relation, spans[tail]) for head, tail, relation in triples]

    def _characters(self, window: SpanWindow, entity: int):
        first, last, kind = self.vocabulary.place(entity)
        return characters(window, window.words[first, 0], window.words[last, 1], self.types[kind])

    def _sequence(self, window: SpanWindow) -> list[int]:
        return self.vocabulary.sequence([(a, b, kind - 1) for a, b, kind in window.entities], window.relations)

    def collate(self, documents: Sequence[Document]) -> Batch:
        """As `SpanExtractor.collate`; and `sequences` W×T, padded with `PADDING`; `count`: B."""
        sequences, _ = pad([self._sequence(window) for _, window in self.windows(documents)], PADDING)
        return super().collate(documents) | {"sequences": sequences, "count": torch.tensor(len(documents))}

    # Forward

    def read_texts(self, batch: Batch) -> Read:
        """The text and all stretches of a batch; a word is what its first token is."""
        mask, words = batch["attention_mask"].bool(), batch["words"]
        states = self.dropout(self.encoder(batch["input_ids"], batch["attention_mask"]))
        begins = (words[..., :1] + 1).clamp(min=0)  # 1 for [CLS]
        of_words = self.bilstm(states.gather(1, begins.expand(-1, -1, states.shape[-1])), words[..., 0] >= 0)
        ends, exists = self._ends(words)
        last = self.last(of_words).index_select(1, ends.flatten()).unflatten(1, ends.shape)
        stretches = self.dropout((self.first(of_words)[:, :, None] + last).relu().flatten(1, 2))
        return Read(stretches, exists, self.decoder.read(self.memory(states), mask))

    def _ends(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """U×K: the last word of stretches of each width from each word, and W×U×K: whether there is one."""
        place = torch.arange(words.shape[1], device=words.device)
        ends = place[:, None] + torch.arange(self.options.max_width, device=words.device)
        exists = ends < (words[..., 0] >= 0).sum(1)[:, None, None]
        return ends.clamp(max=words.shape[1] - 1), exists

    def embedded(self, read: Read, said: Tensor, steps: Tensor) -> Tensor:
        """W×T×D: the decoder's input of ids W×T, each with the code of its role (`steps` W×T)."""
        types, entity = len(self.types), (said - self.vocabulary.first).clamp(min=0)
        at = (entity // types)[..., None].expand(-1, -1, self.options.width)
        of_types = self.typed(read.stretches.gather(1, at)).unflatten(-1, (types, -1))  # W×T×C×D
        chosen = (entity % types)[..., None, None].expand(-1, -1, 1, self.options.width)
        entities = of_types.gather(2, chosen)[:, :, 0]
        others = self.others(said.clamp(min=0, max=self.vocabulary.end))
        return torch.where((said >= self.vocabulary.first)[..., None], entities, others) + self.codes(steps)

    def start(self, windows: int) -> Tensor:
        """W×1×D: the decoder's first input."""
        return (self.others.weight[-1] + self.codes.weight[START]).expand(windows, 1, -1)

    def points(self, read: Read, states: Tensor) -> Tensor:
        """W×T×V logits of decoder states W×T×D: their products with the vectors of the vocabulary, over √D.

        An entity's vector would be W_c s + b_c of its stretch s and its type c. The product with z is the one of s with
        W_cᵀ z, plus b_c · z: so there is a vector for each step and type, and none for each of U·K·C entities.
        """
        types, width = len(self.types), self.options.width
        weight, bias = self.typed.weight.view(types, width, width), self.typed.bias.view(types, width)
        asked = torch.einsum("wtd,cdk->wtck", states, weight).flatten(1, 2)
        entities = (read.stretches @ asked.mT).unflatten(-1, (-1, types)).transpose(1, 2)  # W×T×S×C
        entities = (entities + (states @ bias.mT)[:, :, None]).float() / math.sqrt(width) + self.rare
        entities = entities.masked_fill(~read.exists.flatten(1)[:, None, :, None], -torch.inf)
        others = (states @ self.others.weight[: self.vocabulary.first].mT).float() / math.sqrt(width)
        return torch.cat([others, entities.flatten(2)], -1)

    def logits(self, batch: Batch) -> Tensor:
        """W×T×V: what each step of the gold sequences is chosen by, all steps before it being gold."""
        read, said = self.read_texts(batch), batch["sequences"][:, :-1]
        inputs = self.embedded(read, said, roles(said, self.vocabulary.stop)[:, :-1])
        states, _ = self.decoder(self.dropout(torch.cat([self.start(len(said)), inputs], 1)), read.text)
        return self.points(read, states)

    # Loss, and back to Documents

    def loss(self, batch: Batch) -> Tensor:
        """The mean over the steps of a window of the cross entropy of the gold id, summed over windows; the mean over
        documents."""
        sequences = batch["sequences"]
        by_step = F.cross_entropy(self.logits(batch).transpose(1, 2), sequences, ignore_index=PADDING, reduction="none")
        return (by_step.sum(1) / (sequences != PADDING).sum(1)).sum() / batch["count"]

    def predict(self, batch: Batch, documents: Sequence[Document]) -> list[Document]:
        """The documents with the entities and relations of the generated sequences."""
        read = self.read_texts(batch)
        return self._documents(documents, *self.decode(batch["words"], self.following(read)))

    def following(self, read: Read) -> Callable[[Tensor], Tensor]:
        """A function of sequences so far W×T to logits W×V of the next id; each call has one id more than the last one.

        It keeps the keys and values of all steps, so that only the last one goes through the decoder.
        """
        held = None

        def follow(said: Tensor) -> Tensor:
            nonlocal held
            if said.shape[1]:
                role = roles(said, self.vocabulary.stop)[:, -2:-1]
                x = self.embedded(read, said[:, -1:], role)
            else:
                x = self.start(len(said))
            states, held = self.decoder(self.dropout(x), read.text, held)
            return self.points(read, states)[:, 0]

        return follow

    def decode(self, words: Tensor, follow: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """W×T: sequences of the windows with `words` W×U×2, all generated at once, each ended and filled with its end;
        and how probable each step was, W×T.

        Every step takes the most likely id of those that `allowed` lets follow; `follow` as in `following`.
        """
        said = words.new_zeros(len(words), 0)
        exists, sure, ended = self._ends(words)[1], [], False
        while not ended:
            may = allowed(self.vocabulary, said, exists, self.options.max_steps)
            scores = follow(said).nan_to_num().masked_fill(~may, -torch.inf)
            probable, best = most_probable(scores)
            said = torch.cat([said, best[:, None]], 1)
            sure.append(probable)
            ended = bool((said[:, -1] == self.vocabulary.end).all())
        return said, torch.stack(sure, 1)

    def _documents(self, documents: Sequence[Document], said: Tensor, sure: Tensor) -> list[Document]:
        """Documents with the findings of `decode`, after one copy from the device; windows are merged by offsets."""
        windows, entities, relations, of_entities, of_relations = self.windows(documents), [], [], [], []
        for i, row in enumerate(torch.cat([said, millionths(sure)], 1).tolist()):
            ids, steps = row[: len(row) // 2], [score / MILLION for score in row[len(row) // 2 :]]
            found, triples = self.vocabulary.told(ids)
            number = {entity: len(entities) + n for n, entity in enumerate(found)}
            for first, last, kind in map(self.vocabulary.place, found):
                ends = windows[i][1].words[[first, last], [0, 1]].tolist()
                entities.append((i, *ends, last - first, kind + 1))
            of_entities += steps[: len(found)]
            relations += [(number[head], number[tail], relation) for head, tail, relation in triples]
            of_relations += [min(steps[at : at + 3]) for at in triples.values()]
        return super()._documents(
            documents,
            torch.tensor(entities, dtype=torch.long).reshape(-1, 5),
            torch.tensor(relations, dtype=torch.long).reshape(-1, 3),
            torch.tensor(of_entities),
            torch.tensor(of_relations),
        )
