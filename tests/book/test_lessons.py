"""Lessons: with solutions every check passes, with a gap it fails with a hint; both come from one notebook."""

import ast
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from relex.book import lessons
from relex.cli import app
from relex.errors import RelexError

ROOT = Path(__file__).parents[2]
NAMES = lessons.lesson_names(ROOT)


MISTAKES = {
    ("cascade", "tags"): [
        "def tags(spans, length):\n    t = torch.zeros(length, 2)\n    for a, b in spans:\n        t[a, 0] += 1\n"
        "        t[b, 1] += 1\n    return t",
    ],
    ("cascade", "spans"): [
        "def spans(t):\n    a, b = (c.nonzero().flatten().tolist() for c in t.T)\n    return list(zip(a, b))",
    ],
    ("cascade", "told"): [
        "def told(states, first, last):\n    return states + states[first : last + 1].mean(0)",
        "def told(states, first, last):\n    return states + states[(first + last) // 2]",
    ],
    ("focus", "weights"): [
        "def weights(scores, seen):\n    return scores.masked_fill(~seen, -torch.inf).softmax(-1)",
    ],
    ("spans", "span_vectors"): [
        "def span_vectors(v, spans, w):\n"
        "    return torch.stack([torch.cat([torch.maximum(v[a], v[b]), w[b - a]]) for a, b in spans])",
    ],
    ("classification", "marked"): [
        "def marked(document):\n    head, tail = document.entities\n    text = document.text\n"
        "    return [text[: tail.start], '[T]', text[tail.start : tail.end], '[/T]', text[tail.end : head.start],\n"
        "            '[H]', text[head.start : head.end], '[/H]', text[head.end :]]",
    ],
    ("classification", "ceiling"): [
        "def ceiling(d):\n    return len({(x.text, x.relations[0].type) for x in d}) / len(d)",
    ],
    ("statistics", "differences"): [
        "def differences(one, other, resamples=2000, seed=0):\n    rng = np.random.default_rng(seed)\n"
        "    return abs((one - other)[rng.integers(len(one), size=(resamples, len(one)))].mean(axis=1))",
    ],
    ("statistics", "interval"): [
        "def interval(drawn, confidence=0.95):\n    return np.quantile(drawn, [(1 - confidence) / 2, 0.975])",
    ],
}
"""Natural mistakes of students, by lesson and function: each has to fail its check."""


def cells_of(name):
    """The code cells of a lesson, as (tags, source)."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    return [(cell.metadata.get("tags", []), cell.source) for cell in notebook.cells if cell.cell_type == "code"]


def test_the_five_lessons_are_in_the_book():
    assert sorted(NAMES) == [f"lesson_{n}" for n in ("cascade", "classification", "focus", "spans", "statistics")]


@pytest.mark.parametrize("name", NAMES)
def test_a_check_fails_with_a_hint_where_its_gap_is_open_and_passes_with_the_solution(name, capsys):
    names, last = {}, ""
    for tags, source in cells_of(name):
        if "gap" in tags:
            exec(lessons.without_solution(source), names)
            last = source
        elif "check" in tags:
            with pytest.raises(AssertionError) as failed:
                exec(source, names)
            assert len(str(failed.value)) > 20, "the student needs a hint"
            function = last.partition("def ")[2].partition("(")[0]
            for wrong in MISTAKES.get((name.removeprefix("lesson_"), function), ()):
                exec(wrong, names)
                with pytest.raises(AssertionError):
                    exec(source, names)
            exec(last, names)
            exec(source, names)
        else:
            exec('profile = "smoke"' if "parameters" in tags else source, names)
    assert "stand-in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lesson", "function", "wrong", "hint"),
    [
        ("cascade", "spans", "def spans(t):\n    return [list(one) for one in right(t)]", "list of tuples"),
        ("cascade", "spans", "def spans(t):\n    return tuple(right(t))", "list of tuples"),
        ("spans", "candidates", "def candidates(n, w):\n    return [[a, b] for a, b in right(n, w)]", "list of tuples"),
        ("spans", "candidates", "def candidates(n, w):\n    return tuple(right(n, w))", "list of tuples"),
        ("spans", "span_vectors", "def span_vectors(*given):\n    return list(right(*given))", "return one tensor"),
        ("spans", "span_vectors", "def span_vectors(*given):\n    return tuple(right(*given))", "return one tensor"),
    ],
)
def test_a_list_in_the_place_of_a_tuple_or_a_tensor_gets_a_hint(lesson, function, wrong, hint):
    cells = cells_of(f"lesson_{lesson}")
    names = {}
    exec("import torch", names)
    ((gap, check),) = (
        (source, following)
        for (tags, source), (_, following) in pairwise(cells)
        if "gap" in tags and f"def {function}(" in source
    )
    exec(f"{gap}\nright = {function}\n{wrong}", names)
    with pytest.raises(AssertionError, match=hint):
        exec(check, names)


@pytest.mark.parametrize("name", NAMES)
def test_every_gap_has_its_check_and_every_check_its_hints(name):
    cells = cells_of(name)
    assert sum("gap" in tags for tags, _ in cells) >= 3
    for (tags, source), (following, _) in pairwise(cells):
        assert ("gap" in tags) == ("check" in following)
        assert ("gap" in tags) == ("# solution: " in source)
    checks = [node for tags, source in cells if "check" in tags for node in ast.walk(ast.parse(source))]
    asserts = [node for node in checks if isinstance(node, ast.Assert)]
    assert asserts and all(node.msg is not None for node in asserts)


def test_a_gap_keeps_its_indent_its_hint_and_the_name_that_it_gives():
    source = "def f(x):\n    # solution: add one\n    y = x + 1\n    return y\n    # end of solution\n\n\n"
    source += '# solution: a word\nword = "same"\n# end of solution\nprint(word)'
    assert lessons.without_solution(source) == (
        "def f(x):\n    # your lines: add one\n    ...\n\n\n# your lines: a word\nword = ...\nprint(word)"
    )
    long = "if x:\n    # solution: call it\n    #   with two\n    # a remark\n    f(2)\n    # end of solution"
    assert lessons.without_solution(long) == "if x:\n    # your lines: call it\n    #   with two\n    ..."


@pytest.mark.parametrize("source", ["# solution: begin\nx = 1", "x = 1\n# end of solution"])
def test_a_marker_without_its_partner_is_named(source):
    with pytest.raises(RelexError, match="solution.* has no partner"):
        lessons.without_solution(source)


def test_a_notebook_without_solutions_is_no_lesson():
    ran = nbformat.v4.new_code_cell("x = 1", outputs=[nbformat.v4.new_output("stream", text="1")], execution_count=1)
    with pytest.raises(RelexError, match="^lesson_one.ipynb has no solutions"):
        lessons.with_gaps(nbformat.v4.new_notebook(cells=[ran]), "lesson_one.ipynb")


def test_a_gap_that_is_not_whole_is_told_with_its_notebook():
    cut = nbformat.v4.new_code_cell("# solution: begin\nx = 1")
    with pytest.raises(RelexError, match="^lesson_one.ipynb: '# solution: begin' has no partner"):
        lessons.with_gaps(nbformat.v4.new_notebook(cells=[cut]), "lesson_one.ipynb")


def test_a_folder_that_cannot_be_is_refused_with_its_reason(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    refused = {
        "": "the folder for the lessons has no name; give one",
        "file/below": "^file is no folder, so lessons cannot lie in it; choose another place$",
        "link": "^link is a symbolic link to nowhere, which is not there; make that folder, remove the link",
        "link/below": "^link is a symbolic link to nowhere",
    }
    monkeypatch.setattr(lessons, "project_root", lambda: ROOT)
    monkeypatch.chdir(tmp_path)
    for folder, message in refused.items():
        with pytest.raises(RelexError, match=message):
            app(["lessons", folder], standalone_mode=False)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "link"]


def test_a_folder_that_the_system_does_not_make_is_refused_without_talk_of_space(tmp_path, monkeypatch):
    def refuse(folder, **_):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RelexError, match=r"cannot make the folder .*/x: Permission denied; choose another place$"):
        lessons.write_lessons(tmp_path / "x", root=ROOT)


def test_the_command_writes_gaps_or_solutions_and_never_over_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    gaps, full = tmp_path / "gaps", tmp_path / "full"
    app(["lessons", str(gaps)], standalone_mode=False)
    assert capsys.readouterr().out.split() == [str(gaps / f"{name}.ipynb") for name in NAMES]
    app(["lessons", str(full), "--solutions"], standalone_mode=False)
    for name in NAMES:
        gapped, whole = (nbformat.read(folder / f"{name}.ipynb", as_version=4) for folder in (gaps, full))
        nbformat.validate(gapped)
        code = "\n".join(cell.source for cell in gapped.cells if cell.cell_type == "code")
        assert "# your lines: " in code and "solution" not in code
        assert whole.cells == nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    answered = gaps / f"{NAMES[-1]}.ipynb"
    for name in NAMES[:-1]:
        (gaps / f"{name}.ipynb").unlink()
    answered.write_text("somebody's answers")
    with pytest.raises(RelexError, match=f"{NAMES[-1]}.ipynb is there already"):
        app(["lessons", str(gaps)], standalone_mode=False)
    with pytest.raises(RelexError, match="is no folder"):
        app(["lessons", str(answered)], standalone_mode=False)
    assert answered.read_text() == "somebody's answers" and [*gaps.iterdir()] == [answered]


@pytest.mark.parametrize("damaged", ["{bad", "[]"])
def test_a_lesson_that_cannot_be_read_is_named_and_nothing_is_written(tmp_path, damaged):
    pages = "".join(f"- file: book/executed/{name}\n" for name in ("lesson_one", "lesson_two"))
    (tmp_path / "_toc.yml").write_text(f"root: book/index\nchapters:\n{pages}")
    (tmp_path / "notebooks").mkdir()
    whole = (ROOT / "notebooks" / f"{NAMES[0]}.ipynb").read_text(encoding="utf-8")
    (tmp_path / "notebooks" / "lesson_one.ipynb").write_text(whole, encoding="utf-8")
    (tmp_path / "notebooks" / "lesson_two.ipynb").write_text(damaged)
    with pytest.raises(RelexError, match="cannot read the lesson .*lesson_two.ipynb"):
        lessons.write_lessons(tmp_path / "out", root=tmp_path)
    assert not (tmp_path / "out").exists()
