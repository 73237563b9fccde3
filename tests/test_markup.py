"""Names with signs of Markdown, MyST, HTML and TeX stay names."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from relex.figures.style import use_style
from relex.markup import code, escaped, table
from relex.reports.claims import markdown_table
from relex.reports.classification import class_changes, confusions

ODD = ("a|b", "*x*", "<b>y</b>", "$z_1$", "`w` & [v](u)", "# {h}")
SIGNS = st.text("ab |*_<>/`$[](){}#~\\&!-1.", min_size=1, max_size=12).map(lambda s: " ".join(s.split())).filter(bool)


def cells(text):
    """The cells of a table in Markdown as HTML shows them; None when it is none."""
    rows = re.findall(r"<tr>(.*?)</tr>", MarkdownIt().enable("table").render(text), re.S)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S) for row in rows]


@given(SIGNS)
def test_an_escaped_name_reads_as_it_is(name):
    from html import unescape

    ((_, shown),) = cells(table([["k", "v"], ["x", f"x{escaped(name)}"]]))[1:]
    assert "<" not in shown and unescape(shown) == f"x{name}"


@given(st.lists(SIGNS.map(escaped) | SIGNS.map(code), min_size=2, max_size=2))
def test_a_table_keeps_its_columns(values):
    assert [len(row) for row in cells(table([["a", "b"], values]))] == [2, 2]


def test_odd_classes_in_reports_and_figures(tmp_path):
    matrix = np.ones((len(ODD), len(ODD)), dtype=int)
    f1 = pd.Series(0.5, index=ODD)
    for text in (confusions(matrix, ODD, 6), class_changes(f1, f1, ODD)):
        html = MarkdownIt().render(text)
        assert html.count("<li>") >= len(ODD) and "<em>" not in html and "<b>" not in html and "<a " not in html
    frame = pd.DataFrame({name: ["1"] for name in ODD}, index=pd.Index([ODD[0]], name="type"))
    assert [len(row) for row in cells(markdown_table(frame))] == [7, 7]
    use_style()
    figure, axes = plt.subplots()
    axes.set_yticks(range(3), ["$z_1$", "$\\frac$", "$"])
    figure.savefig(tmp_path / "a.svg")
    plt.close(figure)
