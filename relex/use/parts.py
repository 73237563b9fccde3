"""Texts of any length: a long one is read in parts, and what is found in them is put together as they come.

So memory grows with what is found in a text, and not with its length.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import inf
from typing import NamedTuple

from relex.documents import Document, Relation, Span
from relex.found import Triple, keep_higher

LONGEST = 4000
"""Characters of the longest text that is read whole (in windows of the encoder, if it has fewer positions)."""

SHARED = 400
"""Characters that neighbouring parts have in common."""

PORTION = 10 * LONGEST
"""Characters that are read at a time, in at most `MOST` parts, so that memory does not grow with their number."""

MOST = 256
"""Parts that are read at a time."""


class Part(NamedTuple):
    """A stretch of the text of `question` from `start` on, as a Document; `last`: there is no other after it."""

    question: Document
    start: int
    last: bool
    document: Document

    @property
    def whole(self) -> bool:
        """Whether it is all of its text."""
        return self.start == 0 and self.last


def parts(question: Document) -> Iterator[Part]:
    """A text whole where it is short enough, else in parts that overlap."""
    text = question.text
    if len(text) <= LONGEST:
        yield Part(question, 0, True, question)
        return
    for start in range(0, len(text) - SHARED, LONGEST - SHARED):
        stretch = Document(f"{question.id} {start}", text[start : start + LONGEST])
        yield Part(question, start, start + LONGEST >= len(text), stretch)


def portions(every: Iterable[Part]) -> Iterator[list[Part]]:
    """The parts in groups that are read at a time."""
    portion: list[Part] = []
    characters = 0
    for part in every:
        portion.append(part)
        characters += len(part.document.text)
        if characters > PORTION or len(portion) == MOST:
            yield portion
            portion, characters = [], 0
    if portion:
        yield portion


class Whole:
    """What was found in the parts of a text so far, in places of the text.

    Of two parts that found the same, the higher score stays. What begins before the next part is settled: no later part
    can find it, so it is held once, as it will be in the Document.
    """

    def __init__(self, question: Document):
        self.question = question
        self.entities: list[Span] = []
        self.relations: list[Relation] = []
        self._spans: dict[Span, float | None] = {}
        self._triples: dict[Triple, float | None] = {}
        self._number: dict[Span, int] = {}
        self._waiting: list[tuple[int, int, str, float | None]] = []

    def add(self, part: Part, answer: Document) -> None:
        """Take in what was found in a part.

        An entity at a border where the text was cut may be the rest of one, so it is left out; another part has it
        whole, if it is shorter than `SHARED`.
        """
        length = len(part.document.text)
        moved = [
            replace(s, start=s.start + part.start, end=s.end + part.start)
            if (s.start > 0 or part.start == 0) and (s.end < length or part.last)
            else None
            for s in answer.entities
        ]
        for span in filter(None, moved):
            keep_higher(self._spans, span, span.score)
        for r in answer.relations:
            if moved[r.head] and moved[r.tail]:
                keep_higher(self._triples, (moved[r.head], r.type, moved[r.tail]), r.score)
        self._settle(len(self.question.text) if part.last else part.start + LONGEST - SHARED)

    def document(self) -> Document:
        """All that was found, in the order of the text."""
        return replace(self.question, entities=tuple(self.entities), relations=tuple(self.relations))

    def _settle(self, border: int) -> None:
        """Number the entities that begin at `border` at the latest, and the triples of two of them."""
        done = sorted((s for s in self._spans if s.start <= border), key=lambda s: (s.start, s.end, s.type))
        self._number = {s: i for s, i in self._number.items() if s.start > border - 2 * LONGEST}
        for span in done:
            score = self._spans.pop(span)
            self._number[span] = len(self.entities)
            self.entities.append(span if span.score == score else replace(span, score=score))
        for triple in [t for t in self._triples if t[0] in self._number and t[2] in self._number]:
            head, name, tail = triple
            self._waiting.append((self._number[head], self._number[tail], name, self._triples.pop(triple)))
        # A triple that is open yet may have a head that is settled: those of later heads come after it.
        first = min((self._number[head] for head, *_ in self._triples if head in self._number), default=inf)
        self._waiting.sort(key=lambda one: one[:3])
        count = bisect_right(self._waiting, first, key=lambda one: one[0])
        self.relations += [Relation(*one) for one in self._waiting[:count]]
        del self._waiting[:count]
