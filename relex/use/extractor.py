"""A trained model in use: texts in, Documents with entities and relations out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from relex.documents import Document, Relation, Span
from relex.errors import RelexError, say_once
from relex.evaluation.calibration import WHAT, cooled
from relex.found import Triple, assembled, keep_higher, one_way
from relex.heads import Head
from relex.runs import models
from relex.runs.config import Config
from relex.training import predict
from relex.training.trainer import make_accelerator
from relex.use import data as own
from relex.use import training
from relex.use.evaluation import evaluate_documents
from relex.use.onnx import put_in_place

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
        calibrations = about.get("calibration", {})
        self.temperatures = {what: calibrations.get(what, {}).get("temperature", 1.0) for what in WHAT}
        self.accelerator = make_accelerator(config.training.precision)
        self.head = head.to(self.accelerator.device)

    @classmethod
    def load(cls, folder: str | Path, onnx: str | Path | None = None) -> "Extractor":
        """The model of a folder that `relex train` or `--keep-models` wrote; raises a `RelexError` for another.

        With `onnx`, the file that `relex export` made of it, onnxruntime computes the states of its encoder, in fp32.
        """
        folder = Path(folder).expanduser()
        model = models.load(folder)
        extractor = cls(model.head, model.config, model.about)
        if onnx is not None:
            put_in_place(extractor.head, folder, Path(onnx).expanduser())
            extractor.accelerator = make_accelerator("fp32")
        return extractor

    def save(self, folder: str | Path) -> None:
        """Write the model as a folder that `load` reads; see `relex.runs.models.save`."""
        models.save(self.head, self.config, self.about, Path(folder).expanduser())

    @classmethod
    def train(
        cls,
        data: str | Path,
        out: str | Path,
        head: str = "span",
        encoder: str = "",
        dev: str | Path | None = None,
        test: str | Path | None = None,
        **given,
    ) -> "Extractor":
        """Train on annotated texts as `relex train` does, write the model folder `out`, and load it.

        `data`, `dev`, `test` as in `relex.use.data.read`; `given` are config keys, such as `epochs=20`. What was chosen
        or left out on the way is said on standard error.
        """
        found = own.read(Path(data), *(place and Path(place) for place in (dev, test)))
        config = training.settings(found.corpus, head, encoder, **given)
        for note in (*found.notes, *training.advice(config, found.corpus)):
            say_once(note)
        training.train(config, found.corpus, Path(out).expanduser())
        return cls.load(out)

    def evaluate(self, gold: Sequence[Document]) -> dict:
        """Scores of its predictions on the texts of `gold`, as `relex.use.evaluation.evaluate_documents` has them."""
        known = self.head.schema
        return evaluate_documents([one_way(d, known) for d in gold], list(self.predict(gold)))

    @property
    def extracts(self) -> bool:
        """Whether it finds entities and relations; else it classifies the relation of two given entities."""
        return self.head.task == "extraction"

    def predict(
        self, texts: Iterable[str | Document], scores: bool = True, threshold: float = 0.0
    ) -> Iterator[Document]:
        """A Document for each text or Document, in their order, portion by portion.

        Entities and relations that a Document comes with are ignored, but a classifier keeps its two entities and names
        their relation; it raises a `RelexError` for a Document without two. The id of a text is its number, from 1.

        Each entity and relation has a score from 0 to 1: the lowest of the head's probabilities that it rests on, at
        the temperature that was chosen on the development part. What has less than `threshold` is left out, an entity
        with its relations; without `scores` they are left out of the Documents, not of this choice.
        """
        if not 0 <= threshold <= 1:
            raise RelexError(f"threshold {threshold} is no score; give a number from 0 to 1")
        found: list[tuple[Part, Document]] = []
        parts = (part for number, text in enumerate(texts, 1) for part in self._parts(self._question(number, text)))
        for portion in _portions(parts):
            answers = predict(self.head, [part.document for part in portion], self.accelerator)
            self.head.forget()
            for part, answer in zip(portion, answers, strict=True):
                found.append((part, answer))
                if part.last:
                    whole, found = _joined(found), []  # the parts of a long text are not held while its answer is used
                    yield self._chosen(whole, scores, threshold)

    def _chosen(self, document: Document, scores: bool, threshold: float) -> Document:
        """What has at least the score `threshold`, with its score or without."""
        spans = _cooled(document.entities, self.temperatures["entities"])
        relations = _cooled(document.relations, self.temperatures["relations"])

        def sure(x: Span | Relation) -> bool:
            return x.score is None or x.score >= threshold

        number = {i: n for n, i in enumerate(i for i, span in enumerate(spans) if sure(span))}
        kept = [r for r in relations if sure(r) and r.head in number and r.tail in number]
        shown = (lambda x: x) if scores else (lambda x: replace(x, score=None))
        return replace(
            document,
            entities=tuple(shown(spans[i]) for i in number),
            relations=tuple(shown(replace(r, head=number[r.head], tail=number[r.tail])) for r in kept),
        )

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


def _cooled(items: Sequence[Span | Relation], temperature: float) -> list[Span | Relation]:
    """Entities or relations at a temperature; given ones have no score."""
    if temperature == 1:
        return list(items)
    scores = cooled([0.5 if x.score is None else x.score for x in items], temperature).round(6).tolist()
    return [x if x.score is None else replace(x, score=score) for x, score in zip(items, scores, strict=True)]


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
    spans: dict[Span, float | None] = {}
    triples: dict[Triple, float | None] = {}
    for part, answer in found:
        length = len(part.document.text)
        whole = [
            replace(s, start=s.start + part.start, end=s.end + part.start)
            if (s.start > 0 or part.start == 0) and (s.end < length or part.last)
            else None
            for s in answer.entities
        ]
        for span in filter(None, whole):
            keep_higher(spans, span, span.score)
        for r in answer.relations:
            if whole[r.head] and whole[r.tail]:
                keep_higher(triples, (whole[r.head], r.type, whole[r.tail]), r.score)
    return assembled(found[0][0].question, spans, triples)
