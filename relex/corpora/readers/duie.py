"""duie: 11,398 sentences of DuIE 2.0, general-domain Chinese, with triples of strings.

Source: two files from its training part (5,000 and 4,398 sentences, none in both) and one of 2,000 sentences, which
is the test part here: a part of the whole data set, so scores are not those of its leaderboard.
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

TRAIN, TEST, SCHEMA = ("train_data_5000.json", "duie_train_4000.json"), "duie_dev.json", "duie_schema.json"
DEV = 0.1
"""Share of the training sentences that is development."""


def read(folder: Path, align: str = "") -> Corpus:
    """Read the corpus; a tenth of its training sentences, chosen with a fixed seed, is the development part.

    `align`: how mentions get their offsets, `nearest` (default), `first` or `all`, see `relex.mentions.align`.
    An object's further slots beside `@value` are left out. Relation types and their pairs of entity types are those
    of the schema file, all of them. `counts` tells, per part, what `spo.facts` does and `seen` texts.
    Raises a `RelexError` that names file and line for what cannot be used.
    """
    (policy,), facts = choose("duie", spo.OPTIONS, align=align), {}
    schema = spo.read_schema(folder / SCHEMA)
    train, test = (
        [d for name in names for d in first_error_raised(spo.scan_file(folder / name, schema, policy, facts))]
        for names in (TRAIN, (TEST,))
    )
    parts = deal(same_text(train), {"dev": DEV}) | {"test": tuple(test)}
    marks = [sha256(folder / name) for name in (*TRAIN, TEST, SCHEMA)]
    mark = fingerprint("duie", 2, policy, marks)
    return Corpus("duie", schema, **parts, fingerprint=mark, counts=spo.facts(parts, facts) | seen(parts))


def scan_folder(folder: Path) -> Iterator[tuple[Path, Iterable[Document | RelexError]]]:
    """Every file with its Documents and what is wrong with it."""
    return spo.scan_folder(folder, SCHEMA, (*TRAIN, TEST))


SPEC = CorpusSpec(
    name="duie",
    read=read,
    options=spo.OPTIONS,
    scan=scan_folder,
    marks=(SCHEMA, TEST, *TRAIN),
    sources=(
        *github("LawsonAbs/duie_py", "723fcfd6fcb5e0c9cf406e7c0815aeedb466dc29", "data", {
            "train_data_5000.json": "9e45957c779d9a0f5d77dc2192ab617441bca7734d1b65bfb771cf28f8103c0e",
        }),
        *github("ToddLynn/gd_medical_ie", "4a1b119f84afa8fed8ea1e767c1254656004a2f5", "data", {
            "duie_train_4000.json": "9c91d5df93cebc2d2f52a37e61225d033a2acfaef2f055ea4efc310c598f8d9a",
            "duie_dev.json": "b727e74c7b26193ab0b51cb1f82fa6327c097f6fe17a8a38d2e9a4192086e38e",
        }),
        *github("enria/DuIE", "551908623c5844f4d47e2a33679809ac05cb4270", "IE/data", {
            "duie_schema.json": "9d70dc15016236a9efa27ad0c9009f6774fae2036a3dd13e962060484ba2dfd3",
        }),
    ),
    licence="DuIE is distributed by its owner under terms of its own; these are copies in others' repositories.",
)  # fmt: skip
