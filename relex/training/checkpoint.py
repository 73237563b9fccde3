"""Training state on disk: one safetensors file, written whole or not at all."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from relex.files import write_bytes


@dataclass
class Progress:
    """Where a training run stands: `epoch` and the `step` within it that come next, and what was seen so far."""

    epoch: int = 0
    step: int = 0
    best_score: float = -1.0
    best_epoch: int = -1
    history: list[dict] = field(default_factory=list)
    train_s: float = 0.0
    model_s: float = 0.0
    tokens: int = 0
    positions: int = 0
    loss_sum: float = 0.0


def save_checkpoint(
    path: Path, progress: Progress, model: nn.Module, best: dict[str, Tensor], optimizer: Optimizer
) -> None:
    """Write model, best weights so far, optimizer state and progress to `path`."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"best.{k}": v for k, v in best.items()}
    for i, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{k}": v for k, v in state.items()}
    # clone: safetensors refuses tensors that share memory, and the best weights may be the current ones
    content = save(
        {k: v.detach().cpu().clone() for k, v in tensors.items()}, {"progress": json.dumps(asdict(progress))}
    )
    write_bytes(path, content)


def load_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer) -> tuple[Progress, dict[str, Tensor]] | None:
    """Put a checkpoint into model and optimizer; returns progress and best weights.

    None, with nothing changed, when it is missing, damaged, or that of a model of another shape.
    """
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
    try:
        with safe_open(path, "pt") as file:
            progress = Progress(**json.loads(file.metadata()["progress"]))
            for key in file.keys():
                group, name = key.split(".", 1)
                groups[group][name] = file.get_tensor(key)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None
    if {k: v.shape for k, v in groups["model"].items()} != {k: v.shape for k, v in model.state_dict().items()}:
        return None
    model.load_state_dict(groups["model"])
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in groups["optimizer"].items():
        i, name = key.split(".")
        state.setdefault(int(i), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return progress, groups["best"]
