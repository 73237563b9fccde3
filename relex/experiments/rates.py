"""Learning rates: the same small grid for every system, the best on the development part chosen.

The choices stand in `data/rates.yaml`; a test holds them to the published records of the experiments made here.
"""

import functools
from collections.abc import Iterable
from importlib import resources

import yaml

from relex.errors import RelexError
from relex.runs.config import Config

GRID = (5e-5, 1e-4, 2e-4, 4e-4)
"""Rates of pretrained weights (`lr`) that every system is tried with, once, with seed 0."""

FACTOR = 10
"""`head_lr` over `lr`: layers that begin at random learn ten times as fast as pretrained ones."""


@functools.cache
def _choices() -> dict[str, dict[str, float]]:
    return yaml.safe_load(resources.files("relex").joinpath("data/rates.yaml").read_text(encoding="utf-8"))


def chosen(system: str, profile: str = "cpu") -> dict[str, float]:
    """The settings `lr` and `head_lr` of a system in a profile; none where the profile chooses none for it.

    Raises a `RelexError` for an unknown system.
    """
    if system in (choices := _choices().get(profile, {})):
        return at(choices[system])
    known = dict.fromkeys(name for of_profile in _choices().values() for name in of_profile)
    if system not in known:
        raise RelexError(f"no learning rate was chosen for {system!r}; known are {', '.join(known)}")
    return {}


def at(rate: float) -> dict[str, float]:
    """The settings of a rate of the grid."""
    return {"lr": float(rate), "head_lr": float(rate) * FACTOR}


def tried(systems: dict[str, Config]) -> list[Config]:
    """One config for every system and rate of the grid; rows are named `SYSTEM, lr 1e-04`."""
    return [config.with_(row=f"{name}, lr {rate:.0e}", **at(rate)) for name, config in systems.items() for rate in GRID]


def development(record: dict) -> float:
    """The best development score of a run, 0 to 1, by which its epoch was chosen and its rate may be."""
    return max(entry["score"] for entry in record["history"])


def best(records: Iterable[dict], of: str) -> float | None:
    """The rate with the highest development score of the system `of`; of equal ones the lowest.

    None unless all rates of the grid are there.
    """
    scores = {r["config"]["lr"]: development(r) for r in records if system(r) == of}
    if not set(GRID) <= scores.keys():
        return None
    return max(GRID, key=lambda rate: (scores[rate], -rate))


def systems(records: Iterable[dict]) -> list[str]:
    """The systems that records of these experiments are of, in order of first appearance."""
    return list(dict.fromkeys(map(system, records)))


def system(record: dict) -> str:
    """The system that a record of these experiments is of."""
    return record["config"]["row"].rpartition(", lr ")[0]
