"""Exercises keep their word: the code of every solution in the book runs."""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
SOLUTION = re.compile(
    r"^(?P<fence>`{3,})\{solution\} (?P<label>\S+)\n(?P<body>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE
)
EXERCISE = re.compile(r"^`{3,}\{exercise\}.*\n:label: (\S+)$", re.MULTILINE)
CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(BOOK.glob("*.md"))}
SOLUTIONS = {found["label"]: found["body"] for text in PAGES.values() for found in SOLUTION.finditer(text)}
WITH_CODE = {label: CODE.findall(body) for label, body in SOLUTIONS.items() if CODE.search(body)}

SHORTER = {"range(600)": "range(30)", "range(400)": "range(30)"}
"""Steps of trainings; where their losses end, the tests of the heads know."""


def test_every_exercise_has_a_solution():
    assert sorted(label for text in PAGES.values() for label in EXERCISE.findall(text)) == sorted(SOLUTIONS)
    assert len(WITH_CODE) > 10, "else the pattern reads nothing"


@pytest.mark.parametrize("label", WITH_CODE)
def test_the_code_of_a_solution_runs(label, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": label}
    for code in WITH_CODE[label]:
        for steps, few in SHORTER.items():
            code = code.replace(steps, few)
        exec(compile(code, label, "exec"), names)
