"""One run: from a config to a record, or the record that is already there."""

import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from transformers.utils import logging as transformers_logging

from relex import corpora, encoders
from relex.augmentation import augment
from relex.corpora import Corpus
from relex.documents import Document, write_documents
from relex.errors import RelexError
from relex.evaluation import classification
from relex.experiments import records
from relex.experiments.config import Config
from relex.heads import Head, build
from relex.samplers import Curriculum, LengthBucketed, balanced, hardest_classes, priority
from relex.training import Trainer, predict
from relex.training.trainer import make_accelerator

SAMPLERS = ("length", "balanced", "priority", "curriculum")

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
    if found and (not keep_model or model_path(found["experiment"], key).is_file()):
        on_progress(1.0)
        return _relabelled(found, config, experiment)
    checkpoint = records.runs_dir() / experiment / f"{key}.checkpoint.safetensors"
    train, dev, test = (
        limited(getattr(corpus, part), getattr(config, f"{part}_limit")) for part in corpora.PARTS
    )
    head, accelerator = make_head(config, corpus), make_accelerator(config.training.precision)
    trainer = Trainer(head, config.training, config.seed, accelerator)
    documents = augment(train, config.augment, config.options.hard_classes, config.seed)
    head.prepare(documents)
    evaluate = functools.partial(_dev_score, head, dev, corpus, accelerator)
    fit = trainer.fit(
        documents, make_sampler(config, head, documents), evaluate, checkpoint, on_progress=lambda s: on_progress(0.95 * s)
    )
    began = time.perf_counter()
    predicted = predict(head, test, accelerator)
    predict_s = time.perf_counter() - began
    dev_predicted = predict(head, dev, accelerator)
    classes, seen = corpus.schema.relation_names, {d.text for d in corpus.train}
    metrics, counts = classification.evaluate(test, predicted, classes, seen)
    dev_metrics, dev_counts = classification.evaluate(dev, dev_predicted, classes, seen)
    metrics |= {f"dev.{k}": v for k, v in dev_metrics.items() if k in ("accuracy", "macro_f1")}
    counts |= {
        "dev.confusion": dev_counts["confusion"],
        "train_documents": len(documents),
        "truncated": head.truncated([*documents, *test]),
        "trained_tokens": fit.tokens,
        "padded_positions": fit.positions,
        "parameters": sum(p.numel() for p in head.parameters()),
    }
    record = {
        "experiment": experiment,
        "run": key,
        "config": config.to_json(),
        "corpus": {
            "name": corpus.name, "fingerprint": corpus.fingerprint, "sizes": corpus.sizes, "stand_in": corpus.stand_in,
        },
        "metrics": {k: round(v, 6) for k, v in metrics.items()},
        "counts": counts,
        "per_class": classification.per_class(np.array(counts["confusion"]), classes).round(6).to_dict("index"),
        "history": fit.history,
        "answers": answers(test, predicted, classes, seen),
        "time": {
            "train_s": round(fit.train_s, 2), "model_s": round(fit.model_s, 2), "predict_s": round(predict_s, 2),
        },
        "machine": records.machine(_device_name(accelerator)) | {"precision": accelerator.mixed_precision},
        "commit": records.commit(),
        "date": records.now(),
    }  # fmt: skip
    if accelerator.is_main_process:
        write_documents(records.runs_dir() / experiment / f"{key}.predictions.jsonl", predicted)
        if keep_model:
            save_model(head, model_path(experiment, key))
        records.write_record(record)
        checkpoint.unlink(missing_ok=True)
    on_progress(1.0)
    return record


def limited(documents: Sequence[Document], limit: int) -> tuple[Document, ...]:
    """All documents, or the first `limit` of a shuffle that is the same in every run."""
    if not 0 < limit < len(documents):
        return tuple(documents)
    chosen = np.random.default_rng(0).permutation(len(documents))[:limit]
    return tuple(documents[i] for i in sorted(chosen))


def make_head(config: Config, corpus: Corpus) -> Head:
    """Encoder and head of a config, initialised from its seed."""
    transformers_logging.disable_progress_bar()
    torch.manual_seed(config.seed)
    texts = (d.text for d in corpus.train)
    encoder = encoders.load(config.encoder, config.layers or None, config.seed, texts)
    # Attention dropout keeps torch from its fused attention kernel on CPUs; dropout of states stays.
    for block in encoder.blocks:
        block.attention.self.dropout.p = 0.0
    torch.manual_seed(config.seed)
    return build(config.head, encoder, corpus.schema, config.options)


def make_sampler(config: Config, head: Head, documents: Sequence[Document]):
    """The sampler a config names, over `documents`."""
    lengths = [head.length(d) for d in documents]
    if config.sampler == "length":
        return LengthBucketed(lengths, config.training.batch_tokens, config.seed)
    labels = [head.class_ids[d.relations[0].type] for d in documents]
    hard = [head.class_ids[name] for name in config.options.hard_classes]
    if config.sampler == "balanced":
        return balanced(labels, lengths, seed=config.seed)
    if config.sampler == "priority":
        return priority(labels, lengths, hard, seed=config.seed)
    if config.sampler == "curriculum":
        first, half = balanced(labels, lengths, seed=config.seed), (config.training.epochs + 1) // 2
        return Curriculum([(first, half), (priority(labels, lengths, hard, seed=config.seed), half)])
    raise RelexError(f"there is no sampler {config.sampler!r}; known are {', '.join(SAMPLERS)}")


def resolve_hard_classes(config: Config, experiment: str) -> Config:
    """Put names in the place of `auto`: the two classes with the lowest development F1 of the run without enhancement."""
    if config.options.hard_classes != ("auto",):
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


def save_model(head: Head, path: Path) -> None:
    """Write the weights of a head, whole or not at all."""
    from safetensors.torch import save

    from relex.files import write_bytes

    write_bytes(path, save({k: v.detach().cpu().contiguous() for k, v in head.state_dict().items()}))


def _dev_score(head, dev, corpus, accelerator) -> float:
    predicted = predict(head, dev, accelerator)
    matrix = classification.confusion(dev, predicted, corpus.schema.relation_names)
    return classification.scores(matrix)["macro_f1"]


def _device_name(accelerator) -> str:
    if accelerator.device.type == "cuda":
        return f"{accelerator.num_processes} × {torch.cuda.get_device_name(accelerator.device)}"
    return f"cpu, {torch.get_num_threads()} threads"


def _relabelled(record: dict, config: Config, experiment: str) -> dict:
    """A found record under the labels it is asked for now; written when another experiment had made it."""
    labels = {k: v for k, v in config.to_json().items() if k in ("profile", "row")}
    if record["experiment"] == experiment and labels.items() <= record["config"].items():
        return record
    record = record | {"experiment": experiment, "config": record["config"] | labels}
    records.write_record(record)
    return record
