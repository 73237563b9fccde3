"""The model on the landing page: what is said of it comes from its card, and its page is where the link leads."""

import json

import pytest
from cases import Case, make

from relex.book import build, reader
from relex.errors import RelexError
from relex.files import project_root
from relex.runs import models
from relex.runs.config import Config


def test_words_and_page_are_those_of_the_model(tmp_path):
    head = make(Case("cascade"))
    config = Config.from_json({"head": "cascade", "encoder": "random:tiny", "layers": 2})
    about = {"corpus": {"name": "own", "sizes": {"train": 1600, "dev": 1, "test": 30}},
             "metrics": {"ner.strict.f1": 0.876, "re.strict.f1": 0.5432}}  # fmt: skip
    models.save(head, config, about, tmp_path / "model")
    (tmp_path / "page.html").write_text("a page")
    words = reader.publish(tmp_path / "model", tmp_path / "page.html", tmp_path / "executed")
    assert (tmp_path / "executed" / "reader.md").read_text(encoding="utf-8") == words
    scores = "87.6 for entities and 54.3 for relations"
    assert all(told in words for told in ("1,600 segments", "30 other", scores, "not a medical device", " 0.0 MB"))
    (tmp_path / "html" / "_static").mkdir(parents=True)
    reader.place(tmp_path / "executed", tmp_path / "html")
    assert (tmp_path / "html" / "_static" / "reader.html").read_text() == "a page"
    with pytest.raises(RelexError, match="no model folder"):
        reader.publish(tmp_path, tmp_path / "page.html", tmp_path / "executed")


def test_a_notebook_whose_page_is_gone_is_executed_again(tmp_path):
    executed = tmp_path / build.EXECUTED
    executed.mkdir(parents=True)
    for name in ("one.ipynb", reader.PAGE, reader.WORDS):
        (executed / name).write_text("{}")
    build._write_timing(tmp_path, "one", "quick", 1.0, "now")
    assert build._unchanged(tmp_path, "one", "now")
    (executed / reader.PAGE).unlink()
    assert not build._unchanged(tmp_path, "one", "now")


def test_the_landing_page_leads_to_it_and_says_what_it_is():
    page = (project_root() / "book" / "index.md").read_text(encoding="utf-8")
    assert f'href="../_static/{reader.PAGE}"' in page and f"{{include}} executed/{reader.WORDS}" in page
    notebook = json.loads((project_root() / "notebooks" / "own_text.ipynb").read_text(encoding="utf-8"))
    assert "reader.publish(" in "".join(notebook["cells"][-1]["source"])
