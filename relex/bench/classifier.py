"""How fast the classifier is, against a plain version of the same model in the same run.

The plain version is what public implementations do: every document padded to 300 tokens, batches in the order of one
shuffle, and one `.item()` per document to read its answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from accelerate.utils import send_to_device
from torch.nn import functional as F

from relex import corpora
from relex.bench.timing import REPEATS, check_numbers, conditions, interleaved, outside_encoder, peak_memory
from relex.corpora.corpus import subsample
from relex.documents import Document
from relex.runs.config import Config
from relex.runs.run import load_corpus
from relex.runs.train import make_head
from relex.samplers import LengthBucketed, balanced, micro_batches, padding_share, priority
from relex.training import Trainer, predict

PADDED = 300
"""Tokens to which the plain version pads; longer documents stay as they are."""


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


def measure(
    documents: int = 32, layers: int = 2, encoder: str = "wheel:me5-zh", repeats: int = REPEATS
) -> dict[str, float | str]:
    """Measure the classifier; quantity → value, ready to print.

    `documents` of the training part are timed; padding shares are of the whole part. Both sides are warmed up, then
    run in turns `repeats` times; speeds and ratios are medians. Tokenisation is done before. Nothing
    else should run on the machine: small matrices suffer most from it. Raises a `RelexError` for numbers below one.
    """
    check_numbers(documents, repeats)
    corpus_name = corpora.first_available("umrc10", "encyclopedia")
    config = Config.from_json({"corpus": corpus_name, "encoder": encoder, "layers": layers, "epochs": 1})
    corpus = load_corpus(config)
    head = make_head(config, corpus)
    trainer = Trainer(head, config.training, seed=0)
    head.prepare(corpus.train)
    chosen = subsample(corpus.train, documents)
    ours, plain = Bucketed(trainer, chosen), Plain(trainer, chosen)
    memory = {
        side: peak_memory(lambda side=side: (side.train(), side.label()), trainer.accelerator) for side in (ours, plain)
    }
    tasks = {(side, name): getattr(side, name) for name in ("train", "label") for side in (ours, plain)}
    seconds = interleaved(tasks, repeats, trainer.accelerator)
    outside = {task: outside_encoder(getattr(ours, task), head, trainer.accelerator) for task in ("train", "label")}
    rows: dict[str, float | str] = {
        "corpus": corpus_name + (" (stand-in)" if corpus.stand_in else ""),
        **conditions(encoder, layers, trainer.accelerator),
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
