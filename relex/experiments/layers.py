"""Settings in layers: what all runs of a paper share, then what a profile, a corpus or a kind of grid changes."""

from collections.abc import Sequence

Layers = Sequence[tuple[dict, dict]]
"""Pairs of a condition and settings; a condition is what has to be the case, and an empty one always is."""


def settled(layers: Layers, **case) -> dict:
    """The settings of all layers whose condition `case` meets; of two for one key the later holds."""
    found: dict = {}
    for condition, settings in layers:
        if condition.items() <= case.items():
            found |= settings
    return found
