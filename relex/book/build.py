"""The book: execute the notebooks, write what pages include, build the HTML."""

import json
import os
import platform
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from relex.book import opening, reader, slides
from relex.book.api import api_pages
from relex.book.equations import embed_font
from relex.book.included import write_claims, write_touched
from relex.book.kept import common_state, once, state
from relex.book.pages import lighten
from relex.book.toc import EXECUTED, notebook_names, page_names
from relex.errors import RelexError
from relex.files import project_root, write_bytes, write_text

CHINESE = "\u2e80"
"""First character of the East Asian blocks."""

SHOWN = (
    "relex",
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "matplotlib",
    "papermill",
    "jupyter-book",
    "Sphinx",
)
"""Packages whose versions the status page lists."""


def make_book(profile: str = "quick", parameters: dict | None = None, names: list[str] | None = None) -> Path:
    """Execute the notebooks, write the status page and build the HTML; return the path of index.html.

    Raises a `RelexError` when a notebook fails (the others are executed first) or the build has warnings.
    """
    start = time.perf_counter()
    execute(names, profile, parameters)
    write_status()
    index = build()
    print(f"The book is at {index} ({time.perf_counter() - start:.0f} s).")
    return index


def execute(
    names: list[str] | None = None, profile: str = "quick", parameters: dict | None = None, root: Path | None = None
) -> dict[str, float]:
    """Run notebooks/NAME.ipynb into book/executed/NAME.ipynb; return the seconds each took.

    `names` defaults to all of the table of contents. Every notebook gets `profile`; `parameters` are further
    values and must be known to each of the `names`. The working folder of the notebooks is the project's root.
    A notebook is kept as it is when all that its page depends on is as it was: its source and parameters, the package,
    the locked versions, the published records, the corpora, and the records that it left in runs/.

    Raises a `RelexError` before anything runs when a notebook or a parameter does not exist, and after all have
    run when one failed: it names notebook, cell and error.
    """
    root = root or project_root()
    names = names or notebook_names(root)
    values = {"profile": profile, **(parameters or {})}
    for name in names:
        _check_parameters(root / "notebooks" / f"{name}.ipynb", values)
    seconds, failures, common = {}, [], common_state(root)
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name} … ", end="", flush=True)
        now = state([root / "notebooks" / f"{name}.ipynb"], values, common)
        if _unchanged(root, name, now):
            seconds[name] = 0.0
            print("unchanged, kept", flush=True)
            continue
        start = time.perf_counter()
        failure = _run(root, name, values)
        seconds[name] = time.perf_counter() - start
        print(f"{'failed' if failure else 'done'} in {seconds[name]:.0f} s", flush=True)
        if failure:
            failures.append(failure)
        else:
            _write_timing(root, name, profile, seconds[name], now)
    if failures:
        raise RelexError("; ".join(failures) + "; correct this and run it again")
    return seconds


def build(root: Path | None = None) -> Path:
    """Build the HTML book, where a warning is a failure; return the path of its index.html.

    A book that was built without a warning is kept as it is when all that it is made of is as it was. If anything
    differs, all pages are built again: a page that itself did not change can link to what another one no longer has.
    The log is kept in _build/build.log. Raises a `RelexError` when a notebook of the table of contents has not
    been executed, or with the number of warnings and the first of them.
    """
    root = root or project_root()
    missing = [name for name in notebook_names(root) if not (root / EXECUTED / f"{name}.ipynb").is_file()]
    if missing:
        raise RelexError(f"these notebooks have not been executed: {', '.join(missing)}; run `relex book`")
    if not (root / EXECUTED / "status.md").is_file():
        write_status(root)
    for page, text in api_pages(root).items():
        write_text(root / EXECUTED / f"{page}.md", text)
    write_claims(root)
    write_touched(root)
    html = root / "_build" / "html"
    pages = [html / f"{name}.html" for name in ("index", *page_names(root))]
    pages += [slides.deck_path(html, name) for name in slides.deck_names(root)]
    if not once(root / "_build" / "html.state", _book_state(root), pages, lambda: _build_pages(root)):
        print("The pages are unchanged, kept.")
    return pages[0]


def _book_state(root: Path) -> str:
    """A hash of all that the HTML is made of; pages show code of the package and of the tests."""
    files = [path for path in sorted((root / "book").rglob("*")) if path.is_file()]
    files += [root / "_config.yml", root / "_toc.yml", *sorted((root / "tests").rglob("*.py"))]
    return state(files, common_state(root))


def _build_pages(root: Path) -> None:
    # --all: a page whose warning was seen once, or whose link another page broke, would otherwise pass unread.
    program = "from jupyter_book.cli.main import main; main()"  # the package cannot be run with -m
    command = [sys.executable, "-c", program, "build", ".", "--all", "-W", "--keep-going", "-n"]
    result = subprocess.run(
        command,
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUTF8": "1", "NO_COLOR": "1"},
    )
    log = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout.decode("utf-8", "replace"))
    write_text(root / "_build" / "build.log", log)
    index = root / "_build" / "html" / "index.html"
    if result.returncode or not index.is_file():
        warnings = re.findall(r"^.*(?:WARNING|ERROR|CRITICAL|Error):.*$", log, re.MULTILINE)
        first = (warnings or log.strip().splitlines()[-1:] or ["nothing was printed"])[0].replace(f"{root}{os.sep}", "")
        raise RelexError(
            f"the book was not built; warnings or errors: {len(warnings)}, the first: {first}; "
            f"correct them all (the log is {root / '_build' / 'build.log'})"
        )
    embed_chinese(index.parent)
    embed_font(index.parent)
    reader.place(root / EXECUTED, index.parent)
    lighten(index.parent)
    slides.place(root, index.parent)


def embed_chinese(html: Path) -> Path:
    """Write _static/relex-zh.woff: Noto Sans SC cut down to the Chinese characters of the pages under `html`.

    The style sheet takes it for East Asian text, so that pages are readable where no such font is installed.
    """
    from relex.figures.style import cut_font

    static = html / "_static"  # the page of a model is there, with the thousands of characters that the model knows
    found = (page for page in html.rglob("*.html") if static not in page.parents)
    pages = "".join(page.read_text(encoding="utf-8") for page in found)
    path = static / "relex-zh.woff"
    write_bytes(path, cut_font({c for c in pages if c >= CHINESE}))
    return path


def write_status(root: Path | None = None) -> Path:
    """Write book/executed/status.md, which the status page includes: notebooks with their times, machine, versions."""
    root = root or project_root()
    timings = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in (root / "runs" / "timings" / f"{name}.json" for name in notebook_names(root))
        if path.is_file()
    ]
    notebooks = [(t["notebook"], t["profile"], f"{t['seconds']:.1f}", t["date"]) for t in timings]
    text = "\n\n".join(
        [
            "## Notebooks",
            _table(("notebook", "profile", "seconds", "executed"), notebooks),
            "## Machine",
            _table(("machine", "this build"), _machine().items()),
            "## Packages",
            _table(("package", "version"), [(name, _version(name)) for name in SHOWN]),
        ]
    )
    path = root / EXECUTED / "status.md"
    write_text(path, text + "\n")
    return path


def _machine() -> dict[str, str]:
    """What the status page says of this machine: what records say, and the system."""
    import torch

    from relex.runs.records import machine

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"
    return machine(device) | {"system": f"{platform.system()}, {platform.machine()}"}


def _check_parameters(path: Path, values: dict) -> None:
    """Papermill only logs a warning for a parameter that the notebook lacks, so look before it runs."""
    import nbformat
    import papermill

    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.ipynb"))) or "none"
        raise RelexError(f"there is no notebook {path.stem!r} in {path.parent}; known are {known}")
    try:
        known = papermill.inspect_notebook(str(path))
    except (ValueError, KeyError, nbformat.ValidationError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise RelexError(f"{path} is not a notebook that papermill can read ({reason}); restore it") from None
    unknown = [name for name in values if name not in known]
    if unknown:
        raise RelexError(
            f"notebook {path.stem!r} has no parameter {', '.join(map(repr, unknown))}; "
            f"known are {', '.join(known) or 'none'}"
        )


def _run(root: Path, name: str, values: dict) -> str | None:
    """Execute one notebook; None, or what failed. A failed notebook never reaches the book's folder."""
    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError

    # The kernel of this interpreter, not one of the same name in the user's home.
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    draft = root / "runs" / "notebooks" / f"{name}.ipynb"
    draft.parent.mkdir(parents=True, exist_ok=True)
    where = f"its outputs are in {draft}"
    try:
        papermill.execute_notebook(
            str(root / "notebooks" / f"{name}.ipynb"),
            str(draft),
            values,
            kernel_name="python3",
            cwd=str(root),
            progress_bar=False,
            log_output=False,
            extra_arguments=["--log-level=50"],  # the kernel's own chatter on start and stop
        )
    except papermill.PapermillExecutionError as error:
        value = str(error.evalue).strip().splitlines()
        return f"notebook {name!r} failed in cell {error.cell_index + 1}: {error.ename}: {' '.join(value)} ({where})"
    except DeadKernelError:
        return f"notebook {name!r} failed: its kernel died, often for want of memory ({where})"
    notebook = nbformat.read(draft, as_version=4)
    glyph = _missing_glyph(notebook)
    if glyph:
        return f"notebook {name!r} drew a figure without its text: {glyph} ({where})"
    _tidy(notebook)
    opening.put_in(notebook, name)
    write_text(root / EXECUTED / f"{name}.ipynb", nbformat.writes(notebook))
    return None


def _missing_glyph(notebook) -> str | None:
    """Matplotlib's warning of a missing glyph: drawing happens after the cell, where an error would not stop it."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            found = re.search(r"Glyph \d+ .*missing from .*", output.get("text", ""))
            if found:
                return found[0]
    return None


def _tidy(notebook) -> None:
    """Drop papermill's notes and what went to standard error, which hold paths of this machine; fold the cell it adds.

    The pages show no standard error anyway (`_config.yml`).
    """
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags:
            tags.append("hide-cell")


def _unchanged(root: Path, name: str, now: str) -> bool:
    try:
        before = json.loads((root / "runs" / "timings" / f"{name}.json").read_text(encoding="utf-8"))
        kept = before["state"] == now and all((root / record).is_file() for record in before["records"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return kept and all((root / path).is_file() for path in [f"{EXECUTED}/{name}.ipynb", *before["figures"]])


def _write_timing(root: Path, name: str, profile: str, seconds: float, now: str) -> None:
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    made = sorted(path for name in ("*.svg", reader.PAGE, reader.WORDS) for path in (root / EXECUTED).glob(name))
    records = [p for p in sorted((root / "runs").glob("*/*.json")) if p.parent.name not in ("timings", "notebooks")]
    value = {
        "notebook": name, "profile": profile, "seconds": round(seconds, 1), "date": date, "state": now,
        "records": [str(path.relative_to(root)) for path in records],
        "figures": [str(path.relative_to(root)) for path in made],
    }  # fmt: skip
    write_text(root / "runs" / "timings" / f"{name}.json", json.dumps(value) + "\n")


def _table(header: tuple, rows) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
