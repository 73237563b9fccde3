"""An LSTM that runs on every machine, whatever type autocast asks for."""

from functools import cache

import torch
from torch import Tensor, nn


class LSTM(nn.LSTM):
    """`torch.nn.LSTM`, in fp32 where autocast asks for a type in which this machine has no LSTM.

    On CPUs the layer comes from oneDNN, which has it in bf16 only with AVX-512; without, torch fails on states in fp32,
    and on states in bf16 goes through a loop of its own, five times slower than oneDNN in fp32. So there all states are
    computed in fp32 and then cast to autocast's type, and the layers after it compute as on any other machine. All
    other layers, `torch.nn.GRU` among them, run under autocast everywhere.
    """

    def forward(
        self, states: Tensor, initial: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As in `torch.nn.LSTM`: the state of each token, and the last hidden and cell states."""
        device = states.device
        if not torch.is_autocast_enabled(device.type):
            return super().forward(states, initial)
        dtype = torch.get_autocast_dtype(device.type)
        if runs_in(dtype, device):
            return super().forward(states, initial)
        with torch.autocast(device.type, enabled=False):
            if initial is not None:
                initial = tuple(state.float() for state in initial)
            each, (hidden, cell) = super().forward(states.float(), initial)
        return each.to(dtype), (hidden.to(dtype), cell.to(dtype))


@cache
def runs_in(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether an LSTM can be trained and applied under autocast to `dtype`: a small layer tries, once a process.

    Names and flags of a CPU do not tell, for oneDNN may be built or told to use less than the CPU has. Draws no
    random numbers, so a run goes on as if it had not asked.
    """
    with torch.inference_mode(False), torch.enable_grad():
        layer = nn.LSTM(8, 8, batch_first=True, device="meta").to_empty(device=device)
        states = torch.zeros(1, 2, 8, device=device)
        try:
            with torch.autocast(device.type, dtype):
                with torch.no_grad():
                    layer(states)  # inference has a primitive of its own in oneDNN
                each, _ = layer(states)
            each.sum().backward()
        except RuntimeError:
            return False
    return True
