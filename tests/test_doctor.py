"""What `relex doctor` says of a machine, and of one with a GPU that torch does not use."""

import subprocess
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from relex import corpora, doctor
from relex.errors import RelexError


@pytest.fixture(autouse=True)
def quick(project, monkeypatch):
    """The speed of a model is not measured."""
    monkeypatch.setattr(doctor, "speed", lambda: 1234.5)


def problems(lines):
    return [line.removeprefix("problem: ") for line in lines if line.startswith("problem: ")]


def test_every_part_of_the_machine_is_named(project, monkeypatch):
    monkeypatch.setattr(corpora, "find", lambda name: None if name == "casmed" else Path(name))
    lines = list(doctor.examine())
    names = [line.split(":")[0] for line in lines if not line.startswith("problem")]
    assert names == ["CPU", "torch", "precision auto", "GPU", "records", "corpora", "encoders", "speed"]
    assert any(f"{project / 'runs'}, " in line and "GiB free" in line for line in lines)
    assert "stand-ins take the place of casmed; fetch it with `relex corpora fetch casmed`" in problems(lines)
    assert lines[-1].startswith("speed: 1,23")


def test_a_gpu_beside_a_torch_for_cpus(monkeypatch):
    monkeypatch.setattr(doctor, "gpus_of_the_system", lambda: ["GPU 0: NVIDIA L4"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "__version__", "2.13.0+cpu")
    monkeypatch.setattr(torch.version, "cuda", None)
    lines = list(doctor.examine())
    assert "GPU: GPU 0: NVIDIA L4" in lines
    (said,) = [p for p in problems(lines) if "GPU" in p]
    assert "built for CPUs and leaves the GPU idle; install torch==2.13.0 for CUDA" in said
    monkeypatch.setattr(torch.version, "cuda", "12.9")
    (said,) = [p for p in problems(doctor.examine()) if "GPU" in p]
    assert "built for CUDA 12.9 and cannot use the GPU" in said


def test_gpus_are_found_by_nvidia_smi_or_the_bus(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: name)
    listing = "GPU 0: NVIDIA L4 (UUID: GPU-1)\nGPU 1: NVIDIA L4 (UUID: GPU-2)\n"
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0, listing))
    assert doctor.gpus_of_the_system() == ["GPU 0: NVIDIA L4", "GPU 1: NVIDIA L4"]

    def hangs(*_, **__):
        raise subprocess.TimeoutExpired("nvidia-smi", 10)

    monkeypatch.setattr(subprocess, "run", hangs)
    monkeypatch.setattr(doctor, "Path", lambda place: tmp_path / place.strip("/"))
    assert doctor.gpus_of_the_system() == []
    for name, vendor, kind in (("0000:01:00.0", "0x10de", "0x030200"), ("0000:02:00.0", "0x8086", "0x030000")):
        device = tmp_path / "sys" / "bus" / "pci" / "devices" / name
        device.mkdir(parents=True)
        (device / "vendor").write_text(vendor + "\n")
        (device / "class").write_text(kind + "\n")
    assert doctor.gpus_of_the_system() == ["an NVIDIA device at 0000:01:00.0, without a driver"]
    card = tmp_path / "proc" / "driver" / "nvidia" / "gpus" / "0000:01:00.0"
    card.mkdir(parents=True)
    (card / "information").write_text("Model: \t\t NVIDIA A100\nIRQ: 4\n")
    assert doctor.gpus_of_the_system() == ["NVIDIA A100"]


def test_little_space(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage(2**40, 2**40, 2**30))
    assert any(p.startswith("1.0 GiB are too few for checkpoints") for p in problems(doctor.examine()))


def test_an_encoder_that_cannot_be_had_is_an_error(monkeypatch):
    def broken():
        raise RelexError("cannot have it")

    monkeypatch.setattr(doctor, "speed", broken)
    lines = doctor.examine()
    with pytest.raises(RelexError, match="cannot have it"):
        list(lines)
