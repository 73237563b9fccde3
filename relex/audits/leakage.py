"""What of a test part the training part gives away, for every corpus and split: counted, never shown as text."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from relex import corpora
from relex.audits.pairs import same_mentions, same_text
from relex.corpora import Corpus
from relex.corpora.similarity import NGRAM, THRESHOLD, masked, near_duplicates

MEANING = {
    "verbatim": "the text is a training text, character for character",
    "but for numbers": "the text is a training text once every number is masked",
    "near duplicate": (
        f"after the mask, the text is a training text or its character {NGRAM}-grams have with those of one a Jaccard "
        f"index of at least {THRESHOLD}"
    ),
    "pair": "head and tail are those of a training row; only where a row has one pair",
}
"""What is counted; each of the first three includes the one before."""


def splits(name: str) -> tuple[str, ...]:
    """The splits of a corpus, the primary one first; one empty name when it comes in one.

    Without `shipped` of a stand-in, which is another name of one of its splits.
    """
    if name not in corpora.CORPORA:
        return ("",)
    spec = corpora.CORPORA[name]
    known = [s for s in spec.options.get("split", ("",)) if not (spec.stand_in and s == "shipped")]
    return tuple(sorted(known, key=lambda split: split != "novel"))


def masks(corpus: Corpus) -> dict[str, np.ndarray]:
    """Which test documents (N, bool) are given away, by the names of `MEANING`; `pair` for classification alone."""
    train, test = ([masked(d.text) for d in part] for part in (corpus.train, corpus.test))
    known = set(train)
    found = {
        "verbatim": same_text(corpus.test, corpus.train),
        "but for numbers": np.array([text in known for text in test]),
        "near duplicate": near_duplicates(test, train),
    }
    documents = (*corpus.train, *corpus.test)
    if all(len(d.entities) == 2 and len(d.relations) == 1 for d in documents):
        found["pair"] = same_mentions(corpus.test, corpus.train)
    return found


def table(names: Iterable[str]) -> pd.DataFrame:
    """One line for each corpus and split: `documents` of the test part, and counts by the names of `MEANING`.

    The index is (corpus, split), the split empty where there is one alone. Real corpora without files are left out,
    and a count that a corpus cannot have is missing.
    """
    lines = {}
    for name in dict.fromkeys(names):
        if name in corpora.names(stand_in=False) and not corpora.find(name):
            continue
        for split in splits(name):
            corpus = corpora.load(name, split)
            counts = {what: int(mask.sum()) for what, mask in masks(corpus).items()}
            lines[name, split] = {"documents": len(corpus.test)} | counts
    found = pd.DataFrame.from_dict(lines, orient="index", columns=["documents", *MEANING]).astype("Int64")
    found.index = pd.MultiIndex.from_tuples(lines, names=["corpus", "split"])
    return found


def with_shares(counts: pd.DataFrame) -> pd.DataFrame:
    """The lines of `table` as text: every count with its share of the test documents."""
    shown = counts[["documents"]].map("{:,}".format)
    for what in MEANING:
        pairs = zip(counts[what], counts["documents"], strict=True)
        shown[what] = ["–" if pd.isna(n) else f"{n:,} ({n / of:.1%})" for n, of in pairs]
    return shown


def told() -> str:
    """What the columns mean, as Markdown."""
    return "Of the test documents, how many training gives away. " + " ".join(
        f"*{what[0].upper()}{what[1:]}*: {meaning}." for what, meaning in MEANING.items()
    )


def by_split(counts: pd.DataFrame, names: Iterable[str] = ("distinct", "novel")) -> str:
    """What the lines of `table` say of these splits, a list in Markdown."""
    lines = []
    for (corpus, split), n in counts.iterrows():
        if split in names:
            lines.append(
                f"- `{corpus}`, split `{split}`: of {n['documents']:,} test segments {n['verbatim']:,} are verbatim in "
                f"training, {n['but for numbers']:,} but for numbers, {n['near duplicate']:,} are near duplicates."
            )
    return "\n".join(lines)


def generated(counts: pd.DataFrame) -> str:
    """Which corpora of `table` are generated, a sentence."""
    names = dict.fromkeys(counts.index.get_level_values("corpus"))
    stand_ins = [name for name in names if name in corpora.names(stand_in=True)]
    return f"Generated stand-ins: {', '.join(stand_ins) or 'none'}; the others are real text."
