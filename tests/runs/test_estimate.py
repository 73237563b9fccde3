"""Hours: in proportion to the work, scaled between machines, and unknown where no recorded run is like it."""

import copy
import json

import numpy as np
import pytest

from relex import corpora
from relex.experiments import EXPERIMENTS
from relex.queue import estimate
from relex.queue.estimate import FGM, START_S, Estimate
from relex.runs import records
from relex.runs.config import Config
from relex.training.trainer import resolve_precision

HERE = (records.cpu_name(), resolve_precision("auto"))
CONFIG = Config.from_json({
    "corpus": "interactions", "head": "cascade", "layers": 4, "epochs": 5, "batch_tokens": 600, "train_limit": 100,
    "dev_limit": 10, "test_limit": 10, "profile": "cpu", "row": "one", "bilstm": False,
})  # fmt: skip


def record(config=CONFIG, train_s=1000.0, predict_s=1e-6, tokens=100_000, kind=HERE, **more):
    """A record with what an estimate looks at."""
    machine = {"device": "cpu, 1 thread", "cpu": kind[0], "precision": kind[1]}
    history = [{"epoch": i, "loss": 1.0, "score": 0.5} for i in range(config.training.epochs)]
    run = f"{config.row} {config.seed} {train_s}"
    return {
        "experiment": "demo", "run": run, "config": config.to_json(), "machine": machine, "history": history,
        "counts": {"trained_tokens": tokens}, "time": {"train_s": train_s, "predict_s": predict_s},
    } | more  # fmt: skip


def seconds(config, *found, speed=1000.0):
    """The estimate without the start of a run."""
    known = Estimate(found, lambda: speed).seconds(config)
    return known if known is None else known - START_S


def test_the_same_run_takes_the_median_of_its_seeds():
    seeds = [record(CONFIG.with_(seed=i), train_s) for i, train_s in enumerate((900.0, 1000.0, 5000.0))]
    assert seconds(CONFIG.with_(seed=7, profile="full", row="another"), *seeds) == pytest.approx(1000)


def test_time_is_in_proportion_to_epochs_and_text():
    assert seconds(CONFIG.with_(epochs=15), record()) == pytest.approx(3000)
    train = corpora.load("interactions").train
    half, whole = (sum(len(d.text) for d in estimate.subsample(train, n)) for n in (100, 0))
    assert seconds(CONFIG.with_(train_limit=0), record()) == pytest.approx(1000 * whole / half)


def test_dev_and_test_documents_are_predicted_for():
    config = CONFIG.with_(epochs=1)
    with_thresholds = seconds(config, record(config, predict_s=10.0))
    # of cascades the test part is predicted once and at five thresholds, the development part for the epoch and at last
    sizes = Estimate([])._sizes(config.to_json())
    assert with_thresholds == pytest.approx(1000 + 60 + 20 * sizes["dev"] / sizes["test"])


def test_a_layer_costs_what_it_costs_in_the_small_model():
    # 1000 tokens a second on 2.3 layers: 1/2300 s for a token and layer
    deeper = seconds(CONFIG.with_(layers=6), record())
    assert deeper == pytest.approx(1000 + 2 * 100_000 / 2300)
    assert seconds(CONFIG.with_(fgm=0.1), record()) == pytest.approx(1000 * FGM)
    both = record(CONFIG.with_(fgm=0.1))
    assert seconds(CONFIG.with_(layers=6), both) == pytest.approx((1000 + 2 * 100_000 / 2300 * FGM) / FGM)


def test_the_nearest_record_counts():
    changes = ({"bilstm": True}, {"layers": 12}, {"corpus": "arteriography"}, {"batch_tokens": 100})
    far = [record(CONFIG.with_(**change, row=str(change)), 7777.0) for change in changes]
    assert seconds(CONFIG, *far, record()) == pytest.approx(1000)
    switched = CONFIG.with_(bilstm=True, fgm=0.1)
    assert seconds(switched, record(), record(switched, 3000.0)) == pytest.approx(3000)


def test_a_fixed_number_of_steps():
    if "epoch_steps" not in CONFIG.to_json():
        pytest.skip("epochs are passes")
    steps = CONFIG.with_(epoch_steps=20)
    by_steps = record(steps, tokens=50_000)
    by_steps["counts"]["steps"] = 100
    assert seconds(CONFIG.with_(epoch_steps=40), by_steps) == pytest.approx(2000)
    assert seconds(CONFIG.with_(epoch_steps=20), record()) == pytest.approx(1000 * 0.9 * 600 * 5 * 20 / 100_000)
    assert seconds(CONFIG, by_steps) is None


def test_times_of_another_machine_are_scaled():
    other = ("1 × Tortoise", "fp32")
    small = Config.from_json({"corpus": "encyclopedia", "layers": 2, "row": "small"})
    slow = record(small, train_s=200.0, tokens=100_000, kind=other)  # 500 tokens a second
    assert seconds(CONFIG, record(kind=other), slow, speed=2000.0) == pytest.approx(250)
    assert seconds(CONFIG, record(kind=other), speed=2000.0) == pytest.approx(1000)  # nothing tells how fast it was
    assert seconds(CONFIG, record(kind=other), slow, record(train_s=300.0)) == pytest.approx(300)


def test_unknown_times_stay_unknown():
    assert seconds(CONFIG.with_(encoder="random:tiny"), record()) is None
    assert seconds(Config.from_json({"head": "span", "corpus": "interactions"}), record()) is None
    assert seconds(CONFIG, record(derived_from="another")) is None
    on_gpu = record()
    on_gpu["machine"]["device"] = "1 × NVIDIA H100"
    assert seconds(CONFIG, on_gpu) is None
    gone = copy.deepcopy(record())
    gone["config"]["corpus"] = "jsonl:/nowhere"
    assert seconds(CONFIG, gone) is None


def test_published_records_are_told_by_their_other_seeds():
    """Each published run on a corpus that is always here, from the runs with other seeds; together and most of them."""
    found = [json.loads(p.read_bytes()) for name in EXPERIMENTS for p in (records.results_dir() / name).glob("*.json")]
    here = corpora.names(stand_in=True)
    found = [r for r in found if r["config"]["corpus"] in here and r["counts"].get("trained_tokens")]
    if len(found) < 10:
        pytest.skip("few records of stand-ins are published")
    found = [r for r in {r["run"]: r for r in found}.values() if r["machine"]["device"].startswith("cpu, 1 thread")]
    ratios, told, taken = [], 0.0, 0.0
    lengths = estimate.functools.cache(estimate._lengths)
    for seed in {r["config"]["seed"] for r in found}:
        others = Estimate([r for r in found if r["config"]["seed"] != seed], lambda: 2000.0)
        others._lengths = lengths
        for r in (r for r in found if r["config"]["seed"] == seed):
            known = others.seconds(Config.from_json(r["config"]))
            if known is not None:
                ratios.append(known / r["time"]["train_s"])
                told, taken = told + known, taken + r["time"]["train_s"]
    assert 1 / 1.5 < told / taken < 1.5
    assert np.mean([1 / 2 < ratio < 2 for ratio in ratios]) > 0.75


@pytest.mark.parametrize(
    ("part", "name"),
    [(None, "history"), ("counts", "trained_tokens"), ("time", "train_s"), ("machine", "cpu"), ("config", "layers")],
)
def test_records_of_another_version_that_lack_something_tell_nothing(part, name):
    other = copy.deepcopy(record())
    del (other[part] if part else other)[name]
    assert seconds(CONFIG, other) is None
    assert seconds(CONFIG, other, record()) == pytest.approx(1000)
