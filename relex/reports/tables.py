"""Tables of the book: what a paper prints, what was recorded, what this execution measured."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from relex import corpora
from relex.evaluation.extraction import prf
from relex.reports import rules, words
from relex.reports.compare import CLASSES, GIVEN, NER, RE, bar
from relex.reports.results import EVIDENCE, frame, of_row, origin, rows_in_order, trained, values

PRINTED, RECORDED, HERE = "printed", "recorded", "this execution"

title = corpora.title
"""What a corpus is called in the book, by its name."""


def caution(records: Sequence[dict]) -> str:
    """What a reader has to know of records before any number: too small, generated, or of one seed; else empty."""
    notes = []
    small = sorted({r["config"]["profile"] for r in records} - set(EVIDENCE))
    if small:
        notes.append(
            f"These are runs of profile {' and '.join(small)}: too small to say anything about the systems. "
            "They show that the notebook works and are **no evidence**."
        )
    if names := sorted({r["corpus"]["name"] for r in records if r["corpus"]["stand_in"]}):
        notes.append(
            f"{' and '.join(names)} is **a generated stand-in**: its numbers answer whether a mechanism does what is "
            "claimed, never whether a printed number is right."
        )
    if records and not small and len({r["config"]["seed"] for r in records}) == 1:
        notes.append("There is one seed: intervals cover the choice of test documents only, and no line has a verdict.")
    return " ".join(notes)


def mean_and_sd(values: Sequence[float]) -> str:
    """Percent with one decimal: `83.1` for one value, `83.1 ± 0.4` (sample standard deviation) for more; no NaN."""
    values = 100 * np.asarray(values, dtype=float)
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return "–"
    return f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def comparison(
    metrics: dict[str, str],
    printed: dict[str, dict[str, float]],
    recorded: Sequence[dict],
    here: Sequence[dict],
    part: str = "",
) -> pd.DataFrame:
    """One line per table row; for every metric its printed, recorded and present value, in percent, and the seeds.

    `metrics` maps metrics of records to column titles; `printed` maps row → metric → percent. `part` is `dev.` for
    the development part of records. Rows come in the order of the paper, then of the records.
    """
    shown = {row: cells for row, cells in printed.items() if not metrics.keys().isdisjoint(cells)} or printed
    rows = list(dict.fromkeys([*shown, *rows_in_order([*recorded, *here])]))
    columns: dict[tuple, list[str]] = {}
    for metric, title in metrics.items():
        columns[title, PRINTED] = printed_cells(shown, metric, rows)
        for source, records in _sources(recorded, here):
            columns[title, source] = cells(records, part + metric, rows)
    for source, records in _sources(recorded, here):
        columns["seeds", source] = [str(len(of_row(records, row)) or "–") for row in rows]
    return assembled(columns, rows)


def cells(records: Sequence[dict], metric: str, rows: Sequence[str]) -> list[str]:
    """A metric of each row as `mean_and_sd` writes it, over seeds.

    Raises a `RelexError` where the records of a row are of several corpora or splits.
    """
    lines = frame([r for row in rows_in_order(records) for r in of_row(records, row)]).reindex(columns=["row", metric])
    return lines.groupby("row")[metric].agg(mean_and_sd).astype(object).reindex(rows, fill_value="–").tolist()


def printed_cells(printed: dict[str, dict[str, float]], metric: str, rows: Sequence[str]) -> list[str]:
    """A printed metric of each row in percent, with two decimals."""
    return [f"{printed[row][metric]:.2f}" if metric in printed.get(row, {}) else "–" for row in rows]


def assembled(columns: dict[tuple, list[str]], rows: Sequence[str]) -> pd.DataFrame:
    """Columns of cells as a table of these rows, without the columns that are empty."""
    table = pd.DataFrame(columns, index=pd.Index(map(words.titled, rows), name="row"))
    return table.drop(columns=[c for c in table if (table[c] == "–").all()])


def _sources(recorded: Sequence[dict], here: Sequence[dict]) -> list[tuple[str, Sequence[dict]]]:
    return [(RECORDED, recorded), (HERE, here)]


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


def costs(records: Sequence[dict]) -> pd.DataFrame:
    """What a run of each trained row costs: parameters, time, tokens and speed.

    Times and speeds are those of the fastest seed, and `on` is its device: other work of a machine only adds to a
    time, and seeds of one row differ by more than their work does. `padding` is the share of positions that hold no
    token, `time in the model` the share of training time spent in forward and backward passes (on a CPU;
    a GPU's cannot be measured from outside).
    """
    lines = {}
    for row in rows_in_order(records):
        runs = pd.DataFrame([{**r["counts"], **r["time"], "on": r["machine"]["device"]} for r in of_row(records, row)])
        if "parameters" not in runs:
            continue
        fastest = runs.loc[runs["train_s"].idxmin()]
        inside = fastest.get("model_s", np.nan) / max(fastest["train_s"], 0.01)
        lines[row] = {
            "millions of parameters": f"{runs['parameters'].mean() / 1e6:.1f}",
            "seconds of training": f"{fastest['train_s']:,.0f}",
            "tokens a second": f"{fastest['trained_tokens'] / max(fastest['train_s'], 0.01):,.0f}",
            "texts predicted a second": f"{(runs['n'] / runs['predict_s'].clip(lower=0.01)).max():,.0f}",
            "padding": f"{(1 - runs['trained_tokens'] / runs['padded_positions']).mean():.1%}",
            "time in the model": "–" if np.isnan(inside) else f"{inside:.0%}",
            "on": fastest["on"],
        }
    return pd.DataFrame.from_dict(lines, orient="index")


def best_row(records: Sequence[dict], metric: str) -> str:
    """The row with the highest mean of a metric over its seeds."""
    return max(rows_in_order(records), key=lambda row: np.mean(values(records, row, metric)))


def type_differences(
    records: Sequence[dict], a: str, b: str, printed: dict[str, float], table: str = "entities"
) -> pd.DataFrame:
    """F1 by type of rows A and B: means over seeds, gold items of a test part, A − B, its standard error over seeds.

    `table` names counts {type: {tp, fp, fn}} of records: `entities`, `relations` or `relations.string`. `printed` maps
    type → printed A − B, a fraction. The standard error covers seeds and no other documents: records keep no counts by
    type for each document. It is missing with one seed.
    """
    scores = {}
    for row in (a, b):
        runs = [r["counts"][table] for r in of_row(records, row)]
        scores[row] = pd.DataFrame([{k: prf(**v)["f1"] for k, v in run.items()} for run in runs])
    gold = {k: v["tp"] + v["fn"] for k, v in of_row(records, a)[0]["counts"][table].items()}
    found = pd.DataFrame({"gold": pd.Series(gold), b: scores[b].mean(), a: scores[a].mean()})
    found["difference"] = found[a] - found[b]
    found["error"] = np.sqrt(sum(s.var(ddof=1) / len(s) for s in scores.values()))
    found["printed"] = pd.Series({k: printed.get(k, np.nan) for k in found.index})
    return found


def execution(executed: Sequence[dict]) -> pd.DataFrame:
    """What a machine has run, a line a row and corpus: seeds, score in percent, and whether it is above its bar.

    The score is macro-F1 of classes, or strict F1 of relations, of relations of given entities, or of entities: the
    first of them that the row is for. A row with tests of two sizes has a line for each.
    """
    once, lines = {r["run"]: r for r in executed}.values(), []  # several experiments ask for the same run
    for named in dict.fromkeys(map(_place, once)):
        source, row, _ = named
        runs = [r for r in once if _place(r) == named]
        score = next(s for s in (CLASSES, RE, GIVEN, NER) if s.applies(runs[0]))
        lowest = bar([r for r in once if origin(r) == source], runs[0], score)
        own = rules.Row(row, runs, score.of_runs(runs))
        above = "–" if lowest is None or not own.trained else "yes" if rules.learned(own, lowest) else "no"
        lines.append({
            "row": words.titled(row), "corpus": source.replace("**", ""), "seeds": len(runs), "score": score.title,
            "percent": mean_and_sd(own.scores), "above the bar": above,
        })  # fmt: skip
    return pd.DataFrame(lines).set_index("row")


def _place(record: dict) -> tuple[str, str, int]:
    """Where a run stands in `execution`: corpus and split, row, number of test documents."""
    return origin(record), record["config"]["row"], record["counts"]["n"]
