"""Cells of a notebook that hold what one types at a terminal."""

import subprocess

import pytest

from relex.book.console import Console
from relex.errors import RelexError


def test_lines_behind_a_prompt_are_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = []
    console = Console(asked.append, {"--limit 600": "--limit 6"})
    console.cell("", "$ relex write a \\\n    --limit 600\n$ echo 关系 > b; cat b\n$ relex check 'a b'\n")
    assert asked == [["write", "a", "--limit", "6"], ["check", "a b"]]
    assert capsys.readouterr().out == "关系\n" and (tmp_path / "b").is_file()


def test_a_failure_is_not_passed_over():
    def fail(words):
        raise RelexError("no")

    with pytest.raises(RelexError):
        Console(fail).cell("", "$ relex write a\n$ true\n")
    with pytest.raises(subprocess.CalledProcessError):
        Console(fail).cell("", "$ false\n$ true\n")
