"""The page on architecture is true: its rooms are those of the package, and imports point one way."""

import ast
import re
from pathlib import Path

from relex.files import project_root

PACKAGE = project_root() / "relex"
PAGE = (project_root() / "book" / "architecture.md").read_text(encoding="utf-8")


def rooms():
    """The rooms in the order of the page."""
    listed = re.search(r"which a test checks:\n\n((?:> .*\n)+)", PAGE)[1]
    return re.findall(r"`(\w+)`", listed)


def imported(file: Path):
    """The rooms that a file imports from, also within functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "relex":
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else (alias.name for alias in node.names)


def test_every_room_is_listed():
    there = {p.stem for p in PACKAGE.iterdir() if (p.is_dir() or p.suffix == ".py") and not p.name.startswith("_")}
    assert set(rooms()) == there - {"data"}


def test_a_room_imports_from_rooms_before_it():
    place = {room: i for i, room in enumerate(rooms())}
    wrong = [
        f"{file.relative_to(PACKAGE)} imports {other}"
        for file in sorted(PACKAGE.rglob("*.py"))
        for room in [file.relative_to(PACKAGE).parts[0].removesuffix(".py")]
        for other in imported(file)
        if room != "__init__" and other != room and place[other] > place[room]
    ]
    assert not wrong


def test_files_that_the_page_names_are_there():
    named = set(re.findall(r"`((?:relex/|[a-z]+/)[\w/]+\.(?:py|yaml))`", PAGE)) | set(
        re.findall(r"\.\./(relex/\S+\.py)", PAGE)
    )
    missing = [
        name
        for name in named
        if "NAME" not in name and not any((root / name).exists() for root in (project_root(), PACKAGE))
    ]
    assert not missing


def test_files_are_short():
    long = {f: n for f in PACKAGE.rglob("*.py") if (n := len(f.read_text(encoding="utf-8").splitlines())) > 350}
    assert not long
