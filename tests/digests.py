"""One sum of all that a corpus is, for tests that hold it to what it was when the published records were made."""

import hashlib
import json
from dataclasses import asdict

from relex.corpora import PARTS


def digest(corpus):
    """The first half of the sha256 of name, schema, documents, fingerprint and counts."""
    parts = [[document.to_json() for document in getattr(corpus, part)] for part in PARTS]
    counts = sorted(corpus.counts.items())
    value = [corpus.name, asdict(corpus.schema), parts, corpus.fingerprint, corpus.stand_in, counts]
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()[:32]
