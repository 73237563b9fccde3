"""One training loop for all heads, its checkpoints, and prediction in batches."""

from relex.training.prediction import predict
from relex.training.trainer import Stopped, Trainer, TrainingOptions

__all__ = ["Stopped", "Trainer", "TrainingOptions", "predict"]
