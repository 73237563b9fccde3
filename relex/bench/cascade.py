"""How fast the cascade is on whole reports, against a plain loop over texts and subjects in the same run.

The plain loop has one text at a time and computes its states again for every subject, as the original CasRel calls its
object model anew with the text of a sentence for the subjects that it found there; tags become spans one by one.
A second loop, that keeps the states of a text, tells how much of the ratio is due to encoding once.

An untrained head finds no subjects, and training one would take longer than measuring it. So on all sides subjects are
read off the gold tags once the subject tagger has done its work, and the object taggers' biases are such that at
least as many triples are found as there are gold ones (some times as many, since without training most subjects like
the same tokens). They are therefore meaningless, but must be the same on all sides.
"""

from collections.abc import Sequence

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor

from relex import corpora
from relex.bench.timing import (
    REPEATS,
    check_numbers,
    conditions,
    interleaved,
    medians,
    outside_encoder,
    peak_memory,
)
from relex.corpora.corpus import subsample
from relex.documents import Document
from relex.found import assembled
from relex.heads import Cascade
from relex.heads.extraction import characters
from relex.heads.head import Batch
from relex.runs.config import Config
from relex.runs.run import load_corpus
from relex.runs.train import make_head
from relex.samplers import LengthBucketed, micro_batches, padding_share
from relex.training import Trainer, predict
from relex.training.trainer import make_accelerator

SURE = 20.0
"""Logit of a tag that is told."""


class Told(Cascade):
    """A cascade that is told where subjects begin and end; it computes its own tags all the same."""

    def predict(self, batch: Batch, documents: Sequence[Document], **options) -> list[Document]:
        """The documents with the predicted objects of their gold subjects."""
        self.told = batch["subject_targets"]
        return super().predict(batch, documents, **options)

    def decode(self, subject_logits: Tensor, *others) -> tuple[Tensor, Tensor, Tensor]:
        """As in `Cascade`, with the gold tags of the batch."""
        return super().decode(tell(subject_logits, self.told), *others)


def tell(logits: Tensor, tags: Tensor) -> Tensor:
    """Logits of the same shape that say `tags`."""
    return torch.where(tags > 0, SURE, -SURE).to(logits)


@torch.inference_mode()
def plain(head: Told, documents: Sequence[Document], accelerator: Accelerator, again: bool = True) -> list[Document]:
    """Predicted documents by plain loops; with `again` the states of a text are computed once more for each subject."""
    head.eval()
    found = []
    for document in documents:
        batch = send_to_device(head.collate([document]), accelerator.device)
        triples = set()
        for window, (_, text) in enumerate(head.windows([document])):
            length = len(text.ids)
            one = {k: batch[k][window : window + 1, :length] for k in ("input_ids", "attention_mask")}
            with accelerator.autocast():
                states, fused = head.states(one)
                tags = tell(head.tag_subjects(states[0]).float(), batch["subject_targets"][window, :length])
            for subject in _spans(tags, head.options.threshold):
                with accelerator.autocast():
                    if again:
                        states, fused = head.states(one)
                    vector = (states[0, subject[0]] + states[0, subject[1]]) / 2
                    tokens = fused[0]
                    scaled = 0 if head.gate is None else tokens * head.gate(vector).tanh()
                    logits = head.tag_objects(tokens + vector + scaled).float()
                for i, (name, head_type, tail_type) in enumerate(head.classes):
                    for object_ in _spans(logits[:, 2 * i : 2 * i + 2], head.options.threshold):
                        subject_span, object_span = (
                            characters(text, first - 1, last - 1, kind)
                            for (first, last), kind in ((subject, head_type), (object_, tail_type))
                        )
                        triples.add((subject_span, name, object_span))
        found.append(assembled(document, (), triples))
    return found


def _spans(logits: Tensor, threshold: float) -> list[tuple[int, int]]:
    """First and last token of each span that L×2 logits tell, without the special tokens at both ends."""
    tags = (logits.sigmoid() >= threshold).tolist()
    found = []
    for first in range(1, len(tags) - 1):
        if tags[first][0]:
            last = next((i for i in range(first, len(tags) - 1) if tags[i][1]), None)
            if last is not None:
                found.append((first, last))
    return found


@torch.inference_mode()
def calibrate(head: Told, documents: Sequence[Document]) -> None:
    """Give the object taggers the lowest biases with which at least as many triples are found as there are gold ones.

    Starts and ends get one bias each, which lets the same number of tags through; the limit falls between two logits.
    """
    head.eval()
    batch = head.collate(documents)
    states, fused = head.states(batch)
    tagged, mask = head.tag_objects(fused), batch["attention_mask"]
    head.told = batch["subject_targets"]
    ranked = head.object_logits(states, tagged, batch["subjects"], fused).flatten(0, 2).sort(0, descending=True).values
    place = 1
    while place < len(ranked) - 1:
        limits = ranked[place - 1 : place + 1].mean(0)  # of starts, of ends
        shifted = tagged - limits.repeat(len(head.classes))
        _, objects, _ = head.decode(head.told, lambda s, t=shifted: head.object_logits(states, t, s, fused), mask)
        if len(objects) >= len(batch["objects"]):
            break
        place += 1 + place // 8
    head.tag_objects.bias -= limits.repeat(len(head.classes))


def measure(
    documents: int = 4, layers: int = 12, encoder: str = "wheel:me5-zh", repeats: int = REPEATS
) -> dict[str, float | str]:
    """Measure the cascade with all its parts; quantity → value, ready to print.

    `documents` whole reports are timed, from the half of the training part that has the most subjects; padding shares
    are of the whole part. All sides are warmed up, then run in turns `repeats` times; speeds and ratios are medians.
    Triples are compared in fp32. Tokenisation is done before. Nothing else should run on the machine. Raises a
    `RelexError` for numbers below one.
    """
    check_numbers(documents, repeats)
    name = corpora.first_available("casmed", "angiography")
    config = Config.from_json({
        "head": "cascade", "corpus": name, "split": "report", "unit": "report", "encoder": encoder, "layers": layers,
        "epochs": 1,
    })  # fmt: skip
    corpus = load_corpus(config)
    head = Told(make_head(config, corpus).encoder, corpus.schema, config.options)
    head.prepare(corpus.train)
    chosen = subsample(_with_many_subjects(corpus.train), documents)
    calibrate(head, chosen)
    same, all_found = _compared(head, chosen)
    trainer = Trainer(head, config.training, seed=0)
    accelerator, lengths = trainer.accelerator, [head.length(d) for d in chosen]
    sampler = LengthBucketed(lengths, config.training.batch_tokens)
    tasks = {
        "ours": lambda: predict(head, chosen, accelerator, config.training.micro_tokens),
        "plain": lambda: plain(head, chosen, accelerator),
        "once": lambda: plain(head, chosen, accelerator, again=False),
    }
    memory = {side: peak_memory(task, accelerator) for side, task in tasks.items()}
    seconds = interleaved(tasks, repeats, accelerator)
    middle, ratios = medians(seconds, "ours")
    outside = outside_encoder(tasks["ours"], head, accelerator)
    before = {k: v.clone() for k, v in head.state_dict().items()}
    training = interleaved({"train": lambda: trainer.fit(chosen, sampler)}, min(3, repeats) + 1, accelerator)["train"]
    head.load_state_dict(before)
    return {
        "corpus": name + ", whole reports" + (" (stand-in)" if corpus.stand_in else ""),
        **conditions(encoder, layers, accelerator),
        "documents": len(chosen),
        "tokens": sum(lengths),
        "subjects a document": sum(len(head.collate([d])["subjects"]) for d in chosen) / len(chosen),
        "gold triples a document": sum(len(head.collate([d])["objects"]) for d in chosen) / len(chosen),
        "same triples on all sides in fp32": f"{same} of {all_found}",
        "inference: documents/s": len(chosen) / middle["ours"],
        "inference: tokens/s": sum(lengths) / middle["ours"],
        "inference: % of time outside the encoder": 100 * outside,
        "plain version: documents/s": len(chosen) / middle["plain"],
        "inference: times as fast as the plain version": ratios["plain"],
        "inference: times as fast as one text at a time, encoded once": ratios["once"],
        "training: documents/s": len(chosen) / float(np.median(training[1:])),
        "training: tokens/s": sum(lengths) / float(np.median(training[1:])),
        **{f"padding, {k}: %": 100 * v for k, v in _padding(config, [head.length(d) for d in corpus.train]).items()},
        "peak memory, MiB": memory["ours"],
        "peak memory of the plain version, MiB": memory["plain"],
    }


def _with_many_subjects(documents: Sequence[Document]) -> list[Document]:
    """The documents that have at least as many subjects as half of them have."""
    counts = [len({(head.start, head.end) for head, _, _ in d.triples()}) for d in documents]
    return [d for d, count in zip(documents, counts, strict=True) if count >= np.median(counts)]


def _compared(head: Told, documents: Sequence[Document]) -> tuple[int, int]:
    """How many triples all sides find, and how many any of them finds, in fp32."""
    accelerator = make_accelerator("fp32")
    head.to(accelerator.device)
    sides = [predict(head, documents, accelerator)]
    sides += [plain(head, documents, accelerator, again) for again in (True, False)]
    found = [{(d.id, *t) for d in side for t in d.triples()} for side in sides]
    return len(set.intersection(*found)), len(set.union(*found))


def _padding(config: Config, lengths: list[int]) -> dict[str, float]:
    """Share of padding among token positions over one epoch of training, and padded to the longest document."""
    sampler = LengthBucketed(lengths, config.training.batch_tokens)
    groups = [g for batch in sampler for g in micro_batches(batch, lengths, config.training.micro_tokens)]
    return {
        "length-bucketed": padding_share(groups, lengths),
        "to the longest": 1 - sum(lengths) / (max(lengths) * len(lengths)),
    }
