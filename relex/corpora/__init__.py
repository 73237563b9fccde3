"""Corpora by name: readers of real ones, generators of stand-ins, and files of the reader's own."""

import importlib
import pkgutil
from pathlib import Path

from relex.corpora import generators, readers
from relex.corpora.corpus import PARTS, Corpus, fingerprint
from relex.corpora.readers import jsonl
from relex.corpora.spec import CorpusSpec
from relex.errors import RelexError
from relex.files import corpora_dirs

ORDER = (
    "umrc10",
    "casmed",
    "duie",
    "cmeie",
    "conll04",
    "encyclopedia",
    "angiography",
    "arteriography",
    "interactions",
    "prescriptions",
)
"""Corpora in the order in which they are listed: real ones, then stand-ins; others follow their kind by name."""


def _specs() -> dict[str, CorpusSpec]:
    """The `SPEC` of every reader and generator that has one; a generator may be a folder with a `generate.py`."""
    found = []
    for package in (readers, generators):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            loaded = importlib.import_module(module.name + (".generate" if module.ispkg else ""))
            found += [loaded.SPEC] if hasattr(loaded, "SPEC") else []
    place = {name: i for i, name in enumerate(ORDER)}
    found.sort(key=lambda spec: (spec.stand_in, place.get(spec.name, len(place)), spec.name))
    return {spec.name: spec for spec in found}


CORPORA = _specs()
"""Corpus → all that is known of it, in the order in which corpora are listed."""


def names(stand_in: bool) -> list[str]:
    """The real corpora, or the stand-ins."""
    return [name for name, spec in CORPORA.items() if spec.stand_in == stand_in]


def title(name: str) -> str:
    """What a corpus is called in the book."""
    return (name in CORPORA and CORPORA[name].title) or name


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
    given = {"split": split, "unit": unit, "align": align}
    if name.startswith("jsonl:"):
        spec = CorpusSpec(name, lambda: jsonl.read(jsonl.folder_of(name)), stand_in=True)
    elif name in CORPORA:
        spec = CORPORA[name]
    else:
        raise RelexError(f"there is no corpus {name!r}; known are {', '.join([*CORPORA, 'jsonl:FOLDER'])}")
    options = _options(spec, given)
    if spec.stand_in:
        return spec.read(**options)
    folder = find(name)
    if folder is None:
        places = " or ".join(str(d / name) for d in corpora_dirs())
        raise RelexError(
            f"corpus {name!r} is not in {places}; "
            f"run `relex corpora fetch {name}`, or set RELEX_CORPORA to the folder that holds {name}/"
        )
    return spec.read(folder, **options)


def _options(spec: CorpusSpec, given: dict[str, str]) -> dict[str, str]:
    """The options that a corpus has; `split="shipped"` and empty ones may be given to all.

    Raises a `RelexError` for another option that it does not have.
    """
    for option, value in given.items():
        if option not in spec.options and value and (option, value) != ("split", "shipped"):
            has = f"it has {' and '.join(spec.options)}" if spec.options else "it has no options"
            raise RelexError(f"corpus {spec.name!r} has no option {option} ({value!r} was given); {has}")
    return {option: given[option] for option in spec.options}


def first_available(name: str, stand_in: str) -> str:
    """`name` when its files are on this machine, else the generator `stand_in`."""
    return name if find(name) else stand_in


__all__ = [
    "CORPORA", "PARTS", "Corpus", "CorpusSpec", "find", "fingerprint", "first_available", "load", "names", "title",
]  # fmt: skip
