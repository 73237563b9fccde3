"""The card of a model: what it was trained on, how well it does, what it is not for."""

from relex.documents import Schema
from relex.heads import TASKS
from relex.markup import code
from relex.runs.config import Config

SHOWN = {
    "classification": {"accuracy": "accuracy", "macro_f1": "macro-F1"},
    "extraction": {
        "ner.strict.f1": "entities, strict F1", "re.strict.f1": "relations, strict F1",
        "re.boundaries.f1": "relations, F1 without types of entities", "triples.string.f1": "triples as strings, F1",
    },
}  # fmt: skip
"""Task → the scores that a card shows, with their names in words."""

UNKNOWN_LICENCE = "not stated; ask whom the data came from before you pass the model on"

NOT_FOR = """\
It is not a medical device. Nothing that it finds, and nothing that it misses, may decide on a treatment unless a person
has read the text. It knows only the types that it was trained on. On text of another kind, another hospital, another
language or another time than that of its training it does worse than its scores say; how much worse, nobody has
measured. It says nothing of negation, doubt or time unless one of its types is about them."""


def card(config: Config, schema: Schema, about: dict) -> str:
    """The README of a model folder, in Markdown; `about` as for `relex.runs.models.save`.

    Names of corpora and types are shown as code, so that no sign in them is taken for Markdown.
    """
    corpus, sizes = about["corpus"], about["corpus"]["sizes"]
    parts = ", ".join(f"{name} {sizes[name]:,}" for name in sizes)
    stand_in = " The text is **generated** and stands in for a real corpus." if corpus.get("stand_in") else ""
    commit = about.get("commit", "unknown")
    lines = [
        f"# A model that extracts from text: head {code(config.head)}"
        if TASKS[config.head] == "extraction"
        else f"# A model that classifies relations: head {code(config.head)}",
        "",
        f"Trained on {code(corpus['name'])} ({parts} documents).{stand_in} Encoder {code(config.encoder)}, "
        f"{config.layers or 'all'} layers. Made {about.get('date', 'at an unknown time')} by relex, "
        f"commit {code(commit)}.",
        "",
        "## How well it does",
        "",
        "| on the test part | percent |",
        "|---|---|",
        *(
            f"| {words} | {100 * about['metrics'][name]:.1f} |"
            for name, words in SHOWN[TASKS[config.head]].items()
            if name in about["metrics"]
        ),
        "",
        *_of_scores(about.get("calibration", {})),
        "## What it is not for",
        "",
        NOT_FOR,
        "",
        "## What it knows",
        "",
        f"Entities: {', '.join(map(code, schema.entity_types)) or 'none'}.",
        "",
        f"Relations: {', '.join(map(code, schema.relation_names)) or 'none'}.",
        "",
        "## Licence of its data",
        "",
        about.get("licence") or UNKNOWN_LICENCE[0].upper() + UNKNOWN_LICENCE[1:] + ".",
        "",
        "## Use",
        "",
        "```console",
        "$ relex predict THIS_FOLDER texts.txt found.jsonl",
        "```",
        "",
        "```python",
        "from relex import Extractor",
        "",
        "for document in Extractor.load(\"THIS_FOLDER\").predict([\"…\"]):",
        "    print(document.triples())",
        "```",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _of_scores(calibrations: dict[str, dict]) -> list[str]:
    """How far the scores of its findings hold, a line of Markdown for each kind."""
    return [
        part
        for what, c in calibrations.items()
        for part in (
            f"Scores of {what}: on {c['scored']:,} of the development part the expected calibration error is "
            f"{100 * c['before']:.1f} points, and {100 * c['after']:.1f} with the temperature {c['temperature']:g}, "
            "which was chosen there and is used.",
            "",
        )
    ]


def in_words(about: dict) -> str:
    """What an extractor was trained on, with its scores: "600 documents of reports (F1 on its test part: …)"."""
    corpus, metrics = about["corpus"], about["metrics"]
    names = {"entities": "ner.strict.f1", "relations": "re.strict.f1"}
    scores = ", ".join(f"{what} {100 * metrics[name]:.1f}" for what, name in names.items() if name in metrics)
    told = f" (strict F1 on {corpus['sizes']['test']:,} others, percent: {scores})" if scores else ""
    return f"{corpus['sizes']['train']:,} documents of {corpus['name']}{told}"
