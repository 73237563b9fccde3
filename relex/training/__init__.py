"""One training loop for all heads, its checkpoints, and prediction in batches."""

from relex.training.prediction import predict
from relex.training.trainer import Trainer, Training

__all__ = ["Trainer", "Training", "predict"]
