"""Pictures to touch in a browser: by keyboard and by touch, on a desk and on a phone, without a word in the console."""

import re

import browser
import pytest

from relex.book.touch import bootstrap, cascade, counter, markup, masks, spans
from relex.files import project_root
from relex.runs.records import published

WIDTHS = (1280, 390)
LEAST = 24
"""Pixels of a target, at least."""

SMALL = """[...document.querySelectorAll('button, input, summary, .touch-choice label')].filter(one => {
    const box = (one.type === 'radio' ? one.parentElement : one).getBoundingClientRect();
    return box.width && (box.width < 24 || box.height < 24);
}).map(one => one.outerHTML.slice(0, 90))"""

NAMELESS = """[...document.querySelectorAll('input, button, svg')].filter(one =>
    !(one.labels && one.labels.length) && !one.getAttribute('aria-label') && !one.textContent.trim()).length"""

SHOWN = """(selector => [...document.querySelectorAll(selector)].filter(one => {
    for (let o = one; o; o = o.parentElement) if (getComputedStyle(o).display === 'none') return false;
    return true;
}))"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of all pictures, as the book has them but for the theme."""
    if not browser.found():
        pytest.skip("no Chromium, Chrome or Edge is installed to touch the pictures")
    static = project_root() / "book" / "_static"
    with pytest.MonkeyPatch.context() as patch:  # fewer rows are faster
        patch.setattr(counter, "SIZES", {"train": 300, "dev": 10, "test": 300})
        texts = [cascade.page(), masks.page(), spans.page(), bootstrap.page(published), counter.page()]
    figures = "".join(re.search(r"```\{raw\} html\n(.*)```", text, re.S)[1] for text in texts)
    sheet, script = ((static / f"touch.{ending}").read_text(encoding="utf-8") for ending in ("css", "js"))
    path = tmp_path_factory.mktemp("touch") / "page.html"
    path.write_text(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Touch</title><link rel="icon" href="data:,">'
        f'<meta name="viewport" content="width=device-width"><style>body{{margin:16px}}{sheet}</style>'
        f"<script>{script}</script></head><body>{figures}</body></html>",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def tab(page, tmp_path_factory):
    with browser.browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(params=WIDTHS)
def opened(request, page, tab):
    """A fresh page of this width; whatever is done with it, nothing is complained of."""
    tab.errors.clear()
    tab.requests.clear()
    tab.resize(request.param)
    tab.ask("Emulation.setTouchEmulationEnabled", enabled=True)
    tab.open(page, "document.querySelectorAll('figure.touch.on').length === 5")
    yield tab
    assert tab.errors == []
    assert [one for one in tab.requests if not one.startswith(("file:", "data:"))] == []
    assert tab.run("document.documentElement.scrollWidth - innerWidth") <= 0


def key(tab, name, code):
    """Press and release a key."""
    more = {"text": "\r"} if name == "Enter" else {"text": " "} if name == " " else {}
    told = {"key": name, "code": name.strip() or "Space", "windowsVirtualKeyCode": code}
    tab.ask("Input.dispatchKeyEvent", type="keyDown", **told, **more)
    tab.ask("Input.dispatchKeyEvent", type="keyUp", **told)


def focus(tab, selector):
    """Move to an element with the Tab key, from the start of its figure's controls."""
    tab.run(f"document.querySelector('{selector}').focus({{focusVisible: true}})")
    assert tab.run(f"document.activeElement === document.querySelector('{selector}')")


def tap(tab, selector):
    """Touch the middle of an element with a finger."""
    tab.run(f"document.querySelector('{selector}').scrollIntoView({{block: 'center'}})")
    box = f"document.querySelector('{selector}').getBoundingClientRect()"
    x, y = tab.run(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({box})")
    tab.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
    tab.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])


def words(tab, name):
    """What a figure says now, of what is read out when it changes."""
    live = f"{SHOWN}('#touch-{name} .touch-said p')"
    return tab.run(f"{live}.map(o => o.innerText).join(' ').trim()")


def wait(tab, condition):
    """Until a tap has come through."""
    for _ in range(100):
        if tab.run(f"Boolean({condition})"):
            return
        tab.run("new Promise(done => setTimeout(done, 20))")
    raise AssertionError(condition)


def test_targets_are_large_and_everything_has_a_name(opened):
    opened.run("document.querySelectorAll('#touch-cascade button')[0].click()")
    opened.run("document.querySelector('#touch-counter .touch-card:not([hidden]) button').click()")
    assert opened.run(SMALL) == []
    assert opened.run(NAMELESS) == 0
    assert opened.run("new Set([...document.querySelectorAll('[id]')].map(o => o.id)).size") == opened.run(
        "document.querySelectorAll('[id]').length"
    )


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(opened):
    seen = set()
    opened.run("document.activeElement.blur()")
    wanted = opened.run(
        "[...document.querySelectorAll('button, input[type=range], input[type=radio]:checked')]"
        ".filter(o => o.offsetParent).length"
    )
    for _ in range(wanted + 5):
        key(opened, "Tab", 9)
        told = opened.run(
            "(o => [o.outerHTML.slice(0, 120), o.matches('button, input'), getComputedStyle(o).outlineStyle])"
            "(document.activeElement)"
        )
        if told[1]:
            assert told[2] == "solid"
            seen.add(told[0])
    assert len(seen) == wanted


@pytest.mark.parametrize("way", ["key", "tap"])
def test_a_start_shows_its_end_and_its_tails(opened, way):
    assert "Choose a start" in opened.run("document.querySelector('#touch-cascade').innerText")
    assert words(opened, "cascade") == ""
    start = '#touch-cascade button[value="0-1"]'
    if way == "tap":
        tap(opened, start)
    else:
        focus(opened, start)
        key(opened, "Enter", 13)
    wait(opened, f"document.querySelector('{start}').getAttribute('aria-pressed') === 'true'")
    found = cascade.decoded(cascade.SENTENCES[0])
    said = words(opened, "cascade")
    assert f"the head is {found.words(found.heads[1])}" in said and "TmMc (治疗方式_医疗耗材): 支架" in said
    marked = "[...document.querySelectorAll('#touch-cascade .marked .touch-word')].map(o => o.textContent).join('')"
    assert opened.run(marked) == "植入"
    assert opened.run("document.querySelectorAll('#touch-cascade [aria-pressed=true]').length") == 1


def test_the_second_sentence_loses_a_head(opened):
    focus(opened, "#touch-cascade input:checked")
    key(opened, "ArrowRight", 39)
    assert words(opened, "cascade") == ""
    tap(opened, '#touch-cascade button[value="1-0"]')
    wait(opened, "document.querySelector('#touch-cascade').innerText.includes('No start leads to')")


@pytest.mark.parametrize("kind", masks.KINDS)
def test_the_slider_of_k_shows_each_state(opened, kind):
    tap(opened, f"#touch-masks input[value={kind}]")
    wait(opened, f"document.querySelector('#touch-masks input[value={kind}]').checked")
    focus(opened, "#touch-masks-k")
    key(opened, "Home", 36)
    for k in range(masks.LAYERS + 1):
        assert words(opened, "masks") == masks._sentence(kind, k)
        assert opened.run("document.querySelector('#touch-masks output').textContent") == str(k)
        shown = f"{SHOWN}('#touch-masks g[data-when]').map(o => o.dataset.when)"
        assert opened.run(shown) == [f"mask={kind} k={k}"]
        key(opened, "ArrowRight", 39)


def test_the_slider_of_the_width_loses_names(opened):
    focus(opened, "#touch-spans-k")
    key(opened, "Home", 36)
    for k in range(1, 12):
        limit = spans.limited(spans.LEAFLET, k)
        assert f"{len(limit.candidates)} candidates" in words(opened, "spans")
        off = opened.run("document.querySelectorAll('#touch-spans .touch-gold.off').length")
        assert off == len(limit.lost)
        rows = opened.run("document.querySelectorAll('#touch-spans g[data-from]:not(.touch-gold):not(.off)').length")
        assert rows == k
        key(opened, "ArrowRight", 39)


def test_a_finger_drags_the_width(opened):
    opened.run("document.querySelector('#touch-spans-k').scrollIntoView({block: 'center'})")
    x, y, width = opened.run(
        "(b => [b.x, b.y + b.height / 2, b.width])(document.querySelector('#touch-spans-k').getBoundingClientRect())"
    )
    opened.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x + width / 2, "y": y}])
    for share in (0.4, 0.3, 0.2, 0.1, 0.02):
        opened.ask("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": x + share * width, "y": y}])
    opened.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    wait(opened, "Number(document.querySelector('#touch-spans-k').value) <= 2")
    assert "Lost of 3 names: 阿司匹林肠溶片" in words(opened, "spans")


def test_more_seeds_and_the_other_rows(opened):
    focus(opened, "#touch-bootstrap-seeds")
    key(opened, "Home", 36)
    assert words(opened, "bootstrap").startswith("With 1 seed:") and "no verdict" in words(opened, "bootstrap")
    key(opened, "End", 35)
    assert "cannot be distinguished from zero" in words(opened, "bootstrap")
    assert opened.run(f"{SHOWN}('#touch-bootstrap .touch-dot').length") == 4
    tap(opened, "#touch-bootstrap input[value=cbrrel_gate]")
    wait(opened, "document.querySelector('#touch-bootstrap').innerText.includes('With 3 seeds: CasRel, gated')")
    assert "Both rows have 3 seeds." in words(opened, "bootstrap")
    assert opened.run("document.querySelectorAll('#touch-bootstrap div[data-when]:not([hidden])').length") == 1


@pytest.mark.parametrize("way", ["key", "tap"])
def test_a_guess_is_answered_once_and_counted(opened, way):
    card = "#touch-counter .touch-card:not([hidden])"
    assert opened.run(f"document.querySelectorAll('{card}').length") == 1
    assert opened.run(f"document.querySelector('{card} details').hidden") and words(opened, "counter") == ""
    right, wrong = f"{card} button[data-right]", f"{card} button:not([data-right])"
    if way == "tap":
        tap(opened, right)
    else:
        focus(opened, right)
        key(opened, " ", 32)
    wait(opened, f"document.querySelector('{card} details').open")
    said = words(opened, "counter")
    assert "The counter says" in said and "You: 1 right" in said and "of 1." in said
    tap(opened, wrong)
    assert words(opened, "counter") == said
    tap(opened, "#touch-counter [data-step]")
    wait(opened, "document.querySelector('#touch-counter').innerText.includes('Sentence 2 of 10')")
    tap(opened, wrong)
    wait(opened, f"document.querySelector('{card} details').open")
    assert "You: 1 right" in words(opened, "counter") and "of 2." in words(opened, "counter")
    tap(opened, "#touch-counter input[value=named]")
    wait(opened, f"document.querySelector('{card} details').hidden")
    assert opened.run(f"document.querySelector('{card} sup').textContent") in "①②"


@pytest.mark.parametrize("width", WIDTHS)
def test_without_javascript_a_picture_remains(page, tab, width):
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.resize(width)
        tab.open(page)
        assert tab.run("document.querySelectorAll('figure.touch.on').length") == 0

        def count(selector):
            return tab.run(f"{SHOWN}('{selector}').length")

        assert count(".touch-controls, .touch-answers") == 0
        assert count("svg") == 3
        assert count("#touch-cascade .touch-strip.tail") == 4  # every relation of every head
        assert count("#touch-masks g[data-when]") == count("#touch-counter .touch-card") == 1
        assert count("#touch-counter summary") == 1
        tab.run("document.querySelector('#touch-counter .touch-card details').open = true")
        assert "The counter says" in tab.run("document.querySelector('#touch-counter').innerText")
        assert tab.run("document.documentElement.scrollWidth - innerWidth") <= 0
    finally:
        tab.ask("Emulation.setScriptExecutionDisabled", value=False)


def test_words_of_others_are_no_markup():
    assert markup.bold("a **b <c>** d") == "a <b>b &lt;c&gt;</b> d"
    assert "<x>" not in markup.slider("f", "n", "<x>", 0, 1, 0) + markup.choice("f", "n", "<x>", {"v": "<x>"})
    assert markup.figure("f", "", "p", "c").startswith("```{raw} html\n<figure")
    assert "<x>" not in markup.text(0, 0, "<x>") + markup.svg(1, 1, "", "<x>")
