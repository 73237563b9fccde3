"""Tables by rows: nothing that a table needs on its way to a loss or a decision is held for all L² cells at once."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch.utils.checkpoint import checkpoint

AT_ONCE = 2**20
"""Numbers of one chunk of rows: small enough for the caches of a CPU, large enough for few calls."""
HELD = 2**26
"""Numbers up to which a training step keeps what led to its logits; of more it is computed again, chunk by chunk."""

T = TypeVar("T")


def rows_at_once(windows: int, tokens: int, floats: int) -> int:
    """Rows of a chunk, of W tables with L columns of cells of `floats` numbers each."""
    return max(1, AT_ONCE // (windows * tokens * floats))


def row_chunks(windows: int, tokens: int, floats: int, rows: int = 0) -> list[slice]:
    """Slices that cover the rows of W tables of L×L cells with `floats` numbers each; `rows` at a time if given."""
    rows = rows or rows_at_once(windows, tokens, floats)
    return [slice(first, min(first + rows, tokens)) for first in range(0, tokens, rows)]


def by_rows(task: Callable[[slice], T], windows: int, tokens: int, floats: int, rows: int = 0) -> list[T]:
    """What `task` gives for each chunk of rows; of large tables gradients need no more memory than a chunk."""
    again = torch.is_grad_enabled() and windows * tokens**2 * floats > HELD
    chunks = row_chunks(windows, tokens, floats, rows)
    return [checkpoint(task, chunk, use_reentrant=False) if again else task(chunk) for chunk in chunks]
