"""The pages as the theme writes them, made light: one style sheet, two scripts, and the symbols they use.

The theme's pages ask for some thirty files of 2.5 MB. Here the style sheets of a page become one, and so do its scripts
of each kind; a font cut down to the symbols in use replaces Font Awesome and its script; the search index is loaded by
the search page alone; of thebe, which runs cells on a server, nothing is left.
In tables a number stays beside its spread, and the ends of an interval beside each other.
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from relex.files import write_text

SHEET = re.compile(r'\s*<link\b(?=[^>]*rel="stylesheet")[^>]*?href="([^":]+)"[^>]*>')
SCRIPT = re.compile(r'\s*<script\b(?P<before>[^>]*?)\bsrc="(?P<source>[^":]+)"(?P<after>[^>]*)></script>')
THEBE = re.compile(
    r"\s*<script>const THEBE_JS_URL[^<]*</script>|\s*<script type=\"text/x-thebe-config\">.*?</script>", re.S
)
PRELOAD = re.compile(r'\s*<link rel="preload" as="script"[^>]*>')
CELL = re.compile(r"<td>([^<]*)</td>")
DATAFRAME = re.compile(r'<table border="1" class="dataframe">(.*?)</tr>', re.S)
NUMBERS = re.compile(r"(?<=[\d%]) (?=[±…])|(?<=[±…]) (?=[\d+−])")
SYMBOLS = re.compile(r"(?<=[\"\s])fa-[a-z-]+")
SYMBOL_RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
SYMBOL_FONT = re.compile(r"@font-face\{[^}]*Font Awesome[^}]*\}")
MAP = re.compile(r"/[/*]# sourceMappingURL=\S*(?: \*/)?")
COMMENT = re.compile(r"/\*(?!!).*?\*/\s*", re.DOTALL)
"""Comments of style sheets; those that begin with ! are licences and stay."""
URL = re.compile(r"url\(([\"']?)(?!data:|#|https?:|/)([^\"')]+)\1\)")
IMPORT = re.compile(r'@import\s+"([^"]+)";')

UNUSED = ("fontawesome.js", "sphinx-thebe.js", "sphinx-thebe.css")
"""Files that no page needs: symbols come from a font, and no cell is run on a server."""
OF_SEARCH = ("searchtools.js", "language_data.js", "searchindex.js", "search-chinese.js")
"""Scripts that the search page alone needs."""
FONT = "vendor/fontawesome/webfonts/fa-solid-900.ttf"
MANY = 8
"""Columns above which a table is set in smaller type."""
LONGEST = 24
"""Characters of a cell from which it holds words and no number."""


def lighten(html: Path) -> None:
    """Rewrite all pages under `html`, and write what they load into its folder `_static`."""
    paths = sorted(html.rglob("*.html"))
    pages = {path: path.read_text(encoding="utf-8") for path in paths if "_static" not in path.parts}
    used = frozenset(name for page in pages.values() for name in SYMBOLS.findall(page))
    sheet, script = cache(_sheet(html, used)), cache(_script(html))
    for path, page in pages.items():
        up = posixpath.relpath(".", path.parent.relative_to(html).as_posix())
        write_text(path, tables(_scripts(_sheets(page, path, sheet, up), path, script, up)))


def tables(page: str) -> str:
    """The page with the numbers of a cell tied together; cells of words and tables of many columns have a class."""
    return DATAFRAME.sub(_table, CELL.sub(_cell, page))


def _table(found: re.Match) -> str:
    spans = re.findall(r'<th(?: colspan="(\d+)")?', found[1].partition("<tr")[2])
    many = sum(int(span or 1) for span in spans) > MANY
    return f'<table border="1" class="dataframe{" many" * many}">{found[1]}</tr>'


def _cell(found: re.Match) -> str:
    text = NUMBERS.sub("\N{NO-BREAK SPACE}", found[1])
    return f'<td class="words">{text}</td>' if len(text) > LONGEST else f"<td>{text}</td>"


def _local(path: Path, address: str) -> Path:
    """The file that an address on a page, or in a style sheet, is of."""
    return Path(posixpath.normpath((path.parent / address.partition("?")[0]).as_posix()))


def _sheets(page: str, path: Path, sheet: Callable, up: str) -> str:
    files = tuple(
        _local(path, found[1]) for found in SHEET.finditer(page) if not found[1].partition("?")[0].endswith(UNUSED)
    )
    if not files:
        return page
    link = f'\n<link rel="stylesheet" href="{up}/_static/{sheet(files)}">'
    first = SHEET.search(page).start()
    return page[:first] + link + SHEET.sub("", page[first:])


def _scripts(page: str, path: Path, script: Callable, up: str) -> str:
    """The page with its plain scripts as one and its deferred ones as another."""
    page = PRELOAD.sub("", THEBE.sub("", page)).replace("<pre><span></span>", "<pre>")
    kinds: dict[bool, list[re.Match]] = {False: [], True: []}
    dropped = []
    for found in SCRIPT.finditer(page):
        name = posixpath.basename(found["source"].partition("?")[0])
        if name in UNUSED or name in OF_SEARCH and path.name != "search.html":
            dropped.append(found)
        elif name not in OF_SEARCH:
            kinds["defer" in found["before"] + found["after"]].append(found)
    edits = {found.span(): "" for found in dropped}
    for defer, some in kinds.items():
        if some:
            name = script(tuple(_local(path, found["source"]) for found in some))
            said = "".join(f" {x}" for f in some for x in re.findall(r'data-[\w-]+="[^"]*"', f["before"] + f["after"]))
            tag = f'\n<script{" defer" * defer}{said} src="{up}/_static/{name}"></script>'
            edits |= {found.span(): "" for found in some[:-1]} | {some[-1].span(): tag}  # after what scripts expect
    for (start, end), tag in sorted(edits.items(), reverse=True):
        page = page[:start] + tag + page[end:]
    return page


def _script(html: Path) -> Callable:
    def write(files: tuple[Path, ...]) -> str:
        return _written(html, ";\n".join(MAP.sub("", file.read_text(encoding="utf-8")) for file in files), ".js")

    return write


def _sheet(html: Path, used: frozenset[str]) -> Callable:
    def write(files: tuple[Path, ...]) -> str:
        return _written(html, _with_symbols(html, "\n".join(_whole(html, file) for file in files), used), ".css")

    return write


def _whole(html: Path, file: Path) -> str:
    """A style sheet with what it imports, and with addresses as they are from the folder `_static`."""
    text = COMMENT.sub("", file.read_text(encoding="utf-8"))

    def moved(found: re.Match) -> str:
        target = _local(file, found[2])
        if target.is_relative_to(html):
            return f"url({posixpath.relpath(target.as_posix(), (html / '_static').as_posix())})"
        return found[0]

    return IMPORT.sub(lambda found: _whole(html, _local(file, found[1])), URL.sub(moved, text))


def _with_symbols(html: Path, text: str, used: frozenset[str]) -> str:
    """A style sheet without the symbols that no page shows, and with a font of the others."""
    codes: set[int] = set()

    def kept(found: re.Match) -> str:
        if not any(name.strip(".").removesuffix(":before") in used for name in found[1].split(",")):
            return ""
        codes.add(int(found[2], 16))
        return found[0]

    text = SYMBOL_RULE.sub(kept, text)
    if not codes:
        return text
    cut(html / "_static" / FONT, codes, html / "_static" / "relex-symbols.woff")
    face = (
        '@font-face{font-display:block;font-family:"Font Awesome 6 Free";font-style:normal;font-weight:900;'
        'src:url(relex-symbols.woff) format("woff")}'
    )
    return SYMBOL_FONT.sub("", text) + face


def cut(font: Path, codes: set[int], path: Path, features: Sequence[str] = ("kern",)) -> None:
    """Write the characters `codes` of a font file as a WOFF, with these of its layout features."""
    from fontTools import subset

    options = subset.Options(flavor="woff", name_IDs=["*"], layout_features=list(features), hinting=False)
    whole = subset.load_font(str(font), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codes)
    cutter.subset(whole)
    subset.save_font(whole, str(path), options)


def _written(html: Path, text: str, ending: str) -> str:
    """The name in `_static` of a file with this text, which is written."""
    name = f"page-{sha256(text.encode()).hexdigest()[:8]}{ending}"
    write_text(html / "_static" / name, text)
    return name
