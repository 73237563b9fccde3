"""The matrix of systems and corpora: F1 with intervals, what has learned, cost, and which system one would use.

Rows of several grids that have the same name, corpus, split and settings are one: a run that stands in two grids counts
once. Costs are `relex bench systems --json`, kept in book/results/costs.json.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from relex import corpora
from relex.figures.matrix import cost_and_score
from relex.files import project_root
from relex.reports import compare, results, rules, words
from relex.reports.claims import markdown_table
from relex.reports.families import Published
from relex.reports.systems import without_relations

GRIDS = ("cbrrel_comparison", "cbrrel_gate", "iser_comparison", "systems")
PLACES = {
    "casmed": ("novel", compare.STRING), "duie": ("shipped", compare.STRING),
    "conll04": ("shipped", compare.RE), "interactions": ("shipped", compare.RE),
}  # fmt: skip
"""Corpus → its split, and the score that its papers rank by."""
FIGURE = "executed/matrix.svg"
"""The figure, from where the page stands."""
TIMES = ": times the encoder"


class Cell(NamedTuple):
    """A trained row on a corpus: F1 with its 95 % interval over documents and seeds (fractions), seeds, and what keeps
    it from being evidence (`not learned`, `rising`), or nothing."""

    row: str
    score: float
    low: float
    high: float
    seeds: int
    note: str

    @property
    def text(self) -> str:
        """`86.2 (85.1 … 87.3)`, and what has to be known of it."""
        shown = f"{100 * self.score:.1f} ({100 * self.low:.1f} … {100 * self.high:.1f})"
        notes = [f"{self.seeds} seed{'s' * (self.seeds > 1)}"] * (self.seeds < rules.ENOUGH) + [self.note]
        return "; ".join(filter(None, (shown, *notes)))


def records(corpus: str, published: Published) -> list[dict]:
    """The published runs of all grids on a corpus, each once, without those of settings that few runs have.

    Runs of a row in another setting would be no further seeds of it: the setting that the row has in the last of
    `GRIDS` is kept, so that all rows have one budget, and of several the one with most runs.
    """
    split, score = PLACES[corpus]
    found = {r["run"]: r for name in GRIDS for r in results.where(published(name), corpus=corpus, split=split)}
    chosen = [r for r in found.values() if score.applies(r) and not without_relations(r)]
    kept = []
    for row in results.rows_in_order(chosen):
        runs = results.of_row(chosen, row)
        own = [r for r in runs if r["experiment"] == GRIDS[-1]] or runs
        setting = Counter(map(_setting, own)).most_common(1)[0][0]
        kept += [r for r in runs if _setting(r) == setting]
    return kept


def _setting(record: dict) -> tuple:
    """All of a config but its labels and its seed; defaults that one version wrote and another did not are left out.

    So is the scope of SEA where the context of a pair is [CLS], which then has none.
    """
    config = record["config"]
    idle = {*rules.OF_A_RUN, *(["sea_scope"] if config.get("context") == "cls" else [])}
    return tuple(sorted((k, str(v)) for k, v in config.items() if k not in idle and v))


def cells(corpus: str, found: Sequence[dict]) -> list[Cell]:
    """The trained rows of a corpus, highest first."""
    _, score = PLACES[corpus]
    told = []
    for name in results.rows_in_order(results.trained(found)):
        runs = results.of_row(found, name)
        row = rules.Row(name, runs, score.of_runs(runs))
        interval = score.interval(runs)
        lowest = compare.bar(found, runs[0], score)
        note = "rising" if rules.still_rising([row]) else ""
        if lowest is not None and not rules.learned(row, lowest):
            note = f"not learned ({lowest.name} {100 * lowest.score:.1f})"
        told.append(
            Cell(name, interval.mean, max(0.0, interval.low), min(1.0, interval.high), rules.seeds([row]), note)
        )
    return sorted(told, key=lambda cell: -cell.score)


def costs() -> tuple[dict[str, float], str]:
    """Row → what a training step costs in times of its encoder, as recorded; and under which conditions, in words."""
    path = project_root() / "book" / "results" / "costs.json"
    if not path.is_file():
        return {}, "not measured here"
    told = json.loads(path.read_text(encoding="utf-8"))
    of_row = {name.removesuffix(TIMES): value for name, value in told.items() if name.endswith(TIMES)}
    documents, tokens = told["documents, tokens"].split(", ")
    read = f"{documents} documents of a generated corpus with {tokens} tokens"
    return of_row, f"{read}, {told['encoder']}, {told['device']}"


def table(of_corpus: dict[str, list[Cell]]) -> pd.DataFrame:
    """A line a system: its F1 on each corpus and its cost; in the order of the first corpus, then of cost."""
    known, _ = costs()
    rows = list(dict.fromkeys(cell.row for found in of_corpus.values() for cell in found))
    rows += [row for row in known if row not in rows]
    columns = {
        corpora.title(name): {cell.row: cell.text for cell in found} for name, found in of_corpus.items() if found
    }
    if known:
        columns["training step, times its encoder"] = {row: f"{cost:.1f}" for row, cost in known.items()}
    shown = {title: [own.get(row, "–") for row in rows] for title, own in columns.items()}
    return pd.DataFrame(shown, index=pd.Index(map(words.titled, rows), name="system"))


def which(corpus: str, found: Sequence[dict], of_corpus: Sequence[Cell]) -> str:
    """What may be said of the highest row of a corpus against every other; a sentence or two of Markdown."""
    title = corpora.title(corpus)
    learned = [cell for cell in of_corpus if not cell.note.startswith("not learned")]
    if not learned:
        return f"On {title} no recorded row has learned."
    first, *others = learned
    best = f"On {title} {words.titled(first.row)} is highest, with {100 * first.score:.1f}"
    if not others:
        return f"{best}; no other recorded row has learned."
    _, score = PLACES[corpus]
    lines = compare.differences(found, [(first.row, cell.row) for cell in others], score)
    said: dict[str, list[str]] = {}
    for _, line in lines.iterrows():
        said.setdefault(_word(line), []).append(line["rows"][1])
    return f"{best}: " + "; ".join(f"{verdict} {words.listed(rows)}" for verdict, rows in said.items()) + "."


def _word(line: pd.Series) -> str:
    """The verdict of a difference from the highest row, to stand before the names of the others."""
    told = words.ORDER.get(compare.outcome(line["verdict"]))
    return f"{line['reach']}{told}" if told else "without a verdict against"


def drawn(published: Published) -> Figure:
    """F1 against cost, a panel for each corpus that has trained rows."""
    known, _ = costs()
    of_corpus = {name: cells(name, records(name, published)) for name in PLACES}
    points = {
        corpora.title(name): [
            (words.titled(c.row), known[c.row], c.score, c.low, c.high, not c.note and c.seeds >= rules.ENOUGH)
            for c in found if c.row in known and not c.note.startswith("not learned")
        ]
        for name, found in of_corpus.items()
    }  # fmt: skip
    return cost_and_score({title: own for title, own in points.items() if own})


def page(published: Published) -> str:
    """Markdown: the matrix, the figure, and a sentence on each corpus."""
    found = {name: records(name, published) for name in PLACES}
    of_corpus = {name: cells(name, runs) for name, runs in found.items()}
    _, conditions = costs()
    said = [f"* {which(name, found[name], own)}" for name, own in of_corpus.items() if own]
    caption = (
        "F1 with its 95 % interval over test documents and seeds, against the cost of a training step in times of its "
        f"encoder ({conditions}; FGM's second pass, which CBRRel alone makes, is not counted). "
        "Hollow: still rising, or fewer than three seeds. What has not learned stands in the table alone."
    )
    drawing = f"```{{figure}} {FIGURE}\n:name: fig-matrix\n:width: 700px\n:alt: {_alt(of_corpus)}\n\n{caption}\n```"
    return "\n\n".join((markdown_table(table(of_corpus)), drawing, "\n".join(said))) + "\n"


def _alt(of_corpus: dict[str, list[Cell]]) -> str:
    known, _ = costs()
    told = [
        f"{name}: "
        + ", ".join(
            f"{words.listed([c.row])} {100 * c.score:.1f} at {known[c.row]:.1f}" for c in found if c.row in known
        )
        for name, found in of_corpus.items()
        if found
    ]
    return "F1 in percent against cost. " + "; ".join(told) + "."
