"""How fast this machine trains: a few steps of the smallest usual model, against which times of records are scaled."""

import time

import numpy as np
import torch

from relex import corpora
from relex.runs.config import Config
from relex.runs.train import make_head, subsample
from relex.training import Trainer

STEPS, TOKENS = 6, 1200


def speed(encoder: str = "wheel:me5-zh") -> float:
    """Tokens a second in training: a classifier on two layers, 1,200 tokens a step, on generated text.

    The fastest of a few steps, on the GPU or on one thread of the CPU; about three seconds, and as many to load the
    encoder.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measured(encoder)
    finally:
        torch.set_num_threads(threads)


def _measured(encoder: str) -> float:
    settings = {"corpus": "encyclopedia", "encoder": encoder, "layers": 2, "epochs": 1}
    config = Config.from_json(settings)
    corpus = corpora.load(config.corpus)
    head = make_head(config, corpus)
    documents = subsample(corpus.train, 400)
    lengths = [head.length(d) for d in documents]
    number = int(np.searchsorted(np.cumsum(lengths), TOKENS))
    batches = [range(i * number, (i + 1) * number) for i in range(min(STEPS + 1, len(documents) // number))]
    ends: list[float] = []
    trainer = Trainer(head, config.training, config.seed)
    began = time.perf_counter()
    trainer.fit(documents, _Batches(batches), on_progress=lambda share: ends.append(time.perf_counter()))
    seconds = np.diff([began, *ends])[1:]  # the first step is slower than those of a long training
    tokens = [sum(lengths[i] for i in batch) for batch in batches][1:]
    return float((np.array(tokens) / seconds).max())


class _Batches(list):
    """Batches as a sampler for one short epoch."""

    def set_epoch(self, epoch: int) -> None:
        pass
