"""Tables by what stands beside a triple in its sentence: classes of overlap, and the order that subjects ask for."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from relex import corpora
from relex.corpora.corpus import subsample
from relex.documents import Document
from relex.evaluation import extraction
from relex.evaluation.extraction import OVERLAPS
from relex.reports import compare, results, tables, words

ORDERS = ("one order", "different orders")
"""Whether all subjects of a document could have their objects from one order of its tokens, relation by relation."""


def _overlaps(document: Document) -> frozenset[str]:
    return extraction.sentence_overlaps(extraction.string_triples(document))


def _order(document: Document) -> frozenset[str]:
    triples = {(h.start, h.end, name, t.start, t.end) for h, name, t in document.triples()}
    return frozenset({ORDERS[bool(extraction.unordered(triples))]})


KINDS = {"overlap": (OVERLAPS, _overlaps), "order": (ORDERS, _order)}
"""What documents are told apart by: the names of the classes, and the classes of a document."""


def masks(record: dict, kind: str) -> dict[str, np.ndarray] | None:
    """Which test documents of a record are of each class of `KINDS` (N, bool); None where its corpus is not at hand."""
    config = record["config"]
    if config["corpus"] in corpora.names(stand_in=False) and not corpora.find(config["corpus"]):
        return None
    corpus = corpora.load(config["corpus"], config["split"], config["unit"], config["align"])
    test = subsample(corpus.test, config["test_limit"])
    if corpus.fingerprint != record["corpus"]["fingerprint"] or len(test) != record["counts"]["n"]:
        return None
    names, classes_of = KINDS[kind]
    classes = [classes_of(document) for document in test]
    return {name: np.array([name in of for of in classes]) for name in names}


def differences(
    records: Sequence[dict], a: str, b: str, kind: str, printed: dict[str, float] | None = None
) -> pd.DataFrame:
    """Row A minus row B in F1 of string triples, on the documents of each class of a `kind` of `KINDS`.

    As `compare.differences`, all lines one family; `printed` maps class → printed difference, a fraction. Empty where
    the corpus of the records is not at hand: a record does not tell of which class a document is. Classes without
    documents are left out.
    """
    expected = printed or {}
    found = masks(results.of_row(records, a)[0], kind) or {}
    return compare.together(
        {
            name: compare.differences(records, [(a, b)], compare.STRING, {(a, b): expected.get(name, np.nan)}, mask)
            for name, mask in found.items()
            if mask.any()
        }
    )


def told(found: pd.DataFrame) -> tuple:
    """A table of `differences` for display and its verdicts in a sentence, or why there is none."""
    if found.empty:
        return ("The corpus of these records is not at hand, so documents cannot be put in classes here.",)
    return words.in_points(found), words.summary(found)


def table(
    printed: dict[str, dict[str, float]],
    recorded: Sequence[dict],
    here: Sequence[dict],
    score: str = "f1",
    by: str = "overlap",
) -> pd.DataFrame:
    """`tables.comparison` of `p`, `r` or `f1` by overlap, a column for each of normal, SEO, EPO.

    `by` is `overlap` (by sentence) or `overlap.triple`; `printed` is `printed.rows("cbrrel", "overlap_casmed")`.
    """
    return tables.comparison({f"{by}.{name}.{score}": name for name in OVERLAPS}, printed, recorded, here)


def counts(record: dict) -> pd.DataFrame:
    """How many test sentences and gold triples of a record are of each class of overlap, a column each."""
    found = record["counts"]

    def gold(by: str, name: str) -> int:
        return found[f"{by}.{name}.tp"] + found[f"{by}.{name}.fn"]

    return pd.DataFrame({
        name: {
            "test sentences": found[f"overlap.{name}.n"],
            "their gold triples": gold("overlap", name),
            "gold triples of the class": gold("overlap.triple", name),
        }
        for name in OVERLAPS
    })  # fmt: skip


def few(classes: pd.DataFrame) -> str:
    """Which columns of `counts` have fewer than 30 sentences, in a sentence; empty where none has."""
    names = classes.columns[classes.loc["test sentences"] < 30]
    return f"Fewer than 30 sentences are behind {' and '.join(names)}: read nothing into these scores." * bool(
        len(names)
    )


def costs(records: Sequence[dict], printed: dict[str, dict[str, float]]) -> str:
    """How far apart normal and SEO sentences score with each trained row, measured and printed; Markdown."""

    def apart(points: float) -> str:
        return f"{abs(points):.1f} points {'higher' if points >= 0 else 'lower'}"

    lines = []
    for row in results.rows_in_order(results.trained(records)):
        normal, seo = (results.values(records, row, f"overlap.{name}.f1") for name in ("normal", "seo"))
        if not (normal and seo):
            lines.append(f"- {row}: one of the two classes is empty")
            continue
        cells = [printed.get(row, {}).get(f"overlap.{name}.f1", np.nan) for name in ("normal", "seo")]
        beside = f"; printed, {apart(cells[0] - cells[1])}" if np.isfinite(cells).all() else ""
        measured = apart(100 * (np.mean(normal) - np.mean(seo)))
        lines.append(f"- {row}: normal sentences score {measured} than SEO sentences{beside}")
    return "\n".join(lines)


def share(record: dict) -> str:
    """How many test triples of a record no order of the tokens gives to all subjects of their relation; Markdown."""
    found = record["counts"]
    total = found["triples.offset.tp"] + found["triples.offset.fn"]
    return (
        f"**{results.origin(record)}**: {found['test.unordered']:,} of {total:,} test triples belong to a relation "
        "whose subjects need their objects in different orders."
    )
