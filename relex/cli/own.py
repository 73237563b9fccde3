"""Commands for text of one's own."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from relex.cli.output import print_table
from relex.errors import RelexError
from relex.files import check_output

app = typer.Typer()


@app.command("train")
def train_model(
    data: Annotated[Path, typer.Argument(help="A file of annotated texts, or a folder with one for each part.")],
    out: Annotated[Path, typer.Option(help="The model folder to write.")],
    head: Annotated[str, typer.Option(help="The kind of model, such as span, cascade or table.")] = "span",
    encoder: Annotated[str, typer.Option(help="Such as wheel:me5-zh; by default chosen by the script.")] = "",
    dev: Annotated[Path | None, typer.Option(help="A file for development.")] = None,
    test: Annotated[Path | None, typer.Option(help="A file for the test.")] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A config key.")] = None,
    licence: Annotated[str, typer.Option(help="The licence of the data, for the model's card.")] = "",
) -> None:
    """Train a model on annotated texts, in any form that `relex corpora convert` reads, and write its folder.

    Interrupted, it goes on when the same command is given again.
    """
    from relex.use import data as own
    from relex.use.progress import Progress
    from relex.use.training import advice, settings, train

    found = own.read(data, dev, test)
    config = settings(found.corpus, head, encoder, **dict(map(_setting, setting or ())))
    for note in (*found.notes, *advice(config, found.corpus)):
        print(note)
    print(f"head {config.head}, encoder {config.encoder}, layers {config.layers or 'all'}, "
          f"at most {config.training.epochs} epochs", flush=True)  # fmt: skip
    with Progress() as progress:
        record = train(config, found.corpus, out, progress.share, progress.score, licence)
    metrics = record["metrics"]
    names = {"entities": "ner.strict", "relations": "re.strict"} if "re.strict.f1" in metrics else {}
    rows = [(what, *(_percent(metrics[f"{name}.{k}"]) for k in ("p", "r", "f1"))) for what, name in names.items()]
    if rows:
        print_table(("test, strict", "P", "R", "F1"), rows)
    else:
        print(f"test: accuracy {_percent(metrics['accuracy'])}, macro-F1 {_percent(metrics['macro_f1'])}")
    if not any(metrics.get(f"{name}.f1", 1) for name in names.values()):
        print("the model finds nothing right: it has not learned; more texts, more epochs or another rate may help")
    print(f"{out}: the model, with a card in README.md")


def _setting(given: str) -> tuple[str, object]:
    key, is_, value = given.partition("=")
    if not is_:
        raise RelexError(f"--set {given[:80]!r} has no '='; write KEY=VALUE, such as epochs=20")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


@app.command("predict")
def predict_texts(
    model: Annotated[str, typer.Argument(help="A model folder, or the name of a run made with --keep-models.")],
    source: Annotated[str, typer.Argument(metavar="INPUT", help=".txt, .jsonl, .csv, a folder, or - .")],
    out: Annotated[str, typer.Argument(metavar="OUTPUT", help="A .jsonl file, - for standard output, or a folder/ .")],
    form: Annotated[str, typer.Option(help="How to read INPUT: .txt, .jsonl or .csv, whatever its name.")] = "",
    threshold: Annotated[float, typer.Option(help="Leave out findings with a lower score.")] = 0.0,
    strict: Annotated[bool, typer.Option(help="Stop at the first bad line, where else it is left out.")] = False,
    onnx: Annotated[Path | None, typer.Option(help="A file of `relex export`, to use onnxruntime.")] = None,
    on: Annotated[str, typer.Option(help="For shards: ray for a local cluster, or ray://HOST:PORT.")] = "",
) -> None:
    """Find entities and relations in texts; a classifier names the relation of the two entities a Document has.

    A .txt file has a text in each line, a .csv file a column "text"; other columns and fields come back with the
    answers. An interrupted prediction goes on when the same command is given again. With a file as OUTPUT, a folder as
    INPUT has .txt files of one text each; with a folder, whose name ends in / or which is there, it has shards, files
    that are answered one by one, or by several processes with --on.
    """
    from relex.runs.models import identity
    from relex.use.extractor import Extractor
    from relex.use.shards import Job, predict_folder, told
    from relex.use.streams import Source, predict_file

    folder = _model_folder(model)
    if on or (out.endswith("/") or Path(out).is_dir()) and Path(source).is_dir():
        if onnx:
            raise RelexError("--onnx is for one file of answers, and shards are answered by torch; leave it out")
        totals = predict_folder(Job(folder, Path(source), Path(out), form, threshold, strict), on)
        kept = f", {totals.kept:,} of them finished before" if totals.kept else ""
        return print(f"{out}: {totals.shards:,} shards{kept}; {told(totals)}")
    check_output(Path(out), folder, *([onnx] if onnx else ()))
    extractor = Extractor.load(folder, onnx)
    texts = Source(source, form, classifies=not extractor.extracts)
    model_name = f"{identity(folder)} {onnx.resolve()}" if onnx else identity(folder)
    counts = predict_file(extractor, texts, out, strict, model_name, threshold)
    if out != "-":
        print(f"{out}: {told(counts)}")


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


@app.command("page")
def make_page(
    model: Annotated[str, typer.Argument(help="A model folder of a plain cascade, or the name of a kept run.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.html", help="The file to write.")],
    example: Annotated[list[str] | None, typer.Option(help="A sentence to start from; may be repeated.")] = None,
    title: Annotated[str, typer.Option(help="What stands at the top.")] = "",
) -> None:
    """Write a model as one HTML file that reads sentences in a browser, without a network."""
    from relex.runs.cards import NOT_FOR, in_words
    from relex.use.extractor import Extractor
    from relex.use.page import check, shown, write_page

    folder = _model_folder(model)
    check_output(out, folder)
    extractor = Extractor.load(folder)
    head, told = extractor.head.cpu(), in_words(extractor.about)
    check(head)
    write_page(head, out, title, told, example or (), note=NOT_FOR, font=_font(shown(head, example or ())))
    print(f"{out}: {out.stat().st_size / 2**20:.1f} MB; open it in a browser")


def _font(characters: set[str]) -> bytes:
    """A font for a page; none where the packages of the book are not installed, and readers' own have to do."""
    try:
        from relex.figures.style import cut_font

        return cut_font(characters)
    except (RelexError, ModuleNotFoundError):
        return b""


@app.command("export")
def export_model(
    model: Annotated[str, typer.Argument(help="A model folder, or the name of a run made with --keep-models.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.onnx", help="The file to write.")],
) -> None:
    """Write a model's encoder as one ONNX file, for `predict --onnx`; it is checked against torch first."""
    from relex.use.onnx import export

    done = export(_model_folder(model), out)
    print(f"{out}: {done.size / 2**20:.1f} MB; states differ from torch's by {done.difference:.1e} at most")


@app.command("graph")
def make_graph(
    source: Annotated[
        Path, typer.Argument(metavar="FOUND.jsonl", help="Documents with the entities and relations found.")
    ],
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
        of = f"{line['scored']:,} of {line['found']:,} {what} have a score"
        print(f"expected calibration error of {what}: {_percent(line['before'])}; with the temperature "
              f"{line['temperature']:g}, the best one here, {_percent(line['after'])} ({of}; 10 bins)")  # fmt: skip


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _interval(scores: dict, name: str) -> str:
    low, high = scores.get(f"{name}_interval", (None, None))
    return f"{_percent(low)} to {_percent(high)}" if low is not None else "–"
