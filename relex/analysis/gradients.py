"""How far the gradient with perturbed word embeddings agrees with the plain one."""

from collections.abc import Sequence

import torch
from torch import Tensor

from relex.errors import RelexError
from relex.heads.head import Batch, Head
from relex.training.adversarial import _direction, perturbed


def gradient_agreement(head: Head, batch: Batch, epsilons: Sequence[float]) -> list[dict[str, float]]:
    """How far FGM's second gradient differs from the first, without dropout, in fp32; one entry for each ε.

    `batch` lies on the head's device. `epsilon`; `cosine` of both gradients over all parameters, −1 to 1;
    `norm_ratio`, second over first; `perturbation_ratio`, ε over the Frobenius norm of the embedding rows that move;
    `loss_change`, second loss minus first. ε = 0 measures the noise of the arithmetic.
    The head keeps its weights and its mode; its parameters are left without gradients.
    Raises a `RelexError` where the gradient is 0 or not finite.
    """
    weight, training = head.encoder.word_embeddings.weight, head.training
    head.eval()
    try:
        loss, clean = _gradient(head, batch)
        norm = _dot(clean, clean) ** 0.5
        index = next(i for i, p in enumerate(head.parameters()) if p is weight)
        rows, _ = _direction(clean[index])
        if not len(rows):
            raise RelexError("the embeddings' gradient is 0 or not finite, so there is nothing to compare; train less")
        moved = torch.linalg.vector_norm(weight.detach()[rows].double()).item()
        found = []
        for epsilon in epsilons:
            with perturbed(weight, clean[index], epsilon):
                other_loss, other = _gradient(head, batch)
            other_norm = _dot(other, other) ** 0.5
            found.append({
                "epsilon": epsilon,
                "cosine": _dot(clean, other) / (norm * other_norm),
                "norm_ratio": other_norm / norm,
                "perturbation_ratio": epsilon / moved,
                "loss_change": other_loss - loss,
            })  # fmt: skip
        return found
    finally:
        head.zero_grad(set_to_none=True)
        head.train(training)


def _gradient(head: Head, batch: Batch) -> tuple[float, list[Tensor]]:
    """Loss, and the gradient of each parameter; zeros where the loss does not depend on it."""
    parameters = list(head.parameters())
    device = parameters[0].device.type
    head.zero_grad(set_to_none=True)
    with (
        torch.enable_grad(),
        torch.autocast(device, enabled=False),
        torch.backends.cudnn.flags(enabled=False),  # cuDNN has no backward pass of an LSTM in evaluation mode
        torch.random.fork_rng(),  # a loss that draws (say, negatives) draws the same each time
    ):
        torch.manual_seed(0)
        loss = head.loss(batch)
        loss.backward()
    return loss.item(), [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]


def _dot(one: list[Tensor], other: list[Tensor]) -> float:
    # float64: the differences that matter are far below what a sum of 10⁸ float32 squares resolves
    return sum(torch.dot(a.flatten().double(), b.flatten().double()).item() for a, b in zip(one, other, strict=True))
