"""The part of the page on evidence that is written from records: depth, learning rates, how far each grid is."""

import itertools
from collections.abc import Sequence

import pandas as pd

from relex.errors import RelexError
from relex.experiments import EXPERIMENTS, QUEUE, published, rates
from relex.heads import HEADS
from relex.reports.claims import markdown_table
from relex.reports.compare import CLASSES, bar
from relex.reports.results import EVIDENCE, is_trained
from relex.reports.rules import rising
from relex.runs.config import LABELS, Config

NOTHING = "Nothing of it is published in this edition; the table fills when something is."


def page() -> str:
    """Markdown: how deep an encoder has to be, which rate each system has, and what of the grids is recorded."""
    parts = ["### How deep", depth_text(published("encoder_depth"))]
    names = [name for name in EXPERIMENTS if name.endswith("_rates")]
    tried = {p: rates_table([r for name in names for r in published(name, p)], p) for p in EVIDENCE}
    parts += ["### How fast"]
    parts += [f"Profile `{p}`:\n\n{markdown_table(table)}" for p, table in tried.items() if len(table)] or [NOTHING]
    parts += ["### What is recorded", markdown_table(grids_table())]
    return "\n\n".join(parts) + "\n"


def depth_text(records: Sequence[dict]) -> str:
    """Each depth beside the bar, what counts characters of the same training rows; Markdown."""
    runs = sorted(filter(is_trained, records), key=lambda r: r["config"]["layers"])
    if not runs:
        return NOTHING
    lowest = bar(records, runs[0], CLASSES)
    chosen = {f"basic2, {r['config']['layers']} layers": r for r in runs}
    if lowest is not None:
        chosen |= {f"the bar: {lowest.name}": next(r for r in records if r["config"]["row"] == lowest.name)}
    metrics = {"development, macro-F1": "dev.macro_f1", "test, macro-F1": "macro_f1"}
    cells = {title: [f"{100 * r['metrics'][name]:.1f}" for r in chosen.values()] for title, name in metrics.items()}
    return markdown_table(pd.DataFrame(cells, index=pd.Index(chosen, name="row")))


def rates_table(records: Sequence[dict], profile: str) -> pd.DataFrame:
    """The best development score of every system at every rate of the grid, in percent; the chosen rate in bold."""
    lines = {}
    for system in rates.systems(records):
        scores = {r["config"]["lr"]: rates.development(r) for r in records if rates.system(r) == system}
        choice = rates.best(records, system)
        shown = {rate: f"{100 * scores[rate]:.1f}" if rate in scores else "–" for rate in rates.GRID}
        taken = rates.chosen(system, profile)
        lines[system] = {
            f"{rate:.0e}": f"**{cell}**" if rate == choice else cell for rate, cell in shown.items()
        } | {"in the grid": f"{taken['lr']:.0e}" if taken else "as printed"}  # fmt: skip
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("system")


def grids_table() -> pd.DataFrame:
    """For each part of the queue: trained runs that are due and published, their hours, how many are still rising.

    A grid is due in profile `cpu`, and in profile `full` where that has records. What is due of an experiment's own
    corpus is known where its files are missing, too; DuIE's part is left out there.
    """
    lines = {}
    for (name, corpus), profile in itertools.product(QUEUE, EVIDENCE):
        own = EXPERIMENTS[name].corpus
        configs = EXPERIMENTS[name].configs(profile, own if corpus in (None, own) else None)
        due = {_same(c.to_json()) for c in configs if c.head in HEADS and corpus in (None, c.corpus)}
        recorded = filter(is_trained, published(name, profile))
        found = [r for r in recorded if _same(_with_defaults(r["config"])) in due]
        if not due or (profile == "full" and not found):
            continue
        hours = sum(r["time"]["train_s"] + r["time"]["predict_s"] for r in found) / 3600
        lines[name if corpus is None else f"{name}, {corpus}", profile] = {
            "runs due": len(due), "published": len(found), "hours of one process": f"{hours:.1f}",
            "still rising": sum(map(rising, found)),
        }  # fmt: skip
    table = pd.DataFrame.from_dict(lines, orient="index").rename_axis(["grid", "profile"])
    return table.reset_index("profile")


def _with_defaults(config: dict) -> dict:
    """The config of a record with switches that are newer than it; unchanged where this version cannot read it."""
    try:
        return Config.from_json(config).to_json()
    except RelexError:
        return config


def _same(config: dict) -> tuple:
    """What makes two configs the same run; the fingerprint of the corpus is left to the record."""
    return tuple(sorted((k, str(v)) for k, v in config.items() if k not in LABELS))
