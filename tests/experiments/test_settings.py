"""Layers of settings: the later wins, and a layer counts where its whole condition is met."""

from relex.experiments.layers import settled

LAYERS = (
    ({}, {"a": 1, "b": 1}),
    ({"profile": "cpu"}, {"b": 2}),
    ({"profile": "cpu", "corpus": "one"}, {"b": 3, "c": 3}),
)


def test_later_layers_win_where_their_condition_is_met():
    assert settled(LAYERS) == settled(LAYERS, profile="full", corpus="one") == {"a": 1, "b": 1}
    assert settled(LAYERS, profile="cpu", corpus="two") == {"a": 1, "b": 2}
    assert settled(LAYERS, profile="cpu", corpus="one", grid="x") == {"a": 1, "b": 3, "c": 3}


def test_the_table_stays_as_it_is():
    settled(LAYERS, profile="cpu")["a"] = 9
    assert settled(LAYERS) == {"a": 1, "b": 1}
