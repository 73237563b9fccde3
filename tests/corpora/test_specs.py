"""Corpora by name: every one says all that is known of it, and a new one is found where it lies."""

import sys

import pytest
from digests import digest

from relex import corpora
from relex.corpora import CORPORA, generators, readers
from relex.corpora.check import report
from relex.corpora.spec import choose
from relex.errors import RelexError

SUMS = {
    "umrc10": "c4d2504866c3ee2fe2b35ba4548a868c",
    "conll04": "9b8903a4edd9b5eae1c9c36ce28ee608",
    "casmed split=novel": "8e00cf462cd5990ff2be18e2e144d532",
    "casmed split=distinct": "f76ca0adad9f6808d40350121d8db52d",
    "casmed split=report": "1da15dd50a87965d936499724464583b",
    "casmed split=report-unseen": "cebf95dffd6daf2a4e31163feeedb0e3",
    "casmed split=shipped": "93daecf90cabb1da954854f3a7b3cdd1",
    "casmed split=shipped-unseen": "f3935be1cd8e52570844a9ef9b4fe0bb",
    "casmed split=report unit=report": "441bc529e2ffed0eb855f676d6929dd8",
    "duie align=nearest": "d79608b626ebe78c2b65809e1e57611c",
    "duie align=first": "a96f7897b5c416a672b1b127f4f89b34",
    "duie align=all": "6b742483bb96b79b67f813f415a5c91a",
    "cmeie align=nearest": "0b09ce409504d9fd90f8e8103c013c18",
    "cmeie align=first": "806e9c9d3cb0d4d56f80c3e442ae755b",
    "cmeie align=all": "39e3dd55df763d4207b77c4caba05881",
}
"""Real corpora with their options → see `digests`; a sum tells nothing of their text."""


@pytest.mark.parametrize("name", SUMS)
def test_real_corpora_are_read_as_ever(name):
    corpus, *options = name.split()
    if not corpora.find(corpus):
        pytest.skip(f"{corpus} is not on this machine")
    assert digest(corpora.load(corpus, **dict(option.split("=") for option in options))) == SUMS[name]


def test_the_order_is_that_of_the_lists():
    assert tuple(CORPORA) == corpora.ORDER
    assert [*corpora.names(stand_in=False), *corpora.names(stand_in=True)] == list(CORPORA)
    assert all(name == spec.name for name, spec in CORPORA.items())


@pytest.mark.parametrize("spec", CORPORA.values(), ids=CORPORA)
def test_a_spec_is_whole(spec):
    if spec.stand_in:
        assert not (spec.scan or spec.marks or spec.recognise)
    else:
        assert spec.scan and (spec.marks or spec.recognise)
        assert set(spec.marks) <= {source.file for source in spec.sources}
    for option, values in spec.options.items():
        assert option in ("split", "unit", "align") and len(set(values)) == len(values) > 1
        with pytest.raises(RelexError, match=f"{spec.name} has no {option} 'other'; known are {values[0]}, "):
            choose(spec.name, spec.options, **{option: "other"})
        assert choose(spec.name, spec.options, **{option: ""}) == values[:1]


def test_no_name_of_a_file_belongs_to_two_corpora():
    marks = [mark for spec in CORPORA.values() for mark in spec.marks]
    assert len(set(marks)) == len(marks)


def test_titles():
    assert corpora.title("conll04") == "CoNLL04" and "stand-in for CH-DDI" in corpora.title("interactions")
    assert (corpora.title("umrc10"), corpora.title("jsonl:mine")) == ("umrc10", "jsonl:mine")


NEW = """
from pathlib import Path

from relex.corpora.readers import jsonl
from relex.corpora.spec import CorpusSpec

SPEC = CorpusSpec(
    {name!r},
    read=lambda *folder: jsonl.read(Path({own!r})),
    stand_in={stand_in},
    scan=lambda folder: [(folder / "mine.txt", [])],
    marks=("mine.txt",),
    title="Mine",
)
"""


def test_a_new_corpus_is_one_file(tmp_path, monkeypatch, corpus_name):
    own = corpus_name.removeprefix("jsonl:")
    for package, name in ((readers, "mine"), (generators, "made_up")):
        folder = tmp_path / package.__name__
        folder.mkdir()
        text = NEW.format(name=name, own=own, stand_in=package is generators)
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        monkeypatch.setitem(sys.modules, f"{package.__name__}.{name}", None)  # so that it is forgotten at the end
        del sys.modules[f"{package.__name__}.{name}"]
    found = corpora._specs()
    assert list(found) == [*corpora.names(stand_in=False), "mine", *corpora.names(stand_in=True), "made_up"]
    for name in ("mine", "made_up"):
        monkeypatch.setitem(CORPORA, name, found[name])
    monkeypatch.setenv("RELEX_CORPORA", str(tmp_path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.txt").touch()
    assert corpora.title("mine") == "Mine"
    assert corpora.load("mine") == corpora.load("made_up") == corpora.load(corpus_name)
    assert report(tmp_path / "mine").form == "mine folder"
