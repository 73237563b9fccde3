"""Question and answer at the head of a notebook's page: written from records when the book is built."""

from collections.abc import Sequence


def text(page: str, entries: Sequence, published) -> str:
    """Markdown of `relex.reports.openings`: a page asks what its experiment asks, unless it has a question of its own.

    `entries` are of the ledger; `published` gives the published records of an experiment, by its name.
    """
    from relex.experiments import EXPERIMENTS
    from relex.reports.openings import opening

    asked = (EXPERIMENTS[page].question, EXPERIMENTS[page].paper) if page in EXPERIMENTS else ("", "")
    return opening(page, *asked, entries, published)


def file_name(page: str) -> str:
    """The file beside the executed notebooks that has the text of a page."""
    return f"{page}_opening.md"


def put_in(notebook, page: str) -> None:
    """Let an executed notebook include its text under its title; one that has no text stays as it is."""
    from relex.reports.openings import pages

    if page in pages():
        title, _, rest = notebook.cells[0].source.partition("\n\n")
        notebook.cells[0].source = f"{title}\n\n```{{include}} {file_name(page)}\n```\n\n{rest}"
