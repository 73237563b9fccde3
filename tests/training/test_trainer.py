"""Training is the same for the same seed, wherever it was stopped and however its steps were split."""

import itertools
import os
from dataclasses import replace

import numpy as np
import pytest
import samples
import torch
from extractors import Batches

from relex.errors import RelexError
from relex.samplers import Curriculum, FixedSteps, LengthBucketed, balanced, micro_batches
from relex.training import Trainer, TrainingOptions
from relex.training.trainer import learning_rate_factor, resolve_precision

FEW = samples.TRAIN[:12]
QUICK = TrainingOptions(epochs=3, batch_tokens=110, micro_tokens=60, lr=1e-3, head_lr=1e-2, precision="fp32")


class Killed(BaseException):
    """What a test stops a run with."""


def sampler(head, seed=0):
    lengths = [head.length(d) for d in FEW]
    half = balanced([samples.CLASSES.index(d.relations[0].type) for d in FEW], lengths, 1, seed)
    return Curriculum([(LengthBucketed(lengths, 110, seed), 2), (half, 1)])


def weights(head):
    return {k: v.clone() for k, v in head.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def scores(head, start, sign):
    """A score that falls (sign −1) or rises (+1) as the weights leave their start."""

    def score():
        moved = sum(float((p.detach() - start[k]).abs().sum()) for k, p in head.named_parameters())
        return 1 / (1 + moved) if sign < 0 else moved

    return score


def fit(make_head, training=QUICK, seed=0, sign=1, checkpoint=None, kill_step=None, kill_score=None, batches=sampler):
    """Train afresh or from `checkpoint`; raise `Killed` after the given step or instead of the given score."""
    head = make_head(seed=seed)
    score, steps, scored = scores(head, weights(head), sign), itertools.count(1), itertools.count(1)

    def on_progress(share):
        assert 0 < share <= 1
        if next(steps) == kill_step:
            raise Killed

    def evaluate():
        if next(scored) == kill_score:
            raise Killed
        return score()

    progress = Trainer(head, training, seed).fit(FEW, batches(head, seed), evaluate, checkpoint, 0.0, on_progress)
    return weights(head), progress, next(steps) - 1


def test_the_seed_fixes_the_weights(make_head):
    one, progress, steps = fit(make_head)
    assert same(one, fit(make_head)[0])
    assert not same(one, fit(make_head, seed=1)[0])
    head = make_head()
    assert steps == sum(len(batches) for batches in epochs(sampler(head)))
    assert len(progress.history) == 3 and progress.best_epoch == 2


def test_the_seed_of_training_matters_beside_that_of_the_head(make_head):
    """Same initial weights, same batches: dropout alone differs."""
    results = []
    for seed in (0, 0, 1):
        head = make_head()
        Trainer(head, QUICK, seed).fit(FEW, sampler(head))
        results.append(weights(head))
    assert same(results[0], results[1]) and not same(results[0], results[2])


def epochs(sampler, number=3):
    found = []
    for epoch in range(number):
        sampler.set_epoch(epoch)
        found.append(list(sampler))
    return found


BOTH = replace(QUICK, fgm=0.5, ema=0.9)


@pytest.fixture(scope="module", params=[QUICK, BOTH], ids=["plain", "fgm and ema"])
def whole(make_head, request):
    """The uninterrupted runs: one that gets better in each epoch, one that only gets worse and stops early."""
    quick, patient = request.param, replace(request.param, patience=1)
    return {1: (quick, *fit(make_head, quick)), -1: (patient, *fit(make_head, patient, sign=-1))}


def check_resumed(whole, make_head, path, sign, **kill):
    training, expected, progress, steps = whole[sign]
    with pytest.raises(Killed):
        fit(make_head, training, sign=sign, checkpoint=path, **kill)
    got, again, more = fit(make_head, training, sign=sign, checkpoint=path)
    assert same(got, expected)
    for name in ("epoch", "step", "steps", "best_epoch", "best_score", "tokens", "positions"):
        assert getattr(again, name) == getattr(progress, name)
    for one, other in zip(again.history, progress.history, strict=True):
        assert one == pytest.approx(other)
    return more, steps


def test_the_runs_have_the_steps_that_the_next_test_kills(whole):
    assert (whole[1][3], whole[-1][3]) == (9, 6)


@pytest.mark.parametrize(("sign", "step"), [*((1, i) for i in range(1, 10)), *((-1, i) for i in range(1, 7))])
def test_killed_at_any_step_and_resumed(whole, make_head, tmp_path, sign, step):
    more, steps = check_resumed(whole, make_head, tmp_path / "c", sign, kill_step=step)
    assert more == steps - (step - 1)  # the step that was killed had no checkpoint yet


@pytest.mark.parametrize(("sign", "score"), [(1, 1), (1, 2), (1, 3), (-1, 1), (-1, 2)])
def test_killed_while_scoring_and_resumed(whole, make_head, tmp_path, sign, score):
    check_resumed(whole, make_head, tmp_path / "c", sign, kill_score=score)


@pytest.mark.parametrize("step", range(1, 16, 2))
def test_epochs_of_fixed_steps_are_resumed_at_any_step(make_head, tmp_path, step):
    """Epochs end within passes, and the second stage of the curriculum begins with the third epoch."""

    def fixed(head, seed=0):
        stages = sampler(head, seed).stages
        return Curriculum([(FixedSteps(inner, 5), epochs) for inner, epochs in stages])

    expected, progress, _ = fit(make_head, batches=fixed)
    assert progress.steps == 15
    with pytest.raises(Killed):
        fit(make_head, checkpoint=tmp_path / "c", kill_step=step, batches=fixed)
    got, again, more = fit(make_head, checkpoint=tmp_path / "c", batches=fixed)
    assert same(got, expected) and again.steps == 15 and more == 15 - (step - 1)


def test_killed_again_and_again(whole, make_head, tmp_path):
    for _ in range(30):
        try:
            got, progress, _ = fit(make_head, whole[1][0], checkpoint=tmp_path / "c", kill_step=2)
            break
        except Killed:
            continue
    assert same(got, whole[1][1])


def test_resumed_after_the_end_nothing_is_left_to_do(whole, make_head, tmp_path):
    for sign in (1, -1):
        path = tmp_path / str(sign)
        fit(make_head, whole[sign][0], sign=sign, checkpoint=path)
        got, _, steps = fit(make_head, whole[sign][0], sign=sign, checkpoint=path)
        assert steps == 0 and same(got, whole[sign][1])


def test_a_damaged_checkpoint_starts_anew(whole, make_head, tmp_path):
    path = tmp_path / "c"
    with pytest.raises(Killed):
        fit(make_head, whole[1][0], checkpoint=path, kill_step=5)
    path.write_bytes(path.read_bytes()[:-100])
    got, _, steps = fit(make_head, whole[1][0], checkpoint=path)
    assert steps == whole[1][3] and same(got, whole[1][1])


def test_a_full_disk_stops_with_a_sentence_and_the_run_can_go_on(whole, make_head, tmp_path, monkeypatch):
    path, calls, fsync = tmp_path / "c", itertools.count(1), os.fsync

    def full(handle):
        if next(calls) > 3:
            raise OSError(28, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RelexError, match="No space left"):
            fit(make_head, whole[1][0], checkpoint=path)
    got, _, steps = fit(make_head, whole[1][0], checkpoint=path)
    assert steps < whole[1][3] and same(got, whole[1][1])


def test_early_stopping_and_best_weights(whole, make_head):
    _, worse, progress, _ = whole[-1]
    assert progress.epoch == 2 and progress.best_epoch == 0  # the second epoch was no better
    head = make_head()
    epoch_0 = []

    def evaluate():
        epoch_0.append(weights(head))
        return -len(epoch_0) / 10

    last = Trainer(head, whole[1][0], 0).fit(FEW, sampler(head), evaluate)
    assert last.epoch == 3 and [h["score"] for h in last.history] == [-0.1, -0.2, -0.3]
    assert same(weights(head), epoch_0[0]) and not same(epoch_0[0], epoch_0[1])  # with ema, of the average
    assert same(worse, epoch_0[0])


def test_without_evaluation_the_last_weights_stay(whole, make_head):
    head = make_head()
    progress = Trainer(head, whole[1][0], 0).fit(FEW, sampler(head))
    assert same(weights(head), whole[1][1])  # there the last epoch was the best
    assert progress.best_epoch == -1 and all("score" not in h for h in progress.history)


def gradients(make_head, micro_tokens, batch, **options):
    """Gradients of one step over `batch`, before clipping."""
    head = make_head(dropout=0.0, **options)
    trainer = Trainer(head, TrainingOptions(micro_tokens=micro_tokens, clip=0, precision="fp32", epochs=1), 0)
    found = {}

    def keep():
        found.update((k, p.grad.clone()) for k, p in head.named_parameters() if p.grad is not None)

    trainer.optimizer.zero_grad = keep
    one = Batches([batch])
    progress = trainer.fit(FEW, one)
    return found, progress


@pytest.mark.parametrize("options", [{}, {"hard_classes": ("病因",), "hard_weight": 3.0}], ids=["plain", "weighted"])
def test_a_split_step_has_the_gradient_of_the_whole(make_head, options):
    batch = list(range(10))
    whole, progress = gradients(make_head, 10_000, batch, **options)
    for micro_tokens in (1, 60, 100):
        split, parts = gradients(make_head, micro_tokens, batch, **options)
        assert parts.positions < progress.positions  # it was split
        assert parts.history[0]["loss"] == pytest.approx(progress.history[0]["loss"], abs=1e-5)
        assert split.keys() == whole.keys() and len(whole) > 20
        for name, gradient in whole.items():
            torch.testing.assert_close(split[name], gradient, atol=1e-5, rtol=0)


def test_learning_rates():
    linear = learning_rate_factor(TrainingOptions(schedule="linear", warmup=0.2), [5, 5])
    assert [linear(i) for i in range(10)] == pytest.approx([0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    halve = learning_rate_factor(TrainingOptions(schedule="halve"), [2, 3, 1])
    assert [halve(i) for i in range(6)] == [1, 1, 0.5, 0.5, 0.5, 0.25]
    constant = learning_rate_factor(TrainingOptions(schedule="constant"), [4])
    assert [constant(i) for i in range(4)] == [1] * 4
    with pytest.raises(RelexError, match="no schedule 'cosine'; known are linear, halve, constant"):
        TrainingOptions(schedule="cosine")


def test_the_optimizer_gets_the_learning_rates(make_head):
    head = make_head()
    training = TrainingOptions(**{**vars(QUICK), "schedule": "halve"})
    trainer, seen = Trainer(head, training, 0), []
    encoder = {id(p) for p in head.encoder.parameters()}

    def on_progress(share):
        for group in trainer.optimizer.param_groups:
            inside = {id(p) in encoder for p in group["params"]}
            assert len(inside) == 1
            assert group["weight_decay"] == (0.01 if group["params"][0].ndim > 1 else 0)
            seen.append((inside.pop(), group["lr"]))

    trainer.fit(FEW, sampler(head), on_progress=on_progress)
    lengths = [len(batches) for batches in epochs(sampler(head))]
    rates = [0.5**epoch for epoch, steps in enumerate(lengths) for _ in range(steps)]
    assert [lr for inside, lr in seen if inside][::2] == pytest.approx([1e-3 * r for r in rates])
    assert [lr for inside, lr in seen if not inside][::2] == pytest.approx([1e-2 * r for r in rates])


def test_gradients_are_clipped(make_head):
    head = make_head()
    trainer = Trainer(head, TrainingOptions(clip=0.25, precision="fp32", epochs=1), 0)
    norms = []
    trainer.optimizer.zero_grad = lambda: norms.append(
        torch.stack([p.grad.norm() for p in head.parameters() if p.grad is not None]).norm().item()
    )
    trainer.fit(FEW, Batches([list(range(8))]))
    assert norms == [pytest.approx(0.25, rel=1e-3)]


def test_precision():
    assert resolve_precision("fp32") == "fp32" and resolve_precision("bf16") == "bf16"
    assert resolve_precision("auto") in ("fp32", "bf16")
    with pytest.raises(RelexError, match="no precision 'fp16'; known are auto, fp32, bf16"):
        TrainingOptions(precision="fp16")


def test_every_step_has_a_seed_of_its_own(make_head):
    head, seeds = make_head(), []
    Trainer(head, QUICK, 0).fit(FEW, sampler(head), on_progress=lambda share: seeds.append(torch.initial_seed()))
    assert len(set(seeds)) == len(seeds) == 9


def test_the_loss_of_an_epoch_is_the_mean_of_its_steps(make_head):
    head = make_head(dropout=0.0)
    still = TrainingOptions(**{**vars(QUICK), "lr": 0.0, "head_lr": 0.0})
    batches = Batches([[0, 1], [2, 3, 4], [5]])
    expected = sum(head.loss(head.collate([FEW[i] for i in batch])).item() for batch in batches) / 3
    progress = Trainer(head, still, 0).fit(FEW, batches)
    assert [entry["loss"] for entry in progress.history] == pytest.approx([expected] * 3, abs=1e-5)


@pytest.mark.parametrize(("name", "value"), [("fgm", -1e-5), ("fgm", float("nan")), ("ema", -0.1), ("ema", 1.5)])
def test_fgm_and_ema_are_checked(name, value):
    with pytest.raises(RelexError, match=f"{name} is .*, but must lie between 0 and"):
        TrainingOptions(**{name: value})


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_a_step_with_fgm_is_two_passes_written_by_hand(make_head, dropout):
    """Over three micro-batches; `fgm` large enough that the second gradient is another one."""
    training = TrainingOptions(epochs=1, micro_tokens=60, lr=1e-3, head_lr=1e-2, clip=0.5, precision="fp32", fgm=0.5)
    head, plain, unperturbed = (make_head(dropout=dropout) for _ in range(3))
    progress = Trainer(head, training, 3).fit(FEW, Batches([list(range(10))]))
    for other, epsilon in ((plain, 0.5), (unperturbed, 0.0)):
        lengths = [other.length(d) for d in FEW]
        groups = micro_batches(list(range(10)), lengths, 60)
        assert len(groups) > 2 and progress.tokens == sum(lengths[:10])  # once, though seen twice
        words = np.random.SeedSequence((3, 0, 0)).generate_state(2)
        torch.manual_seed(int(words[0]) << 32 | int(words[1]))
        optimizer = torch.optim.AdamW(other.parameter_groups(1e-3, 1e-2, 0.01), fused=True)
        other.train()
        embedding = other.encoder.word_embeddings.weight
        start = embedding.detach().clone()
        for _ in range(2):
            for group in groups:
                (other.loss(other.collate([FEW[i] for i in group])) * len(group) / 10).backward()
            embedding.data = start + epsilon * embedding.grad / embedding.grad.norm()
        embedding.data = start
        torch.nn.utils.clip_grad_norm_(other.parameters(), 0.5)
        optimizer.step()
    for name, value in head.state_dict().items():
        torch.testing.assert_close(value, plain.state_dict()[name], atol=1e-5, rtol=0)
    moved = {k: (v - unperturbed.state_dict()[k]).abs().max() for k, v in head.state_dict().items()}
    assert max(moved.values()) > 1e-4


def test_fgm_puts_the_embedding_back_to_the_bit(make_head):
    head = make_head()
    before = weights(head)
    seen = []
    forward = head.encoder.word_embeddings.register_forward_hook(
        lambda module, args, out: seen.append(module.weight.detach().clone())
    )
    Trainer(head, replace(BOTH, lr=0.0, head_lr=0.0, ema=0.0), 0).fit(FEW, Batches([list(range(10))]))
    forward.remove()
    assert same(weights(head), before)
    start = before["encoder.model.embeddings.word_embeddings.weight"]
    distances = [float((one - start).norm()) for one in seen[: len(seen) // 3]]  # of the first of three steps
    half = len(distances) // 2
    assert distances == [0.0] * half + [pytest.approx(0.5, rel=1e-4)] * half


@pytest.mark.parametrize("decay", [0.3, 0.999])
def test_the_average_is_that_of_a_plain_loop(make_head, decay):
    head = make_head()
    expected, step, scored = {k: p.detach().clone() for k, p in head.named_parameters()}, itertools.count(), []

    def on_progress(share):
        t = next(step)
        d = min(decay, (1 + t) / (10 + t))
        for name, parameter in head.named_parameters():
            expected[name] = d * expected[name] + (1 - d) * parameter.detach()

    def check():
        scored.append(1)
        for name, parameter in head.named_parameters():
            torch.testing.assert_close(parameter.detach(), expected[name], atol=1e-6, rtol=1e-5)
        return len(scored)

    trainer = Trainer(head, replace(QUICK, ema=decay), 0)
    trainer.fit(FEW, sampler(head), check, on_progress=on_progress)
    check()
    assert len(scored) == 4 and next(step) == 9


def test_averaging_changes_no_step(make_head):
    """The weights that steps start from are those of a run without an average, evaluated or not."""
    seen = []
    for ema in (0.0, 0.9):
        head, own = make_head(), []
        Trainer(head, replace(QUICK, ema=ema), 0).fit(
            FEW, sampler(head), lambda: 1.0, on_progress=lambda share, h=head, o=own: o.append(weights(h))
        )
        seen.append(own)
    assert len(seen[0]) == 9 and all(same(a, b) for a, b in zip(*seen, strict=True))


def test_a_checkpoint_without_the_average_starts_anew(whole, make_head, tmp_path):
    other = QUICK if whole[1][0] is BOTH else BOTH
    with pytest.raises(Killed):
        fit(make_head, other, checkpoint=tmp_path / "c", kill_step=5)
    got, _, steps = fit(make_head, whole[1][0], checkpoint=tmp_path / "c")
    assert steps == whole[1][3] and same(got, whole[1][1])
