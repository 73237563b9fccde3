"""The Fast Gradient Method on word embeddings: what a perturbation is, and what it changes.

The loss is computed again with the embeddings moved by r = ε·g / ‖g‖₂, g their gradient (Miyato, Dai, Goodfellow 2017,
"Adversarial Training Methods for Semi-Supervised Text Classification"). The paper prints
the objective (CBRRel Eq. 3), in Table 3 ε = 3e-5, and no formula of the step. As in the common recipe for BERT, and
other than in Miyato et al., the embedding matrix is moved, not each text's normalised sequence of embeddings, so ‖·‖₂
is the Frobenius norm over a whole step and a token is moved alike wherever it stands.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from relex.errors import RelexError


@contextmanager
def perturbed(weight: nn.Parameter, gradient: Tensor | None, epsilon: float) -> Iterator[None]:
    """`weight` V×D moved by ε·g / ‖g‖₂ inside, and bit for bit as before afterwards.

    Nothing moves when the norm is 0 or not finite. Raises a `RelexError` without a gradient.
    """
    rows, direction = _direction(gradient)
    with torch.no_grad():
        kept = weight[rows]  # a copy: subtracting what was added would round
        weight[rows] = kept + epsilon * direction
    try:
        yield
    finally:
        with torch.no_grad():
            weight[rows] = kept


def _direction(gradient: Tensor | None) -> tuple[Tensor, Tensor]:
    """The n rows of V that have a gradient, and these rows of g / ‖g‖₂, n×D; n = 0 where there is no direction."""
    if gradient is None:
        raise RelexError("the word embeddings have no gradient to perturb them by; train them, or set fgm to 0")
    rows = gradient.any(1).nonzero().squeeze(1)  # those of the step's tokens, few of a large vocabulary
    norm = torch.linalg.vector_norm(gradient[rows])
    if not (norm > 0 and norm.isfinite()):
        rows = rows[:0]
    return rows, gradient[rows] / norm
