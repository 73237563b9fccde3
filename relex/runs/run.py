"""One run: from a config to a record, or the record that is already there."""

import functools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from accelerate import PartialState

from relex import corpora
from relex.corpora import Corpus
from relex.documents import read_documents, write_documents
from relex.errors import RelexError
from relex.evaluation.calibration import WHAT, calibrate
from relex.heads import HEADS, TASKS, Head
from relex.runs import models, records, scoring
from relex.runs.claims import claim
from relex.runs.config import Config
from relex.runs.train import Outcome, count_baseline, hard_classes, parts, train_head
from relex.samplers import hardest_classes

UNSEEN = "-unseen"
"""How the name of a split ends that is another split's training and only a part of its test documents."""

BASE = "base"
"""What the runs belong to that were done only for the sake of a split that ends in `UNSEEN`."""

_load = functools.lru_cache(maxsize=4)(corpora.load)


def load_corpus(config: Config) -> Corpus:
    """The corpus of a config; kept in memory for the next run."""
    return _load(config.corpus, config.split, config.unit, config.align)


def run(
    config: Config,
    experiment: str,
    on_progress: Callable[[float], None] = lambda share: None,
    keep_model: bool = False,
    wait: bool = True,
    on_done: Callable[[dict], None] = lambda record: None,
) -> dict:
    """The record of `config`: found by its key, or trained, evaluated and written now.

    A run that was interrupted goes on from its checkpoint. A split that ends in `-unseen` has nothing to train: it is
    scored with the predictions of the split before it, which is run when they are not in `runs/`. `keep_model` leaves
    the trained weights beside the record in `runs/` and trains again when they are not there. `on_progress` gets the
    share done, 0 to 1; raising `Stopped` from it ends the run with a checkpoint. A run that another process is doing is
    waited for, or with `wait=False` a `Claimed`. `on_done` gets a record that was made now, before another process may
    ask for the run.
    """
    corpus = load_corpus(config)
    config = resolve_hard_classes(config, experiment, wait)
    key = config.key(corpus.fingerprint)
    record = _found(config, experiment, key, keep_model)
    if record is None:
        with claim(key, wait):
            record = _found(config, experiment, key, keep_model)  # by now, maybe
            if record is None:
                if config.split.endswith(UNSEEN):
                    record = _derive(config, experiment, key, corpus, on_progress, keep_model, wait)
                else:
                    record = _carry_out(config, experiment, key, corpus, on_progress, keep_model)
                on_done(record)
    on_progress(1.0)
    return record


def _found(config: Config, experiment: str, key: str, keep_model: bool) -> dict | None:
    found = records.find_record(key)
    if found and (not keep_model or config.head not in HEADS or find_model(found.get("derived_from", key))):
        return _relabelled(found, config, experiment)
    return None


def _carry_out(config: Config, experiment: str, key: str, corpus: Corpus, on_progress, keep_model: bool) -> dict:
    """Train, predict, score, and write record and predictions."""
    checkpoint = records.runs_dir() / experiment / f"{key}.checkpoint.safetensors"
    if config.head in HEADS:
        outcome = train_head(config, corpus, checkpoint, lambda share: on_progress(0.95 * share))
    else:
        outcome = count_baseline(config, corpus)
    record = make_record(config, experiment, key, corpus, outcome)
    if outcome.main_process:
        write_documents(predictions_path(experiment, key), outcome.test)
        if keep_model and outcome.head is not None:
            models.save(outcome.head, config, about(record, corpus, outcome), model_path(experiment, key))
        records.write_record(record)
        checkpoint.unlink(missing_ok=True)
    PartialState().wait_for_everyone()  # the next run may ask for this record
    return record


def make_record(config: Config, experiment: str, key: str, corpus: Corpus, outcome: Outcome) -> dict:
    """Score an outcome and put down all that a reader needs to judge or repeat it; no text of the corpus."""
    _, dev, test = parts(config, corpus)
    task = TASKS[config.head]
    scored = scoring.scores(task, corpus, test, outcome.test)
    dev_metrics, dev_counts = scoring.dev_scores(task, corpus, dev, outcome.dev)
    measured = dict(outcome.measured)
    for name, predicted in measured.pop("given", {}).items():
        for part, values in scoring.given_scores(name, corpus, test, predicted).items():
            scored[part] |= values
    return _named(config, experiment, key, corpus) | {
        "metrics": scored["metrics"] | dev_metrics,
        "counts": scored["counts"] | dev_counts | outcome.counts,
        "per_class": scored["per_class"],
        "history": outcome.history,
        "answers": scored["answers"],
        **measured,
        "time": {k: round(v, 2) for k, v in outcome.time.items()},
        "machine": records.machine(outcome.device) | {"precision": outcome.precision},
        "commit": records.commit(),
        "date": records.now(),
    }


def about(record: dict, corpus: Corpus, outcome: Outcome) -> dict:
    """What a model folder keeps of its run: parts of the record, and how far its scores hold on development."""
    kept = {name: record[name] for name in ("corpus", "metrics", "time", "machine", "commit", "date")}
    dev = parts(Config.from_json(record["config"]), corpus)[1]
    found = {what: calibrate(dev, outcome.dev, what) for what in WHAT}
    return kept | {"calibration": {what: asdict(told) for what, told in found.items() if told}}


def _derive(
    config: Config, experiment: str, key: str, corpus: Corpus, on_progress, keep_model: bool, wait: bool
) -> dict:
    """The record of an `-unseen` split: the run of the split before it, scored on this split's test documents alone.

    What tells of training and of the machine is that run's; a threshold curve and attention it has none, for only one
    threshold's predictions are kept, and no weights.
    """
    whole = config.with_(split=config.split.removesuffix(UNSEEN))
    whole_corpus = load_corpus(whole)
    whole_key = whole.key(whole_corpus.fingerprint)
    with claim(whole_key, wait):
        base = with_predictions(whole_key)
        if base is None or (keep_model and config.head in HEADS and not find_model(whole_key)):
            _carry_out(whole, BASE, whole_key, whole_corpus, on_progress, keep_model)
            base = with_predictions(whole_key)
    record, path = base
    wanted = {d.id: d for d in corpus.test}
    predicted = [d for d in read_documents(path) if d.id in wanted]
    if not predicted or (len(predicted) < len(wanted) and not config.test_limit):
        raise RelexError(
            f"run {whole_key} predicted {len(predicted)} of the {len(wanted)} test documents of split "
            f"{config.split!r}; delete {path} so that the run is done again, or raise test_limit"
        )
    scored = scoring.scores(TASKS[config.head], corpus, [wanted[d.id] for d in predicted], predicted)
    kept = {k: v for k, v in record.items() if k not in ("curve", "attention")}
    derived = kept | _named(config, experiment, key, corpus) | {
        "metrics": scored["metrics"] | {k: v for k, v in record["metrics"].items() if k.startswith("dev.")},
        "counts": {k: v for k, v in record["counts"].items() if not k.startswith("test.")} | scored["counts"],
        "per_class": scored["per_class"],
        "answers": scored["answers"],
        "date": records.now(),
        "derived_from": whole_key,
    }  # fmt: skip
    if PartialState().is_main_process:
        records.write_record(derived)
    PartialState().wait_for_everyone()
    return derived


def _named(config: Config, experiment: str, key: str, corpus: Corpus) -> dict:
    """What a record is of."""
    return {
        "experiment": experiment,
        "run": key,
        "config": config.to_json(),
        "corpus": {
            "name": corpus.name, "fingerprint": corpus.fingerprint, "sizes": corpus.sizes, "stand_in": corpus.stand_in,
        },
    }  # fmt: skip


def with_predictions(key: str) -> tuple[dict, Path] | None:
    """A run of this machine whose predictions are there, for whatever experiment it was done."""
    for path in sorted(records.runs_dir().glob(f"*/{key}.predictions.jsonl")):
        beside = path.with_name(f"{key}.json")
        record = records.read_record(beside) if beside.is_file() else None
        if record is not None:
            return record, path
    return None


def resolve_hard_classes(config: Config, experiment: str, wait: bool = True) -> Config:
    """Names in the place of `auto`: the two classes with the lowest development F1 of the run without enhancement."""
    if hard_classes(config) != ("auto",):
        return config
    plain = config.with_(hard_classes=(), hard_weight=1.0, sampler="length", augment=(), row="regular")
    record = run(plain, experiment, wait=wait)
    classes = record["counts"]["classes"]
    return config.with_(hard_classes=tuple(classes[i] for i in hardest_classes(record["counts"]["dev.confusion"])))


def predictions_path(experiment: str, key: str) -> Path:
    """Where the predicted test documents of a run lie."""
    return records.runs_dir() / experiment / f"{key}.predictions.jsonl"


def model_path(experiment: str, key: str) -> Path:
    """The folder of a run's model when it is kept (`relex.runs.models`)."""
    return records.runs_dir() / experiment / f"{key}.model"


def find_model(key: str) -> Path | None:
    """The kept model of a run, for whatever experiment it was trained; None when it was not kept."""
    return next((path for path in records.runs_dir().glob(f"*/{key}.model") if models.is_model(path)), None)


def kept_model(record: dict) -> Path:
    """The folder of a record's model; raises a `RelexError` when it has none, or it was not kept."""
    head, name = record["config"]["head"], record["run"]
    if head not in HEADS:
        raise RelexError(f"run {name!r} only counts and has no model; take a run of {' or '.join(HEADS)}")
    path = find_model(record.get("derived_from", name))
    if path is None:
        raise RelexError(f"the model of run {name!r} was not kept; do the run again with --keep-models")
    return path


def load_head(record: dict) -> Head:
    """The trained head of a record, on the CPU; raises a `RelexError` where `kept_model` or `models.load` does."""
    return models.load(kept_model(record)).head


def _relabelled(record: dict, config: Config, experiment: str) -> dict:
    """A found record under the labels it is asked for now; written when another experiment had made it."""
    labels = {k: v for k, v in config.to_json().items() if k in ("profile", "row")}
    if record["experiment"] == experiment and labels.items() <= record["config"].items():
        return record
    record = record | {"experiment": experiment, "config": record["config"] | labels}
    records.write_record(record)
    return record
