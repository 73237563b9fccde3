"""Grids: which runs a profile has, and what naming a corpus leaves of them."""

import pytest

from relex import corpora
from relex.errors import RelexError
from relex.experiments import PROFILES, cbrrel, focused, iser

GRIDS = [focused.MAIN, focused.GRIDS, focused.ABLATIONS, iser.COMPARISON, iser.ABLATIONS, cbrrel.COMPARISON]
EACH_GRID = pytest.mark.parametrize("experiment", GRIDS, ids=lambda e: e.name)


@pytest.fixture(autouse=True)
def all_corpora(monkeypatch):
    """As if the files of every corpus were here."""
    monkeypatch.setattr(corpora, "find", lambda name: name)


@EACH_GRID
def test_a_named_corpus_restricts_a_grid(experiment):
    of_all = experiment.configs("cpu", seeds=1)
    names = dict.fromkeys(c.corpus for c in of_all)
    assert len(names) > 1
    for name in names:
        if name != "duie":  # rows beside those of another corpus
            assert experiment.configs("cpu", name, 1) == [c for c in of_all if c.corpus == name]


@EACH_GRID
def test_a_corpus_of_ones_own_is_taken_alone(experiment):
    for profile in PROFILES:
        assert {c.corpus for c in experiment.configs(profile, "jsonl:mine", 1)} == {"jsonl:mine"}


def test_whole_seeds_come_first_and_counting_is_done_once():
    configs = focused.MAIN.configs("cpu", "arteriography")
    assert [c.seed for c in configs] == sorted(c.seed for c in configs) and {c.seed for c in configs} == {0, 1, 2}
    assert {c.seed for c in configs if c.head == "dictionary"} == {0}


def test_an_unknown_profile_is_named():
    with pytest.raises(RelexError, match="there is no profile 'fast'; known are smoke, quick, cpu, full"):
        focused.MAIN.configs("fast")
