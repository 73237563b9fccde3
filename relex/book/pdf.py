"""The book as one PDF: a browser prints the built pages, so equations, figures and Chinese are those of the screen."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tqdm import tqdm

from relex.book.toc import page_names
from relex.errors import RelexError
from relex.files import project_root

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge",
)  # fmt: skip
"""Programs that can print without a window, in the order in which they are tried."""

PATIENCE = 300
"""Seconds after which a page that is not printed has failed."""


def make_pdf(browser: str = "", root: Path | None = None) -> Path:
    """Print the pages that `relex book` built into _build/relex.book.pdf, a bookmark each; return its path.

    `browser` is the program that prints; by default the first of `BROWSERS` that is installed. Links between pages
    become links within the file. Raises a `RelexError` when the book is not built, no browser is found, or one fails.
    """
    root = root or project_root()
    pages = [root / "_build" / "html" / f"{name}.html" for name in page_names(root)]
    if missing := [page for page in pages if not page.is_file()]:
        raise RelexError(f"the page {missing[0]} is not there; build the book with `make book` first")
    program = find_browser(browser)
    path = root / "_build" / "relex.book.pdf"
    with TemporaryDirectory() as folder:
        printed = [Path(folder) / f"{number}.pdf" for number in range(len(pages))]
        for page, target in zip(tqdm(pages, unit="page", leave=False), printed, strict=True):
            _print(program, page, target, Path(folder) / "profile")
        _merge(pages, printed, path)
    return path


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


def _merge(pages: Sequence[Path], printed: Sequence[Path], path: Path) -> None:
    """Append what was printed, with a bookmark for each page of the book, and write it."""
    from pypdf import PdfWriter

    writer, starts = PdfWriter(), {}
    for page, part in zip(pages, printed, strict=True):
        starts[page.resolve()] = len(writer.pages)
        writer.append(str(part), outline_item=_title(page), import_outline=False)
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
