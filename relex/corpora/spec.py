"""All that is known of a corpus, in one place: the `CorpusSpec` at the end of its reader or generator."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from relex.corpora.corpus import Corpus
from relex.documents import Document
from relex.errors import RelexError


@dataclass(frozen=True)
class Source:
    """One file: `file` is its place in the corpus folder, `path` its place in `repository` (OWNER/NAME) at `commit`.

    `sha256` is that of the stored file. With a `key`, that is only the value under this key of the repository's JSON
    file, whose own sha256 is `whole`.
    """

    file: str
    repository: str
    commit: str
    path: str
    sha256: str
    key: str = ""
    whole: str = ""


def github(repository: str, commit: str, folder: str, sums: dict[str, str]) -> tuple[Source, ...]:
    """Sources of one folder of a public GitHub repository: `sums` maps a file, as it is to be stored, to its sha256.

    `A=B` stores as A what the folder has as B.
    """
    sources = []
    for names, digest in sums.items():
        stored, _, original = names.partition("=")
        sources.append(Source(stored, repository, commit, f"{folder}/{original or stored}", digest))
    return tuple(sources)


@dataclass(frozen=True)
class CorpusSpec:
    """A corpus by `name`; `title` is its name in the book, where it has another there.

    `read` makes the Corpus: of the folder that holds the files, or, for a `stand_in`, which is generated, of nothing.
    `options` are what `read` takes besides, by keyword, with the values it knows, the default first.

    Real corpora only: `scan` yields every file of a folder (or the one file, where a corpus may be a single one) with
    its Documents and what is wrong with it. `marks` are names of files that only its folder has; a corpus without such
    names says with `recognise` whether a path is one of its own. `sources` are its public files, and `licence` is what
    is known of its licence, told before anything is downloaded.
    """

    name: str
    read: Callable[..., Corpus]
    title: str = ""
    stand_in: bool = False
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scan: Callable[[Path], Iterable[tuple[Path, Iterable[Document | RelexError]]]] | None = None
    marks: tuple[str, ...] = ()
    recognise: Callable[[Path], bool] | None = None
    sources: tuple[Source, ...] = ()
    licence: str = ""


def choose(corpus: str, options: dict[str, tuple[str, ...]], **given: str) -> tuple[str, ...]:
    """The values given for options of a corpus, the default for an empty one; a `RelexError` for an unknown one."""
    for option, value in given.items():
        if value and value not in options[option]:
            raise RelexError(f"{corpus} has no {option} {value!r}; known are {', '.join(options[option])}")
    return tuple(value or options[option][0] for option, value in given.items())
