"""One run: from a config to a record, or the record that is already there."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from accelerate import PartialState
from safetensors.torch import save

from relex import corpora
from relex.corpora import Corpus
from relex.documents import Document, write_documents
from relex.evaluation import classification
from relex.experiments import records
from relex.experiments.building import Outcome, count_baseline, limited, make_head, parts, train_head  # noqa: F401
from relex.experiments.config import Config
from relex.files import write_bytes
from relex.heads import HEADS, Head
from relex.samplers import hardest_classes

load_corpus = functools.lru_cache(maxsize=2)(corpora.load)


def run(
    config: Config, experiment: str, on_progress: Callable[[float], None] = lambda share: None, keep_model: bool = False
) -> dict:
    """The record of `config`: found by its key, or trained, evaluated and written now.

    A run that was interrupted goes on from its checkpoint. `keep_model` leaves the trained weights beside the record
    in `runs/` and trains again when they are not there. `on_progress` gets the share done, 0 to 1.
    """
    corpus = load_corpus(config.corpus)
    config = resolve_hard_classes(config, experiment)
    key = config.key(corpus.fingerprint)
    found = records.find_record(key)
    if found and (not keep_model or config.head not in HEADS or find_model(key)):
        on_progress(1.0)
        return _relabelled(found, config, experiment)
    checkpoint = records.runs_dir() / experiment / f"{key}.checkpoint.safetensors"
    if config.head in HEADS:
        outcome = train_head(config, corpus, checkpoint, lambda share: on_progress(0.95 * share))
    else:
        outcome = count_baseline(config, corpus)
    record = make_record(config, experiment, key, corpus, outcome)
    if outcome.main_process:
        write_documents(records.runs_dir() / experiment / f"{key}.predictions.jsonl", outcome.test)
        if keep_model and outcome.head is not None:
            save_model(outcome.head, model_path(experiment, key))
        records.write_record(record)
        checkpoint.unlink(missing_ok=True)
    PartialState().wait_for_everyone()  # the next run may ask for this record
    on_progress(1.0)
    return record


def make_record(config: Config, experiment: str, key: str, corpus: Corpus, outcome: Outcome) -> dict:
    """Score an outcome and put down all that a reader needs to judge or repeat it; no text of the corpus."""
    _, dev, test = parts(config, corpus)
    classes, seen = corpus.schema.relation_names, {d.text for d in corpus.train}
    metrics, counts = classification.evaluate(test, outcome.test, classes, seen)
    dev_metrics, dev_counts = classification.evaluate(dev, outcome.dev, classes, seen)
    metrics |= {f"dev.{k}": dev_metrics[k] for k in ("accuracy", "macro_f1")}
    return {
        "experiment": experiment,
        "run": key,
        "config": config.to_json(),
        "corpus": {
            "name": corpus.name, "fingerprint": corpus.fingerprint, "sizes": corpus.sizes, "stand_in": corpus.stand_in,
        },
        "metrics": {k: round(v, 6) for k, v in metrics.items()},
        "counts": counts | {"dev.confusion": dev_counts["confusion"]} | outcome.counts,
        "per_class": classification.per_class(np.array(counts["confusion"]), classes).round(6).to_dict("index"),
        "history": outcome.history,
        "answers": answers(test, outcome.test, classes, seen),
        "time": {k: round(v, 2) for k, v in outcome.time.items()},
        "machine": records.machine(outcome.device) | {"precision": outcome.precision},
        "commit": records.commit(),
        "date": records.now(),
    }  # fmt: skip


def resolve_hard_classes(config: Config, experiment: str) -> Config:
    """Names in the place of `auto`: the two classes with the lowest development F1 of the run without enhancement."""
    if getattr(config.options, "hard_classes", ()) != ("auto",):
        return config
    plain = config.with_(hard_classes=(), hard_weight=1.0, sampler="length", augment=(), row="regular")
    record = run(plain, experiment)
    classes = record["counts"]["classes"]
    return config.with_(hard_classes=tuple(classes[i] for i in hardest_classes(record["counts"]["dev.confusion"])))


def answers(
    gold: Sequence[Document], predicted: Sequence[Document], classes: Sequence[str], seen: set[str]
) -> dict[str, str]:
    """What paired tests need, without text: one character per document.

    `gold` and `predicted` hold class ids in base 36, `unseen` a 1 where the sentence does not occur in training.
    """
    digits = {name: np.base_repr(i, 36) for i, name in enumerate(classes)}
    return {
        "gold": "".join(digits[d.relations[0].type] for d in gold),
        "predicted": "".join(digits[d.relations[0].type] for d in predicted),
        "unseen": "".join("01"[d.text not in seen] for d in gold),
    }


def model_path(experiment: str, key: str) -> Path:
    """Where the weights of a run lie when they are kept."""
    return records.runs_dir() / experiment / f"{key}.model.safetensors"


def find_model(key: str) -> Path | None:
    """The kept weights of a run, for whatever experiment they were trained; None when they were not kept."""
    return next(records.runs_dir().glob(f"*/{key}.model.safetensors"), None)


def save_model(head: Head, path: Path) -> None:
    """Write the weights of a head, whole or not at all."""
    write_bytes(path, save({k: v.detach().cpu().contiguous() for k, v in head.state_dict().items()}))


def _relabelled(record: dict, config: Config, experiment: str) -> dict:
    """A found record under the labels it is asked for now; written when another experiment had made it."""
    labels = {k: v for k, v in config.to_json().items() if k in ("profile", "row")}
    if record["experiment"] == experiment and labels.items() <= record["config"].items():
        return record
    record = record | {"experiment": experiment, "config": record["config"] | labels}
    records.write_record(record)
    return record
