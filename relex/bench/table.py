"""What tables of token pairs cost: scorer and loss of one sentence, forward and backward, in times of its encoder.

States are drawn and so are a few gold cells, for neither changes the cost; the encoder reads random tokens. TPLinker is
compared with itself as published: [h_i; h_j] of every pair of the triangle, a matrix for all of them, targets of the
table's size. The memory of a training step is that of a process of its own, encoder included.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from relex import encoders
from relex.bench.timing import REPEATS, check_numbers, interleaved, peak_memory
from relex.encoders.encoder import Encoder
from relex.errors import RelexError
from relex.heads.table import losses
from relex.heads.table.grid import Grid
from relex.heads.table.scorers import MLP, Additive, EfficientPointer, Hadamard, Pointer, Scorer, Tucker
from relex.training.trainer import make_accelerator

TOKENS, RELATIONS = 128, 8
LONG, MANY = 512, 49
"""Tokens and relations of the sentence whose training step is measured for memory."""


class System(NamedTuple):
    """A scorer of D and R, a loss, and whether its tables are triangles."""

    scorer: Callable[[int, int], Scorer]
    loss: Callable[..., Tensor]
    triangle: bool = False


SYSTEMS = {
    "TPLinker": System(lambda d, r: MLP(d, 1 + 2 * r, 3), losses.softmax, True),
    "TPLinker+": System(lambda d, r: MLP(d, 2 + 4 * r), losses.zlpr_tags, True),
    "OneRel, 3D units": System(lambda d, r: MLP(d, r, 4, 3 * d, "relu"), losses.softmax),
    "GPLinker": System(lambda d, r: Pointer(d, 2 + 2 * r, spans=2), losses.zlpr_cells),
    "GPLinker, efficient": System(
        lambda d, r: EfficientPointer(d, 2 + 2 * r, spans=2, groups=(2, r, r)), losses.zlpr_cells
    ),
    "EmRel": System(lambda d, r: Tucker(d, 2 + 4 * r, fusion=True), losses.bce, True),
    "GRTE, 1 round": System(lambda d, r: Hadamard(d, r, 8), losses.softmax),
    "GRTE, 3 rounds": System(lambda d, r: Hadamard(d, r, 8, rounds=3), losses.softmax),
    "GraphRel, 2 phases": System(lambda d, r: Additive(d, 1, r + 1, phases=2), losses.softmax),
    "W2NER": System(lambda d, r: Grid(d, 1, 2 + 5), losses.softmax),
}
MEASURED = ("TPLinker", "OneRel, 3D units", "GPLinker")
"""Those whose memory is measured; the others take longer for it than a benchmark may."""


class Step:
    """One sentence, forward and backward: its encoder, or a table over states of its length."""

    def __init__(self, encoder: Encoder, tokens: int, device: torch.device):
        """`tokens`: of the sentence, [CLS] and [SEP] among them. Raises a `RelexError` if the encoder has fewer."""
        if tokens > encoder.max_length:
            raise RelexError(f"encoder {encoder.name!r} reads {encoder.max_length} tokens at most, not {tokens}")
        torch.manual_seed(0)
        self.encoder, self.tokens = encoder.to(device).train(), tokens
        self.ids = torch.randint(encoder.word_embeddings.num_embeddings, (1, tokens), device=device)
        self.states = torch.randn(1, tokens, encoder.hidden_size, device=device, requires_grad=True)
        self.mask = torch.ones(1, tokens, dtype=torch.bool, device=device)
        self.mask[:, [0, -1]] = False
        self.gold = torch.tensor([(0, 0, 2, 3, 1), (0, 1, 2, 5, 1), (0, 1, 3, 6, 2)], device=device)

    def encode(self) -> Tensor:
        """The encoder alone."""
        states = self.encoder(self.ids, torch.ones_like(self.ids))
        states.sum().backward()
        return states.detach()

    def score(self, system: System, scorer: Scorer) -> Tensor:
        """A table alone: its loss."""
        loss = self.of_table(system, scorer, self.states)
        loss.backward()
        return loss.detach()

    def train(self, system: System, scorer: Scorer) -> None:
        """Both, the one on the other."""
        self.of_table(system, scorer, self.encoder(self.ids, torch.ones_like(self.ids))).backward()

    def of_table(self, system: System, scorer: Scorer, states: Tensor) -> Tensor:
        """The loss of the sentence."""
        gold = self.gold.clone()
        gold[:, 4] = gold[:, 4].clamp(max=scorer.tags - 1)
        gold[:, 1] = gold[:, 1].clamp(max=scorer.tables - 1)
        return system.loss(scorer, scorer.prepare(states, self.mask), self.mask, gold, system.triangle).sum()

    def plain(self, scorer: MLP) -> Tensor:
        """TPLinker as published, with the parameters of `scorer`: its loss."""
        row, column = torch.triu_indices(self.tokens - 2, self.tokens - 2, device=self.mask.device) + 1
        pairs = torch.cat([self.states[0, row], self.states[0, column]], 1)
        logits = scorer.last(torch.tanh(scorer.first(pairs))).unflatten(1, (scorer.tables, scorer.tags))
        tags = self.mask.new_zeros(self.tokens, self.tokens, scorer.tables, dtype=torch.long)
        _, table, first, second, tag = self.gold.unbind(1)
        tags[first, second, table] = tag
        loss = F.cross_entropy(logits.flatten(0, 1), tags[row, column].flatten(), reduction="sum") / len(row)
        loss.backward()
        return loss.detach()


def measure(
    documents: int = 1, layers: int = 4, encoder: str = "wheel:me5-zh", repeats: int = REPEATS
) -> dict[str, float | str]:
    """Measure scorers and losses of one sentence with 128 tokens and 8 relations; quantity → value, ready to print.

    All sides are warmed up, then run in turns `repeats` times, and ratios are medians. Raises a `RelexError` for
    numbers below one, and for more than one sentence.
    """
    check_numbers(documents, repeats)
    if documents > 1:
        raise RelexError("tables are measured on one sentence, by which ratios are comparable; leave out documents")
    accelerator = make_accelerator("fp32")
    device = accelerator.device
    step = Step(encoders.load(encoder, layers), TOKENS, device)
    scorers = {name: s.scorer(step.encoder.hidden_size, RELATIONS).to(device) for name, s in SYSTEMS.items()}
    tasks = {name: lambda name=name: step.score(SYSTEMS[name], scorers[name]) for name in SYSTEMS}
    tasks |= {"encoder": step.encode, "plain": lambda: step.plain(scorers["TPLinker"])}
    found = {name: task() for name, task in tasks.items()}
    seconds = interleaved(tasks, repeats, accelerator)
    ratios = {name: float(np.median(np.divide(seconds[name], seconds["encoder"]))) for name in SYSTEMS}
    return {
        "encoder": f"{encoder}, {layers} layers, fp32",
        "device": f"{device}, {torch.get_num_threads()} threads",
        "tokens, relations": f"{TOKENS}, {RELATIONS}",
        "encoder, forward and backward: ms": 1e3 * float(np.median(seconds["encoder"])),
        **{f"{name}: times the encoder": ratio for name, ratio in ratios.items()},
        "TPLinker: times as fast as published": float(np.median(np.divide(seconds["plain"], seconds["TPLinker"]))),
        "TPLinker: difference of losses, as a share": f"{float((found['plain'] / found['TPLinker'] - 1).abs()):.1e}",
        **{
            f"{name}: peak memory of a step with {LONG} tokens and {MANY} relations, MiB": memory(name, encoder, layers)
            for name in MEASURED
        },
    }


def memory(name: str, encoder: str, layers: int, tokens: int = LONG, relations: int = MANY) -> float:
    """MiB at the peak of a process that trains one step of one sentence."""
    code = "import sys; from relex.bench.table import _train; _train(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, name, encoder, *map(str, (layers, tokens, relations, torch.get_num_threads()))],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise RelexError(f"the training step of {name} whose memory is measured ended with: {reason}")
    return float(done.stdout.split()[-1])


def _train(name: str, encoder: str, *numbers: str) -> None:
    """What runs in that process: prints its peak."""
    layers, tokens, relations, threads = map(int, numbers)
    torch.set_num_threads(threads)
    accelerator = make_accelerator("fp32")
    step = Step(encoders.load(encoder, layers), tokens, accelerator.device)
    scorer = SYSTEMS[name].scorer(step.encoder.hidden_size, relations).to(accelerator.device)
    peak = peak_memory(lambda: step.train(SYSTEMS[name], scorer), accelerator)
    own = Path("/proc/self/status")  # on Linux the other peak counts the process that started this one as well
    if accelerator.device.type != "cuda" and own.exists():
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", own.read_text())[1]) / 2**10
    print(peak)
