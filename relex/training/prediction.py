"""Prediction in length-bucketed batches."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device

from relex.documents import Document
from relex.heads.head import Head
from relex.samplers import LengthBucketed

BUDGETS = {"cuda": 8192, "cpu": 1200}
"""Tokens of a batch by device. A CPU gains nothing by large batches and loses by their padding and by its caches: three
times as many sentences a second of conll04 were measured with 1,200 as with 8,192."""


@torch.inference_mode()
def predict(
    head: Head,
    documents: Sequence[Document],
    accelerator: Accelerator,
    budget: int | None = None,
    on_batch: Callable[[int], None] = lambda n: None,
    **options: Any,
) -> list[Document]:
    """Predicted Documents in the order of `documents`.

    Batches hold at most `budget` tokens, by default as `BUDGETS` says; under several processes each takes every n-th
    batch and all get the whole answer. `on_batch` is told the number of documents of each finished batch. `options` are
    those of the head's `predict`.
    """
    was_training = head.training
    head.eval()
    head.prepare(documents)
    budget = budget or BUDGETS.get(accelerator.device.type, BUDGETS["cuda"])
    batches = list(LengthBucketed([head.length(d) for d in documents], budget, shuffle=False))
    found: list[tuple[int, Document]] = []
    for indices in batches[accelerator.process_index :: accelerator.num_processes]:
        chosen = [documents[i] for i in indices]
        batch = send_to_device(head.collate(chosen), accelerator.device)
        with accelerator.autocast():
            found.extend(zip(indices, head.predict(batch, chosen, **options), strict=True))
        on_batch(len(indices))
    if accelerator.num_processes > 1:
        from accelerate.utils import gather_object

        found = gather_object(found)
    head.train(was_training)
    return [document for _, document in sorted(found, key=lambda pair: pair[0])]
