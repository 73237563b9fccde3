"""The book as one PDF, printed by a browser of our own that writes one page with three links."""

import re
import sys

import pytest
from pypdf import PdfReader

from relex.book import pdf
from relex.book.toc import page_names
from relex.errors import RelexError
from relex.files import project_root

PRINTS = f"""#!{sys.executable}
import re, sys
from pypdf import PdfWriter
from pypdf.annotations import Link
from urllib.parse import unquote, urlsplit
target = next(a for a in sys.argv if a.startswith("--print-to-pdf=")).split("=", 1)[1]
page = sys.argv[-1]
writer = PdfWriter()
text = open(unquote(urlsplit(page).path), encoding="utf-8").read()
for _ in range(text.count("<p>") or 1):
    writer.add_blank_page(width=200, height=200)
folder = page.rsplit("/", 1)[0]
if "<h1>Contents" in text:
    open(sys.argv[0] + ".contents", "w", encoding="utf-8").write(text)
links = (folder + "/two%20words.html#part", folder + "/elsewhere.html", "https://example.org/")
links = () if "<p>" in text else links
for url in re.findall('href="([^"]+)"', text) or links:
    writer.add_annotation(0, Link(rect=(0, 0, 9, 9), url=url))
writer.write(target)
"""

PAGE = "<html><head><title>{} — The whole</title></head></html>"


@pytest.fixture
def book(tmp_path):
    """A built book of two pages; returns its root."""
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: one\nparts:\n  - chapters:\n      - file: two words\n")
    html = tmp_path / "_build" / "html"
    html.mkdir(parents=True)
    for name, title in (("one", "First"), ("two words", "Q&amp;A — part 2")):
        (html / f"{name}.html").write_text(PAGE.format(title), encoding="utf-8")
    return tmp_path


@pytest.fixture
def browser(tmp_path):
    """Write a program; returns its path."""

    def write(text: str) -> str:
        path = tmp_path / "browser"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return write


def test_pages_are_merged_in_order_with_contents_bookmarks_and_links(book, browser, tmp_path):
    path = pdf.make_pdf(browser(PRINTS), book)
    read = PdfReader(path)
    assert [(entry.title, read.get_destination_page_number(entry)) for entry in read.outline] == [
        ("First", 0), ("Contents", 1), ("Q&A", 2),
    ]  # fmt: skip
    first, contents, second = (
        [reference.get_object()["/A"] for reference in page.get("/Annots", ())] for page in read.pages
    )
    for actions in (first, second):  # the link to no page of the book is gone
        assert [action["/S"] for action in actions] == ["/GoTo", "/URI"]
        assert read.get_page_number(actions[0]["/D"][0].get_object()) == 2
    assert [read.get_page_number(action["/D"][0].get_object()) for action in contents] == [0, 2]
    lines = (tmp_path / "browser.contents").read_text(encoding="utf-8")
    assert re.findall(r">([^<]+)</a> (\d+)<", lines) == [("First", "1"), ("Q&amp;A", "3")]
    assert b"file://" not in path.read_bytes() and not list(path.parent.glob("*.part"))


def test_the_books_pages_begin_with_the_title_page():
    names = page_names(project_root())
    assert names[0] == "book/index" and "book/focused-attention" in names and len(set(names)) == len(names) > 20
    assert "book/executed/focused_main" in names and names[-1] == "book/references"


def test_a_page_that_is_not_built_is_named(book):
    (book / "_build" / "html" / "two words.html").unlink()
    with pytest.raises(RelexError, match=r"two words.html is not there; build the book"):
        pdf.make_pdf("true", book)


def test_a_browser_that_is_missing_or_fails_is_named(book, browser, monkeypatch):
    monkeypatch.setattr(pdf, "page_names", lambda root: ["one"])
    with pytest.raises(RelexError, match="no program 'netscape'"):
        pdf.make_pdf("netscape", book)
    with pytest.raises(RelexError, match=r"one.html \(exit status 3\): no display; .* --browser"):
        pdf.make_pdf(browser("#!/bin/sh\necho no display >&2\nexit 3\n"), book)
    with pytest.raises(RelexError, match=r"\(exit status 0\): nothing was said"):  # and yet no file
        pdf.make_pdf(browser("#!/bin/sh\nexit 0\n"), book)
    monkeypatch.setattr(pdf, "PATIENCE", 0.1)
    with pytest.raises(RelexError, match="in 0.1 s"):
        pdf.make_pdf(browser("#!/bin/sh\nexec sleep 9\n"), book)
    monkeypatch.setenv("PATH", str(book))
    with pytest.raises(RelexError, match="no browser was found"):
        pdf.make_pdf("", book)
    assert not (book / "_build" / "relex.book.pdf").exists()
