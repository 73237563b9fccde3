"""What a corpus of triples gives away, counted: verbatim repeats, conflicts, ambiguous mentions, overlap.

Tables hold aggregates only, never text.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import pandas as pd

from relex.baselines import lookup
from relex.corpora import PARTS, Corpus
from relex.documents import Document, relation_counts
from relex.evaluation import extraction
from relex.evaluation.extraction import OVERLAPS


def documents(corpus: Corpus) -> list[Document]:
    """All Documents of a corpus, part by part."""
    return [document for part in PARTS for document in getattr(corpus, part)]


def conflicting_texts(some: Sequence[Document]) -> int:
    """How many texts occur with two or more different sets of triples, compared by offset."""
    found = defaultdict(set)
    for document in some:
        found[document.text].add(frozenset(extraction.offset_triples(document)))
    return sum(len(annotations) > 1 for annotations in found.values())


def type_mismatches(corpus: Corpus) -> int:
    """How many relations of a corpus join entity types that its schema does not join by that relation."""
    pairs = {r.name: set(r.pairs) for r in corpus.schema.relation_types}
    triples = (triple for document in documents(corpus) for triple in document.triples())
    return sum((head.type, tail.type) not in pairs[name] for head, name, tail in triples)


def split_facts(corpus: Corpus) -> dict[str, float]:
    """Sizes of the parts, and what a test score of this split may rest on.

    `test in train`: share of test texts that are verbatim in the training part, `test in train or dev` in either;
    `conflicting texts`: see `conflicting_texts`, over all parts; `type mismatches`: see `type_mismatches`.
    """
    train, dev = ({d.text for d in getattr(corpus, part)} for part in ("train", "dev"))
    test = [d.text for d in corpus.test]
    return corpus.sizes | {
        "triples": sum(len(d.relations) for d in documents(corpus)),
        "test in train": sum(text in train for text in test) / len(test),
        "test in train or dev": sum(text in train or text in dev for text in test) / len(test),
        "conflicting texts": conflicting_texts(documents(corpus)),
        "type mismatches": type_mismatches(corpus),
    }


def shortcut_scores(
    corpus: Corpus, names: Sequence[str] = ("lookup", "masked_lookup", "dictionary")
) -> dict[str, dict[str, float]]:
    """F1 of string triples on the test part, of baselines that read nothing: name → `all` and `unseen`.

    Unseen are texts that are verbatim neither in train nor in dev; left out when there are none.
    """
    seen = {d.text for part in ("train", "dev") for d in getattr(corpus, part)}
    scores = {}
    for name in names:
        predicted = lookup.SHORTCUTS[name](corpus.train, corpus.schema)(corpus.test)
        metrics, _ = extraction.evaluate(corpus.test, predicted, corpus.schema, seen)
        kinds = {"all": "triples.string.f1", "unseen": "unseen.triples.string.f1"}
        scores[name] = {kind: metrics[metric] for kind, metric in kinds.items() if metric in metrics}
    return scores


def overlap_counts(some: Sequence[Document]) -> pd.DataFrame:
    """Sentences and string triples by class of overlap: rows `sentences` and `triples`, columns of `OVERLAPS`.

    A sentence or a triple may be both `seo` and `epo`, so a row may add up to more than there are.
    """
    sentences, triples = Counter(), Counter()
    for document in some:
        found = extraction.string_triples(document)
        sentences.update(extraction.sentence_overlaps(found))
        triples.update(name for classes in extraction.triple_overlaps(found).values() for name in classes)
    rows = {"sentences": sentences, "triples": triples}
    return pd.DataFrame({name: [counts[name] for counts in rows.values()] for name in OVERLAPS}, index=list(rows))


def relation_table(some: Sequence[Document]) -> pd.Series:
    """How many triples each relation type has, the most frequent first."""
    return pd.Series(dict(relation_counts(some).most_common()), dtype=int)


def alignment_facts(corpora: dict[str, Corpus]) -> pd.DataFrame:
    """What each policy of alignment makes of the same string triples; `corpora` is policy → corpus, one row a policy.

    `string triples`, of which `ambiguous` have a mention that occurs more than once and `absent` one that is not in
    the text; `placed triples` is how many relations with offsets the policy makes of them, and `other than nearest`
    the share of Documents whose triples are not those that policy `nearest` gives.
    """
    nearest = [extraction.offset_triples(d) for d in documents(corpora["nearest"])]
    rows = {}
    for policy, corpus in corpora.items():
        triples, ambiguous, absent = (
            sum(corpus.counts[f"{part}.{name}"] for part in PARTS) for name in ("triples", "ambiguous", "absent")
        )
        placed = [extraction.offset_triples(d) for d in documents(corpus)]
        rows[policy] = {
            "string triples": triples, "ambiguous": ambiguous, "absent": absent,
            "placed triples": sum(map(len, placed)),
            "other than nearest": sum(a != b for a, b in zip(placed, nearest, strict=True)) / len(placed),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")
