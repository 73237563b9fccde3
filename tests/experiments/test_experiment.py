"""Grids: which runs a profile has, and what naming a corpus leaves of them."""

import pytest

from relex import corpora
from relex.errors import RelexError
from relex.experiments import EXPERIMENTS, PROFILES, QUEUE, cbrrel, focused, iser, umrc

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


def test_a_row_or_a_corpus_can_have_its_own_number_of_seeds():
    seeds = {}
    for config in umrc.ENCODING_ABLATION.configs("cpu", "umrc10") + cbrrel.COMPARISON.configs("cpu"):
        seeds.setdefault((config.corpus, config.row), []).append(config.seed)
    assert seeds["umrc10", "entity1"] == [0] and seeds["umrc10", "entity2"] == [0, 1, 2]
    assert seeds["duie", "CasRel"] == [0, 1] and seeds["casmed", "CasRel"] == [0, 1, 2, 3, 4]
    asked = umrc.ENCODING_ABLATION.configs("cpu", "umrc10", seeds=2)
    assert {c.seed for c in asked if c.row == "entity1"} == {0, 1}


@EACH_GRID
def test_trained_rows_of_a_table_train_to_the_same_rule_and_have_their_bars(experiment):
    """Steps of a profile `cpu` follow from these settings and the training documents."""
    configs = experiment.configs("cpu")
    for corpus in {c.corpus for c in configs}:
        trained = [c for c in configs if c.corpus == corpus and c.layers]
        rules = {(c.training.epochs, c.training.epoch_steps, c.training.batch_tokens, c.training.patience,
                  c.train_limit) for c in trained}  # fmt: skip
        assert len(rules) == 1
        bars = [c for c in configs if c.corpus == corpus and not c.layers]
        assert {(c.split, c.train_limit, c.test_limit) for c in trained} <= {
            (c.split, c.train_limit, c.test_limit) for c in bars
        }


def test_the_queue_names_experiments_and_asks_for_rates_before_they_are_used():
    names = [name for name, _ in QUEUE]
    assert set(names) <= set(EXPERIMENTS)
    for paper, uses in (("umrc", "encoding_ablation"), ("cbrrel", "cbrrel_comparison"), ("iser", "iser_comparison")):
        assert names.index(f"{paper}_rates") < names.index(uses)


def test_an_unknown_profile_is_named():
    with pytest.raises(RelexError, match="there is no profile 'fast'; known are smoke, quick, cpu, full"):
        focused.MAIN.configs("fast")
