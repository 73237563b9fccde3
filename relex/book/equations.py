"""A Sphinx extension: equations as MathML, written when the book is built.

A browser sets MathML by itself, so a page with equations asks for no script and looks the same offline and on paper.
pandoc reads the TeX; the font is STIX Two Math, cut down to the characters of the pages.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from html import unescape
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from relex.book.pages import cut

MATH = re.compile(r"<math .*?</math>", re.DOTALL)
ANNOTATION = re.compile(r"</?semantics>|<annotation .*?</annotation>", re.DOTALL)
MARKUP = re.compile("<[^>]*>")
NAME = r'<mrow><mi mathvariant="normal">\w+</mi><mo>(?:\u2061|&#8289;)</mo></mrow>'
BEFORE = re.compile(rf"(</mi>|</mn>)(?={NAME})")
SCRIPTED = rf"<(m(?:sub|sup|under))>{NAME}(?:(?!</?\2>).)*</\2>"
AFTER = re.compile(rf"((?<!<msub>)(?<!<munder>)(?<!<msup>){NAME}|{SCRIPTED})(?=<m(?:i|n|sub|sup|frac|row|over)\b)")
LINES = re.compile(r'(<math display="block"[^>]*>)<mtable>')
THIN = '<mspace width="0.167em"/>'
ROOT = "\N{SQUARE ROOT}"
"""What <msqrt> draws, without a character of its own."""
FONT = "relex-math.woff"
"""File in `_static` that the style sheet takes for equations."""


@cache
def _version() -> list[int]:
    """The version of pandoc's own form of documents that this pandoc reads."""
    import pypandoc

    return json.loads(pypandoc.convert_text("", "json", "markdown"))["pandoc-api-version"]


def as_mathml(equations: Sequence[tuple[str, bool]]) -> list[str]:
    """MathML of equations, each TeX and whether it is displayed; empty for one that pandoc cannot read."""
    import pypandoc

    blocks = [
        {"t": "Para", "c": [{"t": "Math", "c": [{"t": "DisplayMath" if displayed else "InlineMath"}, tex.strip()]}]}
        for tex, displayed in equations
    ]
    document = json.dumps({"pandoc-api-version": _version(), "meta": {}, "blocks": blocks})
    html = pypandoc.convert_text(document, "html", "json", extra_args=["--mathml", "--wrap=none"])
    found = [MATH.search(paragraph) for paragraph in html.split("<p>")[1:]]
    return [_spaced(ANNOTATION.sub("", one[0])) if one else "" for one in found]


def _spaced(mathml: str) -> str:
    """MathML with TeX's spaces around the names of functions, and lines of a displayed equation in its large style."""
    return LINES.sub(r'\1<mtable displaystyle="true">', AFTER.sub(rf"\1{THIN}", BEFORE.sub(rf"\1{THIN}", mathml)))


def convert(app, doctree, page: str) -> None:
    """Give each equation of a page its MathML; one that cannot be written is a warning, which stops the build."""
    found = [*doctree.findall(nodes.math), *doctree.findall(nodes.math_block)]
    if app.builder.format != "html" or not found:
        return
    told = as_mathml([(node.astext(), isinstance(node, nodes.math_block)) for node in found])
    for node, text in zip(found, told, strict=True):
        node["mathml"] = text
        if not text:
            logging.getLogger(__name__).warning("this equation cannot be read: %s", node.astext(), location=node)


def inline(writer, node) -> None:
    """Write an equation of a line."""
    writer.body.append(writer.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    writer.body.append(f"{node.get('mathml', '')}</span>")
    raise nodes.SkipNode


def block(writer, node) -> None:
    """Write a displayed equation, with its number where it has one."""
    writer.body.append(writer.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})')
        writer.add_permalink_ref(node, "Link to this equation")
        writer.body.append("</span>")
    writer.body.append(f"{node.get('mathml', '')}</div>\n")
    raise nodes.SkipNode


def embed_font(html: Path) -> Path:
    """Write the font of the equations under `html`, cut down to their characters."""
    pages = (page.read_text(encoding="utf-8") for page in html.rglob("*.html") if "_static" not in page.parts)
    text = "".join(MARKUP.sub("", found) for page in pages for found in MATH.findall(page))
    path = html / "_static" / FONT
    package = Path(find_spec("ziamath").origin).parent  # it is not imported: only its file is read
    cut(package / "fonts" / "STIXTwoMath-Regular.ttf", {ord(c) for c in unescape(text) + ROOT}, path, ["*"])
    return path


def setup(app) -> dict:
    """What Sphinx calls."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("doctree-resolved", convert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
