"""The model on the landing page: its page, and what has to be said beside it."""

import shutil
from pathlib import Path

from relex.files import write_text
from relex.runs import models
from relex.runs.cards import NOT_FOR

PAGE, WORDS = "reader.html", "reader.md"
"""What a notebook leaves among the executed ones, and a build puts on the landing page."""


def publish(model: Path, page: Path, folder: Path) -> str:
    """Copy `page`, made of the model folder `model`, to `folder`, with a paragraph on the model, which is returned."""
    words = told(models.read_label(model)["about"], page.stat().st_size)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(page, folder / PAGE)
    write_text(folder / WORDS, words)
    return words


def told(about: dict, size: int) -> str:
    """What a reader has to know of a model whose page has `size` bytes, in Markdown, with the scores of its card."""
    sizes, metrics = about["corpus"]["sizes"], about["metrics"]
    entities, relations = (f"{100 * metrics[f'{name}.strict.f1']:.1f}" for name in ("ner", "re"))
    return (
        f"The model is a **stand-in**: it was trained while this book was built, on {sizes['train']:,} segments of "
        f"*generated* reports, and has never seen a real one. On {sizes['test']:,} other generated segments its F1 is "
        f"{entities} for entities and {relations} for relations (strict, percent; from its card), which says nothing "
        f"of real text. {' '.join(NOT_FOR.split()).partition(' It knows')[0]} Its page has {size / 2**20:.1f} MB, "
        "loaded when you ask for it; what you type stays in your browser.\n"
    )


def place(executed: Path, html: Path) -> None:
    """Put the page, where a notebook has left one, among the static files of the built book."""
    if (executed / PAGE).is_file():
        shutil.copyfile(executed / PAGE, html / "_static" / PAGE)
