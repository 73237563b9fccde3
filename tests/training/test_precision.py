"""bf16 on every CPU: all heads train and predict in it, on this machine and as on one without AVX-512."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import samples
import torch
from cases import DOCUMENTS

from relex import encoders
from relex.documents import infer_schema
from relex.heads import HEADS, OPTIONS, build
from relex.heads.lstm import runs_in
from relex.samplers import LengthBucketed
from relex.training import Trainer, TrainingOptions, predict
from relex.training.trainer import resolve_precision

ROOT = Path(__file__).parents[2]
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
"""As on a CPU with AVX2 only, where oneDNN has no LSTM in bf16 and emulates what it has."""


@pytest.mark.precision
@pytest.mark.parametrize("name", HEADS)
def test_every_head_trains_and_predicts_in_bf16(name):
    documents = samples.TRAIN[:6] if HEADS[name].task == "classification" else DOCUMENTS[:4]
    encoder = encoders.load("random:deep", seed=0, texts=[d.text for d in documents])
    torch.manual_seed(0)
    head = build(name, encoder, infer_schema(documents), OPTIONS[name]())
    before = {key: p.detach().clone() for key, p in head.named_parameters()}
    trainer = Trainer(head, TrainingOptions(epochs=1, precision="bf16", schedule="constant"), seed=0)
    assert trainer.accelerator.mixed_precision == "bf16"
    progress = trainer.fit(documents, LengthBucketed([head.length(d) for d in documents], 10_000))
    assert len(progress.history) == 1 and 0 < progress.history[0]["loss"] < 1000
    assert all(torch.isfinite(p).all() for p in head.parameters())
    moved = {key.split(".")[0] for key, p in head.named_parameters() if not torch.equal(p, before[key])}
    assert moved == {key.split(".")[0] for key in before}, "every part of the head has a gradient"
    found = predict(head, documents, trainer.accelerator)
    assert [d.text for d in found] == [d.text for d in documents]


@pytest.mark.precision
def test_auto_asks_the_cpu_and_what_is_used_of_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for has, uses, precision in ((True, True, "bf16"), (True, False, "fp32"), (False, True, "fp32")):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda uses=uses: uses)
        assert resolve_precision("auto") == precision


@pytest.mark.precision
@pytest.mark.skipif(not AVX2.items() <= os.environ.items(), reason="about such a machine")
def test_auto_is_fp32_where_bf16_is_emulated(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not runs_in(torch.bfloat16, torch.device("cpu"))
    assert resolve_precision("auto") == "fp32"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN knows AVX2 on x86-64 only")
def test_bf16_without_avx512():
    environment = (
        {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | AVX2 | {"CUDA_VISIBLE_DEVICES": ""}
    )
    tests = [str(ROOT / "tests" / name) for name in ("heads/test_lstm.py", "training/test_precision.py")]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "precision", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout and "skipped" not in done.stdout
