import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex.documents import Document, Span
from relex.errors import RelexError
from relex.evaluation.calibration import FEWEST, calibrate, cooled, expected_calibration_error

ANSWERS = st.lists(st.tuples(st.floats(0, 1) | st.integers(0, 20).map(lambda n: n / 20), st.booleans()), max_size=30)


def literally(confidence, correct, bins):
    """Bin by bin, as the equation is printed."""
    total = 0.0
    for i in range(bins):
        inside = [
            (p, right)
            for p, right in zip(confidence, correct, strict=True)
            if i / bins < p <= (i + 1) / bins or (i == 0 and p == 0)
        ]
        if inside:
            accuracy = sum(right for _, right in inside) / len(inside)
            mean = sum(p for p, _ in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(accuracy - mean)
    return total


@given(ANSWERS, st.integers(1, 15))
def test_equals_the_printed_equation(answers, bins):
    confidence, correct = [p for p, _ in answers], [right for _, right in answers]
    found = expected_calibration_error(confidence, correct, bins)
    assert found == pytest.approx(literally(confidence, correct, bins), abs=1e-12)
    assert 0 <= found <= 1 + 1e-12


def test_by_hand():
    # in the bin to 0.8: half is right where 0.75 was said; in that to 1: all is right where 0.95 was said
    assert expected_calibration_error([0.72, 0.78, 0.95, 0.95], [True, False, True, True]) == pytest.approx(0.15)
    assert expected_calibration_error([0.8, 0.2], [True, False], bins=1) == pytest.approx(0)
    assert expected_calibration_error([], []) == 0


def test_who_says_the_chance_is_calibrated():
    rng = np.random.default_rng(0)
    chance = rng.random(200_000)
    right = rng.random(200_000) < chance
    assert expected_calibration_error(chance, right) < 0.005
    assert expected_calibration_error(np.ones(200_000), right) == pytest.approx(1 - right.mean())


@pytest.mark.parametrize(
    ("confidence", "correct", "bins", "reason"),
    [
        ([0.5], [True, False], 10, "1 confidences for 2 answers"),
        ([1.5], [True], 10, "no number from 0 to 1"),
        ([float("nan")], [True], 10, "no number from 0 to 1"),
        ([0.5], [True], 0, "at least one bin"),
    ],
)
def test_what_makes_no_sense(confidence, correct, bins, reason):
    with pytest.raises(RelexError, match=reason):
        expected_calibration_error(confidence, correct, bins)


def drawn(temperature, count=4000):
    """Documents with one scored entity each, right as often as its score says at a temperature."""
    rng = np.random.default_rng(5)
    logits = rng.normal(0.5, 3, count)
    right = rng.random(count) < 1 / (1 + np.exp(-logits / temperature))
    scores = (1 / (1 + np.exp(-logits))).tolist()
    found = [Document(str(i), "zorb", (Span(0, 4, "drug", score=s),)) for i, s in enumerate(scores)]
    gold = [Document(d.id, d.text, d.entities if r else ()) for d, r in zip(found, right, strict=True)]
    return gold, found


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_temperature_is_found_again_and_mends_the_scores(temperature):
    gold, found = drawn(temperature)
    told = calibrate(gold, found, "entities")
    assert told.temperature == pytest.approx(temperature, rel=0.1) and told.after < 0.03
    assert told.before == pytest.approx(told.after, abs=0.02) if temperature == 1 else told.before > 2 * told.after
    assert (told.scored, told.found) == (4000, 4000) and calibrate(gold, found, "relations") is None


def test_no_temperature_from_few_or_from_what_is_all_right():
    gold, found = drawn(3.0, count=FEWEST - 1)
    assert calibrate(gold, found, "entities").temperature == 1
    gold, found = drawn(3.0, count=60)
    assert calibrate(found, found, "entities").temperature == 1 != calibrate(gold, found, "entities").temperature


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.floats(0.1, 10))
def test_cooled_scores_keep_their_order(scores, temperature):
    told = cooled(scores, temperature)
    assert ((told >= 0) & (told <= 1)).all()
    assert all(
        (a <= b) or (x >= y) for a, x in zip(scores, told, strict=True) for b, y in zip(scores, told, strict=True)
    )
    np.testing.assert_allclose(cooled(scores, 1), np.clip(scores, 1e-6, 1 - 1e-6), atol=1e-9)
