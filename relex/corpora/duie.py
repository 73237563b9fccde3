"""duie: 11,398 sentences of DuIE 2.0, general-domain Chinese, with triples of strings.

Source: two files from its training part (5,000 and 4,398 sentences, none in both) and one of 2,000 sentences, which
is the test part here: a part of the whole data set, so scores are not those of its leaderboard.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from relex.corpora import spo
from relex.corpora.corpus import Corpus, fingerprint
from relex.corpora.dealing import deal, same_text, seen
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
    of the schema file, all of them. `counts` tells, per part, what `relex.corpora.spo.facts` does and `seen` texts.
    Raises a `RelexError` that names file and line for what cannot be used.
    """
    policy, facts = spo.policy("duie", align), {}
    schema = spo.read_schema(folder / SCHEMA)
    train, test = (
        [d for name in names for d in first_error_raised(spo.scan_file(folder / name, schema, policy, facts))]
        for names in (TRAIN, (TEST,))
    )
    parts = deal(same_text(train), {"dev": DEV}) | {"test": tuple(test)}
    marks = [sha256(folder / name) for name in (*TRAIN, TEST, SCHEMA)]
    mark = fingerprint("duie", 1, policy, marks)
    return Corpus("duie", schema, **parts, fingerprint=mark, counts=spo.facts(parts, facts) | seen(parts))


def scan_folder(folder: Path) -> Iterator[tuple[Path, Iterable[Document | RelexError]]]:
    """Every file with its Documents and what is wrong with it."""
    return spo.scan_folder(folder, SCHEMA, (*TRAIN, TEST))
