"""Every notebook runs in the smoke profile, on the stand-in, and is committed without outputs."""

import json
import shutil
from pathlib import Path

import pytest

from relex.book import build

ROOT = Path(__file__).parent.parent
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))

LSTMS = ("cbrrel_comparison", "focused_main")
"""Notebooks that train LSTMs: they run on a CPU without AVX-512, too."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project root with our notebooks and published records, and no real corpora."""
    (tmp_path / "relex").symlink_to(ROOT / "relex")
    shutil.copy(ROOT / "_toc.yml", tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(ROOT / "book" / "results", tmp_path / "book" / "results")
    monkeypatch.setenv("RELEX_CORPORA", str(tmp_path / "nowhere"))
    return tmp_path


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.precision if name in LSTMS else ()) for name in NAMES]
)
def test_smoke(name, project):
    build.execute([name], profile="smoke", root=project)
    executed = json.loads((project / build.EXECUTED / f"{name}.ipynb").read_text(encoding="utf-8"))
    shown = "".join(json.dumps(cell.get("outputs", ""), ensure_ascii=False) for cell in executed["cells"])
    assert "stand-in" in shown, "numbers of a generated corpus have to be named as such"
    assert str(project) not in shown


def test_all_are_in_the_book():
    assert set(build.notebook_names(ROOT)) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_committed_without_outputs(name):
    notebook = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    parameters = [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
    assert len(parameters) == 1 and 'profile = "quick"' in "".join(parameters[0]["source"])
    assert "assert" in "".join(code[-1]["source"]), "executed has to mean done"
