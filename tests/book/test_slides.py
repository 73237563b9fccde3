"""Slides say what their chapter says, fit a screen and a phone, and move by keys and by touch."""

import re
from pathlib import Path

import browser
import pytest

from relex.book import build, slides
from relex.book.equations import embed_font
from relex.errors import RelexError
from relex.files import project_root

DECKS = slides.deck_names(project_root())
READY = "document.documentElement.dataset.ready"
SIZES = (1280, 720), (390, 844)
MEASURED = """(() => {
    const config = Reveal.getConfig(), found = [];
    document.querySelectorAll('.slides > section').forEach((slide, number) => {
        Reveal.slide(number);
        const parts = slide.querySelector('.parts') || slide;
        const broken = [...slide.querySelectorAll('img')].filter(one => !one.naturalWidth).length;
        const wide = [...slide.querySelectorAll('.equation, .table, .quote, figure')]
            .filter(one => one.scrollWidth > one.clientWidth + 1).length;
        const small = [...slide.querySelectorAll('li, .ask, blockquote')]
            .filter(one => parseFloat(getComputedStyle(one).fontSize) * Reveal.getScale() < 14).length;
        const high = Math.max(slide.scrollHeight - config.height, parts.scrollHeight - parts.clientHeight) > 1;
        if (high || wide || broken || small) found.push([number, high, wide, broken, small]);
    });
    return JSON.stringify(found);
})()"""

SIDEWAYS = 844, 390
READABLE = """(() => {
    const found = [];
    document.querySelectorAll('.slides > section').forEach((slide, number) => {
        Reveal.slide(number);
        const texts = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT), small = [];
        while (texts.nextNode()) {
            const one = texts.currentNode.parentElement, whole = one.closest('math') || one;
            const size = parseFloat(getComputedStyle(whole).fontSize) * Reveal.getScale();
            if (texts.currentNode.textContent.trim() && whole.getClientRects().length && size < 13.99)
                small.push([size, texts.currentNode.textContent.slice(0, 20)]);
        }
        slide.scrollTop = slide.scrollHeight;
        const lowest = Math.max(...[...slide.querySelectorAll('*')].map(one => one.getBoundingClientRect().bottom));
        const wide = slide.scrollWidth > slide.clientWidth + 1;
        slide.scrollTop = 0;
        if (small.length || lowest > innerHeight || wide) found.push([number, small, lowest, wide]);
    });
    return JSON.stringify(found);
})()"""
"""What cannot be read on a phone held sideways: text below 14 px (of equations the line, not what is raised), content
that scrolling does not reach, slides that are too wide."""

PAGE = """<html><body><article><h1>Some chapter<a class="headerlink">#</a></h1>
<div class="frame"><ul><li>see</li></ul></div><section id="a-part"><span id="part"></span>
<p>Nothing’s here. <strong>Bold.</strong> A start meets <em>its. end</em>
<a href="#equation-eq-one">(1)</a> by Eq. 15 of it! A <span class="math"><math><mi>s</mi></math></span> is here:</p>
<figure id="fig-one"><img src="../_static/one.svg" alt="one &amp; two"></figure>
<blockquote><p>A quote.</p></blockquote><div class="math" id="equation-eq-one"><span class="eqno">(1)</span>x</div>
<ul><li><p><em>it helps (much)</em>: cannot be told (see <a>there</a>; noise), on one, 3 seeds.</p></li></ul>
<div class="exercise" id="ex-one"><p>Exercise 1</p><section id="exercise-content"><p>Count {what}.</p></section></div>
<div><div class="code-block-caption">Listing 1 relex/one.py, first</div><pre>one()</pre></div>
</section></article></body></html>"""
DECK = """about: A line
lesson: lesson_one
slides:
- title: First & last
  show: [figure: fig-one, quote: part, equation: eq-one, code: "relex/one.py"]
  say: ["Nothing's here.", Bold. A start meets its. end, A is here]
- title: Second
  show: [claims: part, exercise: ex-one]
  ask: What < why?
"""


@pytest.fixture
def made(tmp_path):
    """A project with a deck of three slides, and the folder of its built book."""
    texts = {
        f"{slides.FOLDER}/some.yaml": DECK,
        "html/book/some.html": PAGE.format(what="them"),
        "html/_static/one.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100"/>',
        "html/book/executed/lesson_one.html": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name in ("slides.css", "slides.js"):
        source = project_root() / "book" / "_static" / name
        (tmp_path / "html" / "_static" / name).write_bytes(source.read_bytes())
    pytest.importorskip("sphinx_revealjs", reason="reveal.js comes with sphinx-revealjs")
    return tmp_path, tmp_path / "html"


@pytest.fixture
def tab(tmp_path):
    if not browser.found():
        pytest.skip("no Chromium, Chrome or Edge is installed to look at the slides")
    with browser.browser(tmp_path) as tab:
        yield tab


def test_a_slide_has_what_the_page_has(made):
    (path,) = slides.place(*made)
    text = path.read_text(encoding="utf-8")
    assert text.count("<section") == 3 and "headerlink" not in text and "eqno" not in text
    assert "<li>Nothing’s here.</li>" in text and "<ul><li>see</li></ul>" in text
    whole = 'A start meets <em>its. end</em>\n<a href="some.html#equation-eq-one">(1)</a> by Eq. 15 of it!</li>'
    assert f"<li><strong>Bold.</strong> {whole}" in text, "it ends at its own end, and its links lead to the page"
    assert '<li>A <span class="math"><math><mi>s</mi></math></span> is here.</li>' in text, "equations are left out"
    assert '<img src="../_static/one.svg" alt="one &amp; two">' in text and "A quote." in text and "one()" in text
    assert "<em>it helps (much)</em>: cannot be told.</p>" in text and "noise" not in text
    assert "Count them." in text and "What &lt; why?" in text and "First &amp; last" in text
    assert 'href="some.html"' in text and 'href="executed/lesson_one.html"' in text
    page = (made[1] / "book" / "some.html").read_text(encoding="utf-8")
    links = '<a href="some-slides.html">Slides</a> · <a href="executed/lesson_one.html">The lesson</a>'
    assert f'</h1>\n<p class="slides">{links}</p>' in page, "the page leads to its slides and its lesson"
    assert {one.name for one in (made[1] / "_static" / "reveal").iterdir()} == set(slides.REVEAL)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Nothing's here.", "Nobody", "'First & last': some has no sentence that begins 'Nobody'"),
        ("eq-one", "eq-two", "some has no equation 'eq-two'"),
        ("fig-one", "fig-two", "some has no figure 'fig-two'"),
        ("relex/one.py", "relex/two.py", "some has no code 'relex/two.py'"),
        ("quote: part", "film: part", "shows film; a slide can show figure, equation"),
        ("about: A line", "about: [", "some.yaml is not YAML"),
        ("slides:", "slide:", "some.yaml is no deck; it needs a line `about` and a list `slides`"),
        ("title: First & last", "title: 1", "some.yaml, slide 1: a slide needs a title, in quotes if it is a number"),
        ("ask: What", "asks: What", "some.yaml, slide 2: a slide has no asks; it has title, say, show, ask, page"),
        ("say: [", "say: ['', ", "some.yaml, slide 1: `say` is a list of first words of sentences"),
        ("show: [figure: fig-one,", "show: [figure,", "some.yaml, slide 1: `show` is a list of pairs"),
        ("figure: fig-one", "figure: part", "some has no picture in figure 'part'"),
        ("  ask: What", "  page: gone\n  ask: What", "some.yaml, slide 'Second': the book has no built page 'gone'"),
        ("  ask: What", "  page: [some]\n  ask: What", "some.yaml, slide 2: `page` is the name of a page"),
    ],
)
def test_what_the_page_does_not_have_is_an_error(made, old, new, message):
    path = made[0] / slides.FOLDER / "some.yaml"
    path.write_text(DECK.replace(old, new), encoding="utf-8")
    with pytest.raises(RelexError, match=re.escape(message)):
        slides.place(*made)


def test_a_deck_of_no_page_is_an_error(made):
    (made[1] / "book" / "some.html").unlink()
    with pytest.raises(RelexError, match="some.yaml: the book has no built page 'some'; give the name of one"):
        slides.place(*made)


def test_ten_slides_are_the_most(made):
    path = made[0] / slides.FOLDER / "some.yaml"
    path.write_text(DECK + "- {title: More}\n" * 8, encoding="utf-8")
    with pytest.raises(RelexError, match="10 slides and a title; 10 are the most"):
        slides.place(*made)


def _swipe(tab, start: int, end: int):
    tab.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": start, "y": 400}])
    for x in range(start, end, (end - start) // 8):
        tab.ask("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": x, "y": 400}])
    tab.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])


def _press(tab, key: str, code: int):
    for kind in ("keyDown", "keyUp"):
        tab.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)


def test_keys_and_touch_move_the_slides(made, tab):
    (path,) = slides.place(*made)
    embed_font(made[1])
    for width, height in SIZES:
        tab.resize(width, height)
        tab.open(path, READY)
        where = lambda: tab.run("Reveal.getState().indexh")  # noqa: E731
        tab.run("Reveal.slide(0)")
        _press(tab, "ArrowRight", 39)
        assert where() == 1
        _press(tab, "ArrowLeft", 37)
        assert where() == 0
        tab.ask("Emulation.setTouchEmulationEnabled", enabled=True)
        _swipe(tab, 300, 60)
        assert where() == 1, "a finger that moves to the left"
        _swipe(tab, 60, 300)
        assert where() == 0
        assert tab.run("document.documentElement.classList.contains('phone')") is (width < 700)
    assert tab.errors == []


def test_on_a_phone_held_sideways_all_can_be_read_and_a_finger_scrolls_what_does_not_fit(made, tab):
    page, long = made[1] / "book" / "some.html", "one(of_many_words, that_make_it_long)\n" * 30
    page.write_text(page.read_text(encoding="utf-8").replace("<pre>one()</pre>", f"<pre>{long}</pre>"), "utf-8")
    (path,) = slides.place(*made)
    embed_font(made[1])
    tab.resize(*SIDEWAYS)
    tab.ask("Emulation.setTouchEmulationEnabled", enabled=True)
    tab.open(path, READY)
    assert tab.run(READABLE) == "[]"
    tab.run("Reveal.slide(1)")
    scrolled = "document.querySelector('section.present').scrollTop"
    assert tab.run("document.querySelector('section.present pre').scrollHeight > innerHeight") and not tab.run(scrolled)
    tab.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": 400, "y": 300}])
    for y in range(280, 80, -20):
        tab.ask("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": 400, "y": y}])
    tab.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    moved = f"new Promise(done => setTimeout(() => done({scrolled}), 500))"
    assert tab.run(moved) > 100 and tab.run("Reveal.getState().indexh") == 1
    assert tab.errors == []


def _plain(text: str) -> str:
    """Text of a page without the marks of its formatting, and without equations."""
    text = re.sub(r"\{\w+\}`([^`<]+?)(?: <[^`]*>)?`", r"\1", text)
    return " ".join(re.sub(r"[*`]|\$[^$]*\$", "", text).split())


@pytest.mark.parametrize("name", DECKS)
def test_every_sentence_of_a_deck_stands_in_its_source(name):
    root = project_root()
    deck = slides.read_deck(root, name)
    for slide in deck["slides"]:
        source = _plain((root / "book" / f"{slide.get('page', name)}.md").read_text(encoding="utf-8"))
        for words in slide.get("say", []):
            assert _plain(words) in source, (slide["title"], words)
        for kind, label in slides.shown(slide):
            if kind in ("figure", "equation", "exercise"):
                assert re.search(rf":(name|label): {label}\b", source), (slide["title"], label)


def test_every_chapter_and_the_statistics_have_slides():
    chapters = {"relation-classification", "cascade-tagging", "span-models", "focused-attention", "tables-of-pairs"}
    assert set(DECKS) == chapters | {"evidence"}


def test_slides_of_the_built_book_fit_and_do_not_complain(tab):
    root = project_root()
    stamp, built = root / "_build" / "html.state", root / "_build" / "html"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != build._book_state(root):
        pytest.skip("the book is not built, or not of these files; `make book` builds it")
    found = {}
    for name in DECKS:
        for width, height in SIZES:
            tab.errors.clear()
            tab.resize(width, height)
            tab.open(slides.deck_path(built, name), READY)
            assert tab.run("Reveal.getTotalSlides()") <= slides.MOST
            found[name, width] = tab.run(MEASURED), list(tab.errors)
            files = [one for one in tab.requests if one.startswith("file:")]
            assert len(files) == len(tab.requests) and all(Path(one).suffix for one in files), "all is local"
        tab.resize(*SIDEWAYS)
        tab.open(slides.deck_path(built, name), READY)
        found[name, SIDEWAYS] = tab.run(READABLE), list(tab.errors)
    assert {key: what for key, what in found.items() if what != ("[]", [])} == {}
