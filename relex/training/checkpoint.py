"""Training state on disk: one safetensors file, written whole or not at all."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

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
    content = save(
        {k: v.detach().cpu().clone() for k, v in tensors.items()}, {"progress": json.dumps(asdict(progress))}
    )
    write_bytes(path, content)


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: Optimizer, average: dict[str, Tensor] | None = None
) -> tuple[Progress, dict[str, Tensor]] | None:
    """Put a checkpoint into model, optimizer and the tensors of `average`; returns progress and best weights.

    None, with nothing changed, when it is missing, damaged, that of a model of another shape, or has averaged weights
    where `average` has none or the other way round.
    """
    average = average or {}
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}, "average": {}}
    try:
        with safe_open(path, "pt") as file:
            progress = Progress(**json.loads(file.metadata()["progress"]))
            for key in file.keys():
                group, name = key.split(".", 1)
                groups[group][name] = file.get_tensor(key)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
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
