"""What sequences of entities and triples are made of, and what may follow in one.

A sequence has entities, `stop`, then for each triple its head, its tail and its relation, and `end`. All of them are
ids of one vocabulary (R relations, K words of the widest entity, C types of entities, U words of a window):
0 … R − 1 relations, R `stop`, R + 1 `end`, and then U·K·C entities. An entity has the same id in whatever batch.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

START, ENTITY, HEAD, TAIL, RELATION = range(5)
"""What a step of a sequence is for; `stop` stands among the entities, and `end` in the place of a head."""


class Vocabulary(NamedTuple):
    """Ids of a sequence: `relations` R, `width` K and `types` C are numbers of them."""

    relations: int
    width: int
    types: int

    @property
    def stop(self) -> int:
        """After the entities."""
        return self.relations

    @property
    def end(self) -> int:
        """After everything."""
        return self.relations + 1

    @property
    def first(self) -> int:
        """The first id of an entity, so the number of all others."""
        return self.relations + 2

    def entity(self, first: int, last: int, kind: int) -> int:
        """The id of the words `first` … `last` (inclusive) as an entity of type `kind`, from 0."""
        return self.first + (first * self.width + last - first) * self.types + kind

    def place(self, entity: int) -> tuple[int, int, int]:
        """First word, last word and type of an id of an entity."""
        place, kind = divmod(entity - self.first, self.types)
        first, more = divmod(place, self.width)
        return first, first + more, kind

    def sequence(
        self, entities: Sequence[tuple[int, int, int]], relations: Iterable[tuple[int, int, int]]
    ) -> list[int]:
        """The ids of gold: entities (first word, last word, type) in the order of the text; then relations (head, tail,
        relation), of indices of `entities`, in the order of their heads and tails; `stop` and `end` behind each."""
        ids = [self.entity(*entity) for entity in entities]
        triples = sorted((ids[head], ids[tail], relation) for head, tail, relation in relations)
        return [*sorted(ids), self.stop, *(i for triple in triples for i in triple), self.end]

    def told(self, ids: Sequence[int]) -> tuple[list[int], dict[tuple[int, int, int], int]]:
        """Entities and triples (head, tail, relation) of a finished sequence, as ids, in its order and each once; with
        each triple the step from which it is said first."""
        stop = ids.index(self.stop)
        triples: dict[tuple[int, int, int], int] = {}
        for step in range(stop + 1, ids.index(self.end), 3):
            triples.setdefault(tuple(ids[step : step + 3]), step)
        return ids[:stop], triples


def kept(entities: int, max_steps: int) -> tuple[int, int]:
    """How many of a number of entities, and how many triples after them, sequences of `max_steps` have room for."""
    entities = min(entities, max_steps - 1)
    return entities, (max_steps - 1 - entities) // 3


def roles(said: Tensor, stop: int) -> Tensor:
    """W×(T + 1): what each step of sequences W×T, and the one after, is for: `ENTITY`, `HEAD`, `TAIL` or `RELATION`."""
    after = F.pad((said == stop).cumsum(1).cumsum(1), (1, 0))  # steps since `stop`, itself included; 0 before
    return torch.where(after == 0, ENTITY, HEAD + (after - 1) % 3)


def allowed(vocabulary: Vocabulary, said: Tensor, exists: Tensor, max_steps: int) -> Tensor:
    """W×V (bool): which ids may follow in sequences W×T, of which those that have ended stand still.

    `exists` W×U×K: the stretches of words that there are. Among entities, a stretch that was not taken, or `stop`; then
    a head among the entities that were said, or `end`; another one as its tail; and any relation. A triple that was
    said before ends its sequence: to forbid it would leave a relation that the model does not mean. Entities and
    triples begin where `max_steps` leave room for them and `stop`: so every sequence is finished after that many steps,
    and has only finished triples.
    """
    v, steps = vocabulary, said.shape[1]
    every = roles(said, v.stop)
    role, every = every[:, -1:], every[:, :-1]
    triples = torch.stack([said[:, :-2], said[:, 1:-1], said[:, 2:]], -1)
    same = (triples == triples[:, -1:]).all(-1) & (every[:, :-2] == HEAD)
    again = (role == HEAD) & (same.sum(1, keepdim=True) > 1)
    ended = again | (said == v.end).any(1, keepdim=True)

    entity, size = said - v.first, exists[0].numel()
    new = (every == ENTITY) & (entity >= 0)
    named, taken = _among(size * v.types, entity, new), _among(size, entity // v.types, new)
    free = (exists.flatten(1) & ~taken).repeat_interleave(v.types, 1) & (steps + 2 <= max_steps)
    related = (named.sum(1, keepdim=True) > 1) & (v.relations > 0 and steps + 3 <= max_steps)
    last = F.pad(entity, (1, 0))[:, -1:].clamp(min=0)
    heads, tails = named & related, named.scatter(1, last, False)
    entities = (free & (role == ENTITY)) | (heads & (role == HEAD)) | (tails & (role == TAIL))
    relations = (role == RELATION).expand(-1, v.relations)
    following = torch.cat([relations, role == ENTITY, role == HEAD, entities], 1)  # stop and end between them
    return following.where(~ended, torch.arange(following.shape[1], device=said.device) == v.end)


def _among(size: int, values: Tensor, which: Tensor) -> Tensor:
    """W×`size` (bool): which numbers from 0 stand in `values` W×T, where `which` W×T says that they count."""
    found = which.new_zeros(len(values), size + 1)
    return found.scatter(1, values.where(which, size), True)[:, :-1]
