"""A Sphinx extension: the first use of a term on a page leads to the glossary, with the definition as its tooltip.

A use is a form of the term in running text: not in a heading, code, a formula, a link, a caption, a table or what a
page folds away. `data/terms.yaml` has the forms that are not the term or its plural, and the neighbours beside which a
word means something else. Pages may also link a term themselves, with the role `term`.
"""

import re
from dataclasses import dataclass
from functools import cache

import yaml
from docutils import nodes
from sphinx import addnodes

from relex.files import project_root

GLOSSARY = "book/glossary"
"""The page of the glossary."""

CLASS = "glossary-term"
"""What a link to the glossary has as its class."""

SKIPPED = (
    nodes.title, nodes.rubric, nodes.reference, nodes.literal, nodes.literal_block, nodes.doctest_block, nodes.math,
    nodes.math_block, nodes.raw, nodes.caption, nodes.legend, nodes.table, nodes.citation, nodes.footnote, nodes.term,
    nodes.field_name, addnodes.desc, addnodes.toctree,
)  # fmt: skip
"""What is no running text."""

FOLDED = {"sd-dropdown", "dropdown", "quiz", "HideCodeCellNode"}
"""Classes, and one kind of node, of what a page folds away."""


@dataclass(frozen=True)
class Term:
    """A term of the glossary: how a page names it, its anchor there, and what it means."""

    pattern: re.Pattern
    anchor: str
    meaning: str


def forms(term: str, rule: dict) -> list[str]:
    """The term, its plural and what else `rule` names, the longest first; a rule with `only` has all of them."""
    if "only" in rule:
        return sorted(rule["only"], key=len, reverse=True)
    return sorted({term, plural(term), *rule.get("also", ())}, key=len, reverse=True)


def plural(word: str) -> str:
    """The regular plural of a word: entity, entities; micro-batch, micro-batches; gold, golds."""
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|ch|sh)$", word) else "s")


def pattern(term: str, rule: dict) -> re.Pattern | None:
    """What finds the forms of a term as whole words, small or capital first letter; None where it has no form.

    `rule` may have `only` or `also` (forms), and `not_after` and `not_before`, texts beside which it is another word.
    """
    found = [_form(form) for form in forms(term, rule)]
    before = "".join(f"(?<!{_text(text)})" for text in rule.get("not_after", ()))
    after = "".join(f"(?!{_text(text)})" for text in rule.get("not_before", ()))
    return re.compile(rf"(?<![\w-]){before}(?:{'|'.join(found)})(?![\w-]){after}") if found else None


def _form(form: str) -> str:
    first = f"[{form[0]}{form[0].upper()}]" if form[0].islower() else re.escape(form[0])
    return first + _text(form[1:])


def _text(text: str) -> str:
    """A pattern of a text in which a blank may be the end of a line, and an apostrophe a curly one."""
    return re.escape(text).replace(r"\ ", r"\s").replace("'", "['’]")


@cache
def rules() -> dict[str, dict]:
    """Term → how it is told from ordinary words, of those that need it."""
    path = project_root() / "relex" / "data" / "terms.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def terms(glossary: nodes.document) -> dict[str, Term]:
    """The English terms of a glossary that pages name, by name."""
    found = {}
    for item in glossary.findall(nodes.definition_list_item):
        meaning = " ".join(item[-1].astext().split())
        for term in item.findall(nodes.term):
            name = term.astext().replace("’", "'")
            if not is_chinese(name) and (finds := pattern(name, rules().get(name, {}))):
                found[name] = Term(finds, term["ids"][0], meaning)
    return found


def is_chinese(text: str) -> bool:
    """Whether a text has Chinese characters."""
    return re.search(r"[\u4e00-\u9fff]", text) is not None


def link(app, doctree: nodes.document, docname: str) -> None:
    """Link the first use of each term on a page; on the glossary's own, say which terms are Chinese."""
    if GLOSSARY not in app.env.found_docs:
        return
    if docname == GLOSSARY:
        for term in doctree.findall(nodes.term):
            if is_chinese(term.astext()):
                term["classes"].append("language-zh")
        return
    if not hasattr(app, "glossary_terms"):
        app.glossary_terms = terms(app.env.get_doctree(GLOSSARY))  # on the app: read once a build
    page = app.builder.get_relative_uri(docname, GLOSSARY)
    left = dict(app.glossary_terms)
    for paragraph in list(doctree.findall(nodes.paragraph)):
        merge(paragraph)
    for node in list(doctree.findall()):
        if isinstance(node, nodes.reference):
            for name in [n for n, term in left.items() if node.get("refuri") == f"{page}#{term.anchor}"]:
                del left[name]
        elif isinstance(node, nodes.Text) and _is_running(node):
            _link_text(node, left, page)


def merge(node: nodes.Element) -> None:
    """Make one text of texts that follow one another, as those of several lines do, in a node and all below it."""
    kept: list[nodes.Node] = []
    for child in node.children:
        if isinstance(child, nodes.Element):
            merge(child)
        if kept and isinstance(child, nodes.Text) and isinstance(kept[-1], nodes.Text):
            kept[-1] = nodes.Text(kept[-1] + child)
        else:
            kept.append(child)
    if len(kept) < len(node.children):
        node[:] = kept


def _is_running(text: nodes.Text) -> bool:
    node, within = text.parent, False
    while node is not None:
        if isinstance(node, SKIPPED) or FOLDED & {node.tagname, *node.get("classes", ())}:
            return False
        within = within or isinstance(node, nodes.paragraph)
        node = node.parent
    return within


def _link_text(text: nodes.Text, left: dict[str, Term], page: str) -> None:
    """Replace a text by its parts, first uses as links; what was linked leaves `left`."""
    whole, parts, start = str(text), [], 0
    while found := min(
        ((m.start(), -len(m[0]), name, m) for name, term in left.items() if (m := term.pattern.search(whole, start))),
        default=None,
    ):
        *_, name, match = found
        term = left.pop(name)
        target = nodes.reference("", match[0], refuri=f"{page}#{term.anchor}", reftitle=term.meaning, classes=[CLASS])
        parts += [nodes.Text(whole[start : match.start()]), target]
        start = match.end()
    if parts:
        text.parent.replace(text, [part for part in (*parts, nodes.Text(whole[start:])) if part.astext()])


def setup(app) -> dict:
    """What Sphinx calls."""
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
