"""Tables of the book: what a paper prints, what was recorded, what this execution measured."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from relex.errors import RelexError
from relex.evaluation import classification, extraction, statistics
from relex.experiments.experiment import reported, rows_in_order
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


def of_row(records: Sequence[dict], row: str) -> list[dict]:
    """The records of one table row, by seed.

    Raises a `RelexError` when they are of several corpora or splits, which no mean should mix.
    """
    chosen = sorted((r for r in records if r["config"]["row"] == row), key=lambda r: r["config"]["seed"])
    if len(origins := dict.fromkeys(map(origin, chosen))) > 1:
        raise RelexError(f"row {row!r} has records of {' and '.join(origins)}; choose one with `where`")
    return chosen


def where(records: Sequence[dict], **wanted) -> list[dict]:
    """The records whose config has all these values, such as `split="report"`."""
    return [r for r in records if wanted.items() <= {k: r["config"].get(k) for k in wanted}.items()]


def values(records: Sequence[dict], row: str, metric: str) -> list[float]:
    """A metric over the seeds of one row; records without it are left out."""
    return [r["metrics"][metric] for r in of_row(records, row) if metric in r["metrics"]]


def answered(records: Sequence[dict], row: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class ids of the gold labels N, of the predictions S×N, and which documents are unseen N (bool)."""
    chosen = of_row(records, row)
    decode = np.vectorize(lambda c: int(c, 36))
    gold, unseen = (list(chosen[0]["answers"][k]) for k in ("gold", "unseen"))
    predicted = np.array([decode(list(r["answers"]["predicted"])) for r in chosen])
    return decode(gold), predicted, np.array(unseen) == "1"


def answered_triples(
    records: Sequence[dict], row: str, match: str = "string"
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Triples per document, by `string` or `offset`: gold N, predicted S×N, correct S×N; and which are unseen N."""
    chosen, suffix = of_row(records, row), {"string": "_string", "offset": ""}[match]

    def numbers(name: str) -> np.ndarray:
        return np.array([np.array(r["answers"][name + suffix].split(), dtype=int) for r in chosen])

    unseen = np.array(list(chosen[0]["answers"]["unseen"])) == "1"
    return numbers("gold")[0], numbers("predicted"), numbers("correct"), unseen


def differences(
    records: Sequence[dict],
    pairs: Sequence[tuple[str, str]],
    printed: dict[tuple[str, str], float] | None = None,
    unseen_only: bool = False,
    match: str = "string",
    aligned: bool = False,
) -> pd.DataFrame:
    """A minus B for each pair of rows (A, B), on the same test documents: in macro-F1, or in F1 of extracted triples.

    `match` says by what triples are compared, `string` or `offset`; `unseen_only` leaves out texts seen in training;
    `aligned`: runs of extraction with the same seed are drawn together, as they differ in the row alone.
    Columns: `difference`, `low`, `high` (95 % over documents and seeds), `p` (paired permutation over documents),
    `holm` (p corrected for all pairs of the table), `seeds`, `printed` (in fractions too), and `verdict`: *higher*,
    *lower* or *within the noise*, by the rule that the interval excludes 0. Pairs without records are left out.
    """  # fmt: skip
    have, lines = {r["config"]["row"] for r in records}, {}
    for a, b in pairs:
        if not {a, b} <= have:
            continue
        chosen = paired(records, a, b)
        result = _difference(chosen, a, b, unseen_only, match, aligned)
        lines[f"{a} − {b}"] = {
            "difference": result.mean, "low": result.low, "high": result.high, "p": result.p,
            "seeds": min(len(of_row(chosen, row)) for row in (a, b)), "printed": (printed or {}).get((a, b), np.nan),
        }  # fmt: skip
    table = pd.DataFrame.from_dict(lines, orient="index")
    if len(table):
        table.insert(4, "holm", statistics.holm(table["p"].tolist()))
        table["verdict"] = np.where(
            table["low"] > 0, "higher", np.where(table["high"] < 0, "lower", "within the noise")
        )
    return table


def paired(records: Sequence[dict], a: str, b: str) -> list[dict]:
    """The records of two rows: if both are trained, those of the seeds that both have, where there are any.

    Other seeds would add their luck to one side alone. What only counts has one seed and stands for all.
    """
    rows = [of_row(records, row) for row in (a, b)]
    if all("epochs" in r["config"] for row in rows for r in row):
        shared = set.intersection(*({r["config"]["seed"] for r in row} for row in rows))
        if shared:
            rows = [[r for r in row if r["config"]["seed"] in shared] for row in rows]
    return [r for row in rows for r in row]


def _difference(
    records: Sequence[dict], a: str, b: str, unseen_only: bool, match: str, aligned: bool
) -> statistics.Difference:
    one = of_row(records, a)[0]
    if "correct" in one["answers"]:
        gold, *system_a, unseen = answered_triples(records, a, match)
        _, *system_b, _ = answered_triples(records, b, match)
        kept = unseen if unseen_only else np.ones_like(unseen)
        systems = (x[:, kept] for x in (*system_a, *system_b))
        return statistics.paired_micro_f1_difference(gold[kept], *systems, aligned=aligned)
    gold, predicted_a, unseen = answered(records, a)
    _, predicted_b, _ = answered(records, b)
    kept = unseen if unseen_only else np.ones_like(unseen)
    classes = len(one["counts"]["classes"])
    return statistics.paired_f1_difference(gold[kept], predicted_a[:, kept], predicted_b[:, kept], classes)


def in_points(table: pd.DataFrame) -> pd.DataFrame:
    """A table of `differences` for display: percentage points, p-values with three digits."""
    shown = pd.DataFrame(index=table.index)
    shown["difference"] = [points(d) for d in table["difference"]]
    shown["95 % interval"] = [f"{points(a)} … {points(b)}" for a, b in zip(table["low"], table["high"], strict=True)]
    shown["p"] = [f"{p:.3f}" for p in table["p"]]
    shown["p, Holm"] = [f"{p:.3f}" for p in table["holm"]]
    shown["seeds"] = table["seeds"]
    if table["printed"].notna().any():
        shown["printed"] = ["–" if np.isnan(p) else points(p, 2) for p in table["printed"]]
    shown["verdict"] = table["verdict"]
    return shown


def mean_confusion(records: Sequence[dict], row: str) -> tuple[np.ndarray, list[str]]:
    """Confusion matrix R×R of a row, summed over its seeds, and its classes."""
    chosen = of_row(records, row)
    return np.sum([r["counts"]["confusion"] for r in chosen], axis=0), chosen[0]["counts"]["classes"]


def class_f1(records: Sequence[dict], row: str) -> pd.Series:
    """Mean F1 over the seeds of a row, R values indexed by class."""
    return pd.DataFrame([{k: v["f1"] for k, v in r["per_class"].items()} for r in of_row(records, row)]).mean()


def relation_f1(records: Sequence[dict], row: str, match: str = "string") -> pd.Series:
    """Mean F1 of triples, compared by `string` or `offset`, over the seeds of a row; R values indexed by relation."""
    table = {"string": "relations.string", "offset": "relations"}[match]
    return pd.DataFrame(
        [{k: extraction.prf(**v)["f1"] for k, v in r["counts"][table].items()} for r in of_row(records, row)]
    ).mean()


def provenance(records: Sequence[dict]) -> str:
    """One sentence on what the records are of: corpus and split, encoder, seeds, training size, machine."""
    if not records:
        return "No records."
    corpus = _several(map(origin, records))
    trained = [r for r in records if "epochs" in r["config"]]
    encoder = _several(map(_encoder, trained))
    limits = {r["config"]["train_limit"] or r["corpus"]["sizes"]["train"] for r in records}
    tests = {r["counts"]["n"] for r in records}
    seeds = {r["config"]["seed"] for r in records}
    epochs = f" for {_plural(_range({r['config']['epochs'] for r in trained}), 'epoch')}" if trained else ""
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


def origin(record: dict) -> str:
    """The corpus of a record in words, and how it was cut and read; nothing generated was ever shipped in a split."""
    corpus, config = record["corpus"], record["config"]
    notes = [f"{option} {config[option]}" for option in ("split", "unit", "align") if config.get(option)]
    if corpus["stand_in"]:
        notes = ["**a generated stand-in**", *(note for note in notes if note != "split shipped")]
    return f"{corpus['name']} ({', '.join(notes)})" if notes else corpus["name"]


def points(fraction: float, digits: int = 1) -> str:
    """A difference of fractions in percentage points with its sign: `+1.2`, `−0.4`."""
    return f"{100 * fraction:+.{digits}f}".replace("-", "−")


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


def summary(table: pd.DataFrame) -> str:
    """A table of `differences` in a few sentences of Markdown: its verdicts, and where the printed order is another."""
    if table.empty:
        return "There is nothing to compare."
    counts = table["verdict"].value_counts()
    words = [f"{counts[v]} *{v}*" for v in ("higher", "lower", "within the noise", "not learned") if v in counts]
    text = f"Of {len(table)} comparison{'s' * (len(table) > 1)}: {', '.join(words)}."
    against = table[(table["verdict"] != "within the noise") & (table["difference"] * table["printed"] < 0)]
    if len(against):
        text += f" The printed order is the opposite for {_several(f'**{name}**' for name in against.index)}."
    if (table["seeds"] == 1).any():
        text += " With one seed an interval covers the choice of test documents only."
    return text


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
    """What a run of each trained row costs, means over its seeds: parameters, time, tokens and speed.

    `padding` is the share of positions that hold no token, `in the model` the share of training time spent in forward
    and backward passes (on a CPU; a GPU's cannot be told from outside).
    """
    lines = {}
    for row in rows_in_order(records):
        runs = pd.DataFrame([{**r["counts"], **r["time"]} for r in of_row(records, row)])
        if "parameters" not in runs:
            continue
        inside = runs["model_s"] / runs["train_s"] if "model_s" in runs else pd.Series([np.nan])
        lines[row] = {
            "parameters (M)": f"{runs['parameters'].mean() / 1e6:.1f}",
            "training (s)": f"{runs['train_s'].mean():.0f}",
            "tokens trained on": f"{runs['trained_tokens'].mean():,.0f}",
            "tokens/s": f"{(runs['trained_tokens'] / runs['train_s'].clip(lower=0.01)).mean():,.0f}",
            "documents/s, prediction": f"{(runs['n'] / runs['predict_s'].clip(lower=0.01)).mean():.0f}",
            "padding": f"{(1 - runs['trained_tokens'] / runs['padded_positions']).mean():.1%}",
            "in the model": "–" if inside.isna().all() else f"{inside.mean():.0%}",
        }
    return pd.DataFrame.from_dict(lines, orient="index")


def best_row(records: Sequence[dict], metric: str) -> str:
    """The row with the highest mean of a metric over its seeds."""
    return max(rows_in_order(records), key=lambda row: np.mean(values(records, row, metric)))


def ladder(records: Sequence[dict], metric: str, source: str) -> pd.DataFrame:
    """Mean of a metric for each row, as `relex.figures.ladder` draws it."""
    scores = {row: np.mean(values(records, row, metric)) for row in rows_in_order(records)}
    return pd.DataFrame({"score": scores, "source": source})
