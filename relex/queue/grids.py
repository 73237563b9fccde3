"""`relex run --all`: the plan of a profile's grids said, then carried out."""

import sys
import time
from collections.abc import Sequence

from relex import corpora
from relex.errors import RelexError
from relex.experiments.experiment import PROFILES, Experiment
from relex.queue import cluster
from relex.queue.backlog import Outcome, parse_budget, run_queue, summary
from relex.queue.estimate import Estimate
from relex.queue.local import Processes, environments
from relex.queue.plan import hours_table, plan
from relex.runs import records


def run_grids(
    experiments: Sequence[Experiment],
    profile: str,
    order: Sequence[tuple[str, str | None]] = (),
    *,
    workers: int | None = None,
    budget: str | None = None,
    on: str | None = None,
    only_list: bool = False,
) -> Outcome:
    """Do every missing run of a profile; see `plan` for their order and `run_queue` for how.

    `budget` is a time such as `150m`, counted from now. `on`: `ray` for a local cluster, `ray://HOST:PORT` for one that
    runs; else processes of this machine. `only_list` prints the plan and what it will take, and does nothing.
    Raises a `RelexError` when something is asked that makes no sense, runs fail, or the disk is full.
    """
    began = time.monotonic()
    if profile not in PROFILES:
        raise RelexError(f"there is no profile {profile!r}; known are {', '.join(PROFILES)}")
    end = None if budget is None else began + parse_budget(budget)
    places = environments(workers) if on is None else None
    count = len(places) if on is None else cluster.connect(on, workers)
    found = [
        record
        for folder in (records.runs_dir(), records.results_dir())
        for path in sorted(folder.glob("*/*.json"))
        if (record := records.read_record(path)) is not None
    ]
    todo = plan(experiments, profile, Estimate(found), order)
    print("\n".join([*hours_table(todo, count), *_stand_ins(experiments)]))
    sys.stdout.flush()
    if only_list or not todo.tasks:
        return Outcome(left=len(todo.tasks))
    team = Processes(places[: len(todo.tasks)]) if on is None else cluster.Cluster(count)
    outcome = run_queue(todo.tasks, team, end, _say)
    for encoder, reason in outcome.left_out.items():
        print(f"left out {encoder}: {reason}")
    print(summary(outcome))
    return outcome


def _stand_ins(experiments: Sequence[Experiment]) -> list[str]:
    """A line for each corpus whose files are not here: what is trained then is another corpus."""
    given: dict[str, dict[str, None]] = {}
    for e in experiments:
        if corpora.first_available(e.corpus, e.stand_in) != e.corpus:
            given.setdefault(e.corpus, {})[e.stand_in] = None
    return [
        f"corpus {name} is not here: generated text ({', '.join(stand_ins)}) takes its place; for the real one: "
        f"`relex corpora fetch {name}`"
        for name, stand_ins in given.items()
    ]


def _say(line: str) -> None:
    print(line.replace("\t", "  "), flush=True)
