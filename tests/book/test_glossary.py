"""A term leads to the glossary where a page first uses it, and an ordinary word that looks like it does not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, NavigableString

from relex.book import build, glossary
from relex.book.toc import page_names
from relex.files import project_root

SOURCE = (project_root() / "book" / "glossary.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"((?:^\S.*\n)+)((?:^  .*\n?)+)", SOURCE.partition(":sorted:\n")[2], re.MULTILINE)
"""The terms and the definition of each entry."""

ASKED = (
    "gold", "triple", "head", "tail", "span", "[CLS]", "marker", "seed", "micro-batch", "strict", "boundaries",
    "relaxed", "stand-in", "micro-F1", "macro-F1", "interval", "bootstrap", "Holm's correction", "learned", "converged",
    "rising", "SEO", "EPO", "logit", "profile", "record", "report", "model head",
)  # fmt: skip

SMALL = {
    "conf.py": (
        "extensions = ['myst_parser', 'sphinx_design', *(f'relex.book.{n}' for n in ('glossary', 'chinese', 'quiz'))]\n"
        "myst_enable_extensions = ['dollarmath']\nroot_doc = 'book/index'\n"
    ),
    "book/glossary.md": (
        "# Glossary\n\n```{glossary}\ngold\n金标准 : 中文\n  What annotators\n  wrote.\n\n"
        "head\n头实体 : 中文\n  The first entity.\n\n"
        "model head\n模型头 : 中文\n  A part of a network.\n\nmicro-batch\n微批次 : 中文\n  A part of a batch.\n\n"
        "look-up table\n查表基线 : 中文\n  A baseline.\n\nentity\n实体 : 中文\n  A thing.\n\n"
        "seed\n种子 : 中文\n  A number.\n```\n"
    ),
    "book/index.md": (
        "# The gold head\n\n```{toctree}\nglossary\n```\n\n"
        "`gold`, $gold$, [gold](https://example.org/), golden; a model head, headless, a multi-head; *Gold*\n"
        "and gold again. Micro-batches, a look-up\ntable and **entities**. Each head, and each model\nhead.\n\n"
        "| seed |\n|---|\n| seed |\n\n```{dropdown} seed\nA seed.\n```\n\n"
        "```{quiz}\n? Is a seed a number?\n+ A seed is.\n"
        ": A seed\n  of **two** lines.\n- No seed.\n: It is.\n```\n\n第一行，\n第二行\n第三行。\n"
    ),
    "book/evidence.md": "---\norphan: true\n---\n# Evidence\n\n{term}`Heads <head>` precede a head, a seed last.\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Name → soup of three pages built by Sphinx with our extensions."""
    root = tmp_path_factory.mktemp("small")
    for name, text in SMALL.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-qW", str(root), str(root / "html")]
    subprocess.run(command, check=True, cwd=project_root())
    return {p.stem: BeautifulSoup(p.read_text(encoding="utf-8"), "html.parser") for p in (root / "html/book").glob("*")}


def linked(soup):
    return [(" ".join(a.text.split()), a["href"], a["title"]) for a in soup.find_all("a", glossary.CLASS)]


def test_first_uses_in_running_text_are_linked_and_nothing_else(small):
    page = "glossary.html#term-"
    assert linked(small["index"]) == [
        ("model head", f"{page}model-head", "A part of a network."), ("Gold", f"{page}gold", "What annotators wrote."),
        ("Micro-batches", f"{page}micro-batch", "A part of a batch."),
        ("look-up table", f"{page}look-up-table", "A baseline."), ("entities", f"{page}entity", "A thing."),
        ("head", f"{page}head", "The first entity."),
    ]  # fmt: skip
    assert small["index"].find("a", string="head").previous_sibling.endswith("Each ")
    assert linked(small["glossary"]) == []


def test_a_link_that_a_page_has_itself_counts(small):
    assert [text for text, *_ in linked(small["evidence"])] == ["seed"]


def test_chinese_is_marked_as_such(small):
    titles = {name: soup.h1.find(class_="title-zh") for name, soup in small.items() if soup.h1}
    assert titles["glossary"].text == "术语表" and titles["glossary"]["lang"] == "zh"
    assert "术语表" not in small["glossary"].title.text + small["index"].find(class_="toctree-wrapper").text
    chinese = [term.text.rstrip("¶") for term in small["glossary"].find_all("dt", lang="zh")]
    assert len(chinese) == 7 and "金标准" in chinese
    assert "第一行，第二行第三行。" in small["index"].text


def test_forms_of_a_term():
    def found(term, text, **rule):
        return [match[0] for match in glossary.pattern(term, rule).finditer(text)]

    assert found("entity", "Entities, an entity; identity, entity-like") == ["Entities", "entity"]
    assert found("micro-batch", "Micro-batches and micro-batch") == ["Micro-batches", "micro-batch"]
    assert found("[CLS]", "of [CLS], CLS") == ["[CLS]"]
    assert found("SEO", "seo SEO") == ["SEO"]
    assert found("head", "model head, the head, model\nhead", not_after=["model "]) == ["head"]
    assert found("F1", "F1 range of F1", only=["F1"], not_before=[" range"]) == ["F1"]
    assert glossary.pattern("boundaries", {"only": []}) is None


def test_every_entry_has_both_languages_and_is_short():
    names = [line.partition(" : ")[0] for terms, _ in ENTRIES for line in terms.split("\n") if line]
    assert len(set(names)) == len(names) > 90 and set(ASKED) <= set(names)
    for terms, meaning in ENTRIES:
        english, chinese = terms.strip().split("\n")
        assert not glossary.is_chinese(english) and glossary.is_chinese(chinese) and chinese.endswith(" : 中文")
        assert 1 <= len(re.findall(r"[.!?](?=\s|$)", meaning)) <= 2 and meaning.rstrip().endswith("."), english


def test_rules_are_of_terms():
    assert set(glossary.rules()) <= {terms.partition("\n")[0] for terms, _ in ENTRIES}
    for term, rule in glossary.rules().items():
        assert set(rule) <= {"only", "also", "not_after", "not_before"}, term


SKIPPED = ["h1", "h2", "h3", "h4", "code", "pre", "figcaption", "table", "details", "script", "dt", "cite"]
FOLDED = {"math", "dropdown", "toggle", "quiz", "admonition-title", "sd-card-title", "citation", "caption", "legend"}


def runs(soup):
    """Running text of a page: for each stretch its text, and the links to the glossary as start, end and address."""
    for paragraph in soup.find("article").find_all("p"):
        if not any(is_skipped(tag) for tag in [paragraph, *paragraph.parents]):
            yield from stretches(paragraph)


def is_skipped(tag):
    return tag.name in SKIPPED or bool((FOLDED | {"touch"}) & set(tag.get("class", ())))


def stretches(tag):
    text, links = "", []
    for child in [*tag.children, None]:
        if isinstance(child, NavigableString):
            text += child
        elif child is not None and glossary.CLASS in child.get("class", ()):
            links.append((len(text), len(text) + len(child.text), child["href"]))
            text += child.text
        else:
            yield text, links
            text, links = "", []
            if child is not None and child.name != "a" and not is_skipped(child):
                yield from stretches(child)


def unlinked(page: Path, terms: dict[str, tuple[re.Pattern, str]]) -> list[str]:
    """Terms whose first use on a built page is no link, with where it stands; `terms` has pattern and anchor."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    told = list(runs(soup))
    explicit = {a["href"].partition("#")[2] for a in soup.find_all("a", "reference") if a.find("span", "std-term")}
    wrong = []
    for name, (pattern, anchor) in terms.items():
        for text, links in told:
            uses = [m for m in pattern.finditer(text) if not any(a < m.end() and m.start() < b for a, b, _ in links)]
            own = [a for a, _, href in links if href.endswith(f"#{anchor}")]
            if uses and anchor not in explicit and (not own or uses[0].start() < own[0]):
                wrong.append(f"{name}: {text[max(0, uses[0].start() - 30) : uses[0].end() + 30]!r}")
            if uses or own:
                break
    return wrong


def test_every_term_is_linked_at_its_first_use_on_the_built_pages():
    root = project_root()
    stamp = root / "_build" / "html.state"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != build._book_state(root):
        pytest.skip("the book is not built, or not of these files; `make book` builds it")
    html, names = root / "_build" / "html", page_names(root)
    soup = BeautifulSoup((html / "book" / "glossary.html").read_text(encoding="utf-8"), "html.parser")
    anchors = {dt.text.rstrip("#¶").strip().replace("’", "'"): dt["id"] for dt in soup.select("dl.glossary dt")}
    terms = {
        name: (pattern, anchors[name])
        for name in (terms.partition("\n")[0] for terms, _ in ENTRIES)
        if (pattern := glossary.pattern(name, glossary.rules().get(name, {})))
    }
    wrong = {name: unlinked(html / f"{name}.html", terms) for name in names if name != glossary.GLOSSARY}
    assert {name: found for name, found in wrong.items() if found} == {}
    pages = "".join((html / f"{name}.html").read_text(encoding="utf-8") for name in names)
    used = set(re.findall(rf'class="{glossary.CLASS}[^>]*href="[^"#]*#([^"]+)"', pages))
    assert {name for name, (_, anchor) in terms.items() if anchor not in used} <= {"learned"}, "no page uses the term"
