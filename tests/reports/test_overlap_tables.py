"""Tables by classes of overlap and by order, on records and documents made by hand."""

import made
import numpy as np
import pytest

from relex import corpora
from relex.documents import Document, Relation, Span
from relex.reports import overlap

SPANS = (Span(0, 3, "part"), Span(3, 8, "finding"), Span(9, 12, "part"), Span(12, 17, "finding"))
TEXT = "前降支狭窄80%，回旋支狭窄50%。"
OWN = Document("own", TEXT, SPANS, (Relation(0, 1, "shows"), Relation(2, 3, "shows")))
SHARED = Document("shared", TEXT, SPANS, (Relation(0, 1, "shows"), Relation(0, 3, "shows")))


def counts(normal=(1, 1), seo=(3, 1)):
    """Counts of a record: true positives and misses by class, of sentences and triples alike, and `unordered`."""
    found = {"n": 400, "triples.offset.tp": 4, "triples.offset.fn": 2, "test.unordered": 2}
    for name, (tp, fn) in {"normal": normal, "seo": seo, "epo": (0, 0)}.items():
        for by in ("overlap", "overlap.triple"):
            found |= {f"{by}.{name}.tp": tp, f"{by}.{name}.fn": fn, f"{by}.{name}.fp": 0}
        found[f"overlap.{name}.n"] = tp + fn
    return found


def test_documents_are_told_apart_by_overlap_and_by_order():
    (_, by_overlap), (_, by_order) = overlap.KINDS["overlap"], overlap.KINDS["order"]
    assert by_overlap(OWN) == {"normal"} and by_order(OWN) == {"different orders"}
    assert by_overlap(SHARED) == {"seo"} and by_order(SHARED) == {"one order"}


def test_masks_are_of_the_test_documents_of_a_record():
    corpus = corpora.load("angiography", "distinct")
    run = made.record("A", documents=len(corpus.test), corpus="angiography", split="distinct", stand_in=True)
    run["corpus"]["fingerprint"] = corpus.fingerprint
    found = overlap.masks(run, "order")
    assert list(found) == list(overlap.ORDERS)
    assert (found["one order"] ^ found["different orders"]).all() and found["different orders"].any()
    assert overlap.masks(run | {"corpus": run["corpus"] | {"fingerprint": "other"}}, "order") is None


def test_differences_by_class_are_one_family(monkeypatch):
    masks = {"normal": np.arange(400) < 200, "seo": np.arange(400) >= 200, "epo": np.zeros(400, bool)}
    monkeypatch.setattr(overlap, "masks", lambda one, kind: masks)
    records = [made.counted("dictionary"), *made.seeds("A", (0.9,) * 3), *made.seeds("B", (0.5,) * 3)]
    found = overlap.differences(records, "A", "B", "overlap", {"seo": 0.02})
    assert list(found.index) == ["normal", "seo"] and (found["verdict"] == "higher").all()
    assert np.isnan(found["printed"].iloc[0]) and found["printed"].iloc[1] == 0.02
    table, said = overlap.told(found)
    assert len(table) == 2 and said == "Of 2 comparisons: 2 *higher*."
    monkeypatch.setattr(overlap, "masks", lambda one, kind: None)
    (said,) = overlap.told(overlap.differences(records, "A", "B", "overlap"))
    assert "not at hand" in said


def test_counts_of_classes_and_their_distance():
    metrics = {"overlap.normal.f1": 0.8, "overlap.seo.f1": 0.9, "overlap.normal.r": 0.5}
    run = made.record("A", metrics=metrics) | {"counts": counts()}
    classes = overlap.counts(run)
    assert classes["normal"].tolist() == [2, 2, 2] and classes["seo"].tolist() == [4, 4, 4]
    assert "behind normal and seo and epo" in overlap.few(classes) and overlap.few(classes + 30) == ""
    printed = {"A": {"overlap.normal.f1": 75.0, "overlap.seo.f1": 70.0}}
    assert overlap.costs([run], printed) == (
        "- A: normal sentences score 10.0 points lower than SEO sentences; printed, 5.0 points higher"
    )
    empty = run | {"counts": counts(normal=(0, 0))}
    assert overlap.costs([empty], {}) == "- A: one of the two classes is empty"
    assert overlap.table({}, [run], [], "r").loc["A", ("normal", "recorded")] == "50.0"
    assert "2 of 6 test triples" in overlap.share(run)


@pytest.mark.parametrize("kind", overlap.KINDS)
def test_a_corpus_that_is_not_here_has_no_masks(kind, monkeypatch, tmp_path):
    monkeypatch.setenv("RELEX_CORPORA", str(tmp_path))
    assert overlap.masks(made.record("A"), kind) is None
