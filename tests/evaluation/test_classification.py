import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from relex.documents import Document, Relation, Span
from relex.errors import RelexError
from relex.evaluation import classification
from relex.reports.compare import class_ids
from relex.runs.scoring import answers

CLASSES = ("treats", "causes", "same as", "found by")
TEXT = "阿司匹林可缓解头痛。"


def document(number, label, text=TEXT):
    return Document(str(number), text, (Span(0, 4, "entity"), Span(7, 9, "entity")), (Relation(0, 1, label),))


def documents(names):
    return [document(i, name) for i, name in enumerate(names)]


pairs = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=40)


@given(pairs)
@settings(deadline=None)
def test_scores_equal_scikit_learn(pairs):
    gold, predicted = zip(*pairs, strict=True)
    matrix = classification.confusion(documents(gold), documents(predicted), CLASSES)
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(gold, predicted, labels=CLASSES))
    options = {"labels": CLASSES, "zero_division": 0}
    p, r, f1, support = sk.precision_recall_fscore_support(gold, predicted, **options)
    scores = classification.scores(matrix)
    assert scores.pop("recall_weighted_micro_f1") >= 0
    assert scores == pytest.approx(
        {
            "accuracy": sk.accuracy_score(gold, predicted),
            "macro_p": sk.precision_score(gold, predicted, average="macro", **options),
            "macro_r": sk.recall_score(gold, predicted, average="macro", **options),
            "macro_f1": sk.f1_score(gold, predicted, average="macro", **options),
            "micro_f1": sk.f1_score(gold, predicted, average="micro", **options),
            "f1_range": max(f1) - min(f1),
        }
    )
    table = classification.per_class(matrix, CLASSES)
    assert list(table.index) == list(CLASSES)
    np.testing.assert_allclose(table.to_numpy(), np.column_stack([p, r, f1, support]))


def recall_weighted_loop(gold, predicted):
    tp_sum = fp_sum = fn_sum = 0.0
    for name in CLASSES:
        tp = sum(g == name and p == name for g, p in zip(gold, predicted, strict=True))
        fp = sum(g != name and p == name for g, p in zip(gold, predicted, strict=True))
        fn = sum(g == name and p != name for g, p in zip(gold, predicted, strict=True))
        recall = tp / (tp + fn) if tp + fn else 0
        tp_sum, fp_sum, fn_sum = tp_sum + recall * tp, fp_sum + recall * fp, fn_sum + recall * fn
    if tp_sum == 0:
        return 0.0
    precision, recall = tp_sum / (tp_sum + fp_sum), tp_sum / (tp_sum + fn_sum)
    return 2 * precision * recall / (precision + recall)


@given(pairs)
def test_recall_weighted_f1_equals_a_plain_loop(pairs):
    gold, predicted = zip(*pairs, strict=True)
    matrix = classification.confusion(documents(gold), documents(predicted), CLASSES)
    assert classification.recall_weighted_micro_f1(matrix) == pytest.approx(recall_weighted_loop(gold, predicted))


@given(pairs)
def test_weighting_by_recall_never_lowers_recall(pairs):
    gold, predicted = zip(*pairs, strict=True)
    assume(any(g == p for g, p in pairs))
    matrix = classification.confusion(documents(gold), documents(predicted), CLASSES)
    true, support = np.diag(matrix), matrix.sum(axis=1)
    recall = np.divide(true, support, out=np.zeros(len(CLASSES)), where=support > 0)
    assert (recall * true).sum() / (recall * support).sum() >= np.trace(matrix) / matrix.sum() - 1e-12


def test_recall_weighted_f1_by_hand():
    # recalls 1 and 1/2: TP 2·1 + 1·½ = 2.5, FP 1·1 + 0, FN 0 + 1·½; P = 2.5/3.5, R = 2.5/3, F1 = 5/6.5
    matrix = np.array([[2, 0], [1, 1]])
    assert classification.recall_weighted_micro_f1(matrix) == pytest.approx(5 / 6.5)
    assert classification.scores(matrix)["micro_f1"] == 0.75


def test_evaluate_scores_unseen_texts_apart():
    gold = [
        document(0, "treats"),
        document(1, "causes", "吸烟会导致肺癌吗？"),
        document(2, "causes", "咳嗽常见于感冒。"),
    ]
    predicted = [document(0, "causes"), *gold[1:]]
    metrics, counts = classification.evaluate(gold, predicted, CLASSES, {TEXT})
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    assert metrics["unseen.accuracy"] == 1
    assert {name.removeprefix("unseen.") for name in metrics if name.startswith("unseen.")} == {
        name for name in metrics if "." not in name
    }
    assert (counts["n"], counts["unseen.n"]) == (3, 2)
    assert counts["confusion"] == [[0, 1, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert classification.scores(np.array(counts["unseen.confusion"])) == {
        name.removeprefix("unseen."): value for name, value in metrics.items() if name.startswith("unseen.")
    }


def test_evaluate_scores_unseen_pairs_of_unseen_texts_apart():
    texts = (TEXT, "吸烟会导致肺癌吗？", "阿司匹林又称头痛。", "咳嗽常见于感冒。")
    gold = [document(i, label, text) for i, (label, text) in enumerate(zip(CLASSES, texts, strict=True))]
    predicted = [document(d.id, "causes", d.text) for d in gold]
    seen = [frozenset((d.mention(1), d.mention(0))) for d in gold[1:2]]  # in either order
    metrics, counts = classification.evaluate(gold, predicted, CLASSES, {TEXT}, seen)
    assert (counts["n"], counts["unseen.n"], counts["unseen_pair.n"]) == (4, 3, 2)
    assert metrics["unseen.accuracy"] == pytest.approx(1 / 3) and metrics["unseen_pair.accuracy"] == 0
    assert classification.scores(np.array(counts["unseen_pair.confusion"])) == {
        name.removeprefix("unseen_pair."): v for name, v in metrics.items() if name.startswith("unseen_pair.")
    }
    nothing, _ = classification.evaluate(gold, predicted, CLASSES, {TEXT}, [classification.pair(d) for d in gold])
    assert "unseen.accuracy" in nothing and not [name for name in nothing if name.startswith("unseen_pair")]


def test_evaluate_leaves_out_an_empty_unseen_part():
    gold = documents(["treats", "causes"])
    metrics, counts = classification.evaluate(gold, gold, CLASSES, [TEXT])
    assert metrics["accuracy"] == 1
    assert not [name for name in (*metrics, *counts) if name.startswith("unseen")]


def test_errors_say_what_is_wrong():
    gold = documents(["treats", "causes"])
    with pytest.raises(RelexError, match="2 gold documents but 1"):
        classification.confusion(gold, gold[:1], CLASSES)
    with pytest.raises(RelexError, match="same order"):
        classification.confusion(gold, gold[::-1], CLASSES)
    with pytest.raises(RelexError, match="unknown relation 'cures'"):
        classification.confusion(gold, documents(["treats", "cures"]), CLASSES)
    with pytest.raises(RelexError, match="has 0 relations"):
        classification.labels([Document("a", TEXT)])


@pytest.mark.parametrize("classes", [36, 37, 400])
@pytest.mark.parametrize("number", [1, 60])
def test_answers_hold_one_entry_a_document_whatever_the_number_of_classes(classes, number):
    names = [f"r{i}" for i in range(classes)]
    ids = [(7 * i + classes - 1) % classes for i in range(number)]
    gold, predicted = documents([names[i] for i in ids]), documents([names[-1 - i] for i in ids])
    found = answers(gold, predicted, names, set(), set())
    assert class_ids(found["gold"]) == ids
    assert class_ids(found["predicted"]) == [classes - 1 - i for i in ids]
    assert found["unseen"] == "1" * number
