"""Tables of the book: what a paper prints, what was recorded, what this execution measured."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from relex.evaluation import classification
from relex.experiments.experiment import reported
from relex.reports.compare import CLASSES
from relex.reports.results import of_row, origin, rows_in_order, trained, values, where  # noqa: F401
from relex.samplers import hardest_classes

PRINTED, RECORDED, HERE = "printed", "recorded", "this execution"


def mean_and_sd(values: Sequence[float]) -> str:
    """Percent with one decimal: `83.1` for one value, `83.1 ± 0.4` (sample standard deviation) for more."""
    values = 100 * np.asarray(values, dtype=float)
    if len(values) == 0:
        return "–"
    return f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def comparison(
    metrics: dict[str, str], printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict]
) -> pd.DataFrame:
    """One line per table row; for every metric its printed, recorded and present value, in percent.

    `metrics` maps record keys to column titles; `printed` maps row → metric → percent. Rows come in the order of the
    paper, then of the records. `n` counts the seeds behind recorded and present values.
    """
    rows = list(dict.fromkeys([*printed, *(r["config"]["row"] for r in [*recorded, *here])]))
    columns: dict[tuple[str, str], list[str]] = {}
    for metric, title in metrics.items():
        columns[title, PRINTED] = [f"{printed[r][metric]:.2f}" if metric in printed.get(r, {}) else "–" for r in rows]
        for source, records in ((RECORDED, recorded), (HERE, here)):
            columns[title, source] = [mean_and_sd(values(records, r, metric)) for r in rows]
    for source, records in ((RECORDED, recorded), (HERE, here)):
        columns["seeds", source] = [str(len(of_row(records, r))) for r in rows]
    table = pd.DataFrame(columns, index=pd.Index(rows, name="row"))
    empty = [c for c in table if (table[c] == "–").all()]
    return table.drop(columns=empty)


def answered(records: Sequence[dict], row: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class ids of the gold labels N, of the predictions S×N, and which documents are unseen N (bool)."""
    chosen = of_row(records, row)
    return *CLASSES.numbers(chosen), np.array(list(chosen[0]["answers"]["unseen"])) == "1"


def mean_confusion(records: Sequence[dict], row: str) -> tuple[np.ndarray, list[str]]:
    """Confusion matrix R×R of a row, summed over its seeds, and its classes."""
    chosen = of_row(records, row)
    return np.sum([r["counts"]["confusion"] for r in chosen], axis=0), chosen[0]["counts"]["classes"]


def class_f1(records: Sequence[dict], row: str) -> pd.Series:
    """Mean F1 over the seeds of a row, R values indexed by class."""
    return pd.DataFrame([{k: v["f1"] for k, v in r["per_class"].items()} for r in of_row(records, row)]).mean()


def provenance(records: Sequence[dict]) -> str:
    """One sentence on what the records are of: corpus and split, encoder, seeds, training size, machine."""
    if not records:
        return "No records."
    corpus = _several(map(origin, records))
    models = trained(records)
    encoder = _several(map(_encoder, models))
    limits = {r["config"]["train_limit"] or r["corpus"]["sizes"]["train"] for r in records}
    tests = {r["counts"]["n"] for r in records}
    seeds = {r["config"]["seed"] for r in records}
    epochs = f" for {_plural(_range({r['config']['epochs'] for r in models}), 'epoch')}" if models else ""
    machines = _several(
        f"{r['machine']['device']} ({r['machine']['cpu']})".replace("1 threads", "1 thread") for r in records
    )
    return (
        f"Profile {_several(r['config']['profile'] for r in records)}: corpus {corpus}, "
        f"{_range(limits)} training documents{epochs}, {_range(tests)} test documents; {encoder or 'no encoder'}; "
        f"{_plural(str(len(seeds)), 'seed')}; on {machines}."
    )


def _encoder(record: dict) -> str:
    name, layers = (record["config"][key] for key in ("encoder", "layers"))
    return f"embeddings of `{name}`" if record["config"].get("head") == "shallow" else f"`{name}` with {layers} layers"


def _plural(count: str, noun: str) -> str:
    return f"{count} {noun}{'' if count == '1' else 's'}"


def _several(names) -> str:
    return ", ".join(dict.fromkeys(names))


def _range(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def printed(paper: str, table: str, names: dict[str, str] | None = None) -> dict[str, dict[str, float]]:
    """A printed table as row → metric → percent; `names` maps the paper's column names to ours."""
    content = reported(paper)["tables"][table]
    columns = [(names or {}).get(c, c) for c in content["columns"]]
    return {row: dict(zip(columns, cells, strict=True)) for row, cells in content["rows"].items()}


def printed_differences(
    pairs: Sequence[tuple[str, str]], rows: dict[str, dict[str, float]], metric: str = "macro_f1"
) -> dict[tuple[str, str], float]:
    """Printed A minus B of each pair that the paper prints, in fractions."""
    shown = {row: cells[metric] for row, cells in rows.items() if metric in cells}
    return {(a, b): (shown[a] - shown[b]) / 100 for a, b in pairs if a in shown and b in shown}


def confusions(matrix: np.ndarray, classes: Sequence[str], number: int = 2) -> str:
    """The `number` classes with the lowest F1 of a confusion matrix R×R, and what they are taken for, in Markdown."""
    f1 = classification.per_class(np.asarray(matrix), classes)["f1"]
    lines = []
    for i in hardest_classes(matrix, number):
        wrong = np.array(matrix[i])
        wrong[i] = 0
        taken = [f"{classes[j]} ({wrong[j]})" for j in np.argsort(-wrong, kind="stable")[:2] if wrong[j]]
        line = f"- **{classes[i]}**, F1 {f1.iloc[i]:.1%}: of {np.sum(matrix[i])} documents {matrix[i][i]} are right"
        lines.append(line + (f", the others are most often taken for {' and '.join(taken)}." if taken else "."))
    return "The classes with the lowest F1:\n\n" + "\n".join(lines)


def costs(records: Sequence[dict]) -> pd.DataFrame:
    """What a run of each trained row costs: parameters, time, tokens and speed.

    Times and speeds are those of the fastest seed: whatever else a machine does only adds to a time, and seeds of one
    row differ by more than their work does. `padding` is the share of positions that hold no token, `in the model` the
    share of training time spent in forward and backward passes (on a CPU; a GPU's cannot be told from outside).
    """
    lines = {}
    for row in rows_in_order(records):
        runs = pd.DataFrame([{**r["counts"], **r["time"]} for r in of_row(records, row)])
        if "parameters" not in runs:
            continue
        fastest = runs.loc[runs["train_s"].idxmin()]
        inside = fastest.get("model_s", np.nan) / max(fastest["train_s"], 0.01)
        lines[row] = {
            "parameters (M)": f"{runs['parameters'].mean() / 1e6:.1f}",
            "training (s), least": f"{fastest['train_s']:.0f}",
            "tokens trained on": f"{fastest['trained_tokens']:,.0f}",
            "tokens/s": f"{fastest['trained_tokens'] / max(fastest['train_s'], 0.01):,.0f}",
            "documents/s, prediction": f"{(runs['n'] / runs['predict_s'].clip(lower=0.01)).max():.0f}",
            "padding": f"{(1 - runs['trained_tokens'] / runs['padded_positions']).mean():.1%}",
            "in the model": "–" if np.isnan(inside) else f"{inside:.0%}",
        }
    return pd.DataFrame.from_dict(lines, orient="index")


def best_row(records: Sequence[dict], metric: str) -> str:
    """The row with the highest mean of a metric over its seeds."""
    return max(rows_in_order(records), key=lambda row: np.mean(values(records, row, metric)))


def ladder(records: Sequence[dict], metric: str, source: str) -> pd.DataFrame:
    """Mean of a metric for each row, as `relex.figures.ladder` draws it."""
    scores = {row: np.mean(values(records, row, metric)) for row in rows_in_order(records)}
    return pd.DataFrame({"score": scores, "source": source})
