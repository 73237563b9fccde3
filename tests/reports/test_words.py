"""Sentences and cells of a table of differences, for every outcome; bold type is for full verdicts."""

import made
import pandas as pd
import pytest

from relex.figures.style import use_style
from relex.reports import compare, words

BAR = made.counted("dictionary")
OUTCOMES = ("higher", "lower", "within the noise")
REACHES = ("", "indicative: ", "On our generated corpus: ", "On our generated corpus, indicative: ")


def line(verdict, difference=0.02, reason="", printed=float("nan")):
    reach = verdict[: len(verdict) - len(compare.outcome(verdict))] if compare.outcome(verdict) else ""
    return pd.Series(
        {"difference": difference, "low": difference - 0.01, "high": difference + 0.01, "holm": 0.04, "seeds": 3,
         "printed": printed, "verdict": verdict, "reason": reason, "reach": reach}
    )  # fmt: skip


def table(*lines):
    return pd.DataFrame(lines, index=[f"line {i}" for i in range(len(lines))])


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("word", OUTCOMES)
def test_bold_is_for_full_verdicts(reach, word):
    one = line(f"{reach}{word}", -0.02 if word == "lower" else 0.02, printed=0.01 if word == "lower" else -0.01)
    texts = [words.told("A", "B", one), words.claim(table(one)), words.answer(one), words.summary(table(one))]
    if reach:
        assert not any("**" in text for text in texts)
        assert all(text.startswith(reach.split(":")[0]) for text in texts[:3])
    else:
        assert "**" in texts[0] and ("**" in texts[1]) == (word != "within the noise")
        assert ("**" in texts[2]) == (word == "lower"), "a no is what a reader has to see"
        assert ("**" in texts[3]) == (word != "within the noise")


@pytest.mark.parametrize("verdict", ["not learned", "no verdict"])
def test_a_refused_line_never_shows_a_verdict(verdict):
    one = line(verdict, reason="one seed", printed=-0.01)
    cells = words.in_points(table(one)).iloc[0]
    assert cells["verdict"] == f"{verdict} (one seed)"
    texts = [words.told("A", "B", one), words.claim(table(one)), words.answer(one), words.summary(table(one))]
    of_claim = "not learned" if verdict == "not learned" else "cannot be told"
    for text, said in zip(texts, (verdict, of_claim, verdict, verdict), strict=True):
        assert said in text and "**" not in text
        answers = ("higher", "lower", "yes", "**stands", "falls", "opposite", "distinguished")
        assert not any(word in text for word in answers)
    assert words.claim(table(one, line("higher"))) == f"{of_claim} (one seed)"


def test_from_records_to_words():
    """A line with an unlearned row, one seed, or a rising row shows no verdict anywhere."""
    a = made.seeds("A", (0.80, 0.81, 0.82))
    broken = {
        "not above dictionary": made.seeds("B", (0.1, 0.1, 0.1)),
        "one seed": made.seeds("B", (0.6,)),
        "still rising: B": made.seeds("B", (0.6, 0.61, 0.62), history=made.RISING),
    }
    for reason, b in broken.items():
        found = compare.differences([BAR, *a, *b], [("A", "B")], compare.RE, {("A", "B"): -0.03})
        cell = words.in_points(found).loc["A − B"]
        assert reason in cell["verdict"] and cell["printed"] == "−3.00"
        one = found.iloc[0]
        said = words.summary(found) + words.claim(found) + words.answer(one) + words.told("A", "B", one)
        assert "**" not in said and not any(word in said for word in ("higher", "lower", "opposite", "yes"))


def test_cells():
    found = table(line("higher", 0.0123, printed=0.02), line("no verdict", -0.004, "one seed"))
    shown = words.in_points(found)
    assert shown.columns.tolist() == ["verdict", "difference", "95 % interval", "seeds", "printed"]
    assert shown.iloc[0].tolist() == ["higher", "+1.2", "+0.2 … +2.2", 3, "+2.00"]
    assert shown["printed"].iloc[1] == "–" and "printed" not in words.in_points(found.iloc[1:])
    named = words.in_points(found.set_axis(["full − -fgm", "lc->gc − lc->gc_bert"]))
    titles = ["full − without FGM", "pair context sentence − pair context BERT's sentence"]
    assert named.index.tolist() == titles and named["seeds"].tolist() == found["seeds"].tolist()
    assert [words.points(x) for x in (-0.0004, 0.0004, -0.0006)] == ["0.0", "0.0", "−0.1"]
    nothing = words.in_points(compare.differences([], [], compare.RE))
    assert nothing.empty and "verdict" in nothing


def test_clauses_of_every_outcome():
    assert words.told("A", "B", line("higher")) == "A is **2.0 points above** B (95 % interval +1.0 to +3.0)"
    assert "**2.0 points below** B (95 % interval −3.0 to −1.0)" in words.told("A", "B", line("lower", -0.02))
    within = words.told("A", "B", line("within the noise"))
    assert within.endswith("which **cannot be distinguished from zero**")
    assert words.told("A", "B", line("indicative: lower", -0.02)).startswith("indicative, A is 2.0 points below B")
    refused = words.told("A", "B", line("no verdict", reason="one seed"))
    assert refused == "A is 2.0 points above B (95 % interval +1.0 to +3.0): no verdict (one seed)"


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([], "untested here (not recorded)"),
        (["higher", "higher"], "**stands**"),
        (["within the noise"], "cannot be told (no difference can be distinguished"),
        (["higher", "within the noise"], "cannot be told (above zero: line 0; not distinguishable"),
        (["lower", "within the noise"], "**falls** (below zero: line 0; not distinguishable"),
        (["lower", "higher"], "**falls** (above zero: line 1; below zero: line 0)"),
        (["lower"], "**falls**"),
        (["lower", "no verdict"], "**falls** (below zero: line 0)"),
        (["not learned", "no verdict"], "not learned"),
        (["higher", "indicative: higher"], "indicative: stands"),
        (
            ["On our generated corpus: higher", "indicative: lower"],
            "indicative: falls (above zero: line 0; ",
        ),
    ],
)
def test_claims_for_every_outcome(verdicts, said):
    assert words.claim(table(*map(line, verdicts)) if verdicts else pd.DataFrame()).startswith(said)


def test_summary_counts_and_names_the_opposite():
    sided = line("higher", printed=-0.01), line("lower", -0.02, printed=0.01)
    found = table(*sided, line("no verdict", reason="one seed"))
    text = words.summary(found)
    assert "Of 3 comparisons: 1 *higher*, 1 *lower*, 1 *no verdict*." in text
    assert "opposite for **line 0**, **line 1**." in text and "stands beside it" in text
    assert words.summary(pd.DataFrame()) == "There is nothing to compare."
    weak = words.summary(table(line("indicative: higher", printed=-0.01)))
    assert "opposite for line 0 (indicative)." in weak


def test_what_is_left_where_nothing_can_be_looked_up():
    found = table(line("higher"), line("within the noise")).set_axis(["report, all", "report, unseen"])
    text = words.left("A", "B", found)
    assert "report, unseen" in text and "report, all" not in text
    assert words.left("A", "B", found.iloc[:1]) == "There is nothing to compare."


def test_a_table_shows_its_reasons_whole():
    reason = "no verdict (" + "a reason of many words; " * 20 + "the end)"
    with pd.option_context("display.max_colwidth", 50):
        use_style()
        assert reason in pd.DataFrame({"verdict": [reason]})._repr_html_()


def test_rows_in_a_list_can_be_distinguished_though_their_names_have_commas():
    assert words.listed(["TPLinker", "Tucker, names", "-fgm"]) == "TPLinker, \u201cTucker, names\u201d, without FGM"
    assert words.listed([]) == ""
