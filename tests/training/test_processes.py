"""Several processes train together, also where a batch leaves layers of a head unused."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from cases import Case
from in_processes import train

from relex.files import project_root
from relex.training.trainer import make_accelerator

CASCADE = Case("cascade")
"""Its loss is a mean over documents, so two processes of one document a step learn what one of two learns."""
OTHERS = ("span-True", "pipeline", "focused", "shallow", "generation")
"""Heads with a mean over pairs or spans, or draws of their own: here they only have to go on."""


def test_two_processes_train_as_one_does_and_none_waits_for_ever(tmp_path):
    script = Path(__file__).with_name("in_processes.py")
    paths = [str(p) for p in (project_root(), script.parent, script.parents[1])]
    names = [str(CASCADE), *OTHERS]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
    done = subprocess.run(
        [*command, str(tmp_path), *names], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert {p.stem for p in tmp_path.glob("*.pt")} == set(names)
    alone = train(CASCADE, make_accelerator("fp32"))
    together = torch.load(tmp_path / f"{CASCADE}.pt")
    for name, weights in alone.items():
        torch.testing.assert_close(together[name], weights, atol=2e-4, rtol=1e-3, msg=name)
