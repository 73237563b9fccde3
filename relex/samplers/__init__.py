"""Batch samplers: lists of document indices, the same for the same seed and epoch.

Every sampler has `__iter__` (batches as lists of indices), `__len__` (their number in the current epoch) and
`set_epoch`, and works from plain arrays of lengths and labels, so it serves any corpus.
"""

from relex.samplers.bucketed import LengthBucketed, micro_batches, padding_share
from relex.samplers.curriculum import Curriculum
from relex.samplers.quota import ClassQuota, balanced, hardest_classes, priority
from relex.samplers.steps import FixedSteps

__all__ = [
    "ClassQuota", "Curriculum", "FixedSteps", "LengthBucketed", "balanced", "hardest_classes", "micro_batches",
    "padding_share", "priority",
]  # fmt: skip
