"""Probes: chosen by what heads declare, in the order of a record, and without a trace in the head or in the dice."""

import pytest
import samples
import torch
from cases import CASES, DOCUMENTS, make

from relex.heads import HEADS
from relex.runs import probes
from relex.training import predict
from relex.training.trainer import make_accelerator

PARTS = {"span-True": ["attention"], "cascade": ["curve"], "focused": ["given"], "shallow": ["given"], "classifier": []}


@pytest.mark.parametrize("case", [c for c in CASES if str(c) in PARTS], ids=str)
def test_probes_leave_no_trace(case):
    head, accelerator = make(case).train(), make_accelerator("fp32")
    documents = DOCUMENTS if case.extracts else samples.TRAIN[:6]
    chosen = probes.chosen(head, True, probes.Ground(documents, documents, "interactions", accelerator))
    weights, dice = {k: v.clone() for k, v in head.state_dict().items()}, torch.get_rng_state()
    for probe in chosen:
        probe.before(head)
    predicted = predict(head, documents, accelerator)
    found = [part for probe in chosen for part in probe.after(head, predicted).items()]
    assert sorted(name for name, _ in found) == sorted([*PARTS[str(case)], "gradients"])
    assert [name for name, _ in found] == [name for name in probes.PROBES if name in dict(found)]
    assert all(part for _, part in found)
    assert torch.equal(torch.get_rng_state(), dice) and head.training
    assert all(torch.equal(v, weights[k]) for k, v in head.state_dict().items())
    assert predict(head, documents, accelerator) == predicted


def test_a_head_declares_what_is_known():
    declared = {name for case in CASES for name in make(case).probes}
    assert declared | {"gradients"} == probes.PROBES.keys()
    assert [name for name, head in HEADS.items() if "curve" in head.probes] == ["cascade"]
    head = make(CASES[0])
    head.probes = ("heat",)
    with pytest.raises(ValueError, match="heat"):
        probes.chosen(head, False, probes.Ground((), (), "", make_accelerator("fp32")))
