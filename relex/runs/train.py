"""What a config asks for, built: encoder and head, sampler, the documents of a part; and their training."""

import time
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers.utils import logging as transformers_logging

from relex import corpora, encoders
from relex.baselines import lookup, ngrams
from relex.corpora import Corpus
from relex.corpora.corpus import subsample
from relex.documents import Document, Schema
from relex.encoders import Encoder
from relex.errors import RelexError
from relex.evaluation import classification
from relex.heads import TASKS, Head, build
from relex.runs import probes, scoring
from relex.runs.config import Config
from relex.samplers import Curriculum, FixedSteps, LengthBucketed, balanced, priority
from relex.training import Trainer, predict
from relex.training.augmentation import augment
from relex.training.trainer import make_accelerator

BASELINES: dict[str, Callable[[typing.Any, Schema, Sequence[Document]], ngrams.Baseline]] = {
    "majority": lambda options, schema, train: ngrams.majority(train),
    "tfidf": lambda options, schema, train: ngrams.tfidf(options.features, train),
    **{name: lambda options, schema, train, fit=fit: fit(train, schema) for name, fit in lookup.SHORTCUTS.items()},
}
"""What needs no encoder: head → function of its options, the schema and the training documents."""


@dataclass
class Outcome:
    """What training and prediction leave: predicted Documents, numbers for the record, and the head if there is one.

    `measured`: what probes found, by the part of the record (`relex.runs.probes`).
    """

    test: list[Document]
    dev: list[Document]
    counts: dict[str, int]
    time: dict[str, float]
    history: list[dict] = field(default_factory=list)
    measured: dict[str, typing.Any] = field(default_factory=dict)
    device: str = "cpu, 1 thread"
    precision: str = "fp32"
    head: Head | None = None
    main_process: bool = True


def train_head(
    config: Config,
    corpus: Corpus,
    checkpoint: Path | None = None,
    on_progress: Callable[[float], None] = lambda share: None,
    on_score: Callable[[float], None] = lambda score: None,
) -> Outcome:
    """Train the head of a config and predict the development and the test part; without `checkpoint` none is kept.

    `on_score` is told the development score after each epoch.
    """
    train, dev, test = parts(config, corpus)
    _check_task(config, [*train, *dev, *test])
    head, accelerator = make_head(config, corpus), make_accelerator(config.training.precision)
    trainer = Trainer(head, config.training, config.seed, accelerator)
    documents = augment(train, config.augment, hard_classes(config), config.seed) if config.augment else train
    head.prepare(documents)
    sampler = make_sampler(config, head, documents)

    def evaluate() -> float:
        found = predict(head, dev, accelerator)
        score = scoring.selection_score(TASKS[config.head], corpus, dev, found, head.selection_metric)
        on_score(score)
        return score

    ground = probes.Ground(documents, test, config.corpus, accelerator)
    chosen = probes.chosen(head, config.training.fgm > 0, ground)
    for probe in chosen:
        probe.before(head)
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
            "steps": fit.steps,
            "trained_tokens": fit.tokens,
            "padded_positions": fit.positions,
            "parameters": sum(p.numel() for p in head.parameters()),
            **_alignment(head, train=train, test=test),
        },
        # a GPU works on behind the host's back, so only a CPU's share can be told from outside
        time={"train_s": fit.train_s, "predict_s": predict_s}
        | ({"model_s": fit.model_s} if accelerator.device.type == "cpu" else {}),
        history=fit.history,
        measured={name: part for probe in chosen for name, part in probe.after(head, predicted).items()},
        device=_device_name(accelerator),
        precision={"no": "fp32"}.get(accelerator.mixed_precision, accelerator.mixed_precision),
        head=head,
        main_process=accelerator.is_main_process,
    )


def count_baseline(config: Config, corpus: Corpus) -> Outcome:
    """Fit one of the baselines that count and predict the development and the test part."""
    train, dev, test = parts(config, corpus)
    began = time.perf_counter()
    label = BASELINES[config.head](config.options, corpus.schema, train)
    fitted = time.perf_counter()
    predicted = label(test)
    seconds = {"train_s": fitted - began, "predict_s": time.perf_counter() - fitted}
    return Outcome(predicted, label(dev), {"train_documents": len(train)}, seconds)


def parts(config: Config, corpus: Corpus) -> tuple[tuple[Document, ...], ...]:
    """Train, development and test documents within the limits of a config."""
    return tuple(subsample(getattr(corpus, part), getattr(config, f"{part}_limit")) for part in corpora.PARTS)


def make_head(config: Config, corpus: Corpus) -> Head:
    """Encoder and head of a config, initialised from its seed."""
    transformers_logging.disable_progress_bar()
    torch.manual_seed(config.seed)
    texts = (d.text for d in corpus.train)
    encoder = encoders.load(config.encoder, config.layers or None, config.seed, texts)
    torch.manual_seed(config.seed)
    return build(config.head, suited(encoder), corpus.schema, config.options)


def suited(encoder: Encoder) -> Encoder:
    """The encoder with the kind of attention that is fast on this machine, and without dropout of it."""
    # On CPUs the backward pass of torch's fused attention takes several times as long as plain products for texts of a
    # few dozen tokens. On GPUs cuDNN's attention makes a plan for every new shape of a batch, and nearly every batch is
    # one: a step of 2,400 tokens and 12 layers took 411 ms on an H200, 29 with torch's own kernels. There attention
    # dropout would cost the fast kernels. Dropout of states stays.
    if torch.cuda.is_available():
        torch.backends.cuda.enable_cudnn_sdp(False)
    else:
        encoder.model.set_attn_implementation("eager")
    for block in encoder.blocks:
        block.attention.self.dropout.p = 0.0
    return encoder


def hard_classes(config: Config) -> tuple[str, ...]:
    """The classes that a config enhances; empty for heads without such a switch."""
    return getattr(config.options, "hard_classes", ())


def make_sampler(config: Config, head: Head, documents: Sequence[Document]):
    """The sampler a config names, over `documents`; with `epoch_steps` in epochs of so many steps."""
    lengths, steps = [head.length(d) for d in documents], config.training.epoch_steps

    def epochs_of(sampler):
        return FixedSteps(sampler, steps) if steps else sampler

    if config.sampler == "length":
        return epochs_of(LengthBucketed(lengths, config.training.batch_tokens, config.seed))
    labels = [head.class_ids[d.relations[0].type] for d in documents]
    hard = [head.class_ids[name] for name in hard_classes(config)]
    even, hard_first = balanced(labels, lengths, seed=config.seed), priority(labels, lengths, hard, seed=config.seed)
    if config.sampler == "curriculum":
        half = (config.training.epochs + 1) // 2
        return Curriculum([(epochs_of(even), half), (epochs_of(hard_first), half)])
    return epochs_of(even if config.sampler == "balanced" else hard_first)


def _check_task(config: Config, documents: Sequence[Document]) -> None:
    """Name what does not fit the task of a config's head before anything is trained."""
    if TASKS[config.head] == "classification":
        classification.labels(documents)
    elif config.augment:
        raise RelexError(f"head {config.head!r} cannot train with augmentation, only a classifier can; leave it out")
    elif config.sampler != "length":
        raise RelexError(
            f"head {config.head!r} cannot train with sampler {config.sampler!r}, which draws by class and is for "
            "classification; take sampler length"
        )


def _alignment(head: Head, **documents: Sequence[Document]) -> dict[str, int]:
    """Gold annotations of each part that the head's targets cannot represent, as `train.NAME` and `test.NAME`."""
    return {f"{part}.{k}": v for part, chosen in documents.items() for k, v in head.alignment(chosen).items()}


def _device_name(accelerator) -> str:
    if accelerator.device.type == "cuda":
        return f"{accelerator.num_processes} × {torch.cuda.get_device_name(accelerator.device)}"
    threads = torch.get_num_threads()
    return f"cpu, {threads} thread{'s' * (threads > 1)}"
