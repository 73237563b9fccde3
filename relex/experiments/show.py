"""What a row of an experiment is: its switches, which of them are not the default, and whether it is recorded."""

from collections.abc import Iterator

from relex.errors import RelexError
from relex.experiments import EXPERIMENTS
from relex.runs import records
from relex.runs.config import LABELS, Config
from relex.runs.run import load_corpus


def show(experiment: str, row: str | None = None, profile: str = "quick") -> Iterator[str]:
    """Lines on the runs of an experiment with seed 0: of all rows what is not the default, of one row every switch.

    Raises a `RelexError` for an unknown experiment, profile or row.
    """
    if experiment not in EXPERIMENTS:
        raise RelexError(f"there is no experiment {experiment!r}; known are {', '.join(EXPERIMENTS)}")
    configs = [config for config in EXPERIMENTS[experiment].configs(profile) if config.seed == 0]
    chosen = [config for config in configs if row in (None, config.row)]
    if not chosen:
        known = ", ".join(dict.fromkeys(config.row for config in configs))
        raise RelexError(f"experiment {experiment!r} has no row {row!r} in profile {profile}; known are {known}")
    for i, config in enumerate(chosen):
        yield from ([""] if i else []) + [f"{config.row}, {config.corpus}, head {config.head}, {_state(config)}"]
        defaults = Config(head=config.head).to_json()
        for key, value in config.to_json().items():
            changed = value != defaults[key]
            if key not in LABELS and (changed or row):
                yield f"  {key} = {value!r}" + (f"  (default {defaults[key]!r})" if changed and row else "")


def _state(config: Config) -> str:
    """The key of a run, and where its record is, if there is one; a corpus that is not here gives no key."""
    try:
        key = config.key(load_corpus(config).fingerprint)
    except RelexError:
        return "its corpus is not on this machine"
    return f"run {key}, {'recorded' if records.find_record(key) else 'not recorded'}"
