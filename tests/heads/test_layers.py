"""The layers of the cascade: each equal to a plain version, and deaf to padding."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from relex.heads.cascade.layers import ConvStack, RelativeAttention, UNet
from relex.heads.layers import BiLSTM
from relex.reference import cascade as plain

WIDTH = 16


def layer(name):
    """A layer with random weights in all its parameters, also where it starts from zero."""
    torch.manual_seed(3)
    made = {
        "bilstm": lambda: BiLSTM(WIDTH, 2 * WIDTH),
        "attention": lambda: RelativeAttention(WIDTH, heads=4, distance=3, dropout=0.5),
        "unet": lambda: UNet(channels=2, depth=2),
        "deep unet": lambda: UNet(channels=1, depth=4),
        "cnn": lambda: ConvStack(channels=3),
    }[name]()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.3)
    return made.eval()


def plainly(name, made, x):
    if name == "bilstm":
        return torch.cat([plain.lstm(made.forwards, x), plain.lstm(made.backwards, x.flip(0)).flip(0)], 1)
    if name == "attention":
        return plain.relative_attention(made, x)
    if name == "cnn":
        return x + plain.convolution(made.last, plain.twice(made.convolve, x[None]))[0]
    return x + plain.unet(made, x[None])[0]


LAYERS = ("bilstm", "attention", "unet", "deep unet", "cnn")


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 17])
@torch.no_grad()
def test_agrees_with_the_plain_version(name, length):
    made, x = layer(name), torch.randn(length, WIDTH)
    found = made(x[None], torch.ones(1, length, dtype=torch.bool))[0]
    torch.testing.assert_close(found, plainly(name, made, x), atol=1e-5, rtol=1e-5)
    assert name == "bilstm" or (found - x).abs().max() > 0.01


@pytest.mark.parametrize("name", LAYERS)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=4), st.integers(0, 9))
@settings(max_examples=12)
def test_padding_takes_part_in_nothing(name, lengths, more):
    made = layer(name)
    torch.manual_seed(sum(lengths))
    mask = torch.arange(max(lengths) + more) < torch.tensor(lengths)[:, None]
    rubbish = torch.randn(*mask.shape, WIDTH) * 50
    with torch.no_grad():
        found = made(rubbish, mask)
        for i, length in enumerate(lengths):
            alone = made(rubbish[i : i + 1, :length], mask[i : i + 1, :length])[0]
            torch.testing.assert_close(found[i, :length], alone, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("made", [UNet(channels=4, depth=2), ConvStack(channels=4)], ids=["unet", "cnn"])
def test_untrained_fusion_passes_states_through(made):
    x = torch.randn(2, 7, WIDTH)
    assert torch.equal(made(x, torch.ones(2, 7, dtype=torch.bool)), x)


def test_attention_tells_order_and_clips_distance():
    made = layer("attention")
    x, mask = torch.randn(1, 9, WIDTH), torch.ones(1, 9, dtype=torch.bool)
    with torch.no_grad():
        assert (made(x, mask).flip(1) - made(x.flip(1), mask)).abs().max() > 0.01
        before = made(x, mask)[0, 0]
        x[0, [4, 8]] = x[0, [8, 4]]  # both further away from the first token than `distance`
        torch.testing.assert_close(made(x, mask)[0, 0], before, atol=1e-5, rtol=1e-5)
        x[0, [1, 8]] = x[0, [8, 1]]
        assert (made(x, mask)[0, 0] - before).abs().max() > 1e-3
