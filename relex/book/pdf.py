"""The book as one PDF: a browser prints the built pages, so equations, figures and Chinese are those of the screen.

It has a page of contents after the title page and numbered pages. The API stays on the screen, and so does what is
folded there (`@media print` in book/_static/relex.css).
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tqdm import tqdm

from relex.book.toc import page_names
from relex.errors import RelexError
from relex.files import project_root, write_text

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge",
)  # fmt: skip
"""Programs that can print without a window, in the order in which they are tried."""

ON_SCREEN = "book/api"
"""Beginning of the names of pages that are not printed."""

CONTENTS = """<!doctype html><meta charset="utf-8"><title>Contents</title>
<style>
  body {{ font: 11pt/1.5 sans-serif }} li {{ display: flex; list-style: none; break-inside: avoid }}
  a {{ flex: 1; color: inherit; text-decoration: none }} ul {{ padding: 0 }}
</style>
<h1>Contents</h1><ul>{lines}</ul>"""
LINE = '<li><a href="{address}">{title}</a> {number}</li>'

NUMBERS = """<!doctype html><meta charset="utf-8"><title>Numbers</title>
<style>
  @page {{ margin: 0 }} body {{ margin: 0; font: 9pt sans-serif; color: #555 }}
  p {{ height: 100vh; margin: 0; padding-bottom: 8mm; box-sizing: border-box; display: flex; align-items: end;
      justify-content: center; break-after: page }}
  p:last-child {{ break-after: auto }}
</style>
{lines}"""

PATIENCE = 300
"""Seconds after which a page that is not printed has failed."""


def make_pdf(browser: str = "", root: Path | None = None) -> Path:
    """Print the pages that `relex book` built into _build/relex.book.pdf, a bookmark each; return its path.

    After the first page stand the contents. `browser` is the program that prints; by default the first of `BROWSERS`
    that is installed. Links between pages become links within the file. Raises a `RelexError` when the book is not
    built, no browser is found, or one fails.
    """
    root = root or project_root()
    names = [name for name in page_names(root) if not name.startswith(ON_SCREEN)]
    pages = [root / "_build" / "html" / f"{name}.html" for name in names]
    if missing := [page for page in pages if not page.is_file()]:
        raise RelexError(f"the page {missing[0]} is not there; build the book with `make book` first")
    program = find_browser(browser)
    path = root / "_build" / "relex.book.pdf"
    with TemporaryDirectory() as name:
        folder = Path(name)
        printed = {page: folder / f"{number}.pdf" for number, page in enumerate(pages)}
        for page, target in tqdm(printed.items(), unit="page", leave=False):
            _print(program, page, target, folder / "profile")
        contents = _contents(program, printed, folder)
        in_order = dict([*list(printed.items())[:1], contents, *list(printed.items())[1:]])
        _merge(in_order, _numbers(program, _starts(in_order)[1], folder), path)
    return path


def _contents(program: str, printed: Mapping[Path, Path], folder: Path) -> tuple[Path, Path]:
    """The page of contents, which stands second, and its print.

    It is printed twice: how many pages it has decides the numbers that stand in it.
    """
    page, target = folder / "contents.html", folder / "contents.pdf"
    first, *others = printed.items()
    starts = dict.fromkeys(printed, 0)
    for _ in range(2):
        lines = [
            LINE.format(address=one.resolve().as_uri(), title=escape(_title(one)), number=starts[one] + 1)
            for one in printed
        ]
        write_text(page, CONTENTS.format(lines="\n".join(lines)))
        _print(program, page, target, folder / "profile")
        starts, _ = _starts(dict([first, (page, target), *others]))
    return page, target


def _starts(printed: Mapping[Path, Path]) -> tuple[dict[Path, int], int]:
    """The place of the first sheet of each page, from 0, and the number of all sheets."""
    from pypdf import PdfReader

    starts, number = {}, 0
    for page, target in printed.items():
        starts[page] = number
        number += len(PdfReader(target).pages)
    return starts, number


def _numbers(program: str, count: int, folder: Path) -> Path:
    """So many sheets with nothing but their numbers, to be laid over the others."""
    page, target = folder / "numbers.html", folder / "numbers.pdf"
    write_text(page, NUMBERS.format(lines="\n".join(f"<p>{number}</p>" for number in range(1, count + 1))))
    _print(program, page, target, folder / "profile")
    return target


def find_browser(browser: str = "") -> str:
    """The path of the program that prints."""
    for name in [browser] if browser else BROWSERS:
        if found := shutil.which(name):
            return found
    if browser:
        raise RelexError(f"there is no program {browser!r}; give the path of Chromium, Chrome or Edge")
    raise RelexError("no browser was found that can print; install Chromium, or name one with --browser PATH")


def _print(program: str, page: Path, target: Path, profile: Path) -> None:
    command = [
        program, "--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}",
        "--virtual-time-budget=10000",  # milliseconds that a page may wait for its scripts, which set the equations
        "--no-pdf-header-footer", f"--print-to-pdf={target}", page.resolve().as_uri(),
    ]  # fmt: skip
    if getattr(os, "geteuid", lambda: 1)() == 0:
        command.insert(2, "--no-sandbox")  # the sandbox refuses the superuser
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise RelexError(f"{program} did not print {page.name} in {PATIENCE} s; try it again") from None
    if result.returncode or not target.is_file():
        said = result.stderr.decode("utf-8", "replace").strip().splitlines() or ["nothing was said"]
        raise RelexError(
            f"{program} did not print {page.name} (exit status {result.returncode}): {said[-1]}; "
            "correct this or name another program with --browser PATH"
        )


def _merge(printed: Mapping[Path, Path], numbers: Path, path: Path) -> None:
    """Append what was printed, with a bookmark for each page of the book and a number on each sheet, and write it."""
    from pypdf import PdfReader, PdfWriter

    writer, starts = PdfWriter(), {}
    for page, part in printed.items():
        starts[page.resolve()] = len(writer.pages)
        writer.append(str(part), outline_item=_title(page), import_outline=False)
    for sheet, number in zip(writer.pages, PdfReader(numbers).pages, strict=True):
        sheet.merge_page(number)
    _link_within(writer, starts)
    draft = path.with_suffix(".part")
    writer.write(str(draft))
    draft.replace(path)


def _title(page: Path) -> str:
    """What a page is called, without the name of the book behind it."""
    found = re.search(r"<title>(.*?)</title>", page.read_text(encoding="utf-8"), re.DOTALL)
    return unescape(found[1]).split(" — ")[0].strip() if found else page.stem


def _link_within(writer, starts: dict[Path, int]) -> None:
    """Turn links to files into links to where these begin in the PDF; one to a file that is not in it goes."""
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject

    for page in writer.pages:
        kept = ArrayObject()
        for reference in page.get("/Annots") or ():
            action = reference.get_object().get("/A")
            address = urlsplit(str((action or {}).get("/URI", "")))
            if address.scheme == "file":
                start = starts.get(Path(url2pathname(address.path)).resolve())
                if start is None:
                    continue
                goal = ArrayObject([writer.pages[start].indirect_reference, NameObject("/Fit")])
                names = {NameObject("/S"): NameObject("/GoTo"), NameObject("/D"): goal}
                reference.get_object()[NameObject("/A")] = DictionaryObject(names)
            kept.append(reference)
        if "/Annots" in page:
            page[NameObject("/Annots")] = kept
