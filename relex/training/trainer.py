"""The training loop, one for all heads."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs, send_to_device

from relex.documents import Document
from relex.errors import RelexError, say_once
from relex.files import set_aside
from relex.heads.head import Batch, Head
from relex.heads.options import check_choices, check_lowest
from relex.samplers import micro_batches
from relex.training.adversarial import perturbed
from relex.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from relex.training.ema import ExponentialMovingAverage


class Stopped(Exception):
    """What `on_progress` raises to end a training before its time; what was trained is in the checkpoint."""


@dataclass(frozen=True)
class TrainingOptions:
    """How to train.

    `epochs`: development scores that are taken, each after one pass of the sampler, or after `epoch_steps` gradient
    steps where that is not 0 (rows whose passes differ in length then train for the same number of steps).
    `batch_tokens`: padded tokens of one gradient step of the length-bucketed sampler; `micro_tokens`: the most that go
    through the model at once (a step is split by length and its gradients add up). `schedule`: `linear` rises over the
    share `warmup` of all steps and falls to 0, `halve` halves after each epoch as UMRC does, `constant` stays.
    `patience`: epochs without a better development score, once it is not 0, before training stops, 0 for never.
    `precision`: `fp32`, `bf16`, or `auto`: bf16 where the device computes in it, else fp32, for emulated bf16 is
    slower. In bf16 an LSTM stays in fp32 where PyTorch has none in bf16, as on CPUs without AVX-512
    (`relex.heads.lstm`). `fgm`: ε by which word embeddings are perturbed for a second pass of each step
    (`relex.training.adversarial`), `ema`: decay of the average of the weights that is evaluated and kept
    (`relex.training.ema`); 0 turns either off.
    """

    epochs: int = 4
    epoch_steps: int = 0
    batch_tokens: int = 2400
    micro_tokens: int = 1200
    lr: float = 1e-4
    head_lr: float = 1e-3
    schedule: Literal["linear", "halve", "constant"] = "linear"
    warmup: float = 0.06
    weight_decay: float = 0.01
    clip: float = 1.0
    patience: int = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    fgm: float = 0.0
    ema: float = 0.0

    def __post_init__(self):
        check_choices(self)
        check_lowest(self, epochs=1, epoch_steps=0, batch_tokens=1, micro_tokens=1, patience=0)
        shares = dict.fromkeys(("lr", "head_lr", "warmup", "weight_decay", "ema"), 1.0)
        for name, highest in (shares | {"clip": math.inf, "fgm": 1000.0}).items():
            if not 0 <= getattr(self, name) <= highest:
                raise RelexError(f"{name} is {getattr(self, name)}, but must lie between 0 and {highest}")


def resolve_precision(precision: str) -> str:
    """`bf16` or `fp32` for this machine."""
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    # A CPU without bf16 instructions emulates bf16, slower than fp32. The CPU tells what it has, oneDNN what it uses of
    # that: under ONEDNN_MAX_CPU_ISA=AVX2 a linear layer took 2 to 5 times as long in bf16 as in fp32.
    has = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if has and torch.ops.mkldnn._is_mkldnn_bf16_supported() else "fp32"


def make_accelerator(precision: str = "auto") -> Accelerator:
    """The device(s) of this process in the given precision; several processes when started by `accelerate launch`."""
    AcceleratorState._reset_state()  # it remembers the precision of the run before
    # a batch without relations leaves layers of a head unused, which processes must not wait for
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    kind = {"bf16": "bf16", "fp32": "no"}[resolve_precision(precision)]
    return Accelerator(mixed_precision=kind, kwargs_handlers=[unused])


def learning_rate_factor(training: TrainingOptions, steps_of_epoch: Sequence[int]) -> Callable[[int], float]:
    """Step → factor on the learning rates."""
    total = sum(steps_of_epoch)
    rising = max(1, round(total * training.warmup))
    ends = np.cumsum(steps_of_epoch)
    return {
        "linear": lambda step: min((step + 1) / rising, max(0.0, (total - step) / max(1, total - rising))),
        "halve": lambda step: 0.5 ** int((ends <= step).sum()),
        "constant": lambda step: 1.0,
    }[training.schedule]


class Trainer:
    """Trains a head; knows nothing of relations.

    Every step draws its randomness from (seed, step, process) alone, so a run that is stopped anywhere and resumed
    from a checkpoint ends with the weights of the run that was not.
    """

    def __init__(self, head: Head, training: TrainingOptions, seed: int, accelerator: Accelerator | None = None):
        self.head, self.training, self.seed = head, training, seed
        self.accelerator = accelerator or make_accelerator(training.precision)
        head.to(self.accelerator.device)
        groups = head.parameter_groups(training.lr, training.head_lr, training.weight_decay)
        optimizer = torch.optim.AdamW(groups, fused=True)
        self.base_rates = [group["lr"] for group in groups]
        self.model, self.optimizer = self.accelerator.prepare(head, optimizer)
        self.best: dict[str, torch.Tensor] = {}
        self.average = ExponentialMovingAverage(head, training.ema) if training.ema else None

    def fit(
        self,
        documents: Sequence[Document],
        sampler,
        evaluate: Callable[[], float] | None = None,
        checkpoint: Path | None = None,
        checkpoint_s: float = 120.0,
        on_progress: Callable[[float], None] = lambda share: None,
    ) -> Progress:
        """Train on `documents` in the order of `sampler`; afterwards the head holds the weights of the best epoch.

        `evaluate` gives the development score (higher is better) after each epoch; without it the last weights stay.
        With `ema` both are weights of the average, and only the steps go on from the weights themselves.
        `checkpoint` is written every `checkpoint_s` seconds and after epochs (not after each one that takes less than a
        quarter of that), read when it exists, and left to the caller to remove.
        `on_progress` gets the share of all steps done, 0 to 1; when it raises `Stopped`, a checkpoint is written first.
        """
        self.head.prepare(documents)
        lengths = [self.head.length(d) for d in documents]
        steps_of_epoch = self._steps(sampler)
        self.factor = learning_rate_factor(self.training, steps_of_epoch)
        progress = self._resume(checkpoint)
        progress.steps = sum(steps_of_epoch[: progress.epoch]) + progress.step  # older checkpoints do not tell them
        saved = time.perf_counter()
        while progress.epoch < self.training.epochs and not (evaluate and self._out_of_patience(progress)):
            sampler.set_epoch(progress.epoch)
            batches = self._own_share(list(sampler))
            before = sum(steps_of_epoch[: progress.epoch])
            self.model.train()
            while progress.step < len(batches):
                self._step(documents, lengths, batches[progress.step], progress, before + progress.step)
                progress.step += 1
                progress.steps += 1
                try:
                    on_progress((before + progress.step) / sum(steps_of_epoch))
                except Stopped:
                    if checkpoint:
                        self._save(checkpoint, progress)
                    raise
                if checkpoint and time.perf_counter() - saved > checkpoint_s:
                    self._save(checkpoint, progress)
                    saved = time.perf_counter()
            self._end_epoch(progress, evaluate)
            if checkpoint and time.perf_counter() - saved > checkpoint_s / 4:
                self._save(checkpoint, progress)
                saved = time.perf_counter()
        if self.best:
            self.head.load_state_dict(self.best)
        elif self.average:
            self.average.copy_to_model()
        return progress

    def _steps(self, sampler) -> list[int]:
        steps = []
        for epoch in range(self.training.epochs):
            sampler.set_epoch(epoch)
            steps.append(len(sampler) // self.accelerator.num_processes or 1)
        return steps

    def _out_of_patience(self, progress: Progress) -> bool:
        # epochs before anything is right do not count: rare tags begin to be set after some of them
        return 0 < self.training.patience < progress.epoch - progress.best_epoch and progress.best_score != 0

    def _own_share(self, batches: list[list[int]]) -> list[list[int]]:
        count = self.accelerator.num_processes
        whole = [batches[i % len(batches)] for i in range(max(count, len(batches) // count * count))]
        return whole[self.accelerator.process_index :: count]

    def _step(self, documents, lengths, indices: list[int], progress: Progress, step: int) -> None:
        began = time.perf_counter()
        self._set_seed_and_rates(step)
        total = torch.zeros((), device=self.accelerator.device)
        groups = micro_batches(indices, lengths, self.training.micro_tokens)
        parts = []
        for i, group in enumerate(groups):
            batch = send_to_device(self.head.collate([documents[j] for j in group]), self.accelerator.device)
            parts.append((batch, len(group) / len(indices)))
            progress.tokens += sum(lengths[j] for j in group)
            progress.positions += max(lengths[j] for j in group) * len(group)
            entered = time.perf_counter()
            total += self._backward(*parts[-1], last=i == len(groups) - 1)
            progress.model_s += time.perf_counter() - entered
        if self.training.fgm:
            entered = time.perf_counter()
            self._adversarial_pass(parts)
            progress.model_s += time.perf_counter() - entered
        if self.training.clip:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.training.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average:
            self.average.update(step)
        self._losses.append(total)
        progress.train_s += time.perf_counter() - began

    def _set_seed_and_rates(self, step: int) -> None:
        words = np.random.SeedSequence((self.seed, step, self.accelerator.process_index)).generate_state(2)
        torch.manual_seed(int(words[0]) << 32 | int(words[1]))
        factor = self.factor(step)
        for group, base in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = base * factor

    def _backward(self, batch: Batch, share: float, last: bool) -> torch.Tensor:
        """Add the gradient of a micro-batch that is `share` of its step; returns its part of the loss."""
        # gradients travel between processes once a pass, with the last micro-batch
        with nullcontext() if last else self.accelerator.no_sync(self.model):
            loss = self.model(batch) * share
            self.accelerator.backward(loss)
        return loss.detach()

    def _adversarial_pass(self, parts: list[tuple[Batch, float]]) -> None:
        """Add the gradient with perturbed word embeddings to that of the step.

        Its dropout is drawn where the first pass stopped drawing, so from (seed, step, process) as well. With several
        processes the first gradient is their mean already: all perturb alike, and it is unchanged by the mean taken
        after this pass.
        """
        weight = self.head.encoder.word_embeddings.weight
        with perturbed(weight, weight.grad, self.training.fgm):
            for i, part in enumerate(parts):
                self._backward(*part, last=i == len(parts) - 1)

    def _end_epoch(self, progress: Progress, evaluate) -> None:
        epoch = progress.epoch
        self._collect_losses(progress)
        entry = {"epoch": epoch, "loss": progress.loss_sum / max(1, progress.step)}
        if evaluate:
            with self.average.in_place() if self.average else nullcontext():
                entry["score"] = evaluate()
                if entry["score"] > progress.best_score:
                    progress.best_score, progress.best_epoch = entry["score"], epoch
                    self.best = {k: v.detach().cpu().clone() for k, v in self.head.state_dict().items()}
        progress.history.append(entry)
        progress.epoch, progress.step, progress.loss_sum = epoch + 1, 0, 0.0

    def _save(self, path: Path, progress: Progress) -> None:
        self._collect_losses(progress)
        if self.accelerator.is_main_process:
            save_checkpoint(path, progress, self.head, self.best, self.optimizer.optimizer, self._averaged())

    def _averaged(self) -> dict[str, torch.Tensor]:
        return self.average.tensors if self.average else {}

    def _collect_losses(self, progress: Progress) -> None:
        # losses stay on the device until here: reading each one would wait for the device at every step; they are added
        # one after the other, so that the sum does not depend on when checkpoints were written
        for loss in torch.stack(self._losses).tolist() if self._losses else ():
            progress.loss_sum += loss
        self._losses.clear()

    def _resume(self, path: Path | None) -> Progress:
        self._losses: list[torch.Tensor] = []
        if not (path and path.is_file()):
            return Progress()
        optimizer, epochs = self.optimizer.optimizer, self.training.epochs
        state = load_checkpoint(path, self.head, optimizer, self._averaged(), epochs)
        if state is None:
            if self.accelerator.is_main_process:
                aside = set_aside(path)
                say_once(f"{path} is damaged or of another model; it was set aside as {aside} and training begins anew")
            return Progress()
        progress, self.best = state
        return progress
