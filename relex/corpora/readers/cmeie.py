"""cmeie: 3,585 sentences of CMeIE, Chinese medical text of paediatrics and of common diseases.

Source: its development part, the only labelled one here. It is split again, so scores are not comparable with those
on the test part of CBLUE.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from relex.corpora.corpus import Corpus, fingerprint
from relex.corpora.readers import spo
from relex.corpora.spec import CorpusSpec, choose, github
from relex.corpora.splits import deal, same_text, seen
from relex.documents import Document, first_error_raised
from relex.errors import RelexError
from relex.files import sha256

SENTENCES, SCHEMA = "CMeIE_dev.json", "53_schemas.json"
SHARES = {"test": 0.1, "dev": 0.1}


def read(folder: Path, align: str = "") -> Corpus:
    """Read the corpus, split 8:1:1 by sentence with a fixed seed; identical texts are in one part.

    `align`: how mentions get their offsets, `nearest` (default), `first` or `all`, see `relex.mentions.align`.
    Relation types and their pairs of entity types are those of the schema file. `counts` tells, per part, what
    `spo.facts` does and `seen` texts. Raises a `RelexError` that names file and line for what cannot
    be used.
    """
    (policy,), facts = choose("cmeie", spo.OPTIONS, align=align), {}
    schema = spo.read_schema(folder / SCHEMA)
    documents = first_error_raised(spo.scan_file(folder / SENTENCES, schema, policy, facts))
    parts = deal(same_text(documents), SHARES)
    marks = [sha256(folder / name) for name in (SENTENCES, SCHEMA)]
    mark = fingerprint("cmeie", 2, policy, marks)
    return Corpus("cmeie", schema, **parts, fingerprint=mark, counts=spo.facts(parts, facts) | seen(parts))


def scan_folder(folder: Path) -> Iterator[tuple[Path, Iterable[Document | RelexError]]]:
    """Every file with its Documents and what is wrong with it."""
    return spo.scan_folder(folder, SCHEMA, (SENTENCES,))


SPEC = CorpusSpec(
    name="cmeie",
    read=read,
    options=spo.OPTIONS,
    scan=scan_folder,
    marks=(SCHEMA, SENTENCES),
    sources=(
        *github("Sherlock-coder/CasRel", "967bc6e3443aea419367d7c64d1205cb48de242c", "data", {
            "CMeIE_dev.json": "cd17acdda862a25ba260ff8bcef551f4c86e0aaa762a990990c5de3a0d444d95",
        }),
        *github("xhw205/GPLinker_torch", "d065bd36eb0b26676db4be17fe88203796eef12d", "datasets", {
            "53_schemas.json": "c1db3686cc3d7e578de2be67cc61e4c7d64ea536f581d36ea42896d6cab6ca10",
        }),
    ),
    licence="CMeIE is distributed by its owner under terms of its own; these are copies in others' repositories.",
)  # fmt: skip
