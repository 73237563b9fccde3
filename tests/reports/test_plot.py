"""The figure of differences: intervals, scores of every row, the bar, and nothing full without a full verdict."""

import made
import pandas as pd
import pytest

from relex.errors import RelexError
from relex.figures.style import BLUE, GREY, ORANGE, use_style
from relex.reports import compare, plot

BAR = made.counted("dictionary")
A, B = made.seeds("A", (0.80, 0.81, 0.82)), made.seeds("B", (0.60, 0.61, 0.62))


@pytest.fixture(autouse=True)
def style():
    use_style()


def drawn(records, pairs=(("A", "B"),), score=compare.RE):
    return plot.differences(compare.differences(records, list(pairs), score), "A − B").axes


def points(axes):
    """(colour, face) of each plotted point."""
    return [(line.get_color(), line.get_markerfacecolor()) for line in axes.lines if line.get_marker() == "o"]


def test_a_full_verdict_is_full_and_the_bar_is_a_line():
    intervals, scores = drawn([BAR, *A, *B])
    assert points(intervals) == [(BLUE, BLUE)]
    assert intervals.lines[1].get_xdata()[0] < 20 < intervals.lines[1].get_xdata()[1], "percentage points"
    assert points(scores) == [(BLUE, BLUE)] * 2
    assert scores.lines[0].get_xdata().tolist() == pytest.approx([0.80, 0.81, 0.82], abs=0.002)
    bars = [line for line in scores.lines if line.get_color() == ORANGE]
    assert [line.get_xdata() for line in bars] == [[0.3, 0.3]] and "dictionary, 30.0%" in scores.get_title("left")
    assert [label.get_text() for label in scores.get_yticklabels()] == ["A", "B"]


@pytest.mark.parametrize(
    ("b", "reason"),
    [
        (made.seeds("B", (0.1, 0.1, 0.1)), "B (10.0) is not above dictionary (30.0)"),
        (made.seeds("B", (0.6,)), "one seed"),
        (made.seeds("B", (0.6, 0.61, 0.62), history=made.RISING), "still rising: B"),
    ],
)
def test_a_line_without_verdict_is_hollow_and_grey_with_its_reason(b, reason):
    intervals, scores = drawn([BAR, *A, *b])
    assert points(intervals) == [(GREY, "white")] and [t.get_text() for t in intervals.texts] == [reason]
    learned = reason != "B (10.0) is not above dictionary (30.0)"
    assert points(scores)[1] == ((BLUE, BLUE) if learned else (GREY, "white"))
    assert ("B (not learned)" in [t.get_text() for t in scores.get_yticklabels()]) == (not learned)


def test_what_only_counts_has_nothing_to_learn():
    table = made.counted("look-up", 0.1, head="lookup")
    _, scores = drawn([BAR, table, *A], [("A", "look-up")])
    assert [label.get_text() for label in scores.get_yticklabels()] == ["A", "look-up"]


def test_indicative_is_hollow_and_noise_is_grey():
    assert points(drawn([BAR, *A[:2], *B[:2]])[0]) == [(BLUE, "white")]
    twin = [r | {"run": f"twin {i}", "config": r["config"] | {"row": "B"}} for i, r in enumerate(A)]
    assert points(drawn([BAR, *A, *twin])[0]) == [(GREY, "white")]


def test_without_a_bar_it_says_so():
    intervals, scores = drawn([*A, *B])
    assert scores.get_title("left") == "no bar recorded" and points(intervals) == [(GREY, "white")]
    assert points(scores) == [(GREY, "white")] * 2, "nobody can tell whether they learned"


def test_lines_with_bars_of_their_own_draw_each():
    of = {
        split: compare.differences(
            [made.counted("dictionary", score, split=split), *made.seeds("A", (0.8, 0.8, 0.8), split=split),
             *made.seeds("B", (0.5, 0.5, 0.5), split=split)], [("A", "B")], compare.RE
        )
        for split, score in (("report", 0.6), ("novel", 0.1))
    }  # fmt: skip
    _, scores = plot.differences(compare.together(of)).axes
    bars = [line.get_xdata()[0] for line in scores.lines if line.get_color() == ORANGE]
    assert bars == pytest.approx([0.6, 0.1, 0.6, 0.1])
    names = [label.get_text() for label in scores.get_yticklabels()]
    assert names == ["A: report", "A: novel", "B: report (not learned)", "B: novel"]


def test_tables_without_rows_and_without_lines():
    table = pd.DataFrame({"difference": [0.02], "low": [-0.01], "high": [0.05], "verdict": "as shuffled", "reason": ""})
    (axes,) = plot.differences(table).axes
    assert axes.lines[1].get_xdata() == pytest.approx([-1, 5]) and points(axes) == [(GREY, "white")]
    assert plot.differences(compare.differences([], [], compare.RE)).axes
    with pytest.raises(RelexError, match="no column high"):
        plot.differences(table.drop(columns="high"))
