"""Clause frames of the generated angiography reports, and how a frame becomes text with entities and relations.

Frames lie in `frames.yaml`, in the form that `relex.corpora.generators.grammar` describes, with their pairs. The first
letter of a key gives the type of its mentions. Pairs tell the relations: `b>s` joins every b to every s, `b=s` the
first to the first and so on. A key with a second letter n holds what is denied, idle or not given, which stands in no
relation.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from relex.corpora.generators.grammar import common, filled, read, unmarked
from relex.documents import Document, Relation, Span

TYPES = {"s": "症状体征", "b": "身体部位", "t": "治疗方式", "c": "医疗耗材", "d": "用药剂量", "e": "检查检验"}
"""First letter of a key → entity type."""

_TEXT_KEY = re.compile(r"(?<=[{<])(\w+)")
_PAIR_KEY = re.compile(r"[a-z]+\d*")


@dataclass(frozen=True, slots=True)
class Frame:
    """Words with slots, and the pairs of keys that stand in a relation."""

    text: str
    pairs: str = ""

    @classmethod
    def parse(cls, line: str) -> "Frame":
        """A frame out of its words and, after a blank, its pairs."""
        return cls(*line.split(" ", 1))

    def __add__(self, other: "Frame") -> "Frame":
        return Frame(self.text + other.text, f"{self.pairs} {other.pairs}".strip())


Some = tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Frames:
    """The lists of `frames.yaml`, which says what is particular about some."""

    access: Some
    drugs: Some
    rescue: Some
    withheld: Some
    idle: Some
    refused: Some
    exams: Some
    imaging: Some
    both: Some
    normal: Some
    normal_flow: Some
    lesion: Some
    lesion_shared: Some
    respectively: Some
    traits: Some
    flows: Some
    joint: Some
    denied: Some
    preparation: Some
    balloon: Some
    stent: Some
    coated: Some
    post: Some
    same_balloon: Some
    outcome: Some
    closing: Some


frames = read(Frames, "angiography/frames.yaml")


@dataclass(frozen=True, slots=True)
class Clause:
    """A frame and what fills its slots: a tuple of mentions, or a string of other words, perhaps with marks."""

    frame: Frame
    values: dict[str, str | tuple[str, ...]]


def joined(clauses: Sequence[Clause], between: str = "，") -> Clause:
    """One clause out of several; every key gets the number of its clause, from 1, at its end."""
    texts, pairs, values = [], [], {}
    for number, clause in enumerate(clauses, 1):
        suffixed = rf"\g<0>{number}"
        texts.append(_TEXT_KEY.sub(suffixed, clause.frame.text))
        pairs.append(_PAIR_KEY.sub(suffixed, clause.frame.pairs))
        for key, value in clause.values.items():
            values[f"{key}{number}"] = _TEXT_KEY.sub(suffixed, value) if isinstance(value, str) else value
    return Clause(Frame(between.join(texts), " ".join(pairs).strip()), values)


def fill(rng: random.Random, clause: Clause) -> Document:
    """A Document without an id: the words of `clause`, and its relations in order of the pairs."""
    text, places = unmarked(filled(rng, clause.frame.text, clause.values, "、及和", common))
    spans = sorted(((start, -end, key, i) for key, found in places.items() for i, (start, end) in enumerate(found)))
    index = {(key, i): n for n, (_, _, key, i) in enumerate(spans)}
    entities = tuple(Span(start, -end, TYPES[key[0]]) for start, end, key, _ in spans)
    relations = {}
    for pair in clause.frame.pairs.split():
        head, sign, tail = re.split("([>=])", pair)
        for i in range(len(places[head])):
            for j in range(len(places[tail])) if sign == ">" else (i,):
                h, t = index[head, i], index[tail, j]
                relations[Relation(h, t, f"{TYPES[head[0]]}_{TYPES[tail[0]]}")] = None
    return Document("", text, entities, tuple(relations))
