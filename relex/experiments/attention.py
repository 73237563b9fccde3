"""The attention of interactive fusion on the test part: what a record holds of it, and what it is compared with."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor

from relex.corpora.generators.interactions import generate as interactions
from relex.documents import Document
from relex.evaluation import attention
from relex.evaluation.attention import MOMENTS  # noqa: F401
from relex.heads import Head, SpanModel
from relex.samplers import LengthBucketed

TRIGGERS: dict[str, Callable[[str], list[tuple[int, int]]]] = {"interactions": interactions.trigger_spans}
"""Corpus → where the words stand that state a relation, (start, end); others do not tell."""


def initial_fusion(head: Head) -> dict[str, Tensor] | None:
    """A copy of the weights of a span model's fusion; None for heads without."""
    fusion = head.fusion if isinstance(head, SpanModel) else None
    return None if fusion is None else {k: v.detach().clone() for k, v in fusion.state_dict().items()}


def with_fusion(head: Head, weights: Mapping[str, Tensor], measure: Callable[[], list[dict]]) -> list[dict]:
    """What `measure` finds when the fusion has `weights`; the head is left as it was."""
    own = initial_fusion(head)
    head.fusion.load_state_dict(weights)
    try:
        return measure()
    finally:
        head.fusion.load_state_dict(own)


@torch.inference_mode()
def rests(head: Head, documents: Sequence[Document], corpus: str, accelerator: Accelerator) -> list[dict]:
    """Where both directions of a fusion rest in `documents`, as `relex.evaluation.attention.table` has it.

    Queries are `entity` and `relation`, targets `entities` (gold ones) and, for corpora that tell them, `triggers`.
    Texts in several windows are left out.
    """
    was_training = head.training
    head.to(accelerator.device).eval()
    head.prepare(documents)
    chosen = [d for d in documents if len(head.windows([d])) == 1]
    kinds = {"entities": lambda d: [(e.start, e.end) for e in d.entities if not e.absent]}
    if corpus in TRIGGERS:
        kinds["triggers"] = lambda d: TRIGGERS[corpus](d.text)
    shares: dict[str, list[np.ndarray]] = {"entity": [], "relation": []}
    targets: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    for indices in LengthBucketed([head.length(d) for d in chosen], 1200, shuffle=False):
        some = [chosen[i] for i in indices]
        batch = send_to_device(head.collate(some), accelerator.device)
        with accelerator.autocast():
            both = [m.float().cpu().numpy() for m in head.attention(batch)]
        for i, (_, window) in enumerate(head.windows(some)):
            n = len(window.ids) - 2
            for name, matrices in zip(shares, both, strict=True):
                shares[name].append(matrices[i, :n, :n])
            for name, spans in kinds.items():
                targets[name].append(attention.covered(window.offsets[1:-1], spans(some[i])))
    head.train(was_training)
    return attention.table(shares, targets)
