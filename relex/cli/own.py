"""Commands for text of one's own."""

import json
from pathlib import Path
from typing import Annotated

import typer

from relex.cli.output import print_table
from relex.errors import RelexError

app = typer.Typer()


@app.command("predict")
def predict_documents(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="The name of a run: its record's file name.")],
    source: Annotated[
        Path, typer.Argument(metavar="INPUT.jsonl", help="Documents; for a classifier of two entities, head and tail.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUTPUT.jsonl", help="The same with what was predicted.")],
) -> None:
    """Label Documents with the model of a run that was made with --keep-models.

    A classifier adds the relation between head and tail. A model that extracts finds entities and relations; those that
    the input may have are ignored.
    """
    from relex.documents import write_documents
    from relex.heads import TASKS
    from relex.runs.config import Config
    from relex.runs.labelling import labelled, questions
    from relex.runs.records import find_record

    record = find_record(run_name)
    if record is None:
        raise RelexError(f"there is no run {run_name!r}; a run is named as its record's file, without .json")
    config = Config.from_json(record["config"])
    documents = questions(source, TASKS[config.head])
    write_documents(out, labelled(documents, record))
    print(f"{out}: {len(documents):,} documents")


@app.command("graph")
def make_graph(
    source: Annotated[Path, typer.Argument(metavar="FOUND.jsonl", help="Documents with what was found in them.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; for csv the folder.")],
    form: Annotated[str, typer.Option("--to", metavar="FORM", help="csv, graphml, turtle or cypher.")],
) -> None:
    """Write the entities and relations of Documents as one graph, with their sources and scores."""
    from relex.use.graph_forms import write_graph

    graph = write_graph(source, form, out)
    print(f"{out}: {len(graph.nodes):,} nodes, {len(graph.edges):,} edges of {graph.documents:,} documents")


@app.command("evaluate")
def evaluate_documents(
    gold: Annotated[Path, typer.Argument(metavar="GOLD.jsonl", help="Documents as they should be.")],
    found: Annotated[Path, typer.Argument(metavar="FOUND.jsonl", help="The same as a model found them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON, as fractions.")] = False,
) -> None:
    """Score found entities and relations against gold ones, with intervals, by type, and the error of their scores."""
    from relex.use.evaluation import evaluate_files

    told = evaluate_files(gold, found)
    if as_json:
        return print(json.dumps(told, ensure_ascii=False, indent=1))
    rows = [
        (f"{what} {mode}", *(_percent(scores.get(k)) for k in ("p", "r", "f1")), _interval(scores, "f1"),
         *(_percent(scores.get(k)) for k in ("macro_p", "macro_r", "macro_f1")), _interval(scores, "macro_f1"))
        for what in ("entities", "relations")
        for mode, scores in told[what].items()
    ]  # fmt: skip
    print_table(("", "P", "R", "F1", "95 %", "macro P", "macro R", "macro F1", "95 %"), rows)
    for what, types in told["by_type"].items():
        lines = [
            (name, *(f"{line[k]:,}" for k in ("gold", "found")), *(_percent(line[k]) for k in ("p", "r", "f1")))
            for name, line in types.items()
        ]
        print()
        print_table((f"{what} strict", "gold", "found", "P", "R", "F1"), lines)
    print(f"\npercent; documents: {told['documents']:,}; intervals: bootstrap of documents")
    for what, line in told["calibration"].items():
        of = f"{line['scored']:,} of {line['found']:,} {what}, 10 bins"
        print(f"expected calibration error of {what}: {_percent(line['ece'])} ({of})")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _interval(scores: dict, name: str) -> str:
    low, high = scores.get(f"{name}_interval", (None, None))
    return f"{_percent(low)} to {_percent(high)}" if low is not None else "–"
