"""What each process of a test of several runs: `in_processes.py OUT CASE …` trains the heads of these cases.

The weights of the first process go to OUT/CASE.pt. Every other step has documents without relations alone.
"""

import sys
from pathlib import Path

import torch
from cases import CASES, DOCUMENTS, MORE, make
from extractors import Batches, frozen

from relex.training import Trainer, TrainingOptions
from relex.training.trainer import make_accelerator

BARE = [d for d in DOCUMENTS if not d.relations]
RELATED = [d for d in (*DOCUMENTS, *MORE) if d.relations][:2]
FEW = [*RELATED, *BARE[:2], *RELATED[::-1], BARE[0], RELATED[0]]


def train(case, accelerator):
    """The weights after four steps of two documents, one for each process."""
    head = frozen(make(case))
    options = TrainingOptions(epochs=1, lr=1e-3, head_lr=1e-3, precision="fp32", schedule="constant", batch_tokens=500)
    size = 2 // accelerator.num_processes
    batches = Batches([list(range(i, i + size)) for i in range(0, len(FEW), size)])
    Trainer(head, options, 0, accelerator).fit(FEW, batches)
    return head.state_dict()


if __name__ == "__main__":
    out, *names = sys.argv[1:]
    torch.set_num_threads(1)
    for case in CASES:
        if str(case) in names:
            accelerator = make_accelerator("fp32")
            weights = train(case, accelerator)
            if accelerator.is_main_process:
                torch.save(weights, Path(out) / f"{case}.pt")
            accelerator.wait_for_everyone()
    torch.distributed.destroy_process_group()
