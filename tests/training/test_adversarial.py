"""What FGM moves, that it moves it back, and how gradients compare."""

import pytest
import samples
import torch

from relex.analysis.gradients import gradient_agreement
from relex.errors import RelexError
from relex.training.adversarial import perturbed


def parameter():
    weight = torch.nn.Parameter(torch.randn(7, 3, generator=torch.Generator().manual_seed(0)))
    gradient = torch.zeros(7, 3)
    gradient[[1, 4]] = torch.tensor([[3.0, 0.0, 0.0], [0.0, -4.0, 0.0]])
    return weight, gradient


def test_the_perturbation_has_the_norm_epsilon_and_the_direction_of_the_gradient():
    weight, gradient = parameter()
    before = weight.detach().clone()
    with perturbed(weight, gradient, 0.5):
        moved = weight.detach() - before
    torch.testing.assert_close(moved, 0.5 * gradient / 5)
    assert torch.equal(weight, before)


@pytest.mark.parametrize("epsilon", [1e-9, 3e-5, 0.1, 1e9])
def test_weights_come_back_to_the_bit_even_after_an_error(epsilon):
    weight, gradient = parameter()
    before = weight.detach().clone()
    with pytest.raises(KeyError), perturbed(weight, gradient, epsilon):
        assert epsilon < 1e-6 or not torch.equal(weight, before)
        raise KeyError
    assert torch.equal(weight, before)


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf"), 1e-45, 1e38])
def test_no_perturbation_where_the_norm_is_zero_or_not_finite(value):
    weight, gradient = parameter()
    before = weight.detach().clone()
    gradient[[1, 4]] = value
    with perturbed(weight, gradient, 0.5):
        assert torch.equal(weight, before)
    assert torch.equal(weight, before)


def test_frozen_embeddings_cannot_be_perturbed():
    weight, _ = parameter()
    with pytest.raises(RelexError, match="no gradient to perturb them by; train them, or set fgm to 0"):
        with perturbed(weight, None, 0.5):
            pass


def plain(head, batch, shift):
    """Loss and gradient as one vector, the embedding moved by `shift`."""
    weight = head.encoder.word_embeddings.weight
    start = weight.detach().clone()
    weight.data += shift
    parameters = list(head.parameters())
    loss = head.loss(batch)
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    weight.data = start
    filled = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
    at = next(i for i, p in enumerate(parameters) if p is weight)
    return loss.item(), torch.cat([g.flatten() for g in filled]).double(), filled[at]


def test_gradients_agree_as_a_plain_computation_says(make_head):
    head = make_head().train()  # dropout is there and has to be off
    batch = head.collate(samples.TRAIN[:6])
    before = {k: v.clone() for k, v in head.state_dict().items()}
    with torch.no_grad():
        none, small, large = gradient_agreement(head, batch, [0.0, 1e-3, 2.0])
    assert head.training and all(p.grad is None for p in head.parameters())
    assert all(torch.equal(v, before[k]) for k, v in head.state_dict().items())
    assert none == {
        "epsilon": 0.0, "cosine": pytest.approx(1, abs=1e-12), "norm_ratio": 1.0, "perturbation_ratio": 0.0,
        "loss_change": 0.0,
    }  # fmt: skip
    head.eval()
    loss, clean, gradient = plain(head, batch, 0.0)
    rows = gradient.any(1)
    assert rows.sum() < len(rows)
    for found, epsilon in ((small, 1e-3), (large, 2.0)):
        other_loss, other, _ = plain(head, batch, epsilon * gradient / gradient.norm())
        assert found["epsilon"] == epsilon
        assert found["cosine"] == pytest.approx(float(clean @ other / clean.norm() / other.norm()), abs=1e-9)
        assert found["norm_ratio"] == pytest.approx(float(other.norm() / clean.norm()), abs=1e-6)
        assert found["loss_change"] == pytest.approx(other_loss - loss, abs=1e-6)
        moved = head.encoder.word_embeddings.weight.detach()[rows].norm().item()
        assert found["perturbation_ratio"] == pytest.approx(epsilon / moved, rel=1e-5)
    assert 1 - small["cosine"] < 1 - large["cosine"] and large["cosine"] < 0.999
    # along g / ‖g‖ the loss rises by ε‖g‖ to first order
    assert small["loss_change"] == pytest.approx(1e-3 * gradient.norm().item(), rel=0.05)


def test_without_a_gradient_there_is_nothing_to_compare(make_head):
    head = make_head()
    torch.nn.init.zeros_(head.classify.weight)
    with pytest.raises(RelexError, match="gradient is 0 or not finite"):
        gradient_agreement(head, head.collate(samples.TRAIN[:2]), [0.1])
    assert all(p.grad is None for p in head.parameters())


def test_the_random_state_is_left_alone(make_head):
    head = make_head()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    gradient_agreement(head, head.collate(samples.TRAIN[:2]), [0.1])
    assert torch.equal(torch.rand(3), expected)
