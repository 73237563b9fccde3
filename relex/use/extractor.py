"""A trained model in use: texts in, Documents with entities and relations out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from relex.documents import Document, Span, assembled
from relex.errors import RelexError
from relex.heads import Head
from relex.runs import models
from relex.runs.config import Config
from relex.training import predict
from relex.training.trainer import make_accelerator

LONGEST = 4000
"""Characters of the longest text that is read whole (in windows of the encoder, if it has fewer positions); what is
longer is read in parts, so that memory does not grow with its length."""

SHARED = 400
"""Characters that neighbouring parts have in common."""

PORTION = 100 * LONGEST
"""Characters that are read at a time, in at most `MOST` parts, so that memory does not grow with their number."""

MOST = 256
"""Parts that are read at a time."""


class Part(NamedTuple):
    """A stretch of the text of `question` from `start` on, as a Document; `last`: there is no other after it."""

    question: Document
    start: int
    last: bool
    document: Document


class Extractor:
    """A head with the config that it was trained by; `about` is what its folder says of data and scores."""

    def __init__(self, head: Head, config: Config, about: dict):
        self.config, self.about = config, about
        self.accelerator = make_accelerator(config.training.precision)
        self.head = head.to(self.accelerator.device)

    @classmethod
    def load(cls, folder: str | Path) -> "Extractor":
        """The model of a folder that `relex train` or `--keep-models` wrote; raises a `RelexError` for another."""
        model = models.load(Path(folder).expanduser())
        return cls(model.head, model.config, model.about)

    def save(self, folder: str | Path) -> None:
        """Write the model as a folder that `load` reads; see `relex.runs.models.save`."""
        models.save(self.head, self.config, self.about, Path(folder).expanduser())

    @property
    def extracts(self) -> bool:
        """Whether it finds entities and relations; else it classifies the relation of two given entities."""
        return self.head.task == "extraction"

    def predict(self, texts: Iterable[str | Document]) -> Iterator[Document]:
        """A Document for each text or Document, in their order, portion by portion.

        Entities and relations that a Document comes with are ignored, but a classifier keeps its two entities and names
        their relation; it raises a `RelexError` for a Document without two. The id of a text is its number, from 1.
        """
        found: list[tuple[Part, Document]] = []
        parts = (part for number, text in enumerate(texts, 1) for part in self._parts(self._question(number, text)))
        for portion in _portions(parts):
            answers = predict(self.head, [part.document for part in portion], self.accelerator)
            self.head.forget()
            for part, answer in zip(portion, answers, strict=True):
                found.append((part, answer))
                if part.last:
                    yield _joined(found)
                    found = []

    def _question(self, number: int, text: str | Document) -> Document:
        document = Document(str(number), text) if isinstance(text, str) else text
        if self.extracts:
            return replace(document, entities=(), relations=())
        if len(document.entities) != 2:
            raise RelexError(
                f"document {document.id[:80]!r} has {len(document.entities)} entities, and this model says how two are "
                "related; give it a head and a tail"
            )
        return replace(document, relations=())

    def _parts(self, question: Document) -> Iterator[Part]:
        text = question.text
        if not self.extracts or len(text) <= LONGEST:
            yield Part(question, 0, True, question)
            return
        for start in range(0, len(text) - SHARED, LONGEST - SHARED):
            stretch = Document(f"{question.id} {start}", text[start : start + LONGEST])
            yield Part(question, start, start + LONGEST >= len(text), stretch)


def _portions(parts: Iterable[Part]) -> Iterator[list[Part]]:
    portion: list[Part] = []
    characters = 0
    for part in parts:
        portion.append(part)
        characters += len(part.document.text)
        if characters > PORTION or len(portion) == MOST:
            yield portion
            portion, characters = [], 0
    if portion:
        yield portion


def _joined(found: Sequence[tuple[Part, Document]]) -> Document:
    """What was found in the parts of a text, in places of the text.

    An entity at a border where a text was cut may be the rest of one, so it is left out; another part has it whole.
    """
    if len(found) == 1:
        return found[0][1]
    spans, triples = set(), set()
    for part, answer in found:
        length = len(part.document.text)
        whole = [
            Span(s.start + part.start, s.end + part.start, s.type)
            if (s.start > 0 or part.start == 0) and (s.end < length or part.last)
            else None
            for s in answer.entities
        ]
        spans.update(span for span in whole if span)
        triples.update(
            (whole[r.head], r.type, whole[r.tail]) for r in answer.relations if whole[r.head] and whole[r.tail]
        )
    return assembled(found[0][0].question, spans, triples)
