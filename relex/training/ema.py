"""An exponential moving average of the weights, which is what is evaluated and kept."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class ExponentialMovingAverage:
    """The average of all parameters of a model over its steps ("Optimizer: EMA", CBRRel Table 3).

    Step t (0, 1, …) turns the average a into d·a + (1 − d)·w, w the weights after the step and
    d = min(decay, (1 + t) / (10 + t)). The rising start is our choice, the paper names none: with a constant 0.999
    a run of a few hundred steps would mostly average the weights that it began with (0.999³⁰⁰ = 0.74).
    Buffers (running statistics of norms) are averages already and stay those of the model.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.parameters = dict(model.named_parameters())
        self.tensors: dict[str, Tensor] = {k: p.detach().clone() for k, p in self.parameters.items()}

    def update(self, step: int) -> None:
        """Take in the weights after step `step`, counted from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        get_ema_multi_avg_fn(decay)(list(self.tensors.values()), list(self.parameters.values()), None)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the averaged weights inside, and exactly its own again afterwards."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def copy_to_model(self) -> None:
        """Give the model the averaged weights for good."""
        for name, parameter in self.parameters.items():
            parameter.copy_(self.tensors[name])

    @torch.no_grad()
    def _swap(self) -> None:
        # values, not storage: optimizer and data-parallel wrapper keep hold of the parameters' memory
        for name, parameter in self.parameters.items():
            own = parameter.clone()
            parameter.copy_(self.tensors[name])
            self.tensors[name].copy_(own)
