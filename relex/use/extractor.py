"""A trained model in use: texts in, Documents with entities and relations out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from relex.documents import Document, Relation, Span
from relex.errors import RelexError, say_once
from relex.evaluation.calibration import WHAT, cooled
from relex.found import one_way
from relex.heads import Head
from relex.runs import models
from relex.runs.config import Config
from relex.training import predict
from relex.training.trainer import make_accelerator
from relex.use import data as own
from relex.use import training
from relex.use.evaluation import evaluate_documents
from relex.use.onnx import put_in_place
from relex.use.parts import Part, Whole, parts, portions


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
        whole = None
        every = (part for number, text in enumerate(texts, 1) for part in self._parts(self._question(number, text)))
        for portion in portions(every):
            answers = predict(self.head, [part.document for part in portion], self.accelerator)
            self.head.forget()
            for part, answer in zip(portion, answers, strict=True):
                chosen = self._chosen(answer, scores, threshold)
                if part.whole:
                    yield chosen
                    continue
                whole = whole or Whole(part.question)
                whole.add(part, chosen)
                if part.last:
                    done, whole = whole.document(), None  # the parts of a long text are not held while it is used
                    yield done

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
        return parts(question) if self.extracts else iter([Part(question, 0, True, question)])


def _cooled(items: Sequence[Span | Relation], temperature: float) -> list[Span | Relation]:
    """Entities or relations at a temperature; given ones have no score."""
    if temperature == 1:
        return list(items)
    scores = cooled([0.5 if x.score is None else x.score for x in items], temperature).round(6).tolist()
    return [x if x.score is None else replace(x, score=score) for x, score in zip(items, scores, strict=True)]
