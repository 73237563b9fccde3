"""The contract of heads: what the architecture page promises of every head, held to by all of them."""

import json

import pytest
import recipe

from relex.documents import read_documents
from relex.experiments import run as runs
from relex.experiments.config import Config
from relex.experiments.run import run
from relex.heads import HEADS, OPTIONS, TASKS
from relex.training import Stopped, predict
from relex.training.trainer import make_accelerator

VOLATILE = ("time", "date", "commit")


@pytest.fixture
def mean(monkeypatch):
    """The recipe's head is known by its name: what its one line in `HEADS` does."""
    for table, entry in ((HEADS, recipe.Mean), (OPTIONS, recipe.MeanOptions), (TASKS, recipe.Mean.task)):
        monkeypatch.setitem(table, "mean", entry)


def stable(record):
    """What of a record must be the same whenever it is made; the loss up to the order of summation."""
    record = json.loads(json.dumps(record))
    for entry in record["history"]:
        entry["loss"] = pytest.approx(entry["loss"], rel=1e-5)
    return {k: v for k, v in record.items() if k not in VOLATILE}


@pytest.mark.parametrize("switches", [{}, {"sampler": "balanced"}, {"fgm": 1e-3, "ema": 0.5}], ids=str)
def test_the_recipe_is_enough(project, corpus_name, mean, switches):
    """It trains, stops, resumes, is recorded, kept and loaded, and no file of ours knows of it."""
    config = Config.from_json({
        "head": "mean", "dropout": 0.2, "corpus": corpus_name, "encoder": "random:tiny", "layers": 1, "epochs": 2,
        "batch_tokens": 250, "lr": 3e-3, "head_lr": 1e-2, "precision": "fp32", "profile": "smoke", "row": "mean",
    } | switches)  # fmt: skip
    whole = run(config, "whole", keep_model=True)
    assert whole["counts"]["truncated"] == 0 and whole["counts"]["steps"] > 2 and whole["counts"]["n"] == 16
    path = runs.predictions_path("whole", whole["run"])
    predicted = list(read_documents(path))
    head = runs.load_head(whole)
    assert predict(head, runs.load_corpus(config).test, make_accelerator("fp32")) == predicted
    for kept in path.parent.iterdir():
        kept.unlink()

    def stop(share):
        if share > 0.5:
            raise Stopped

    with pytest.raises(Stopped):
        run(config, "again", stop)
    resumed = run(config, "again")
    assert {k: v for k, v in resumed.items() if k not in VOLATILE} == stable(whole) | {"experiment": "again"}
    assert list(read_documents(runs.predictions_path("again", whole["run"]))) == predicted
