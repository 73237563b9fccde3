"""The table of contents of the book: which pages there are, in which order."""

from collections.abc import Iterator
from pathlib import Path

import yaml

EXECUTED = "book/executed"
"""Folder, relative to the project, that holds the executed notebooks which the book shows."""


def page_names(root: Path) -> list[str]:
    """The pages of the book in the order of `_toc.yml`, the title page first; paths without their ending."""
    return list(_pages(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))))


def notebook_names(root: Path) -> list[str]:
    """Names of the notebooks in the order of `_toc.yml`."""
    return [Path(page).name for page in page_names(root) if Path(page).parent.as_posix() == EXECUTED]


def _pages(entry: dict) -> Iterator[str]:
    if page := entry.get("root") or entry.get("file"):
        yield page
    for below in ("parts", "chapters", "sections"):
        for part in entry.get(below, []):
            yield from _pages(part)
