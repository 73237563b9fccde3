"""Commands of the study: run an experiment, show it, publish its records, build the book, write its lessons."""

import json
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from relex.cli.output import print_table
from relex.errors import RelexError

app = typer.Typer()

SHOWN = (
    "accuracy", "macro_f1", "unseen.accuracy",
    "triples.offset.f1", "triples.string.f1", "unseen.triples.string.f1",
)  # fmt: skip
"""The metrics that `relex run` prints, those of classification and those of extraction."""


@app.command()
def run(
    experiment: Annotated[str | None, typer.Argument(help="The name of an experiment.")] = None,
    profile: Annotated[str | None, typer.Option(help="smoke, quick (default), cpu or full.")] = None,
    corpus: Annotated[str | None, typer.Option(help="In place of the experiment's own corpus.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=1000, help="In place of the profile's number.")] = None,
    keep_models: Annotated[bool, typer.Option("--keep-models", help="Keep the trained weights, for predict.")] = False,
    config: Annotated[Path | None, typer.Option(help="Run this one config (JSON) in place of an experiment.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Do all that is missing of all experiments.")] = False,
    workers: Annotated[int | None, typer.Option(help="With --all: how many runs at a time.")] = None,
    budget: Annotated[str | None, typer.Option(help="With --all: stop after this time, such as 150m or 1h30m.")] = None,
    on: Annotated[str | None, typer.Option(help="With --all: ray, or ray://HOST:PORT, not this machine.")] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="With --all: only list the missing runs and their hours.")
    ] = False,
) -> None:
    """Run an experiment, or what is missing of it, and print its table; or with --all, every experiment."""
    if all_:
        if any((experiment, config, corpus, seeds, keep_models)):
            raise RelexError("--all takes --profile, --workers, --budget, --on and --list, and nothing else")
        return _run_all(profile or "quick", workers=workers, budget=budget, on=on, only_list=list_)
    if any((workers is not None, budget is not None, on is not None, list_)):
        raise RelexError("--workers, --budget, --on and --list go with --all alone")
    if (experiment is None) == (config is None):
        raise RelexError("give the name of an experiment, or --config with a file, or --all")
    if config is not None:
        if any(option is not None for option in (profile, corpus, seeds)):
            raise RelexError("--profile, --corpus and --seeds do not go with --config; write them into the file")
        records = [_run_config(config, keep_models)]
    else:
        from relex.experiments import run_experiment

        records = run_experiment(experiment, profile or "quick", corpus=corpus, seeds=seeds, keep_models=keep_models)
    _print_records(records)


def _run_all(profile: str, **options) -> None:
    from relex.experiments import EXPERIMENTS, QUEUE
    from relex.queue.grids import run_grids

    outcome = run_grids(EXPERIMENTS.values(), profile, QUEUE, **options)
    if outcome.stopped_by.startswith("SIG"):
        raise typer.Exit(128 + signal.Signals[outcome.stopped_by])


def _run_config(path: Path, keep_model: bool) -> dict:
    from relex.runs.config import Config
    from relex.runs.run import run as run_one

    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise RelexError(f"{path}: not JSON ({error}); correct the file") from None
    if not isinstance(value, dict) or not isinstance(value.get("head", ""), str):
        raise RelexError(f"{path}: expected a JSON object of config keys, 'head' a text; correct the file")
    try:
        config = Config.from_json(value)
    except RelexError as error:
        raise RelexError(f"{path}: {error}") from None
    return run_one(config, "own", keep_model=keep_model)


def _print_records(records: list[dict]) -> None:
    from relex.reports.results import of_row, origin, rows_in_order, values
    from relex.reports.tables import mean_and_sd
    from relex.runs.records import record_path, runs_dir

    metrics = [m for m in SHOWN if any(m in record["metrics"] for record in records)]
    for name in dict.fromkeys(map(origin, records)):
        chosen = [record for record in records if origin(record) == name]
        rows = [
            (row or "–", str(len(of_row(chosen, row))), *(mean_and_sd(values(chosen, row, m)) for m in metrics))
            for row in rows_in_order(chosen)
        ]
        print_table(("row", "seeds", *metrics), rows)
        print(f"percent, mean ± sd over seeds; corpus {name.replace('**', '')}")
    experiment = records[0]["experiment"]
    where = record_path(runs_dir(), experiment, records[0]["run"])
    print(f"record: {where}" if len(records) == 1 else f"records: {where.parent}")


@app.command()
def publish(
    experiment: Annotated[str | None, typer.Argument(help="The name of an experiment.")] = None,
    profile: Annotated[str, typer.Option(help="Publish the records of this profile.")] = "full",
    all_: Annotated[bool, typer.Option("--all", help="Publish the records of all grids as they are now.")] = False,
) -> None:
    """Copy this machine's records of an experiment to book/results, from where the book reads them."""
    from relex.experiments import EXPERIMENTS
    from relex.queue.publishing import publish_experiment, publish_grids

    if all_ == (experiment is not None):
        raise RelexError("give the name of an experiment, or --all")
    result = publish_grids(EXPERIMENTS.values(), profile) if all_ else publish_experiment(experiment, profile)
    print(result)
    result.check()


@app.command()
def show(
    experiment: Annotated[str, typer.Argument(help="The name of an experiment.")],
    row: Annotated[str | None, typer.Option(help="One row: every switch of it, with its default.")] = None,
    profile: Annotated[str, typer.Option(help="smoke, quick, cpu or full.")] = "quick",
) -> None:
    """Print what the rows of an experiment are: their switches, their keys, and whether they are recorded."""
    from relex.experiments.show import show as lines

    for line in lines(experiment, row, profile):
        print(line)


@app.command()
def audit(
    paper: Annotated[str | None, typer.Argument(help="umrc, cbrrel, iser or focused; all without.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Findings and leads as JSON.")] = False,
) -> None:
    """Check the papers' printed tables against themselves and their texts; needs no run."""
    from relex.audits.audit import audit as findings_of
    from relex.audits.audit import checks
    from relex.reports.audit import as_json, summary

    papers = [paper] if paper else list(checks())
    if json_:
        print(json.dumps(as_json(papers), ensure_ascii=False, indent=1))
        return
    for one in papers:
        for finding in findings_of(one)[0]:
            print(f"{finding.paper}, {finding.table}: {finding.cells} ({finding.rule}, {finding.strength})")
            print(f"    {finding.computed}\n    left: {finding.left}")
    counts = summary(papers)
    print_table(("paper", *counts.columns), [(str(name), *map(str, line)) for name, line in counts.T.items()])


@app.command()
def ledger(json_: Annotated[bool, typer.Option("--json", help="All fields of every claim.")] = False) -> None:
    """Print what the papers' claims are worth: each with its verdict and the published records behind it."""
    from relex.reports.ledger import ledger as entries_of
    from relex.reports.ledger_page import COLUMNS, counted, rows
    from relex.runs.records import published

    entries = entries_of(published)
    if json_:
        print(json.dumps([entry.as_json() for entry in entries], ensure_ascii=False, indent=1))
        return
    print_table(COLUMNS, rows(entries))
    print(f"differences in points; {counted(entries).replace('*', '')} --json has the reasons.")


@app.command()
def doctor() -> None:
    """Say what this machine has for training, and what is amiss and how to mend it."""
    from relex.doctor import examine

    for line in examine():
        print(line, flush=True)


@app.command()
def bench(
    head: Annotated[str, typer.Argument(help="classifier, cascade, span, focused, crf, table, onnx or systems.")],
    documents: Annotated[int | None, typer.Option(min=1, help="Documents that are timed.")] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="Layers of the encoder.")] = None,
    encoder: Annotated[str | None, typer.Option(help="The encoder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was measured as JSON.")] = False,
) -> None:
    """Measure training and inference against a plain version of the same model; one or two minutes."""
    from relex.bench import BENCHMARKS

    if head not in BENCHMARKS:
        raise RelexError(f"there is no benchmark of {head!r}; known are {', '.join(BENCHMARKS)}")
    options = {"documents": documents, "layers": layers, "encoder": encoder}
    given = {k: v for k, v in options.items() if v is not None}
    found = BENCHMARKS[head](**given)
    if as_json:
        rounded = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in found.items()}
        print(json.dumps(rounded, ensure_ascii=False, indent=1))
        return
    for name, value in found.items():
        print(f"{name}: {value:,.2f}" if isinstance(value, float) else f"{name}: {value}")


@app.command()
def book(profile: Annotated[str, typer.Option(help="smoke, quick, cpu or full.")] = "quick") -> None:
    """Execute the notebooks in a profile and build the HTML book."""
    from relex.book.build import make_book
    from relex.experiments import PROFILES

    if profile not in PROFILES:
        raise RelexError(f"there is no profile {profile!r}; known are {', '.join(PROFILES)}")
    make_book(profile)


@app.command()
def lessons(
    folder: Annotated[str, typer.Argument(help="Where to write them; no file there is written over.")],
    solutions: Annotated[bool, typer.Option("--solutions", help="With solutions in the place of gaps.")] = False,
) -> None:
    """Write the lessons of the course as notebooks with gaps, each with cells that check what fills them."""
    from relex.book.lessons import write_lessons

    for path in write_lessons(os.path.expanduser(folder), solutions):
        print(path)


@app.command()
def pdf(browser: Annotated[str, typer.Option(help="What prints; by default Chromium, Chrome or Edge.")] = "") -> None:
    """Print the built book into one PDF."""
    from relex.book.pdf import make_pdf

    print(f"The PDF is at {make_pdf(browser)}.")
