"""Drawings are what the code draws today, and say what the models are trained on and what they hold."""

from pathlib import Path

import matplotlib
import pytest
import torch

from relex import encoders
from relex.corpora.readers.casmed import SCHEMA
from relex.documents import RelationType, Schema
from relex.figures.diagrams import cascade, generation, span
from relex.figures.diagrams.tables import STEROID
from relex.figures.style import ORANGE
from relex.heads import Cascade, CascadeOptions, Generation, GenerationOptions, SpanModel, SpanOptions
from relex.heads.span.layers import RangeMax

STATIC = Path(__file__).parents[2] / "book" / "_static"


def test_committed_drawings_are_fresh(style, tmp_path):
    for path in cascade.draw(tmp_path):
        committed = (STATIC / path.name).read_text(encoding="utf-8")
        assert path.read_text(encoding="utf-8") == committed, "run `python -m relex.figures.diagrams.cascade`"


def test_rows_hold_the_subjects_and_then_their_objects():
    text = cascade.REPORT.text
    rows = [(m, r, [text[s.start : s.end] for s in spans]) for m, r, spans in cascade.tag_rows(cascade.REPORT)]
    assert rows == [
        ("", "", ["前降支近段", "植入", "支架"]),
        ("前降支近段", "身体部位_症状体征", ["狭窄80%", "钙化"]),
        ("前降支近段", "身体部位_治疗方式", ["植入"]),
        ("植入", "治疗方式_医疗耗材", ["支架"]),
        ("支架", "医疗耗材_身体部位", ["前降支近段"]),
    ]


def test_the_worked_sentence_is_what_the_head_trains_on():
    document = cascade.REPORT
    document.check()
    encoder = encoders.load("random:tiny", texts=[document.text])
    options = CascadeOptions(bilstm=False, attention=False, feature_fusion="none")
    head = Cascade(encoder, SCHEMA, options)
    batch = head.collate([document])
    starts, ends = batch["subject_targets"][0, 1:-1].unbind(1)
    offsets = head.rows([document])[0].windows[0].offsets[1:-1]
    spans = cascade.tag_rows(document)[0][2]
    assert {int(offsets[i, 0]) for i in torch.nonzero(starts).flatten()} == {s.start for s in spans}
    assert {int(offsets[i, 1]) for i in torch.nonzero(ends).flatten()} == {s.end for s in spans}
    assert not any(head.alignment([document]).values())


@pytest.fixture(scope="module")
def leaflet():
    """The worked sentence of the chapter on span models, a model of it, and its batch."""
    document = span.LEAFLET
    document.check()
    pairs = ("含有", (("药品", "成分"),)), ("协同", (("药品", "成分"),))
    schema = Schema(("药品", "成分"), tuple(RelationType(*pair) for pair in pairs))
    encoder = encoders.load("random:tiny", texts=[document.text])
    head = SpanModel(encoder, schema, SpanOptions(max_width=span.WIDEST, heads=2))
    return document, head, head.collate([document])


def test_cells_are_the_candidates_of_the_head(style, leaflet):
    document, head, batch = leaflet
    cells = [
        (round(p.get_x()), round(p.get_y())) for p in span.candidates(document).axes[0].patches
    ]  # first character, width − 1
    spans = head.candidates(batch["words"])
    assert sorted(cells) == sorted((first, width) for _, first, _, width in spans.tolist())
    assert len(spans) == span.candidate_count(len(document.text), span.WIDEST)


def test_filled_cells_are_the_entities_that_the_head_trains_on(style, leaflet):
    document, head, batch = leaflet
    axes = span.candidates(document).axes[0]
    filled = matplotlib.colors.to_rgba(ORANGE)
    cells = {(round(p.get_x()), round(p.get_y())) for p in axes.patches if p.get_facecolor() == filled}
    assert cells == {(first, width) for _, first, _, width, _ in batch["entities"].tolist()}
    assert len(cells) == 3 and len(batch["relations"]) == 2 and not any(head.alignment([document]).values())
    assert {"阿司匹林肠溶片 药品", "阿司匹林 成分", "华法林 成分"} <= {t.get_text() for t in axes.texts}


@pytest.mark.parametrize(("words", "widest"), [(1, 1), (3, 10), (10, 10), (19, 10), (128, 10), (7, 0)])
def test_number_of_candidates(words, widest):
    stretches = [(i, j) for i in range(words) for j in range(i, words) if j - i < widest]
    assert span.candidate_count(words, widest) == len(stretches)


def test_costs_are_those_of_the_tensors():
    cost = span.Cost(words=12, widest=4, hidden=8)
    states = torch.randn(1, cost.words, cost.hidden)
    spans = torch.tensor([(0, i, j) for i in range(12) for j in range(i, min(12, i + 4))])
    masked = states.expand(len(spans), -1, -1)
    table = RangeMax(states)
    found = {"masked": masked.numel(), "table": table.levels.numel(), "values": table(*spans.unbind(1)).numel()}
    assert found == {name: number for name, number in cost.numbers().items() if name != "running"}
    assert (
        cost.numbers()["running"] == 4 * states.numel() and cost.token_layers()["candidates"] == masked[..., 0].numel()
    )
    for words in (1, 2, 3, 4, 5, 127, 128, 129):
        assert RangeMax(torch.zeros(1, words, 1)).levels.numel() == span.Cost(words, hidden=1).numbers()["table"]


def test_squares_are_to_scale_and_say_what_they_are_of(style):
    cost = span.Cost()
    numbers, layers = cost.numbers(), cost.token_layers()
    assert (numbers["masked"], span.mebibytes(numbers["masked"])) == (1235 * 128 * 768, "463 MiB")
    for axes, shown in zip(span.costs(cost).axes, (numbers, layers), strict=True):
        areas = sorted(p.get_width() * p.get_height() for p in axes.patches)
        assert [a / areas[-1] for a in areas] == pytest.approx(
            [n / max(shown.values()) for n in sorted(shown.values())]
        )
        text = " ".join(t.get_text() for t in axes.texts)
        written = layers.values() if shown is layers else ()
        assert all(f"{n:,}\n" in text for n in written) and (shown is layers or text.count(" MiB") == len(numbers))


def test_the_sequence_is_what_the_head_trains_on():
    said = generation.steps(STEROID)
    assert [text for text, _, _ in said] == ["激素", "哮喘", "stop", "激素", "哮喘", "治疗", "end"]
    assert [role for _, _, role in said] == ["entity", "entity", "", "head", "tail", "relation", ""]
    schema = Schema(("药", "病"), (RelationType("治疗", (("药", "病"),)),))
    encoder = encoders.load("random:tiny", texts=[STEROID.text])
    head = Generation(encoder, schema, GenerationOptions(decoder_layers=1, heads=1, width=8))
    (ids,) = head.collate([STEROID])["sequences"].tolist()
    entities, triples = head.vocabulary.told(ids)
    assert len(ids) == len(said) and list(triples) == [(*entities, 0)]
