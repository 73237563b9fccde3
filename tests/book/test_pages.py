"""The pages of the book are light, and whole on a desk and on a phone."""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urlparse

import browser
import pytest

from relex.book import build, pages
from relex.book.toc import page_names
from relex.files import project_root

MEGABYTES, REQUESTS = 1.5, 15
"""A page loads less, and fewer files."""

UNFOLDED = """(() => { for (const one of document.querySelectorAll('details')) one.open = true;
    for (const one of document.querySelectorAll('.toggle-hidden')) one.classList.remove('toggle-hidden'); })()"""

MEASURED = """(() => {
    const told = table => [...table.querySelectorAll('thead tr')].map(row => row.innerText.trim()).join(' / ');
    const right = one => one.getBoundingClientRect().right, cut = [], hidden = [];
    for (const table of document.querySelectorAll('.bd-article table')) {
        const box = table.closest('.pst-scrollable-table-container, div.output') || table.parentElement;
        if (table.offsetWidth > box.clientWidth + 1) cut.push(told(table));
        for (const head of table.querySelectorAll('thead th'))
            if (head.innerText.trim() === 'verdict' && right(head) > right(box) + 1)
                hidden.push(told(table));
    }
    return JSON.stringify({cut, hidden, wide: document.documentElement.scrollWidth - innerWidth});
})()"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Page → what is measured at 1280 and at 390 pixels, and what the console said."""
    root, found = project_root(), {}
    stamp = root / "_build" / "html.state"
    if not browser.found():
        pytest.skip("no Chromium, Chrome or Edge is installed to look at the pages")
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != build._book_state(root):
        pytest.skip("the book is not built, or not of these files; `make book` builds it")
    with browser.browser(tmp_path_factory.mktemp("browser")) as tab:
        for name in (*page_names(root), "search", "genindex"):
            found[name] = _looked_at(tab, root / "_build" / "html" / f"{name}.html")
            if found[name][-1]:  # a busy machine may fail to read a file in time: a page that complains twice is meant
                found[name] = _looked_at(tab, root / "_build" / "html" / f"{name}.html")
    return found


def _looked_at(tab, page):
    tab.errors.clear()
    tab.requests.clear()
    tab.resize(1280)
    tab.open(page)
    tab.run(UNFOLDED)
    desk = json.loads(tab.run(MEASURED))
    tab.resize(390, 844)
    desk["loaded"] = list(tab.requests)
    return desk, json.loads(tab.run(MEASURED)), list(tab.errors)


def test_on_a_desk_no_table_is_wider_than_its_column(seen):
    assert {name: desk["cut"] for name, (desk, *_) in seen.items() if desk["cut"]} == {}


def test_on_a_phone_no_page_overflows_and_every_verdict_is_visible(seen):
    assert {name: phone["wide"] for name, (_, phone, _) in seen.items() if phone["wide"] > 0} == {}
    assert {name: phone["hidden"] for name, (_, phone, _) in seen.items() if phone["hidden"]} == {}


def test_no_page_complains(seen):
    assert {name: errors for name, (*_, errors) in seen.items() if errors} == {}


def test_no_table_is_left_as_text(seen):
    pages = {name: (project_root() / "_build" / "html" / f"{name}.html").read_text(encoding="utf-8") for name in seen}
    assert not [name for name, text in pages.items() if re.search(r"<p>\s*\|[^<]*\|\s*[-\u2014]", text)]


def test_pages_are_light(seen):
    for name, (desk, *_) in seen.items():
        page = project_root() / "_build" / "html" / f"{name}.html"
        files = {Path(unquote(urlparse(one).path)) for one in desk["loaded"] if one.startswith("file:")}
        assert page in files and len(files) > 3, f"{name} loads only {files}"
        assert len(files) < REQUESTS, f"{name} asks for {sorted(file.name for file in files)}"
        assert sum(file.stat().st_size for file in files) < MEGABYTES * 1e6, name


SHEET = (
    "@font-face{font-family:Font Awesome\\ 6 Free;src:url(a.ttf)}"
    '.fa-one:before{content:"\\f00c"}.fa-two:before{content:"\\f00d"}.c{background:url(c.png)}'
)
PAGE = """<head><link rel="stylesheet" href="{up}_static/styles/a.css?digest=1" />
<link rel="stylesheet" type="text/css" href="{up}_static/b.css" />
<link rel="preload" as="script" href="{up}_static/late.js" />
<script defer src="{up}_static/scripts/fontawesome.js"></script>
<script src="{up}_static/one.js?v=1"></script><script>let between = 1;</script>
<script data-kept="yes" src="{up}_static/two.js"></script>
<script>const THEBE_JS_URL = "x"</script><script async="async" src="{up}_static/sphinx-thebe.js"></script>
<script src="{up}searchindex.js"></script></head>
<body>{body}<script defer src="{up}_static/late.js"></script></body>"""


@pytest.fixture
def html(tmp_path):
    """Two pages, one of them in a folder, and what both ask for."""
    texts = {
        "_static/styles/a.css": f'@import "../basic.css";{SHEET}', "_static/basic.css": ".a{background:url(file.png)}",
        "_static/b.css": ".b{color:red}", "_static/one.js": "one()\n//# sourceMappingURL=one.js.map",
        "_static/two.js": "two()", "_static/late.js": "late()",
        "plain.html": PAGE.format(up="", body='<i class="fas fa-one"></i>'),
        "book/below.html": PAGE.format(up="../", body="x"),
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_page_asks_for_one_sheet_and_for_its_scripts_in_their_order(html, monkeypatch):
    cuts = []
    monkeypatch.setattr(pages, "cut", lambda font, codes, path: cuts.append(codes))
    pages.lighten(html)
    plain, below = ((html / name).read_text(encoding="utf-8") for name in ("plain.html", "book/below.html"))
    (sheet,), (early, late) = html.glob("_static/page-*.css"), sorted(html.glob("_static/page-*.js"), key=_is_late)
    assert plain.count("stylesheet") == 1 and f'href="./_static/{sheet.name}"' in plain
    assert f'href="../_static/{sheet.name}"' in below
    assert f'<script data-kept="yes" src="../_static/{early.name}">' in below
    assert f'<script defer src="../_static/{late.name}">' in below
    assert early.read_text(encoding="utf-8") == "one()\n;\ntwo()"
    assert below.index("let between") < below.index(early.name) < below.index(late.name)
    assert not any(word in plain + below for word in ("THEBE", "thebe", "preload", "searchindex", "fontawesome"))
    text = sheet.read_text(encoding="utf-8")
    assert "url(file.png)" in text and "url(styles/c.png)" in text
    assert ".fa-one" in text and ".fa-two" not in text and "a.ttf" not in text
    assert cuts == [{0xF00C}]


def _is_late(path):
    return "late" in path.read_text(encoding="utf-8")


def test_numbers_stay_together_and_words_wrap():
    told = pages.tables("<td>42.6 ± 3.6</td><td>+0.4 (−0.6 … +1.4)</td><td>cannot be distinguished from zero</td>")
    assert told == (
        "<td>42.6\xa0±\xa03.6</td><td>+0.4 (−0.6\xa0…\xa0+1.4)</td>"
        '<td class="words">cannot be distinguished from zero</td>'
    )
    header = "<tr><th></th>" + "<th>a</th>" * 4 + '<th colspan="{}">b</th></tr>'
    few, many = (f'<table border="1" class="dataframe">{header.format(n)}</table>' for n in (2, 8))
    assert pages.tables(few) == few and 'class="dataframe many"' in pages.tables(many)
