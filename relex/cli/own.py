"""Commands for text of one's own."""

import re
from pathlib import Path
from typing import Annotated

import typer

from relex.errors import RelexError

app = typer.Typer()


@app.command("predict")
def predict_texts(
    model: Annotated[str, typer.Argument(help="A model folder, or the name of a run made with --keep-models.")],
    source: Annotated[str, typer.Argument(metavar="INPUT", help=".txt, .jsonl, .csv, a folder of .txt, or - .")],
    out: Annotated[str, typer.Argument(metavar="OUTPUT.jsonl", help="Documents, one a line; - for standard output.")],
    form: Annotated[str, typer.Option(help="How to read INPUT: .txt, .jsonl or .csv, whatever its name.")] = "",
    strict: Annotated[bool, typer.Option(help="Stop at the first bad line, where else it is left out.")] = False,
) -> None:
    """Find entities and relations in texts; a classifier names the relation of the two entities a Document has.

    A .txt file has a text in each line, a .csv file a column "text"; other columns and fields come back with the
    answers. An interrupted prediction goes on when the same command is given again.
    """
    from relex.use.extractor import Extractor
    from relex.use.streams import Source, predict_file

    folder = _model_folder(model)
    extractor = Extractor.load(folder)
    texts = Source(source, form, classifies=not extractor.extracts)
    counts = predict_file(extractor, texts, out, strict, str(folder.resolve()))
    told = f"; bad lines left out: {counts.bad:,}" if counts.bad else ""
    if out != "-":
        print(f"{out}: {counts.documents:,} documents{told}")


def _model_folder(name: str) -> Path:
    from relex.runs.models import is_model
    from relex.runs.records import find_record
    from relex.runs.run import kept_model

    folder = Path(name).expanduser()
    if folder.is_dir() or is_model(folder):
        return folder
    record = find_record(name) if re.fullmatch(r"[\w-]+", name) else None
    if record is None:
        raise RelexError(
            f"{name[:200]} is no model folder and no run; a run is named as its record's file, without .json"
        )
    return kept_model(record)
