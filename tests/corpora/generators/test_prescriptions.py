"""The generated English statements: valid, all of their words placed right, and nothing of what is denied related."""

from collections import Counter

import pytest
from parts import every

from relex.corpora.generators.prescriptions.generate import SCHEMA, frames, generate, words
from relex.errors import RelexError


@pytest.fixture(scope="module")
def corpus():
    return generate()


def test_documents_are_valid(corpus):
    documents = every(corpus)
    assert corpus.sizes == {"train": 700, "dev": 100, "test": 200} and corpus.stand_in
    assert len({d.text for d in documents}) == len(documents) == len({d.id for d in documents})
    for d in documents:
        d.check()
        SCHEMA.check(d)
        assert d.text.endswith(".") and not set("{}<>|()") & set(d.text) and "  " not in d.text
        known = {"Disease": words.disease, "Effect": words.effect, "Dose": words.dose}
        for number, span in enumerate(d.entities):
            mention = d.mention(number)
            if span.type in known:
                assert mention[:1].lower() + mention[1:] in known[span.type]
            else:
                assert mention.isalpha()


def test_every_relation_is_there_and_drugs_of_the_test_are_mostly_new(corpus):
    found = Counter(r.type for d in every(corpus) for r in d.relations)
    assert set(found) == set(SCHEMA.relation_names) and min(found.values()) > 100
    named = [
        {d.mention(i).lower() for d in part for i, s in enumerate(d.entities) if s.type == "Drug"}
        for part in (corpus.train, corpus.test)
    ]
    assert len(named[1] - named[0]) > 0.6 * len(named[1])
    assert corpus.counts["two_clauses"] > 300 and corpus.counts["nothing_stated"] > 60


def test_what_is_unstated_has_no_relations():
    assert all(frame.relations for frame in frames.stated) and not any(frame.relations for frame in frames.unstated)


def test_too_few_texts():
    with pytest.raises(RelexError, match="prescriptions cannot have 3 texts; give at least 20"):
        generate(3)
