"""What all benchmarks share: the clock, turns, the encoder's share of the time, peak memory."""

import sys
import time
from collections.abc import Callable, Hashable
from contextlib import contextmanager

import numpy as np
import torch
from accelerate import Accelerator

from relex.errors import RelexError
from relex.heads import Head

REPEATS = 10


def check_numbers(documents: int, repeats: int) -> None:
    """Raise a `RelexError` for numbers below one."""
    if documents < 1 or repeats < 1:
        raise RelexError("a benchmark needs at least one document and one repeat; choose larger numbers")


def interleaved(tasks: dict, repeats: int, accelerator: Accelerator) -> dict:
    """Seconds of each task, `repeats` times, in turns, so that other work of the machine falls on all alike."""
    seconds: dict = {key: [] for key in tasks}
    for _ in range(repeats):
        for key, task in tasks.items():
            seconds[key].append(timed(task, accelerator))
    return seconds


def medians(seconds: dict, ours: Hashable) -> tuple[dict, dict]:
    """Of what `interleaved` gave: the median of each task, and how many times as fast as it `ours` is, turn by turn."""
    times = {key: float(np.median(np.divide(s, seconds[ours]))) for key, s in seconds.items()}
    return {key: float(np.median(s)) for key, s in seconds.items()}, times


def conditions(encoder: str, layers: int, accelerator: Accelerator) -> dict[str, str]:
    """What a speed depends on besides the code."""
    return {
        "encoder": f"{encoder}, {layers} layers, {accelerator.mixed_precision.replace('no', 'fp32')}",
        "device": f"{accelerator.device}, {torch.get_num_threads()} threads",
    }


def timed(task: Callable, accelerator: Accelerator) -> float:
    """Seconds of one call."""
    synchronize(accelerator)
    began = time.perf_counter()
    task()
    synchronize(accelerator)
    return time.perf_counter() - began


def outside_encoder(task: Callable, head: Head, accelerator: Accelerator, repeats: int = 3) -> float:
    """Median share of time, 0 to 1, that is not the encoder's forward or backward pass.

    Measured apart from the speeds: on a GPU it takes a synchronisation at each border.
    """
    shares = []
    for _ in range(repeats):
        with encoder_clock(head, accelerator) as clock:
            total = timed(task, accelerator)
        shares.append(1 - clock["s"] / total)
    return float(np.median(shares))


@contextmanager
def encoder_clock(head: Head, accelerator: Accelerator):
    """Adds up, under `s`, the time between entry and exit of the encoder, forward and backward."""
    clock = {"s": 0.0}
    forward, backward = head.encoder.forward, accelerator.backward

    def now() -> float:
        synchronize(accelerator)
        return time.perf_counter()

    def timed_forward(*args):
        began = now()
        states = forward(*args)
        clock["s"] += now() - began
        if states.requires_grad:
            states.register_hook(lambda gradient: clock.update(reached=now()))
        return states

    def timed_backward(loss):
        backward(loss)
        # the encoder comes first in the model, so from the gradient of its states to the end all is its own
        clock["s"] += now() - clock["reached"]

    head.encoder.forward, accelerator.backward = timed_forward, timed_backward
    try:
        yield clock
    finally:
        del head.encoder.forward, accelerator.backward


def peak_memory(task: Callable, accelerator: Accelerator) -> float:
    """MiB at the peak of `task`: of the GPU's tensors, else of the whole process so far."""
    if accelerator.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        task()
        return torch.cuda.max_memory_allocated() / 2**20
    import resource

    task()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def synchronize(accelerator: Accelerator) -> None:
    """Wait until a GPU has done what it was given."""
    if accelerator.device.type == "cuda":
        torch.cuda.synchronize()
