"""Shares of attention: those of the layer's own weights, dealt out to the right tokens, and averaged by document."""

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig, BertModel

from relex.analysis.cls_attention import GROUPS, attention_weights, even, groups, shares, summary

PAIRS = torch.tensor([[1, 2, 5, 5], [6, 7, 3, 3]])


def test_weights_are_those_of_bert():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=8,
        initializer_range=0.5, attn_implementation="eager",
    )  # fmt: skip
    model = BertModel(config).eval()
    ids, mask = torch.randint(30, (2, 6)), torch.tensor([[1] * 6, [1] * 4 + [0] * 2])
    with torch.no_grad():
        told = model(input_ids=ids, attention_mask=mask, output_hidden_states=True, output_attentions=True)
        for block, states, theirs in zip(model.encoder.layer, told.hidden_states[:-1], told.attentions, strict=True):
            ours = attention_weights(block, states, states, mask.bool()[:, None])
            torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
            first = attention_weights(block, states[:, :1], states, mask.bool()[:, None])
            torch.testing.assert_close(first, theirs[:, :, :1], atol=1e-6, rtol=0)


def test_groups():
    assert [[GROUPS[i] for i in row] for row in groups(8, PAIRS).tolist()] == [
        ["cls", "first", "first", "elsewhere", "elsewhere", "second", "elsewhere", "elsewhere"],
        ["cls", "elsewhere", "elsewhere", "second", "elsewhere", "elsewhere", "first", "first"],
    ]


def test_shares_and_what_even_attention_has():
    attention = torch.tensor([[0.1, 0.2, 0.0, 0.05, 0.05, 0.5, 0.1, 0.0], [0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.3, 0.4]])
    group = groups(8, PAIRS)
    assert np.allclose(shares(attention, group), [[0.1, 0.2, 0.5, 0.2], [0, 0.7, 0.3, 0]])
    seen = torch.ones(2, 8, dtype=torch.bool)
    seen[0, 6:] = False
    assert even(seen, group).tolist() == pytest.approx([3 / 6, 3 / 8])
    assert even(group < 3, group).tolist() == pytest.approx([3 / 4, 3 / 4])


def told(document, pair, first, moment="before", layer=3):
    rest = (0.6 - first) / 2
    return (document, pair, layer, moment, 0.4, first, 0.0, 2 * rest, 0.25)


def test_summary_counts_every_document_once():
    rows = [told("a", (0, i), 0.1) for i in range(1, 10)] + [told("b", (0, 1), 0.5)]
    rows += [told("b", (0, 1), 0.6, "after", layer) for layer in (3, 4)]
    found = summary(pd.DataFrame(rows, columns=["document", "pair", "layer", "moment", *GROUPS, "even"]))
    assert list(found.index) == [("before", 3), ("after", 3), ("after", 4)]
    line = found.loc["before", 3]
    assert (line["first"], line["entities"], line["second"]) == pytest.approx((0.3, 0.3, 0))
    assert (line["cls"], line["elsewhere"], line["even"]) == pytest.approx((0.4, 0.3, 0.25))
    assert (line["low"], line["high"]) == pytest.approx((0.1, 0.5))  # of two documents both can be drawn twice
    assert (line["documents"], line["pairs"]) == (2, 10)
    assert found.loc["after", 4]["low"] == pytest.approx(0.6) and found.loc["after", 4]["pairs"] == 1


def test_summary_of_nothing():
    empty = summary(pd.DataFrame(columns=["document", "pair", "layer", "moment", *GROUPS, "even"]))
    assert empty.empty and "entities" in empty
