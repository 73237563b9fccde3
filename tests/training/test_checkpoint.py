"""Checkpoints: everything comes back, a damaged one is as good as none, a full disk leaves the one before."""

import errno
import os
from dataclasses import replace

import pytest
import samples
import torch
from extractors import Batches
from safetensors import safe_open
from safetensors.torch import save_file

from relex.errors import RelexError
from relex.training import Trainer, TrainingOptions
from relex.training.checkpoint import Progress, load_checkpoint, save_checkpoint


def trainer(make_head, **options):
    return Trainer(make_head(**options), TrainingOptions(epochs=1, precision="fp32"), 0)


def trained(make_head):
    one = trainer(make_head)
    one.fit(samples.TRAIN[:4], Batches([[0, 1], [2, 3]]))
    return one


def state(one):
    weights = {k: v.clone() for k, v in one.head.state_dict().items()}
    moments = one.optimizer.optimizer.state_dict()["state"]
    return weights | {f"{i}.{k}": v.clone() for i, own in moments.items() for k, v in own.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[k], other[k]) for k in one)


PROGRESS = Progress(
    epoch=1, step=3, steps=5, best_score=0.5, best_epoch=0, history=[{"epoch": 0, "loss": 0.25, "score": 0.5}],
    train_s=1.5, model_s=1.0, tokens=90, positions=100, loss_sum=0.125,
)  # fmt: skip


def test_round_trip(make_head, tmp_path):
    one, other = trained(make_head), trainer(make_head, seed=7)
    path, best = tmp_path / "deep" / "c.safetensors", {"weight": torch.arange(3.0)}
    save_checkpoint(path, PROGRESS, one.head, best, one.optimizer.optimizer)
    progress, again = load_checkpoint(path, other.head, other.optimizer.optimizer)
    assert progress == PROGRESS
    assert_same(again, best)
    assert_same(state(one), state(other))


def test_the_average_comes_back_and_only_where_there_is_one(make_head, tmp_path):
    one, other, path = trained(make_head), trainer(make_head, seed=7), tmp_path / "c.safetensors"
    average, empty = {"weight": torch.arange(3.0)}, {"weight": torch.zeros(3)}
    save_checkpoint(path, PROGRESS, one.head, {}, one.optimizer.optimizer, average)
    before = state(other)
    assert load_checkpoint(path, other.head, other.optimizer.optimizer) is None
    wrong = {"weight": torch.zeros(4)}
    assert load_checkpoint(path, other.head, other.optimizer.optimizer, wrong) is None
    assert_same(state(other), before)
    assert load_checkpoint(path, other.head, other.optimizer.optimizer, empty) == (PROGRESS, {})
    assert_same(empty, average)
    assert_same(state(one), state(other))
    save_checkpoint(path, PROGRESS, one.head, {}, one.optimizer.optimizer)
    assert load_checkpoint(path, other.head, other.optimizer.optimizer, empty) is None


def damaged(path, how, one):
    save_checkpoint(path, PROGRESS, one.head, {}, one.optimizer.optimizer)
    content = path.read_bytes()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "cut in the header":
        path.write_bytes(content[:20])
    elif how == "zeros":
        path.write_bytes(bytes(len(content)))
    elif how == "text":
        path.write_bytes(b"not a checkpoint" * 100)
    elif how == "no progress":
        save_file({"model.x": torch.zeros(1)}, path)
    elif how == "progress of another version":
        save_file({"model.x": torch.zeros(1)}, path, {"progress": '{"era": 1}'})
    elif how == "other tensors":
        save_file({"model.x": torch.zeros(1)}, path, {"progress": "{}"})
    elif how == "unknown group":
        save_file({"x": torch.zeros(1)}, path, {"progress": "{}"})
    elif how == "a flipped bit":
        path.write_bytes(content[:-100] + bytes([content[-100] ^ 64]) + content[-99:])
    elif how in UNSOUND:
        save_checkpoint(path, replace(PROGRESS, **UNSOUND[how]), one.head, {}, one.optimizer.optimizer)


UNSOUND = {
    "epoch 99": {"epoch": 99}, "a negative step": {"step": -1}, "an epoch that is a text": {"epoch": "1"},
    "no history": {"history": []}, "history of numbers": {"history": [3]}, "a best epoch to come": {"best_epoch": 5},
    "a score that is none": {"best_score": float("nan")}, "half a step": {"step": 0.5},
}  # fmt: skip
HOWS = (
    "empty", "cut", "cut in the header", "zeros", "text", "no progress", "progress of another version", "other tensors",
    "unknown group", "a flipped bit", *UNSOUND,
)  # fmt: skip


@pytest.mark.parametrize("how", HOWS)
def test_a_damaged_checkpoint_changes_nothing(make_head, tmp_path, how):
    one, other = trained(make_head), trained(make_head)
    path = tmp_path / "c.safetensors"
    damaged(path, how, other)
    before = state(one)
    assert load_checkpoint(path, one.head, one.optimizer.optimizer, epochs=2) is None
    assert_same(state(one), before)


def test_a_damaged_checkpoint_is_set_aside_and_said(make_head, tmp_path, capsys):
    one, path = trainer(make_head), tmp_path / "c.safetensors"
    damaged(path, "a flipped bit", one)
    progress = one.fit(samples.TRAIN[:4], Batches([[0, 1], [2, 3]]), checkpoint=path)
    assert progress.epoch == 1 and progress.steps == 2
    assert [p.name for p in tmp_path.glob("*.damaged")] == ["c.safetensors.damaged"]
    assert "set aside as c.safetensors.damaged and training begins anew" in capsys.readouterr().err
    assert_same(state(one), state(trained(make_head)))


def test_older_checkpoints_without_a_sum_are_read(make_head, tmp_path):
    one, path = trained(make_head), tmp_path / "c.safetensors"
    save_checkpoint(path, PROGRESS, one.head, {}, one.optimizer.optimizer)
    with safe_open(path, "pt") as file:
        told, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}
    save_file(tensors, path, {"progress": told["progress"]})
    assert load_checkpoint(path, one.head, one.optimizer.optimizer, epochs=1) == (PROGRESS, {})


def test_a_checkpoint_of_another_model_changes_nothing(make_head, tmp_path):
    one, other = trained(make_head), trained(make_head)
    wider = trainer(make_head, encoding="basic1", pooling="cls")
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, PROGRESS, wider.head, {}, wider.optimizer.optimizer)
    assert load_checkpoint(path, one.head, one.optimizer.optimizer) is None
    assert_same(state(one), state(other))


def test_a_missing_checkpoint_is_none(make_head, tmp_path):
    one = trainer(make_head)
    assert load_checkpoint(tmp_path / "none", one.head, one.optimizer.optimizer) is None


def test_a_full_disk_keeps_the_checkpoint_before(make_head, tmp_path, monkeypatch):
    one, path = trained(make_head), tmp_path / "c.safetensors"
    save_checkpoint(path, PROGRESS, one.head, {}, one.optimizer.optimizer)
    before = path.read_bytes()

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RelexError, match="cannot write .*c.safetensors: No space left on device; free some space"):
        save_checkpoint(path, Progress(), one.head, {}, one.optimizer.optimizer)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]
