"""Which runs a queue has to do, in which order, and about how long they take."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from relex.experiments.experiment import Experiment
from relex.queue.estimate import SCORE_S, Estimate
from relex.runs import records
from relex.runs.config import Config
from relex.runs.run import UNSEEN, load_corpus, with_predictions


@dataclass(frozen=True)
class Task:
    """A run that is missing: of which experiment, its config and key, and the key of the run whose predictions it
    scores, if it is of a split that ends in `-unseen`. `seconds`: how long it will take, None when no record tells."""

    experiment: str
    config: Config
    key: str
    base: str = ""
    seconds: float | None = None

    @property
    def keys(self) -> set[str]:
        """The runs it may do, which nobody else should do at the same time."""
        return {self.key, self.base} - {""}

    def __str__(self) -> str:
        return f"{self.experiment}, {self.config.row or self.config.head}, seed {self.config.seed}"


@dataclass(frozen=True)
class Plan:
    """What is missing of the grids of a profile.

    `runs`: all runs of each experiment. `tasks`: those without a record, in the order in which they are done. `strays`:
    records of the profile in `runs/` that belong to no grid any more.
    """

    profile: str
    runs: dict[str, int]
    tasks: list[Task]
    strays: int


def plan(
    experiments: Iterable[Experiment],
    profile: str,
    estimate: Estimate | None = None,
    first: Iterable[tuple[str, str | None]] = (),
) -> Plan:
    """What is missing of the grids of these experiments, with the time of each run if `estimate` is given.

    `first` has parts of grids in their order, each the name of an experiment and a corpus, or None for all; the rest
    comes after that, experiment by experiment. An experiment's runs come seed by seed, but a run that scores another's
    predictions after that one. The time of a run that several need counts once.
    """
    every = [task_of(e.name, config) for e in experiments for config in e.configs(profile)]
    parts = {}
    for name, corpus in first:
        for task in every:
            if task.experiment == name and corpus in (None, task.config.corpus):
                parts.setdefault(task, len(parts))
    in_order = sorted(every, key=lambda task: parts.get(task, len(parts)))
    tasks = [task for task in in_order if not _recorded(task)]
    known = {key for task in every for key in task.keys}
    counts = Counter(task.experiment for task in in_order)
    return Plan(profile, dict(counts), _timed(_ordered(tasks), estimate), len(strays(profile, known)))


def task_of(experiment: str, config: Config) -> Task:
    """The run of a config, named by its key."""
    base = ""
    if config.split.endswith(UNSEEN):
        whole = config.with_(split=config.split.removesuffix(UNSEEN))
        base = whole.key(load_corpus(whole).fingerprint)
    return Task(experiment, config, config.key(load_corpus(config).fingerprint), base)


def strays(profile: str, known: set[str]) -> list[dict]:
    """The records of a profile in `runs/` that are none of the `known` runs: their grid has changed.

    What was run by `relex run --config` belongs to no grid, and is not meant.
    """
    paths = [p for p in records.runs_dir().glob("*/*.json") if p.parent.name != "own" and p.stem not in known]
    found = [record for record in map(records.read_record, sorted(paths)) if record is not None]
    return [record for record in found if record["config"].get("profile") == profile]


def hours_table(plan: Plan, workers: int) -> list[str]:
    """The lines that say what a plan will take."""
    lines = [f"{'experiment':24} {'runs':>5} {'missing':>8} {'hours':>7}"]
    for name, count in plan.runs.items():
        tasks = [task for task in plan.tasks if task.experiment == name]
        lines.append(f"{name:24} {count:5} {len(tasks):8} {_hours(tasks):>7}")
    lines.append(f"{'all':24} {sum(plan.runs.values()):5} {len(plan.tasks):8} {_hours(plan.tasks):>7}")
    known = [task.seconds for task in plan.tasks if task.seconds is not None]
    if known:
        elapsed = max(sum(known) / workers, max(known))
        lines.append(
            f"about {sum(known) / 3600:.1f} hours of one worker, so {elapsed / 3600:.1f} with {workers}, on a machine "
            "that does nothing else"
        )
    if len(known) < len(plan.tasks):
        unknown = len(plan.tasks) - len(known)
        lines.append(f"{unknown} runs of unknown length are not counted (+): no recorded run is like them")
    if plan.strays:
        lines.append(f"{plan.strays} records in {records.runs_dir()} belong to no grid; they are left as they are")
    return lines


def _hours(tasks: Sequence[Task]) -> str:
    """Their hours; with a + where some are of unknown length, and `unknown` where all that take any time are."""
    known = [task.seconds for task in tasks if task.seconds is not None]
    if len(known) == len(tasks):
        return f"{sum(known) / 3600:.1f}"
    return f"{sum(known) / 3600:.1f}+" if any(known) else "unknown"


def _recorded(task: Task) -> bool:
    paths = (records.record_path(f, task.experiment, task.key) for f in (records.runs_dir(), records.results_dir()))
    return any(path.is_file() and records.read_record(path) for path in paths)


def _ordered(tasks: list[Task]) -> list[Task]:
    """Runs that score another's predictions after it, if it is among them; else in the order given."""
    place = {task.key: i for i, task in reversed(list(enumerate(tasks)))}
    return sorted(tasks, key=lambda task: (max(place[task.key], place.get(task.base, 0)), bool(task.base)))


def _timed(tasks: list[Task], estimate: Estimate | None) -> list[Task]:
    if estimate is None:
        return tasks
    counted = set()
    timed = []
    for task in tasks:
        if task.key in counted or records.find_record(task.key):
            seconds = 0.0
        elif task.base and (task.base in counted or with_predictions(task.base)):
            seconds = SCORE_S
        else:
            seconds = estimate.seconds(task.config)
        counted |= task.keys
        timed.append(replace(task, seconds=seconds))
    return timed
