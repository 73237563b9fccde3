"""Experiments by name."""

from relex.errors import RelexError
from relex.experiments import cbrrel, focused, iser, umrc
from relex.experiments.experiment import PROFILES, Experiment, reported, rows_in_order, run_all
from relex.experiments.records import publish, published

EXPERIMENTS = {
    e.name: e
    for e in (
        umrc.BASELINES, umrc.ENCODING_ABLATION, umrc.ENCODER_COMPARISON, umrc.CLASS_ENHANCEMENT, umrc.STRONGEST,
        cbrrel.COMPARISON, cbrrel.OVERLAP, cbrrel.ENTITIES, cbrrel.ABLATIONS, cbrrel.STRONGEST, cbrrel.GATE,
        cbrrel.FGM, iser.COMPARISON, iser.ABLATIONS, iser.ATTENTION, focused.MAIN,
        focused.GRIDS, focused.ABLATIONS,
    )
}  # fmt: skip

QUEUE = tuple((name, None) for name in EXPERIMENTS)
"""The order in which `relex run --all` does them, each with one corpus of its grid or all (None)."""


def run_experiment(name: str, profile: str = "quick", **options) -> list[dict]:
    """The records of an experiment; options as in `relex.experiments.experiment.run_all`.

    Raises a `RelexError` for an unknown name.
    """
    if name not in EXPERIMENTS:
        raise RelexError(f"there is no experiment {name!r}; known are {', '.join(EXPERIMENTS)}")
    return run_all(EXPERIMENTS[name], profile, **options)


__all__ = [
    "EXPERIMENTS", "PROFILES", "QUEUE", "Experiment", "publish", "published", "reported", "rows_in_order", "run_all",
    "run_experiment",
]  # fmt: skip
