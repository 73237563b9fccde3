"""Equations as MathML: every one of the book can be read, and what a reader sees is all there."""

import re
from types import SimpleNamespace

from docutils import nodes
from fontTools.ttLib import TTFont

from relex.book import equations
from relex.files import project_root

FENCE = re.compile(r"^(`{3,})\{?(\w*).*?^\1\s*$", re.DOTALL | re.MULTILINE)


def written(path):
    """The equations of a page's source, each TeX and whether it is displayed."""
    text = path.read_text(encoding="utf-8")
    found = [(re.sub(r"^:label:.*\n", "", m[0].split("\n", 1)[1].rsplit("```", 1)[0]), True)
             for m in FENCE.finditer(text) if m[2] == "math"]  # fmt: skip
    plain = re.sub(r"`[^`]*`", "", FENCE.sub("", text))
    found += [(tex, True) for tex in re.findall(r"\$\$(.+?)\$\$", plain, re.DOTALL)]
    plain = re.sub(r"\$\$.+?\$\$", "", plain, flags=re.DOTALL)
    return found + [(tex, False) for tex in re.findall(r"(?<!\\)\$([^$]+?)(?<!\\)\$", plain)]


def test_every_equation_of_the_chapters_is_read_to_its_last_sign():
    found = [one for path in sorted((project_root() / "book").glob("*.md")) for one in written(path)]
    told = equations.as_mathml(found)
    assert len(told) == len(found) > 300
    assert [tex for (tex, _), mathml in zip(found, told, strict=True) if not mathml] == []
    for (tex, displayed), mathml in zip(found, told, strict=True):
        assert ('display="block"' in mathml) == displayed and "annotation" not in mathml
        assert mathml.count("<msqrt>") == tex.count(r"\sqrt") and mathml.count("<mfrac>") == len(
            re.findall(r"\\t?frac", tex)
        )


def test_names_of_functions_have_room():
    (told,) = equations.as_mathml([(r"8 \ln 2 + \log(x) + \max_i u_i", False)])
    assert told.count(equations.THIN) == 3 and not told.split("log")[1].startswith(equations.THIN)


def test_lines_of_a_displayed_equation_are_large():
    lines = r"\begin{gathered} a = \frac 1 2 \\ b \end{gathered}"
    (displayed, inline) = equations.as_mathml([(lines, True), (lines, False)])
    assert 'displaystyle="true"' in displayed and 'displaystyle="true"' not in inline


def test_an_equation_that_cannot_be_read_has_no_mathml():
    document = nodes.Element("", nodes.math("", r"\frac{1"), nodes.math("", "x"))
    app = SimpleNamespace(builder=SimpleNamespace(format="html"))
    equations.convert(app, document, "page")
    bad, good = document.children
    assert bad["mathml"] == "" and "<mi>x</mi>" in good["mathml"]


def test_the_font_has_what_the_pages_need(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "page.html").write_text(equations.as_mathml([(r"\sqrt{\alpha}", True)])[0], encoding="utf-8")
    font = TTFont(equations.embed_font(tmp_path))
    known = set(font.getBestCmap())
    assert {0x221A} <= known and len(known) < 20 and "MATH" in font
    assert known & {0x03B1, 0x1D6FC}
