"""The book's machinery: notebooks that fail or lack a parameter are named, figures never lose Chinese text."""

import json

import matplotlib
import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from relex.book import build, kept
from relex.book.api import api_pages
from relex.errors import RelexError
from relex.figures import plots
from relex.figures.style import checked, use_style


@pytest.fixture
def project(tmp_path):
    """A project folder with two notebooks: `good` writes down what it was given, `bad` fails in its third cell."""
    cells = {
        "good": [
            "profile = 'quick'\nrows = 1",
            "import os, json\njson.dump([profile, rows, os.getcwd()], open('out', 'w'))",
        ],
        "bad": ["profile = 'quick'", "raise ValueError('没有这个文件')"],
    }
    (tmp_path / "notebooks").mkdir()
    for name, sources in cells.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        notebook.cells[0].metadata["tags"] = ["parameters"]
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, tmp_path / "notebooks" / f"{name}.ipynb")
    (tmp_path / "_toc.yml").write_text(
        "root: book/index\nparts:\n- chapters:\n  - file: book/executed/bad\n  - file: book/executed/good\n"
    )
    return tmp_path


def test_failed_notebook_is_named_and_the_others_still_run(project, capsys):
    # One cell more than in the file: papermill puts the given parameters after the notebook's own.
    with pytest.raises(RelexError, match=r"'bad' failed in cell 3: ValueError: 没有这个文件"):
        build.execute(profile="smoke", root=project)
    assert json.loads((project / "out").read_text()) == ["smoke", 1, str(project)]
    executed = project / build.EXECUTED
    assert (executed / "good.ipynb").is_file() and not (executed / "bad.ipynb").exists()
    assert str(project) not in (executed / "good.ipynb").read_text(), "the page would show a path of this machine"
    assert "[1/2] bad … failed" in (printed := capsys.readouterr().out) and "[2/2] good … done" in printed
    with pytest.raises(RelexError, match="not been executed: bad;"):
        build.build(project)
    status = build.write_status(project).read_text()
    assert "| good | smoke |" in status and "| bad |" not in status


def test_unknown_parameter_names_the_known_ones_and_runs_nothing(project):
    with pytest.raises(RelexError, match=r"'good' has no parameter 'row'; known are profile, rows"):
        build.execute(["good"], parameters={"row": 2}, root=project)
    assert not (project / "runs").exists()


def test_unknown_notebook_names_the_known_ones(project):
    with pytest.raises(RelexError, match=r"no notebook 'other' .* known are bad, good"):
        build.execute(["other"], root=project)


def test_a_file_that_is_no_notebook_is_named(project):
    (project / "notebooks" / "good.ipynb").write_text("{}")
    with pytest.raises(RelexError, match="good.ipynb is not a notebook"):
        build.execute(["good"], root=project)


def test_a_notebook_that_warns_of_a_missing_glyph_has_failed(project):
    path = project / "notebooks" / "good.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source = "import warnings; warnings.warn('Glyph 73728 (A) missing from font(s) DejaVu Sans.')"
    nbformat.write(notebook, path)
    with pytest.raises(RelexError, match="'good' drew a figure without its text: Glyph 73728"):
        build.execute(["good"], root=project)
    assert not (project / build.EXECUTED / "good.ipynb").exists()


def test_api_page_shows_public_names_as_written(tmp_path):
    (tmp_path / "relex").mkdir()
    (tmp_path / "relex" / "thing.py").write_text(
        '"""A thing."""\n'
        'def public(a: int, *, b=1) -> int:\n    """Costs $2 or $3, marks [CLS], `keeps_this`."""\n'
        'def _private():\n    """Hidden."""\n'
        'class Thing:\n    size: int = 3\n    def grow(self, by):\n        """Grow."""\n'
    )
    (tmp_path / "relex" / "heads").mkdir()
    (tmp_path / "relex" / "heads" / "one.py").write_text('"""A head."""\n')
    pages = api_pages(tmp_path)
    page = pages.pop("api")
    assert pages == {"api-models": "## relex.heads.one\n\nA head.", "api-runs": "", "api-use": ""}
    assert "## relex.thing" in page and "public(a: int, *, b=1) -> int" in page and "Thing.grow(by)" in page
    assert r"\$2 or \$3, marks \[CLS\], `keeps_this`" in page and "Hidden" not in page and "size: int = 3" in page


def test_a_missing_glyph_is_an_error(style):
    figure = Figure()
    figure.text(0.5, 0.5, "临床表现 ℃ −0.5")
    assert checked(figure) is figure
    figure.text(0.2, 0.2, "\U00012000")  # cuneiform, which neither font has
    with pytest.raises(RelexError, match="73728"):
        checked(figure)


def test_without_the_style_chinese_text_is_an_error():
    with matplotlib.rc_context({"font.family": ["DejaVu Sans"]}), pytest.raises(RelexError, match="use_style"):
        plots.rates_bar(pd.Series({"病因": 0.5}))


def test_svg_holds_text_as_paths(style, tmp_path):
    figure = plots.rates_bar(pd.Series({"临床表现": 0.25, "药物治疗": 0.5}))
    figure.savefig(tmp_path / "rates.svg")
    svg = (tmp_path / "rates.svg").read_text(encoding="utf-8")
    assert "<text" not in svg and "<path" in svg


def test_pages_bring_the_chinese_characters_they_use(tmp_path):
    from fontTools.ttLib import TTFont

    (tmp_path / "_static").mkdir()
    (tmp_path / "index.html").write_text("<p>Relation 关系（导致）</p>", encoding="utf-8")
    cmap = TTFont(build.embed_chinese(tmp_path)).getBestCmap()
    assert set(map(ord, "关系（导致）")) == set(cmap)


def test_missing_font_says_what_to_install(monkeypatch):
    monkeypatch.setattr("relex.figures.style.FONT_PACKAGE", "no_such_font_package")
    with pytest.raises(RelexError, match="pylopdf-fonts-zh-cn"):
        use_style()


def test_figures_show_what_they_are_given(style):
    classes = ["病因", "并发症", "同义词"]
    matrix = np.array([[5, 1, 0], [2, 4, 0], [0, 0, 6]])
    axes = plots.confusion(matrix, classes, "混淆矩阵").axes[0]
    assert [t.get_text() for t in axes.texts] == ["5", "1", "", "2", "4", "", "", "", "6"]
    before, after = pd.Series([0.8, 0.5, 0.9], classes), pd.Series([0.95, 0.7, 0.6], classes[::-1])
    axes = plots.per_class_bars(before, after).axes[0]
    assert axes.collections[-1].get_offsets()[:, 0].tolist() == [0.6, 0.7, 0.95], "after must follow before's order"


def test_figures_refuse_what_does_not_fit(style):
    with pytest.raises(RelexError, match="does not fit 3 classes"):
        plots.confusion(np.eye(2), ["a", "b", "c"])
    with pytest.raises(RelexError, match="only one has b"):
        plots.per_class_bars(pd.Series({"a": 1.0}), pd.Series({"a": 1.0, "b": 0.5}))


def test_a_notebook_is_kept_until_something_it_depends_on_changes(project, capsys):
    def executed():
        build.execute(["good"], profile="smoke", root=project)
        return "done in" in capsys.readouterr().out

    record = project / "runs" / "one" / "abc.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    assert executed() and not executed()
    record.unlink()
    assert executed() and not executed()
    published = project / "book" / "results" / "one" / "abc.json"
    published.parent.mkdir(parents=True)
    published.write_text("{}")
    assert executed() and not executed()
    (project / build.EXECUTED / "good.ipynb").unlink()
    assert executed()


@pytest.fixture
def small(project, monkeypatch):
    """A book of two pages, the first of which links to a heading of the other; `small()` tells how it was built."""
    pages = {
        "_config.yml": "title: A book\nonly_build_toc_files: true\nexecute:\n  execute_notebooks: 'off'\n",
        "_toc.yml": "format: jb-book\nroot: book/index\nchapters:\n- file: book/other\n",
        "book/index.md": "# One\n\nSee {ref}`there`, and 关系.\n",
        "book/other.md": "# Other\n\n(there)=\n## There\n\nNothing.\n",
    }
    (project / "book").mkdir()
    for name, text in pages.items():
        (project / name).write_text(text, encoding="utf-8")
    for name in ("write_claims", "write_touched"):
        monkeypatch.setattr(build, name, lambda root: [])
    return project


def test_a_book_without_a_warning_is_kept_and_one_with_a_warning_never(small, capsys):
    index = build.build(small)
    assert index.is_file() and "kept" not in capsys.readouterr().out
    assert build.build(small) == index and "unchanged, kept" in capsys.readouterr().out
    (small / "book" / "other.md").write_text("# Other\n", encoding="utf-8")
    for _ in range(2):  # the page with the broken link is not the one that was changed
        with pytest.raises(RelexError, match="errors: 1, the first: book/index.md:3: WARNING: undefined label: 'ther"):
            build.build(small)


def test_what_was_made_is_made_again_when_it_differs_is_gone_or_failed(tmp_path):
    page, stamp, made = tmp_path / "page", tmp_path / "folder" / "stamp", []

    def make():
        made.append(page.write_text("made"))

    def fail():
        raise RelexError("no")

    assert kept.once(stamp, "a", [page], make) and not kept.once(stamp, "a", [page], make)
    assert kept.once(stamp, "b", [page], make) and not kept.once(stamp, "b", [page], make)
    page.unlink()
    assert kept.once(stamp, "b", [page], make)
    with pytest.raises(RelexError):
        kept.once(stamp, "c", [page], fail)
    assert kept.once(stamp, "b", [page], make) and len(made) == 4, "what failed may have left a half"


def test_the_state_of_the_book_is_that_of_its_pages_records_and_corpora(project, monkeypatch):
    monkeypatch.setenv("RELEX_CORPORA", str(project / "corpora"))
    states = [build._book_state(project)]
    for name in ("book/a.md", "book/results/one/abc.json", "_config.yml", "tests/recipe.py", "corpora/one/train.jsonl"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("one")
        states.append(build._book_state(project))
    (project / "book" / "a.md").write_text("two")
    states.append(build._book_state(project))
    assert len(set(states)) == len(states) and build._book_state(project) == states[-1]


def test_a_set_of_words_gives_the_index_that_a_list_of_them_gives(monkeypatch):
    from sphinx.search.zh import SearchChinese

    from relex.book import search

    def stems():
        language = SearchChinese({})
        return [language.stem(word) for text in ("two IDs 关系", "relations of IDs") for word in language.split(text)]

    monkeypatch.setattr(SearchChinese, "latin_terms", [])
    found = stems()
    monkeypatch.setattr(SearchChinese, "latin_terms", [])
    search.setup(None)
    assert stems() == found and SearchChinese.latin_terms == {"two", "IDs", "relations", "of"}
    assert "ids" in found and "relat" in found, "a word that would be too short is not cut, any other is"
