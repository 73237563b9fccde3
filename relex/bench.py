"""How fast the classifier is, against a plain version of the same model in the same run.

The plain version is what public implementations do: every document padded to 300 tokens, batches in the order of one
shuffle, and one `.item()` per document to read its answer.
"""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from accelerate.utils import send_to_device
from torch.nn import functional as F

from relex import corpora
from relex.documents import Document
from relex.errors import RelexError
from relex.experiments.building import limited, make_head
from relex.experiments.config import Config
from relex.experiments.run import load_corpus
from relex.samplers import LengthBucketed, balanced, micro_batches, padding_share, priority
from relex.training import Trainer, predict

PADDED = 300
"""Tokens to which the plain version pads; longer documents stay as they are."""

REPEATS = 10


class Side(ABC):
    """One way to train on and to label `documents`; both sides share model, optimizer, precision and step size."""

    def __init__(self, trainer: Trainer, documents: Sequence[Document]):
        self.trainer, self.head, self.documents = trainer, trainer.head, documents
        self.device = trainer.accelerator.device
        self.lengths = [self.head.length(d) for d in documents]

    @abstractmethod
    def train(self) -> None:
        """One epoch."""

    @abstractmethod
    def label(self) -> list[Document]:
        """Predicted documents."""


class Bucketed(Side):
    """What this package does: the trainer and `predict`, with length-bucketed batches."""

    def train(self) -> None:
        """One epoch of the trainer."""
        self.trainer.fit(self.documents, LengthBucketed(self.lengths, self.trainer.training.batch_tokens))

    def label(self) -> list[Document]:
        """`relex.training.predict`, with a budget that cuts even a few documents into several batches."""
        return predict(self.head, self.documents, self.trainer.accelerator, self.trainer.training.micro_tokens)


class Plain(Side):
    """The plain version; its steps hold as many documents as those of the bucketed side do on average."""

    def __init__(self, trainer: Trainer, documents: Sequence[Document]):
        super().__init__(trainer, documents)
        steps = len(LengthBucketed(self.lengths, trainer.training.batch_tokens))
        order = np.random.default_rng(0).permutation(len(documents))
        self.batches = [[documents[i] for i in part] for part in np.array_split(order, steps)]

    def _padded(self, documents: Sequence[Document]) -> dict[str, torch.Tensor]:
        batch = self.head.collate(documents)
        missing = max(0, PADDED - batch["input_ids"].shape[1])
        fill = {"input_ids": self.head.encoder.pad_id}
        padded = {k: F.pad(v, (0, missing), value=fill.get(k)) if v.ndim == 2 else v for k, v in batch.items()}
        return send_to_device(padded, self.device)

    def train(self) -> None:
        """One epoch: a step for each batch, its loss read at once."""
        trainer, accelerator = self.trainer, self.trainer.accelerator
        trainer.model.train()
        for documents in self.batches:
            loss = trainer.model(self._padded(documents))
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(trainer.model.parameters(), trainer.training.clip)
            trainer.optimizer.step()
            trainer.optimizer.zero_grad()
            loss.item()

    @torch.inference_mode()
    def label(self) -> list[Document]:
        """Logits batch by batch, answers document by document."""
        self.head.eval()
        found = []
        for documents in self.batches:
            with self.trainer.accelerator.autocast():
                logits = self.head.logits(self._padded(documents))
            for document, row in zip(documents, logits, strict=True):
                answer = replace(document.relations[0], type=self.head.classes[row.argmax().item()])
                found.append(replace(document, relations=(answer,)))
        return found


def classifier(
    documents: int = 32, layers: int = 2, encoder: str = "wheel:me5-zh", repeats: int = REPEATS
) -> dict[str, float | str]:
    """Measure the classifier; quantity → value, ready to print.

    `documents` of the training part are timed; padding shares are of the whole part. Both sides are warmed up, then
    run in turns `repeats` times; speeds and ratios are medians. Tokenisation is done before. Nothing
    else should run on the machine: small matrices suffer most from it. Raises a `RelexError` for numbers below one.
    """
    if documents < 1 or repeats < 1:
        raise RelexError("a benchmark needs at least one document and one repeat; choose larger numbers")
    corpus_name = corpora.first_available("umrc10", "encyclopedia")
    config = Config.from_json({"corpus": corpus_name, "encoder": encoder, "layers": layers, "epochs": 1})
    corpus = load_corpus(corpus_name)
    head = make_head(config, corpus)
    trainer = Trainer(head, config.training, seed=0)
    head.prepare(corpus.train)
    chosen = limited(corpus.train, documents)
    ours, plain = Bucketed(trainer, chosen), Plain(trainer, chosen)
    memory = {side: _peak_memory(lambda side=side: (side.train(), side.label()), trainer) for side in (ours, plain)}
    tasks = {(side, name): getattr(side, name) for name in ("train", "label") for side in (ours, plain)}
    seconds = _interleaved(tasks, repeats, trainer)
    outside = {task: _outside_encoder(ours, task, trainer) for task in ("train", "label")}
    rows: dict[str, float | str] = {
        "corpus": corpus_name + (" (stand-in)" if corpus.stand_in else ""),
        "encoder": f"{encoder}, {layers} layers, {trainer.accelerator.mixed_precision.replace('no', 'fp32')}",
        "device": f"{trainer.accelerator.device}, {torch.get_num_threads()} threads",
        "documents": len(chosen),
        "tokens": sum(ours.lengths),
    }
    for task, title in (("train", "training"), ("label", "inference")):
        middle = float(np.median(seconds[ours, task]))
        rows[f"{title}: documents/s"] = len(chosen) / middle
        rows[f"{title}: tokens/s"] = sum(ours.lengths) / middle
        rows[f"{title}: % of time outside the encoder"] = 100 * outside[task]
        rows[f"{title}: times as fast as the plain version"] = float(
            np.median(np.divide(seconds[plain, task], seconds[ours, task]))
        )
    rows |= {f"padding, {k}: %": 100 * v for k, v in _padding(config, head, corpus.train).items()}
    rows["peak memory, MiB"] = memory[ours]
    rows["peak memory of the plain version, MiB"] = memory[plain]
    return rows


def _padding(config: Config, head, documents: Sequence[Document]) -> dict[str, float]:
    """Share of padding among token positions for each sampler over one epoch, and padded to `PADDED`."""
    lengths = [head.length(d) for d in documents]
    labels = [head.class_ids[d.relations[0].type] for d in documents]
    samplers = {
        "length-bucketed": LengthBucketed(lengths, config.training.batch_tokens),
        "balanced": balanced(labels, lengths),
        "priority": priority(labels, lengths, hard=[0, 1]),
    }
    shares = {}
    for name, sampler in samplers.items():
        groups = [g for batch in sampler for g in micro_batches(batch, lengths, config.training.micro_tokens)]
        shares[name] = padding_share(groups, lengths)
    return shares | {f"to {PADDED} tokens": 1 - sum(lengths) / sum(max(PADDED, n) for n in lengths)}


def _interleaved(tasks: dict, repeats: int, trainer: Trainer) -> dict:
    """Seconds of each task, `repeats` times, in turns, so that what else the machine does falls on all alike."""
    seconds: dict = {key: [] for key in tasks}
    for _ in range(repeats):
        for key, task in tasks.items():
            seconds[key].append(_timed(task, trainer))
    return seconds


def _timed(task: Callable, trainer: Trainer) -> float:
    _synchronize(trainer)
    began = time.perf_counter()
    task()
    _synchronize(trainer)
    return time.perf_counter() - began


def _outside_encoder(side: Side, task: str, trainer: Trainer, repeats: int = 3) -> float:
    """Median share of time, 0 to 1, that is not the encoder's forward or backward pass.

    Measured apart from the speeds: on a GPU it takes a synchronisation at each border.
    """
    shares = []
    for _ in range(repeats):
        with _encoder_clock(side.head, trainer) as clock:
            total = _timed(getattr(side, task), trainer)
        shares.append(1 - clock["s"] / total)
    return float(np.median(shares))


@contextmanager
def _encoder_clock(head, trainer: Trainer):
    """Adds up, under `s`, the time between entry and exit of the encoder, forward and backward."""
    clock = {"s": 0.0}
    forward, backward = head.encoder.forward, trainer.accelerator.backward

    def now() -> float:
        _synchronize(trainer)
        return time.perf_counter()

    def timed_forward(*args):
        began = now()
        states = forward(*args)
        clock["s"] += now() - began
        if states.requires_grad:
            states.register_hook(lambda gradient: clock.update(reached=now()))
        return states

    def timed_backward(loss):
        backward(loss)
        # the encoder comes first in the model, so from the gradient of its states to the end all is its own
        clock["s"] += now() - clock["reached"]

    head.encoder.forward, trainer.accelerator.backward = timed_forward, timed_backward
    try:
        yield clock
    finally:
        del head.encoder.forward, trainer.accelerator.backward


def _peak_memory(task: Callable, trainer: Trainer) -> float:
    """MiB at the peak of `task`: of the GPU's tensors, else of the whole process so far."""
    if trainer.accelerator.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        task()
        return torch.cuda.max_memory_allocated() / 2**20
    import resource

    task()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _synchronize(trainer: Trainer) -> None:
    if trainer.accelerator.device.type == "cuda":
        torch.cuda.synchronize()
