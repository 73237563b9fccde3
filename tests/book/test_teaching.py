"""The page for teachers: its script grades by the teacher's checks, and its links to slides have decks."""

import copy
import re

import nbformat

from relex.book import slides
from relex.files import project_root

PAGE = (project_root() / "book" / "teaching.md").read_text(encoding="utf-8")


def _written(path, notebook, gap: str, check: str):
    own = copy.deepcopy(notebook)
    own.cells[0].source, own.cells[1].source = gap, check
    path.parent.mkdir(exist_ok=True)
    nbformat.write(own, path)


def test_the_script_runs_the_teachers_checks_on_the_students_lines(tmp_path, monkeypatch, capsys):
    lesson = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(), nbformat.v4.new_code_cell()])
    for cell, tag in zip(lesson.cells, ("gap", "check"), strict=True):
        cell.metadata["tags"] = [tag]
    check = "assert x == 3, 'x should be three'"
    _written(tmp_path / "my_lessons" / "lesson_cascade.ipynb", lesson, "x = ...", check)
    _written(tmp_path / "handed-in" / "ann.ipynb", lesson, "x = 3", check)
    _written(tmp_path / "handed-in" / "bob.ipynb", lesson, "x = 4", "pass")
    monkeypatch.chdir(tmp_path)
    (script,) = re.findall(r"```python\n(from pathlib.*?)```", PAGE, re.DOTALL)
    exec(script, {})
    ann, bob = capsys.readouterr().out.splitlines()
    assert ann == "ann passed" and bob.startswith("bob failed:") and bob.endswith("x should be three")


def test_every_deck_is_linked():
    assert set(re.findall(r'href="([\w-]+)-slides.html"', PAGE)) == set(slides.deck_names(project_root()))
