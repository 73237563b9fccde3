"""Drawings are what the code draws today, and say what the tagger is trained on."""

from pathlib import Path

import matplotlib
import pytest
import torch

from relex import drawings, encoders, figures
from relex.corpora.casmed import SCHEMA
from relex.heads import Cascade, CascadeOptions

STATIC = Path(__file__).parent.parent / "book" / "_static"


@pytest.fixture
def style():
    with matplotlib.rc_context():
        figures.use_style()
        yield


def test_committed_drawings_are_fresh(style, tmp_path):
    for path in drawings.draw(tmp_path):
        committed = (STATIC / path.name).read_text(encoding="utf-8")
        assert path.read_text(encoding="utf-8") == committed, "run `python -m relex.drawings`"


def test_rows_hold_the_subjects_and_then_their_objects():
    text = drawings.REPORT.text
    rows = [(m, r, [text[s.start : s.end] for s in spans]) for m, r, spans in drawings.tag_rows(drawings.REPORT)]
    assert rows == [
        ("", "", ["前降支近段", "植入", "支架"]),
        ("前降支近段", "身体部位_症状体征", ["狭窄80%", "钙化"]),
        ("前降支近段", "身体部位_治疗方式", ["植入"]),
        ("植入", "治疗方式_医疗耗材", ["支架"]),
        ("支架", "医疗耗材_身体部位", ["前降支近段"]),
    ]


def test_the_worked_sentence_is_what_the_head_trains_on():
    document = drawings.REPORT
    document.check()
    encoder = encoders.load("random:tiny", texts=[document.text])
    options = CascadeOptions(bilstm=False, attention=False, feature_fusion="none")
    head = Cascade(encoder, SCHEMA, options)
    batch = head.collate([document])
    starts, ends = batch["subject_targets"][0, 1:-1].unbind(1)
    offsets = head.rows([document])[0].windows[0].offsets[1:-1]
    spans = drawings.tag_rows(document)[0][2]
    assert {int(offsets[i, 0]) for i in torch.nonzero(starts).flatten()} == {s.start for s in spans}
    assert {int(offsets[i, 1]) for i in torch.nonzero(ends).flatten()} == {s.end for s in spans}
    assert not any(head.alignment([document]).values())
