"""The LSTM: torch's own wherever that runs, else its fp32 numbers in autocast's type."""

import pytest
import torch
from torch import nn

from relex.heads import lstm
from relex.heads.layers import BiLSTM

pytestmark = pytest.mark.precision
CPU = torch.device("cpu")


def pair():
    """Our LSTM and torch's with the same weights, and states to read."""
    torch.manual_seed(0)
    ours, plain = lstm.LSTM(6, 4, batch_first=True), nn.LSTM(6, 4, batch_first=True)
    plain.load_state_dict(ours.state_dict())
    return ours, plain, torch.randn(2, 5, 6, requires_grad=True)


def read(layer, states, half=True):
    """Outputs, last states and the gradients of states and weights; weighted, for all tokens to differ."""
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        each, last = layer(states)
    loss = (each.float() * torch.arange(each.numel()).view(each.shape)).sum()
    return each, *last, *torch.autograd.grad(loss, [states, *layer.parameters()])


def assert_equal(found, expected):
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(found, expected, strict=True))


def test_without_autocast_it_is_that_of_torch():
    ours, plain, states = pair()
    assert_equal(read(ours, states, half=False), read(plain, states, half=False))


def test_under_autocast_it_is_that_of_torch_exactly_where_that_runs():
    ours, plain, states = pair()
    try:
        expected = read(plain, states)
    except RuntimeError:
        assert not lstm.runs_in(torch.bfloat16, CPU)
        expected = None
    if expected:
        assert lstm.runs_in(torch.bfloat16, CPU)
        assert_equal(read(ours, states), expected)


@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16])
def test_elsewhere_it_is_fp32_in_the_type_of_autocast(given, monkeypatch):
    ours, plain, states = pair()
    states = states.detach().to(given).requires_grad_()
    monkeypatch.setattr(lstm, "runs_in", lambda dtype, device: False)
    found = read(ours, states)
    each, (hidden, cell) = plain(states.float())
    assert_equal(found[:3], [t.bfloat16() for t in (each, hidden, cell)])
    weights = torch.arange(each.numel()).view(each.shape).bfloat16().float()  # gradients pass the cast in bf16
    expected = torch.autograd.grad((each * weights).sum(), [states, *plain.parameters()])
    assert_equal(found[3:], expected)


@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16])
def test_states_to_begin_with_are_cast_too(given, monkeypatch):
    ours, plain, states = pair()
    initial = torch.randn(1, 2, 4).to(given), torch.randn(1, 2, 4).to(given)
    monkeypatch.setattr(lstm, "runs_in", lambda dtype, device: False)
    with torch.autocast("cpu", torch.bfloat16):
        each, _ = ours(states, initial)
    assert torch.equal(each, plain(states, tuple(state.float() for state in initial))[0].bfloat16())


@pytest.mark.parametrize("training", [True, False])
def test_the_trial_needs_training_and_inference(training, monkeypatch):
    def forward(self, *states):
        if torch.is_grad_enabled() == training:
            raise RuntimeError("could not create a primitive descriptor for the LSTM forward propagation primitive")
        return run(self, *states)

    run = nn.LSTM.forward
    monkeypatch.setattr(nn.LSTM, "forward", forward)
    assert not lstm.runs_in.__wrapped__(torch.bfloat16, CPU)


def test_the_trial_leaves_no_trace():
    before = torch.get_rng_state()
    answers = [lstm.runs_in.__wrapped__(torch.bfloat16, CPU)]
    with torch.inference_mode():
        answers.append(lstm.runs_in.__wrapped__(torch.bfloat16, CPU))
        with torch.autocast("cpu", torch.bfloat16):
            answers.append(lstm.runs_in.__wrapped__(torch.bfloat16, CPU))
    assert len(set(answers)) == 1 and torch.equal(before, torch.get_rng_state())


def test_a_bilstm_goes_on_in_the_type_of_autocast():
    layer, mask = BiLSTM(6, 8), torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(2, 5, 6), mask).dtype == torch.bfloat16
    assert list(layer.state_dict())[0] == "forwards.weight_ih_l0", "weights on disk keep their names"
