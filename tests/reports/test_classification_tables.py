"""Tables and sentences of the chapter on relation classification, on records made by hand."""

import made
import numpy as np
import pandas as pd
import pytest

from relex.reports import classification

GOLD = "001122" * 20
WRONG = "001120" * 20
"""Every second document of the last class is taken for the first."""


def test_confusions_name_the_hardest_class_and_what_it_is_taken_for():
    text = classification.confusions([[9, 1, 0], [0, 10, 0], [6, 1, 3]], made.CLASSES, 1)
    assert "**同义词**" in text and "of 10 documents 3 are right" in text and "病因 (6) and 药物治疗 (1)" in text


def test_confusions_and_scores_of_classes_are_over_all_seeds():
    runs = [made.classified("A", GOLD), made.classified("A", WRONG, seed=1), made.classified("B", WRONG)]
    matrix, classes = classification.mean_confusion(runs, "A")
    assert matrix.tolist() == [[80, 0, 0], [0, 80, 0], [20, 0, 60]] and classes == made.CLASSES
    for run, f1 in zip(runs, (1.0, 0.5, 0.0), strict=True):
        run["per_class"] = {"病因": {"f1": f1}}
    assert classification.class_f1(runs, "A")["病因"] == 0.75


def test_rungs_are_means_over_seeds():
    runs = [made.classified("A", GOLD), made.classified("A", WRONG, seed=1)]
    rungs = classification.ladder(runs, "accuracy", "recorded")
    assert rungs.loc["A"].tolist() == [pytest.approx((1 + 100 / 120) / 2), "recorded"]


def test_two_spellings_are_compared_seed_by_seed():
    runs = [made.classified("A", GOLD), made.classified("B", GOLD), made.classified("B", WRONG, seed=1)]
    text = classification.spellings(runs, "A", "B", 0.0264)
    assert "On cpu, `A` and `B`" in text and "100.0% of" in text and "2.64 points" in text and "GPU" not in text
    text = classification.spellings([*runs, made.classified("A", GOLD, seed=1)], "A", "B", 0.0264)
    assert "91.7% of" in text and "a seed does not fix a run" in text


def test_hard_classes_beside_the_mean_of_the_others():
    before, after = (pd.Series(values, index=list("abc")) for values in ((0.5, 0.8, 0.6), (0.6, 0.7, 0.5)))
    text = classification.class_changes(before, after, ("a", "not there"))
    assert text.splitlines() == ["- **a**: 50.0% → 60.0%", "- mean of the other 2: 70.0% → 60.0%"]


def test_the_encoder_that_sees_least_is_named():
    assert classification.unknown_tokens(pd.Series({"zh": 0.01, "en": 0.625})).startswith("`en` reads 62.5% of")


def test_counting_on_parts_of_the_test_rows():
    runs = [made.classified("pair", WRONG), made.classified("both", GOLD)]
    for run in runs:
        run["metrics"] |= {"macro_f1": 0.5, "f1_range": 0.25}
    masks = {"clean": np.arange(120) % 6 == 5}
    scores = classification.counting(runs, masks)
    assert scores.loc["pair"].tolist() == [pytest.approx(100 / 120), 0.5, 0.25, 0.0]
    text = classification.best_counting(scores, masks, "pair")
    assert "is `both`: 100.0% accuracy on all test rows, 100.0% on the 20 *clean* ones" in text and "83.3%" in text
