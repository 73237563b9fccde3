"""Documents of one's own, labelled with the model of a run that was kept."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from relex.documents import Document, first_error_raised, scan
from relex.errors import RelexError
from relex.runs.run import load_head
from relex.training import predict
from relex.training.trainer import make_accelerator


def questions(path: Path, task: str) -> tuple[Document, ...]:
    """The Documents of a file without what a model is asked for: the relation, or for extraction all but the text.

    Raises a `RelexError` for a line that is no Document, for one of classification without exactly two entities, and
    for a file without documents.
    """

    def parse(number: int, value: dict) -> Document:
        if task == "extraction":
            return Document.from_json(value | {"entities": [], "relations": []})
        document = Document.from_json(value)
        if len(document.entities) != 2:
            raise RelexError(f"it has {len(document.entities)} entities, and a relation joins two, head and tail")
        return replace(document, relations=())

    documents = first_error_raised(scan(path, parse))
    if not documents:
        raise RelexError(f"{path} has no documents; it needs at least one")
    return documents


def labelled(documents: Sequence[Document], record: dict) -> list[Document]:
    """The documents as the kept model of a record predicts them; raises a `RelexError` when it was not kept."""
    head, accelerator = load_head(record), make_accelerator(record["config"]["precision"])
    return predict(head.to(accelerator.device), documents, accelerator)
