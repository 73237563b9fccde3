"""Corpora by name: readers of real ones, generators of stand-ins, and files of the reader's own."""

from pathlib import Path

from relex.corpora import encyclopedia, jsonl, umrc10
from relex.corpora.corpus import PARTS, Corpus, fingerprint
from relex.errors import RelexError
from relex.files import corpora_dirs

READERS = {"umrc10": umrc10.read}
"""Real corpora: name → function of the folder that holds the files."""

GENERATORS = {"encyclopedia": encyclopedia.generate}
"""Stand-ins: name → function without required arguments."""


def find(name: str) -> Path | None:
    """The folder of a real corpus, or None when no known place has it."""
    return next((folder / name for folder in corpora_dirs() if (folder / name).is_dir()), None)


def load(name: str) -> Corpus:
    """Load a corpus: `umrc10`, a generator such as `encyclopedia`, or `jsonl:FOLDER` for files of one's own.

    Raises a `RelexError` when there is no such corpus or its files are missing or bad.
    """
    if name.startswith("jsonl:"):
        return jsonl.read(Path(name.removeprefix("jsonl:")))
    if name in GENERATORS:
        return GENERATORS[name]()
    if name not in READERS:
        known = ", ".join([*READERS, *GENERATORS, "jsonl:FOLDER"])
        raise RelexError(f"there is no corpus {name!r}; known are {known}")
    folder = find(name)
    if folder is None:
        places = " or ".join(str(d / name) for d in corpora_dirs())
        raise RelexError(
            f"corpus {name!r} is not in {places}; "
            f"run `relex corpora fetch {name}`, or set RELEX_CORPORA to the folder that holds {name}/"
        )
    return READERS[name](folder)


def first_available(name: str, stand_in: str) -> str:
    """`name` when its files are on this machine, else the generator `stand_in`."""
    return name if find(name) else stand_in


__all__ = ["GENERATORS", "PARTS", "READERS", "Corpus", "find", "fingerprint", "first_available", "load"]
