"""Experiments by name."""

from relex.errors import RelexError
from relex.experiments import cbrrel, focused, iser, systems, umrc
from relex.experiments.experiment import PROFILES, Experiment, run_all
from relex.runs.records import publish, published

EXPERIMENTS = {
    e.name: e
    for e in (
        umrc.BASELINES, umrc.DEPTH, umrc.RATES, umrc.ENCODING_ABLATION, umrc.ENCODER_COMPARISON,
        umrc.CLASS_ENHANCEMENT, umrc.STRONGEST, cbrrel.RATES, cbrrel.COMPARISON, cbrrel.OVERLAP, cbrrel.ENTITIES,
        cbrrel.ABLATIONS, cbrrel.STRONGEST, cbrrel.GATE, cbrrel.FGM, iser.RATES, iser.COMPARISON, iser.ABLATIONS,
        iser.ATTENTION, focused.RATES, focused.MAIN, focused.GRIDS, focused.ABLATIONS, systems.RATES,
        systems.COMPARISON,
    )
}  # fmt: skip

QUEUE = (
    ("encoder_depth", None), ("umrc_rates", None), ("encoding_ablation", None), ("class_enhancement", None),
    ("cbrrel_rates", None), ("cbrrel_comparison", "casmed"), ("cbrrel_ablation", "casmed"), ("cbrrel_gate", "casmed"),
    ("iser_rates", None), ("iser_comparison", "conll04"), ("iser_ablation", "conll04"),
    ("focused_rates", None), ("focused_main", "casmed"), ("focused_k_mask", "arteriography"),
    ("systems_rates", None), ("systems", "casmed"), ("systems", "conll04"),
    ("cbrrel_comparison", "duie"), ("cbrrel_ablation", "duie"),
    ("cbrrel_fgm", None), ("strongest", None), ("encoder_comparison", None), ("iser_ablation", "interactions"),
    ("systems", "interactions"),
)  # fmt: skip
"""Experiments in the order in which a queue records them, each with one corpus of its grid or all (None). Learning
rates come before the grid that uses them; experiments that are not named here come last, in their own order."""


def run_experiment(name: str, profile: str = "quick", **options) -> list[dict]:
    """The records of an experiment; options as in `relex.experiments.experiment.run_all`.

    Raises a `RelexError` for an unknown name.
    """
    if name not in EXPERIMENTS:
        raise RelexError(f"there is no experiment {name!r}; known are {', '.join(EXPERIMENTS)}")
    return run_all(EXPERIMENTS[name], profile, **options)


__all__ = [
    "EXPERIMENTS", "PROFILES", "QUEUE", "Experiment", "publish", "published", "run_all", "run_experiment",
]  # fmt: skip
