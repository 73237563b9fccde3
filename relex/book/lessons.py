"""Lessons: notebooks that hold their solutions, and the same notebooks with gaps, from one source.

A solution stands between two comments, the first of which has the hint, on further lines behind `#` and three blanks:

    # solution: what to do
    #   and with what
    rows = ...
    # end of solution

With gaps, the hint stays, and `...` stands for the lines; for a `name = …` that is not indented, `name = ...`
does, so that the cell which checks it finds the name.
"""

import os
import re
from pathlib import Path

from relex.book.toc import notebook_names
from relex.errors import RelexError
from relex.files import project_root, write_text

PREFIX = "lesson_"
"""How the name of a lesson's notebook begins."""
SOLUTION = re.compile(
    r"^(?P<indent> *)# solution: (?P<hint>[^\n]+(?:\n *#   [^\n]+)*)\n(?P<lines>.*?)^(?P=indent)# end of solution$",
    re.DOTALL | re.MULTILINE,
)
ASSIGNED = re.compile(r"\w+ = ")


def lesson_names(root: Path | None = None) -> list[str]:
    """The lessons in the order of the table of contents."""
    return [name for name in notebook_names(root or project_root()) if name.startswith(PREFIX)]


def without_solution(source: str) -> str:
    """The source of a cell with a gap in the place of each solution.

    Raises a `RelexError` when a solution does not end, or ends without having begun.
    """

    def gap(found: re.Match) -> str:
        name = ASSIGNED.match(found["lines"])
        return f"{found['indent']}# your lines: {found['hint']}\n{found['indent']}{name[0] if name else ''}..."

    left = SOLUTION.sub(gap, source)
    stray = re.search(r"^ *# (?:solution|end of solution)\b.*$", left, re.MULTILINE)
    if stray:
        raise RelexError(
            f"{stray[0].strip()!r} has no partner in its cell; write '# solution: HINT', '# end of solution'"
        )
    return left


def with_gaps(notebook, name: str):
    """A copy of a lesson (an nbformat notebook) without solutions and outputs.

    Raises a `RelexError`, which begins with `name`, when the lesson has no gap or a gap is not whole.
    """
    import copy

    gapped = copy.deepcopy(notebook)
    for cell in (one for one in gapped.cells if one.cell_type == "code"):
        try:
            cell.source, cell.outputs, cell.execution_count = without_solution(cell.source), [], None
        except RelexError as error:
            raise RelexError(f"{name}: {error}") from None
    if [cell.source for cell in gapped.cells] == [cell.source for cell in notebook.cells]:
        raise RelexError(f"{name} has no solutions; write them between '# solution: HINT' and '# end of solution'")
    return gapped


def write_lessons(folder: str | Path, solutions: bool = False, root: Path | None = None) -> list[Path]:
    """Write every lesson into a folder, with gaps or with `solutions`; return the paths.

    Nothing is written over: a `RelexError` names the first file that is there already, or says why no folder can be
    there, such as a name that is empty or a file on the way.
    """
    import nbformat

    root, folder = root or project_root(), _folder(folder)
    sources = {folder / f"{name}.ipynb": root / "notebooks" / f"{name}.ipynb" for name in lesson_names(root)}
    texts = {}
    for path in sources:
        if os.path.lexists(path):
            raise RelexError(f"{path} is there already and may hold somebody's answers; choose another folder")
    for path, source in sources.items():
        try:
            notebook = nbformat.read(source, as_version=4)
        except (OSError, ValueError, AttributeError, TypeError, nbformat.ValidationError) as error:
            raise RelexError(f"cannot read the lesson {source} ({str(error).splitlines()[0]}); restore it") from None
        texts[path] = nbformat.writes(notebook if solutions else with_gaps(notebook, source.name)) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RelexError(f"cannot make the folder {folder}: {error.strerror}; choose another place") from None
    for path, text in texts.items():  # when all could be read: half of the lessons would block the folder
        write_text(path, text)
    return [*sources]


def _folder(name: str | Path) -> Path:
    """The folder of that name, which is there or can be made as far as the names on the way to it tell."""
    if not str(name).strip():
        raise RelexError("the folder for the lessons has no name; give one, or . for this folder")
    folder = Path(name)
    for place in (folder, *folder.parents):
        if place.is_symlink() and not place.exists():
            raise RelexError(
                f"{place} is a symbolic link to {os.readlink(place)}, which is not there; make that folder, remove the "
                "link, or choose another place"
            )
        if os.path.lexists(place):
            if not place.is_dir():
                raise RelexError(f"{place} is no folder, so lessons cannot lie in it; choose another place")
            break
    return folder
