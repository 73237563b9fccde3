"""Experiments: named grids of runs, each answering a table of a paper."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tqdm import tqdm

from relex import corpora
from relex.errors import RelexError
from relex.heads import HEADS
from relex.runs.config import Config
from relex.runs.run import run

PROFILES = ("smoke", "quick", "cpu", "full")
"""smoke: seconds, for tests. quick: real training in a minute or two. cpu: grids large enough to tell systems apart,
days of two cores, which a queue spends in parts. full: the paper's grid, for a GPU."""


@dataclass(frozen=True)
class Experiment:
    """A grid of runs.

    `rows` gives one Config per table row for a profile and a corpus; `seeds` how many seeds each profile runs;
    `corpus` and `stand_in` name what it runs on with and without the real files; `paper` and `tables` name the printed
    figures in the package's data. `row_seeds`: profile → row or corpus → seeds, where it is another number.
    """

    name: str
    question: str
    paper: str
    tables: tuple[str, ...]
    corpus: str
    stand_in: str
    seeds: dict[str, int]
    rows: Callable[[str, str], list[Config]]
    row_seeds: dict[str, dict[str, int]] = field(default_factory=dict)

    def configs(self, profile: str, corpus: str | None = None, seeds: int | None = None) -> list[Config]:
        """All runs of a profile, seed by seed, so that a grid that is stopped has whole seeds.

        What has nothing to train has one seed. A named `corpus` restricts a grid of several to its rows.
        """
        if profile not in PROFILES:
            raise RelexError(f"there is no profile {profile!r}; known are {', '.join(PROFILES)}")
        usual = self.seeds[profile] if seeds is None else seeds
        own = self.row_seeds.get(profile, {}) if seeds is None else {}

        def number(row: Config) -> int:
            return own.get(row.row, own.get(row.corpus, usual)) if row.head in HEADS else 1

        rows = self.rows(profile, corpus or corpora.first_available(self.corpus, self.stand_in))
        rows = [row for row in rows if corpus in (None, row.corpus)]
        most = max(map(number, rows), default=0)
        return [row.with_(seed=seed) for seed in range(most) for row in rows if seed < number(row)]


def run_all(
    experiment: Experiment,
    profile: str = "quick",
    corpus: str | None = None,
    seeds: int | None = None,
    rows: Sequence[str] = (),
    keep_models: bool = False,
) -> list[dict]:
    """The records of an experiment, under one progress bar; runs that have a record are not done again.

    `rows` restricts the grid to some table rows. A row whose encoder cannot be had is left out, and that is said.
    Raises a `RelexError` when no row is left.
    """
    configs = experiment.configs(profile, corpus, seeds)
    if unknown := set(rows) - {c.row for c in configs}:
        known = ", ".join(dict.fromkeys(c.row for c in configs))
        raise RelexError(f"experiment {experiment.name} has no row {sorted(unknown)[0]!r}; known are {known}")
    chosen = [c for c in configs if not rows or c.row in rows]
    found, missing = [], {}
    with tqdm(total=len(chosen), unit="run", bar_format="{l_bar}{bar}| {elapsed}<{remaining}") as bar:
        for i, config in enumerate(chosen):
            bar.set_description(f"{experiment.name}: {config.row or config.head}, seed {config.seed}")

            def show(share: float, done: int = i) -> None:
                bar.n = round(done + share, 2)
                bar.refresh()

            if config.encoder in missing:
                show(1.0)
                continue
            try:
                found.append(run(config, experiment.name, show, keep_models))
            except RelexError as error:
                if not config.encoder.startswith("hub:"):
                    raise
                missing[config.encoder] = str(error)
    for encoder, reason in missing.items():
        print(f"left out {encoder}: {reason}")
    if not found:
        raise RelexError(f"no run of {experiment.name} was possible; see the reasons above")
    return found
