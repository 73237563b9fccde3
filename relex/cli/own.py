"""Commands for text of one's own."""

from pathlib import Path
from typing import Annotated

import typer

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
