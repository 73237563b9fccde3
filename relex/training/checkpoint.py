"""Training state on disk: one safetensors file, written whole or not at all."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Size, Tensor, nn
from torch.optim import Optimizer

from relex.files import write_bytes


@dataclass
class Progress:
    """Where a training run stands: `epoch` and the `step` within it that come next, and what was seen so far.

    `steps` counts gradient steps over all epochs.
    """

    epoch: int = 0
    step: int = 0
    steps: int = 0
    best_score: float = -1.0
    best_epoch: int = -1
    history: list[dict] = field(default_factory=list)
    train_s: float = 0.0
    model_s: float = 0.0
    tokens: int = 0
    positions: int = 0
    loss_sum: float = 0.0

    def is_sound(self, epochs: int) -> bool:
        """Whether a training of so many epochs can stand there: numbers of the right kind, and none beyond the end."""
        kinds = {f.name: f.type for f in fields(self)}
        if not isinstance(self.history, list) or not all(isinstance(entry, dict) for entry in self.history):
            return False
        values = {name: getattr(self, name) for name in kinds if name != "history"}
        if any(isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v) for v in values.values()):
            return False
        whole = {name: v for name, v in values.items() if kinds[name] is int}
        if any(not isinstance(v, int) or v < -(name == "best_epoch") for name, v in whole.items()):
            return False
        return self.epoch <= epochs and len(self.history) == self.epoch and self.best_epoch < max(1, self.epoch)


def save_checkpoint(
    path: Path,
    progress: Progress,
    model: nn.Module,
    best: dict[str, Tensor],
    optimizer: Optimizer,
    average: dict[str, Tensor] | None = None,
) -> None:
    """Write model, best weights so far, optimizer state, averaged weights if any, and progress to `path`."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"best.{k}": v for k, v in best.items()}
    tensors |= {f"average.{k}": v for k, v in (average or {}).items()}
    for i, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{k}": v for k, v in state.items()}
    # clone: safetensors refuses tensors that share memory, and the best weights may be the current ones
    tensors = {k: v.detach().cpu().clone() for k, v in tensors.items()}
    told = json.dumps(asdict(progress))
    write_bytes(path, save(tensors, {"progress": told, "sha256": _digest(told, tensors)}))


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: Optimizer, average: dict[str, Tensor] | None = None, epochs: int = 10**9
) -> tuple[Progress, dict[str, Tensor]] | None:
    """Put a checkpoint into model, optimizer and the tensors of `average`; returns progress and best weights.

    None, with nothing changed, when it is missing, not as it was written, stands where a training of so many `epochs`
    cannot, is that of a model of another shape, or has averaged weights where `average` has none or the other way
    round.
    """
    average = average or {}
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}, "average": {}}
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata()
            progress = Progress(**json.loads(told["progress"]))
            tensors = {key: file.get_tensor(key) for key in file.keys()}
        for key, tensor in tensors.items():
            group, name = key.split(".", 1)
            groups[group][name] = tensor
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RecursionError):
        return None
    digest = _digest(told["progress"], tensors)  # which checkpoints of older versions do not tell
    if not progress.is_sound(epochs) or told.get("sha256", digest) != digest:
        return None
    if _shapes(groups["model"]) != _shapes(model.state_dict()) or _shapes(groups["average"]) != _shapes(average):
        return None
    model.load_state_dict(groups["model"])
    for name, tensor in groups["average"].items():
        average[name].copy_(tensor)
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in groups["optimizer"].items():
        i, name = key.split(".")
        state.setdefault(int(i), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return progress, groups["best"]


def _shapes(tensors: dict[str, Tensor]) -> dict[str, Size]:
    return {k: v.shape for k, v in tensors.items()}


def _digest(progress: str, tensors: dict[str, Tensor]) -> str:
    """Hexadecimal sha256 over what a checkpoint holds."""
    digest = hashlib.sha256(progress.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
