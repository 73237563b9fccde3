"""Drawings of focused attention: masks are those that the head obeys, costs those of the layers that it computes."""

import itertools
from unittest import mock

import numpy as np
import pytest
import torch
from extractors import sharp_encoder

from relex.corpora.generators.arteriography.generate import SCHEMA
from relex.documents import Document, Span
from relex.figures.diagrams import focused
from relex.figures.diagrams.focused import FINDING, PAIR, Passes, masks, reached
from relex.figures.style import GREEN, GREY, ORANGE
from relex.heads import Focused, FocusedOptions
from relex.heads.pairs import focused_layers
from relex.reference import focused as plain

LAYERS = 4


def make(**options):
    """A focused model whose weights are large enough for masks to matter."""
    return Focused(sharp_encoder(LAYERS, [FINDING], 16), SCHEMA, FocusedOptions(**options)).eval()


def places():
    """First and last token of both entities of the drawing, a character being a token after [CLS]."""
    return [(s.start + 1, s.end) for s in (FINDING.entities[i] for i in PAIR)]


@pytest.fixture(scope="module")
def head():
    return make(k=3)


# Masks


@pytest.mark.parametrize(("one", "other"), [((1, 3), (6, 7)), ((1, 1), (2, 2)), ((3, 5), (8, 8))])
def test_masks_are_those_of_the_equations(one, other):
    found = masks(9, one, other)
    for name, kind in (("all", "none"), ("eq13", "eq13"), ("eq14", "eq14")):
        assert np.array_equal(found[name], plain.mask_of(kind, 9, one, other).bool().numpy())
    assert all(np.array_equal(row, found["eq14"][0]) for row in found["keys"])


@torch.no_grad()
def test_a_mask_of_columns_is_equation_14_for_cls_and_that_of_13_is_not(head):
    found = masks(len(FINDING.text) + 2, *places())
    cls = {name: plain.encoded(head, FINDING.text, torch.from_numpy(mask).float())[0] for name, mask in found.items()}
    torch.testing.assert_close(cls["keys"], cls["eq14"], atol=1e-5, rtol=0)
    for one, other in itertools.combinations(("all", "eq13", "eq14"), 2):
        assert (cls[one] - cls[other]).abs().max() > 1e-2


@torch.no_grad()
def test_rows_that_are_not_reached_do_not_matter(head):
    for name, mask in masks(len(FINDING.text) + 2, *places()).items():
        changed = mask.copy()
        changed[~reached(mask)] ^= True
        one, other = (plain.encoded(head, FINDING.text, torch.from_numpy(m).float())[0] for m in (mask, changed))
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
        assert reached(mask).sum() == (6 if name in ("eq14", "keys") else len(mask))


def test_the_worked_sentence_is_what_the_head_trains_on(head):
    FINDING.check()
    batch = head.collate([FINDING])
    assert not any(head.alignment([FINDING]).values())
    assert [tuple(e[1:3]) for e in (batch["entities"][list(PAIR)] + 1).tolist()] == places()
    assert batch["pairs"][:, 2].tolist().count(0) == 3
    assert {d.type for d in FINDING.relations} <= set(SCHEMA.relation_names)


def test_cells_are_the_masks(style):
    panels = focused.pair_masks(FINDING, PAIR).axes
    tokens = ["[CLS]", *FINDING.text, "[SEP]"]
    drawn = masks(len(tokens), *places())
    assert [axes.get_title(loc="left") for axes in panels] == list(focused.TITLES.values())
    for axes, mask in zip(panels, drawn.values(), strict=True):
        found, strong = np.zeros_like(mask), np.zeros_like(mask)
        for patch in axes.patches:
            rows = slice(round(patch.get_y() + 0.5), round(patch.get_y() + patch.get_height() + 0.5))
            found[rows, round(patch.get_x() + 0.5)] = True
            strong[rows, round(patch.get_x() + 0.5)] = patch.get_alpha() == 1
        assert np.array_equal(found, mask) and np.array_equal(strong, mask & reached(mask)[:, None])
    assert [label.get_text() for label in panels[0].get_yticklabels()] == tokens
    colors = {label.get_text(): label.get_color() for label in panels[0].get_yticklabels()}
    assert (colors["前"], colors["窄"], colors["近"]) == (ORANGE, GREEN, GREY)


# Cost


@pytest.mark.parametrize("mask", ["eq13", "eq14", "none"])
@pytest.mark.parametrize("k", range(LAYERS + 1))
@torch.no_grad()
def test_costs_are_those_of_the_layers(k, mask):
    entities = tuple(Span(i, i + 2, "Degree") for i in (0, 3, 5, 8))
    document = Document("cost", FINDING.text, entities)
    cost = Passes(tokens=len(document.text) + 2, entities=4, width=2, layers=LAYERS, k=k)
    head, rows = make(k=k, mask=mask), []
    batch = head.collate([document])

    def counted(block, queries, states, seen):
        rows.append(queries.shape[0] * queries.shape[1])
        return focused_layers_attend(block, queries, states, seen)

    focused_layers_attend = focused_layers.attend
    with mock.patch.object(focused_layers, "attend", counted):
        states = head.states(batch)
        assert sum(rows) == cost.text()
        head.pair_logits(states, batch["entities"], batch["pairs"][:, :2])
    assert len(batch["pairs"]) == cost.pairs == 6
    assert sum(rows) - cost.text() == cost.pairs * cost.pair(mask)
    assert sum(rows) == cost.shared(mask) == cost.variants()[mask]


def test_plain_passes_are_two_of_all_layers_for_every_pair():
    cost, computed = Passes(tokens=13, entities=3, width=2, layers=LAYERS, k=2), []
    head, layer = make(k=2), plain.layer

    def counted(head, number, x, mask):
        computed.append(len(x))
        return layer(head, number, x, mask)

    text = FINDING.text
    with mock.patch.object(plain, "layer", counted):
        for one, other in itertools.combinations([(1, 2), (4, 5), (8, 9)], 2):
            plain.emissions(head, text)
            plain.pair_logits(head, text, one, other)
    assert sum(computed) == cost.plain() == 2 * 3 * LAYERS * 13


def test_bars_and_lines_have_the_costs(style):
    cost = Passes()
    bars, lines = focused.passes(cost).axes
    widths = {}
    for patch in bars.patches:
        y = round(patch.get_y() + patch.get_height() / 2)
        widths[y] = widths.get(y, 0) + patch.get_width()
    assert list(widths.values()) == list(cost.variants().values()) == [43008, 2868, 1552, 768]
    assert [t.get_text().strip().split(",")[0] for t in bars.texts] == ["43", "2", "1", "768"]
    for line, values in zip(lines.lines, cost.variants().values(), strict=True):
        assert dict(zip(*line.get_data(), strict=True))[cost.entities] == values
        assert max(line.get_xdata()) * cost.width <= cost.tokens - 2
