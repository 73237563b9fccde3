"""Which query answers for which gold triple (SPN4RE, after Kuhn 1955)."""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from relex.errors import RelexError


def costs(classes: Tensor, pointers: Tensor, triples: Tensor) -> Tensor:
    """K×m: minus the sum of the probabilities that each of the m queries of its window gives to parts of a gold triple.

    `classes` W×m×(R+1) and `pointers` W×m×4×L probabilities; `triples` K×6 (window, class, four tokens). The published
    weights are 1 for the class and 2 for each entity, whose two pointers share them: so each part counts once.
    """
    window, class_id, *places = triples.unbind(1)
    return -(classes[window, :, class_id] + sum(pointers[window, :, i, place] for i, place in enumerate(places)))


def matched(cost: Tensor, window: Tensor) -> Tensor:
    """K: the query of each gold triple, one each within a window, such that the sum of costs K×m is the lowest.

    `window` K: those of one stand together, and are at most m. SciPy solves it on the CPU, for which there is one copy
    from the device in a step. Raises a `RelexError` for costs that are no numbers, as of a training that has diverged.
    """
    table = torch.cat([window[:, None].to(cost.dtype), cost], 1).detach().cpu()
    if not table.isfinite().all():
        raise RelexError("probabilities of the set head are not finite: training has diverged; lower lr or head_lr")
    sizes = table[:, 0].unique_consecutive(return_counts=True)[1].tolist()
    queries = [torch.from_numpy(linear_sum_assignment(part)[1]) for part in table[:, 1:].split(sizes)]
    return torch.cat(queries).to(cost.device)  # rows are chosen for in their order
