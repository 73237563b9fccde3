"""Leakage and ambiguity in a relation classification corpus: what makes a test score look better or mean less.

Functions of documents give one boolean a document (N), so that a score can be recomputed on the rows that are
clean. `audit` counts them all; its table holds aggregates only, never text.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from relex.corpora import PARTS, Corpus
from relex.corpora.similarity import near_duplicates
from relex.documents import Document
from relex.evaluation.classification import labels, pair
from relex.mentions import find_all

Key = tuple[str, str, str]
Mark = tuple[str, str]

COMPARED = (("dev", "train"), ("test", "train"), ("test", "dev"))
"""Pairs of parts that should share nothing."""

NGRAM = 5
"""Characters of the n-grams that near duplicates share."""

HEAD_MARKS, TAIL_MARKS = ("[E1]", "[/E1]"), ("[E2]", "[/E2]")


def key(document: Document) -> Key:
    """What a classifier is asked about: text, head and tail."""
    return document.text, document.mention(0), document.mention(1)


def same_text(documents: Sequence[Document], others: Iterable[Document]) -> np.ndarray:
    """Whether the text occurs verbatim among the texts of `others`; N."""
    known = {d.text for d in others}
    return _mask(documents, lambda d: d.text in known)


def same_pair(documents: Sequence[Document], others: Iterable[Document]) -> np.ndarray:
    """Whether text, head and tail all occur together in one of `others`: the very same question; N."""
    known = {key(d) for d in others}
    return _mask(documents, lambda d: key(d) in known)


def same_mentions(documents: Sequence[Document], others: Iterable[Document]) -> np.ndarray:
    """Whether one of `others` has the same head and the same tail, whatever its text; N."""
    known = {key(d)[1:] for d in others}
    return _mask(documents, lambda d: key(d)[1:] in known)


def unseen_pair(documents: Sequence[Document], others: Iterable[Document]) -> np.ndarray:
    """Whether `others` have neither the text nor the two mentions in either order; N."""
    others = list(others)
    known = {pair(d) for d in others}
    return ~same_text(documents, others) & _mask(documents, lambda d: pair(d) not in known)


def told_by_pair(documents: Sequence[Document], others: Iterable[Document]) -> tuple[int, int]:
    """How many documents have head and tail of one of `others`, and of these how many the label that most such have.

    So many would a table of head and tail get right without any sentence. Of equally frequent labels the first counts.
    """
    given, others = defaultdict(Counter), list(others)
    for other, label in zip(others, labels(others), strict=True):
        given[key(other)[1:]][label] += 1
    known = {mentions: counted.most_common(1)[0][0] for mentions, counted in given.items()}
    asked = [(key(d)[1:], label) for d, label in zip(documents, labels(documents), strict=True)]
    told = [known[mentions] == label for mentions, label in asked if mentions in known]
    return len(told), sum(told)


def told(corpus: Corpus) -> str:
    """What the training part says of head and tail of test rows, in two sentences."""
    repeated, right = told_by_pair(corpus.test, corpus.train)
    new = unseen_pair(corpus.test, corpus.train).sum()
    return (
        f"{repeated:,} of the {len(corpus.test):,} test rows have head and tail of a training row; the label that most "
        f"such rows have is right for {right:,} of them. {new:,} test rows have neither a sentence nor a pair of "
        "training, in either order."
    )


def subsets(documents: Sequence[Document], others: Iterable[Document]) -> dict[str, np.ndarray]:
    """Test rows on which `others` are of less help, N bool each: `unseen` text, `unseen text and pair`, `clean`.

    Clean: no near duplicate of a training text, and both mentions are in it.
    """
    others = list(others)
    return {
        "unseen": ~same_text(documents, others),
        "unseen text and pair": unseen_pair(documents, others),
        "clean": ~near_duplicate(documents, others) & ~absent(documents, 0) & ~absent(documents, 1),
    }


def near_duplicate(
    documents: Sequence[Document], others: Iterable[Document], threshold: float = 0.8, block: int = 500
) -> np.ndarray:
    """Whether some text of `others` has a Jaccard index of at least `threshold` with the text; N.

    The index compares sets of character 5-grams, see `relex.corpora.similarity.near_duplicates`. Verbatim duplicates
    have index 1 and are included; texts under 5 characters have no 5-gram and only match verbatim. `block` rows of
    the sparse product are held at a time; it changes no result.
    """
    return near_duplicates([d.text for d in documents], [d.text for d in others], NGRAM, threshold, block)


def conflicting_keys(documents: Iterable[Document]) -> set[Key]:
    """The (text, head, tail) that carry more than one label."""
    given = defaultdict(set)
    for document, label in zip(documents, labels(documents), strict=True):
        given[key(document)].add(label)
    return {k for k, names in given.items() if len(names) > 1}


def absent(documents: Sequence[Document], index: int) -> np.ndarray:
    """Whether the text does not contain entity `index` (0 head, 1 tail): a placeholder, or left out; N."""
    return _mask(documents, lambda d: d.entities[index].absent)


def ambiguous(documents: Sequence[Document]) -> np.ndarray:
    """Whether head or tail occurs more than once, so that the strings alone do not say which one is meant; N."""
    return _mask(documents, lambda d: any(len(find_all(d.text, d.mention(i))) > 1 for i in (0, 1)))


def nested(documents: Sequence[Document], inner: int) -> np.ndarray:
    """Whether the mention of entity `inner` (0 head, 1 tail) is a proper part of the other one's; N.

    Compares strings, wherever they stand; rows with an absent mention never count.
    """

    def is_nested(document: Document) -> bool:
        part, whole = document.mention(inner), document.mention(1 - inner)
        return _both_present(document) and part != whole and part in whole

    return _mask(documents, is_nested)


def replacement_loses_tail(
    documents: Sequence[Document], head_marks: Mark = HEAD_MARKS, tail_marks: Mark = TAIL_MARKS
) -> np.ndarray:
    """Whether marking by `str.replace`, every head and then every tail, leaves no tail to mark; N.

    That happens when the head stands inside the tail and its marks cut the tail in two.
    """

    def loses(document: Document) -> bool:
        _, head, tail = key(document)
        return _both_present(document) and tail not in document.text.replace(head, head_marks[0] + head + head_marks[1])

    return _mask(documents, loses)


def replacement_marks_inside_head(
    documents: Sequence[Document], head_marks: Mark = HEAD_MARKS, tail_marks: Mark = TAIL_MARKS
) -> np.ndarray:
    """Whether marking by `str.replace` puts tail marks between the head's own marks, or into them; N.

    That happens when the tail is a part of the head, or equal to it, or a part of a mark ("E1").
    """

    def inside(document: Document) -> bool:
        text, head, tail = key(document)
        marked_head = head_marks[0] + head + head_marks[1]
        marked = text.replace(head, marked_head).replace(tail, tail_marks[0] + tail + tail_marks[1])
        return _both_present(document) and marked_head not in marked

    return _mask(documents, inside)


def sizes(corpus: Corpus) -> pd.DataFrame:
    """What the parts of a corpus hold, a column each: documents, characters, distinct sentences, distinct pairs."""
    columns = {}
    for part in PARTS:
        documents = getattr(corpus, part)
        lengths = [len(d.text) for d in documents]
        columns[part] = {
            "documents": len(documents),
            "characters, mean": round(np.mean(lengths)),
            "characters, longest": max(lengths),
            "distinct sentences": len({d.text for d in documents}),
            "distinct pairs": len({key(d)[1:] for d in documents}),
        }
    return pd.DataFrame(columns)


def lengths(corpus: Corpus) -> pd.DataFrame:
    """Class and number of `characters` of each training document."""
    return pd.DataFrame({"class": labels(corpus.train), "characters": [len(d.text) for d in corpus.train]})


def audit(corpus: Corpus) -> pd.DataFrame:
    """All findings: columns `finding, part, count, of, share`, one row a finding and part.

    `of` is the number of documents in the part; for label conflicts, of distinct (text, head, tail). Part `all`
    takes the three parts together, and `across` is what `all` has and no part has within itself.
    """
    parts = {part: getattr(corpus, part) for part in PARTS}
    rows = []
    for finding, compare in BETWEEN_PARTS.items():
        for part, other in COMPARED:
            mask = compare(parts[part], parts[other])
            rows.append((f"{finding} {other}", part, int(mask.sum()), len(mask)))
    rows.extend(_conflicts(parts))
    for finding, check in WITHIN_PART.items():
        for part, documents in parts.items():
            mask = check(documents)
            rows.append((finding, part, int(mask.sum()), len(mask)))
    table = pd.DataFrame(rows, columns=["finding", "part", "count", "of"])
    return table.assign(share=table["count"] / table["of"])


BETWEEN_PARTS: dict[str, Callable[[Sequence[Document], Iterable[Document]], np.ndarray]] = {
    "same text in": same_text,
    "near duplicate text in": near_duplicate,
    "same text, head and tail in": same_pair,
    "same head and tail in": same_mentions,
    "neither the text nor head and tail in": unseen_pair,
}

WITHIN_PART: dict[str, Callable[[Sequence[Document]], np.ndarray]] = {
    "absent head": lambda documents: absent(documents, 0),
    "absent tail": lambda documents: absent(documents, 1),
    "head or tail occurs more than once": ambiguous,
    "head is part of tail": lambda documents: nested(documents, 0),
    "tail is part of head": lambda documents: nested(documents, 1),
    "marking by replacement loses the tail": replacement_loses_tail,
    "marking by replacement marks inside the head": replacement_marks_inside_head,
}


def _conflicts(parts: dict[str, Sequence[Document]]) -> list[tuple[str, str, int, int]]:
    finding = "same text, head and tail with two labels"
    everything = [d for documents in parts.values() for d in documents]
    within = {part: conflicting_keys(documents) for part, documents in parts.items()}
    together = conflicting_keys(everything)
    total = len({key(d) for d in everything})
    rows = [(finding, part, len(keys), len({key(d) for d in parts[part]})) for part, keys in within.items()]
    across = together - set().union(*within.values())
    return [*rows, (finding, "across", len(across), total), (finding, "all", len(together), total)]


def _both_present(document: Document) -> bool:
    return not any(span.absent for span in document.entities[:2])


def _mask(documents: Sequence[Document], check: Callable[[Document], bool]) -> np.ndarray:
    return np.fromiter((check(d) for d in documents), dtype=bool, count=len(documents))
