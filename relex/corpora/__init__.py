"""Corpora by name: readers of real ones, generators of stand-ins, and files of the reader's own."""

import inspect
from collections.abc import Callable
from pathlib import Path

from relex.corpora import casmed, cmeie, conll04, duie, jsonl, umrc10
from relex.corpora.corpus import PARTS, Corpus, fingerprint
from relex.corpora.generators.angiography import generate as angiography
from relex.corpora.generators.arteriography import generate as arteriography
from relex.corpora.generators.encyclopedia import generate as encyclopedia
from relex.corpora.generators.interactions import generate as interactions
from relex.errors import RelexError
from relex.files import corpora_dirs

READERS = {
    "umrc10": umrc10.read,
    "casmed": casmed.read,
    "duie": duie.read,
    "cmeie": cmeie.read,
    "conll04": conll04.read,
}
"""Real corpora: name → function of the folder that holds the files, and of the options that the corpus has."""

GENERATORS = {
    "encyclopedia": encyclopedia.generate,
    "angiography": angiography.generate,
    "arteriography": arteriography.generate,
    "interactions": interactions.generate,
}
"""Stand-ins: name → function without required arguments."""


def find(name: str) -> Path | None:
    """The folder of a real corpus, or None when no known place has it."""
    return next((folder / name for folder in corpora_dirs() if (folder / name).is_dir()), None)


def load(name: str, split: str = "", unit: str = "", align: str = "") -> Corpus:
    """Load a corpus: `umrc10`, a generator such as `encyclopedia`, or `jsonl:FOLDER` for files of one's own.

    `split` (how it is cut into parts), `unit` (what a Document is) and `align` (how mentions get their offsets) are
    for corpora that leave a choice; empty means the corpus's default. `split="shipped"` is known to all that come in
    one split.

    Raises a `RelexError` when there is no such corpus, its files are missing or bad, or it lacks an option.
    """
    if name.startswith("jsonl:"):
        options = _options(jsonl.read, name, split=split, unit=unit, align=align)
        return jsonl.read(Path(name.removeprefix("jsonl:")), **options)
    if name in GENERATORS:
        return GENERATORS[name](**_options(GENERATORS[name], name, split=split, unit=unit, align=align))
    if name not in READERS:
        known = ", ".join([*READERS, *GENERATORS, "jsonl:FOLDER"])
        raise RelexError(f"there is no corpus {name!r}; known are {known}")
    options = _options(READERS[name], name, split=split, unit=unit, align=align)
    folder = find(name)
    if folder is None:
        places = " or ".join(str(d / name) for d in corpora_dirs())
        raise RelexError(
            f"corpus {name!r} is not in {places}; "
            f"run `relex corpora fetch {name}`, or set RELEX_CORPORA to the folder that holds {name}/"
        )
    return READERS[name](folder, **options)


def _options(read: Callable[..., Corpus], name: str, **given: str) -> dict[str, str]:
    """The options that `read` takes; `split="shipped"` and empty ones may be given to all.

    Raises a `RelexError` for another option that `read` does not take.
    """
    known = [option for option in given if option in inspect.signature(read).parameters]
    for option, value in given.items():
        if option not in known and value and (option, value) != ("split", "shipped"):
            has = f"it has {' and '.join(known)}" if known else "it has no options"
            raise RelexError(f"corpus {name!r} has no option {option} ({value!r} was given); {has}")
    return {option: given[option] for option in known}


def first_available(name: str, stand_in: str) -> str:
    """`name` when its files are on this machine, else the generator `stand_in`."""
    return name if find(name) else stand_in


__all__ = ["GENERATORS", "PARTS", "READERS", "Corpus", "find", "fingerprint", "first_available", "load"]
