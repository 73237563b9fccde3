"""A Sphinx extension: what pages need for Chinese.

The Chinese title of a page stands behind the English one in its heading and nowhere else: side bar, links and bookmarks
have the English title alone, so that they stay short. `data/titles.yaml` has the titles. And where a line of Chinese
ends, no blank follows.
"""

import re
from functools import cache

import yaml
from docutils import nodes

from relex.book.glossary import merge
from relex.files import project_root

CLASS = "title-zh"
WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f"
LINE_END = re.compile(rf"(?<=[{WIDE}])\n(?=[{WIDE}])|(?<=[，。；：、（）])\n")


@cache
def titles() -> dict[str, str]:
    """Page, from the folder `book` → its title in Chinese."""
    path = project_root() / "relex" / "data" / "titles.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def add(app, doctree: nodes.document, docname: str) -> None:
    """Put the Chinese title into the first heading of a page that has one, and close up lines of Chinese."""
    title = titles().get(docname.removeprefix("book/"))
    heading = next(doctree.findall(nodes.title), None)
    if title and heading is not None:
        heading += [nodes.Text(" "), nodes.inline("", title, classes=[CLASS, "language-zh"])]
    for paragraph in list(doctree.findall(nodes.paragraph)):
        merge(paragraph)
        for text in [child for child in paragraph.children if isinstance(child, nodes.Text)]:
            paragraph.replace(text, nodes.Text(LINE_END.sub("", text)))


def setup(app) -> dict:
    """What Sphinx calls."""
    app.connect("doctree-resolved", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
