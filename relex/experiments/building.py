"""What a config asks for, built: encoder and head, sampler, the documents of a part; and their training."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from transformers.utils import logging as transformers_logging

from relex import corpora, encoders
from relex.augmentation import augment
from relex.corpora import Corpus
from relex.documents import Document
from relex.errors import RelexError
from relex.evaluation import baselines, classification
from relex.experiments.config import Config
from relex.heads import Head, build
from relex.samplers import Curriculum, LengthBucketed, balanced, priority
from relex.training import Trainer, predict
from relex.training.trainer import make_accelerator

SAMPLERS = ("length", "balanced", "priority", "curriculum")


@dataclass
class Outcome:
    """What training and prediction leave: predicted Documents, numbers for the record, and the head if there is one."""

    test: list[Document]
    dev: list[Document]
    counts: dict[str, int]
    time: dict[str, float]
    history: list[dict] = field(default_factory=list)
    device: str = "cpu, 1 thread"
    precision: str = "fp32"
    head: Head | None = None
    main_process: bool = True


def train_head(
    config: Config, corpus: Corpus, checkpoint: Path, on_progress: Callable[[float], None] = lambda share: None
) -> Outcome:
    """Train the head of a config and predict the development and the test part."""
    train, dev, test = parts(config, corpus)
    classification.labels([*train, *dev, *test])  # names a document without a label before anything is trained
    head, accelerator = make_head(config, corpus), make_accelerator(config.training.precision)
    trainer = Trainer(head, config.training, config.seed, accelerator)
    documents = augment(train, config.augment, config.options.hard_classes, config.seed)
    head.prepare(documents)
    sampler = make_sampler(config, head, documents)
    evaluate = functools.partial(_dev_score, head, dev, corpus, accelerator)
    fit = trainer.fit(documents, sampler, evaluate, checkpoint, on_progress=on_progress)
    began = time.perf_counter()
    predicted = predict(head, test, accelerator)
    predict_s = time.perf_counter() - began
    return Outcome(
        predicted,
        predict(head, dev, accelerator),
        counts={
            "train_documents": len(documents),
            "truncated": head.truncated([*documents, *test]),
            "trained_tokens": fit.tokens,
            "padded_positions": fit.positions,
            "parameters": sum(p.numel() for p in head.parameters()),
        },
        # a GPU works on behind the host's back, so only a CPU's share can be told from outside
        time={"train_s": fit.train_s, "predict_s": predict_s}
        | ({"model_s": fit.model_s} if accelerator.device.type == "cpu" else {}),
        history=fit.history,
        device=_device_name(accelerator),
        precision={"no": "fp32"}.get(accelerator.mixed_precision, accelerator.mixed_precision),
        head=head,
        main_process=accelerator.is_main_process,
    )


def count_baseline(config: Config, corpus: Corpus) -> Outcome:
    """Fit a baseline that counts (majority, TF-IDF) and predict the development and the test part."""
    train, dev, test = parts(config, corpus)
    began = time.perf_counter()
    label = baselines.majority(train) if config.head == "majority" else baselines.tfidf(config.options.features, train)
    fitted = time.perf_counter()
    predicted = label(test)
    seconds = {"train_s": fitted - began, "predict_s": time.perf_counter() - fitted}
    return Outcome(predicted, label(dev), {"train_documents": len(train)}, seconds)


def parts(config: Config, corpus: Corpus) -> tuple[tuple[Document, ...], ...]:
    """Train, development and test documents within the limits of a config."""
    return tuple(limited(getattr(corpus, part), getattr(config, f"{part}_limit")) for part in corpora.PARTS)


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


def _dev_score(head, dev, corpus, accelerator) -> float:
    predicted = predict(head, dev, accelerator)
    matrix = classification.confusion(dev, predicted, corpus.schema.relation_names)
    return classification.scores(matrix)["macro_f1"]


def _device_name(accelerator) -> str:
    if accelerator.device.type == "cuda":
        return f"{accelerator.num_processes} × {torch.cuda.get_device_name(accelerator.device)}"
    threads = torch.get_num_threads()
    return f"cpu, {threads} thread{'s' * (threads > 1)}"
