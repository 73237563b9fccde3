"""Runs: from a config to a record, once; interrupted, found, relabelled."""

import functools
import itertools
import json
import math
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import samples
from sklearn import metrics as sk

from relex.corpora.corpus import subsample
from relex.documents import Document, Relation, read_documents
from relex.errors import RelexError
from relex.runs import records, scoring
from relex.runs.config import Config
from relex.runs.run import model_path, run
from relex.samplers import hardest_classes
from relex.training import Trainer

SCORES = ("accuracy", "macro_p", "macro_r", "macro_f1", "micro_f1", "recall_weighted_micro_f1", "f1_range")
VOLATILE = ("time", "date", "commit")


class Killed(BaseException):
    """What a test stops a run with."""


@pytest.fixture
def config(corpus_name):
    return Config.from_json({
        "corpus": corpus_name, "encoder": "random:tiny", "layers": 1, "epochs": 2, "batch_tokens": 250,
        "micro_tokens": 250, "lr": 3e-3, "head_lr": 1e-2, "precision": "fp32", "profile": "smoke", "row": "regular",
    })  # fmt: skip


@pytest.fixture
def untrained(monkeypatch):
    """Training fails: whatever passes under this fixture did not train."""

    def refuse(*_, **__):
        raise AssertionError("trained again")

    return lambda: monkeypatch.setattr(Trainer, "fit", refuse)


def stable(record):
    """What of a record must be the same whenever it is made; the loss up to the order of summation."""
    record = json.loads(json.dumps(record))
    losses = [entry.pop("loss") for entry in record["history"]]
    return {k: v for k, v in record.items() if k not in VOLATILE}, losses


def assert_same(one, other):
    (one, losses), (other, other_losses) = stable(one), stable(other)
    assert one == other and losses == pytest.approx(other_losses)


def test_the_record(project, config):
    shares = []
    record = run(config, "smoke", shares.append)
    assert set(records.REQUIRED) | {"per_class", "history", "answers"} == set(record)
    assert (record["experiment"], record["config"]) == ("smoke", config.to_json())
    assert set(record["corpus"]) == {"name", "fingerprint", "sizes", "stand_in"}
    assert record["corpus"]["sizes"] == {"train": 25, "dev": 12, "test": 16} and record["corpus"]["stand_in"] is False
    assert {"train_s", "predict_s"} <= set(record["time"])
    assert {"device", "cpu", "torch", "transformers", "python"} <= set(record["machine"])
    assert set(record["metrics"]) == {*SCORES, *(f"unseen.{s}" for s in SCORES), "dev.accuracy", "dev.macro_f1"}
    assert all(math.isfinite(v) and 0 <= v <= 1 for v in record["metrics"].values())
    assert all(math.isfinite(v) and v >= 0 for v in record["time"].values())
    assert record["counts"]["n"] == 16 and record["counts"]["unseen.n"] == 12 and record["counts"]["truncated"] == 0
    assert record["run"] == config.key(record["corpus"]["fingerprint"])
    assert [h["epoch"] for h in record["history"]] == [0, 1]
    assert shares == sorted(shares) and shares[-1] == 1
    folder = project / "runs" / "smoke"
    assert json.loads((folder / f"{record['run']}.json").read_text(encoding="utf-8")) == json.loads(json.dumps(record))
    assert sorted(p.name for p in folder.iterdir()) == [f"{record['run']}.json", f"{record['run']}.predictions.jsonl"]


def test_answers_recompute_the_metrics(project, config):
    record = run(config, "smoke")
    answers = record["answers"]
    gold, predicted = ([int(c, 36) for c in answers[name]] for name in ("gold", "predicted"))
    assert [samples.SCHEMA.relation_names[i] for i in gold] == [d.relations[0].type for d in samples.TEST]
    unseen = [i for i, c in enumerate(answers["unseen"]) if c == "1"]
    assert unseen == list(range(12))
    for prefix, chosen in (("", range(16)), ("unseen.", unseen)):
        pairs = [gold[i] for i in chosen], [predicted[i] for i in chosen]
        f1 = sk.f1_score(*pairs, labels=range(4), average="macro", zero_division=0)
        assert record["metrics"][f"{prefix}accuracy"] == pytest.approx(sk.accuracy_score(*pairs), abs=1e-6)
        assert record["metrics"][f"{prefix}macro_f1"] == pytest.approx(f1, abs=1e-6)
        assert record["counts"][f"{prefix}confusion"] == sk.confusion_matrix(*pairs, labels=range(4)).tolist()
    assert answers["unseen_pair"] == "0" * 16 and "unseen_pair.n" not in record["counts"]
    path = project / "runs" / "smoke" / f"{record['run']}.predictions.jsonl"
    written = [samples.SCHEMA.relation_names.index(d.relations[0].type) for d in read_documents(path)]
    assert written == predicted


def test_rows_with_an_unseen_sentence_and_pair_are_scored_apart():
    known = [d for d in samples.TRAIN if d.mention(0) != samples.FACTS[4][0]]
    turned = samples.document("没有旧句子。", samples.FACTS[4][1], samples.FACTS[4][0])  # one pair of it, turned round
    corpus = replace(samples.CORPUS, train=(*known, turned))
    predicted = [replace(d, relations=(Relation(0, 1, samples.CLASSES[0]),)) for d in samples.TEST]
    record = scoring.scores("classification", corpus, samples.TEST, predicted)
    new = [i for i, d in enumerate(samples.TEST) if d.mention(0) == samples.FACTS[4][0]][1:]
    assert [i for i, c in enumerate(record["answers"]["unseen_pair"]) if c == "1"] == new and len(new) == 3
    assert record["counts"]["unseen_pair.n"] == 3 < record["counts"]["unseen.n"] == 12
    assert record["metrics"]["unseen_pair.accuracy"] == 0 < record["metrics"]["unseen.accuracy"]
    assert "dev.unseen_pair.accuracy" not in scoring.dev_scores("classification", corpus, samples.TEST, predicted)[0]


def test_a_record_holds_no_text(project, config):
    written = json.dumps(run(config, "smoke"), ensure_ascii=False)
    for document in (*samples.TRAIN, *samples.DEV, *samples.TEST):
        grams = {document.text[i : i + 5] for i in range(len(document.text) - 4)}
        assert not any(gram in written for gram in grams)
        assert not any(document.mention(i) in written for i in (0, 1))


def test_a_run_that_has_a_record_is_not_done_again(project, config, untrained):
    record = run(config, "smoke")
    untrained()
    assert run(config, "smoke") == json.loads(json.dumps(record))
    with pytest.raises(AssertionError, match="trained again"):
        run(config.with_(seed=1), "smoke")


def test_another_experiment_gets_the_record_under_its_own_labels(project, config, untrained):
    record = run(config, "smoke")
    untrained()
    other = run(config.with_(row="plain", profile="quick"), "ablation")
    assert other["experiment"] == "ablation"
    assert other["config"] == config.to_json() | {"row": "plain", "profile": "quick"}
    assert (other["run"], other["metrics"], other["date"]) == (record["run"], record["metrics"], record["date"])
    for name, row in (("smoke", "regular"), ("ablation", "plain")):
        path = project / "runs" / name / f"{record['run']}.json"
        assert json.loads(path.read_text(encoding="utf-8"))["config"]["row"] == row


def test_a_published_record_is_enough(project, config, untrained):
    record = run(config, "smoke")
    records.publish([record])
    (project / "runs" / "smoke" / f"{record['run']}.json").unlink()
    untrained()
    assert run(config, "smoke")["metrics"] == record["metrics"]


def test_a_damaged_record_is_set_aside_and_the_run_done_again(project, config, capsys):
    record = run(config, "smoke")
    path = project / "runs" / "smoke" / f"{record['run']}.json"
    path.write_bytes(path.read_bytes()[:100])
    assert_same(run(config, "smoke"), record)
    assert path.with_suffix(".json.damaged").is_file()
    out, err = capsys.readouterr()
    assert "damaged" in out + err


def test_the_seed_fixes_the_record(project, config):
    record = run(config, "smoke")
    (project / "runs" / "smoke" / f"{record['run']}.json").unlink()
    assert_same(run(config, "smoke"), record)
    other = run(config.with_(seed=1), "smoke")
    assert [h["loss"] for h in other["history"]] != [h["loss"] for h in record["history"]]


def kill_at(number):
    calls = itertools.count(1)

    def on_progress(share):
        if next(calls) == number:
            raise Killed

    return on_progress


@pytest.mark.parametrize("number", [2, 3, 4])
def test_killed_and_resumed_equals_uninterrupted(project, config, monkeypatch, number):
    config = config.with_(sampler="curriculum", hard_classes=["病因"], hard_weight=2.0)
    monkeypatch.setattr(Trainer, "fit", functools.partialmethod(Trainer.fit, checkpoint_s=0.0))
    folder = project / "runs" / "smoke"
    with pytest.raises(Killed):
        run(config, "smoke", kill_at(number), keep_model=True)
    (checkpoint,) = folder.iterdir()
    assert checkpoint.name.endswith(".checkpoint.safetensors")
    shares = []
    resumed = run(config, "smoke", shares.append, keep_model=True)
    predictions = folder / f"{resumed['run']}.predictions.jsonl"
    weights = folder / f"{resumed['run']}.model" / "weights.safetensors"
    files = {path: path.read_bytes() for path in (predictions, weights)}
    assert len([*folder.iterdir()]) == 3  # these and the record
    shutil.rmtree(folder)
    whole = []
    assert_same(run(config, "smoke", whole.append, keep_model=True), resumed)
    assert shares[-1] == whole[-1] == 1 and len(shares) < len(whole)
    assert {path: path.read_bytes() for path in files} == files


def test_kept_weights_are_made_when_they_are_missing(project, config, untrained):
    record = run(config, "smoke")
    path = model_path("smoke", record["run"])
    assert not path.exists()
    assert_same(run(config, "smoke", keep_model=True), record)
    assert path.is_dir()
    untrained()
    run(config, "smoke", keep_model=True)


def test_a_full_disk_is_said_and_the_run_goes_on_later(project, config, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RelexError, match="cannot write .*No space left on device"):
            run(config, "smoke")
    assert not list((project / "runs").glob("*/*"))
    assert run(config, "smoke")["counts"]["n"] == 16


def test_auto_hard_classes_are_those_of_the_run_without_enhancement(project, config):
    config = config.with_(epochs=1)
    enhanced = config.with_(hard_weight=2.0, sampler="priority", augment=["duplicate"])
    record = run(enhanced.with_(hard_classes=["auto"]), "smoke")
    plain = run(config, "smoke")
    classes = plain["counts"]["classes"]
    hard = [classes[i] for i in hardest_classes(plain["counts"]["dev.confusion"])]
    assert record["config"]["hard_classes"] == hard and len(set(hard)) == 2
    named = run(enhanced.with_(hard_classes=hard), "smoke")
    assert named["run"] == record["run"]
    extra = sum(d.relations[0].type in hard for d in samples.TRAIN)
    assert (plain["counts"]["train_documents"], record["counts"]["train_documents"]) == (25, 25 + extra)


BASELINES = [{"head": "majority"}, {"head": "tfidf"}, {"head": "tfidf", "features": "pair"}]


@pytest.mark.parametrize("change", BASELINES, ids=str)
def test_baselines_leave_the_same_kind_of_record(project, config, change):
    shares = []
    record = run(Config.from_json({"corpus": config.corpus, "profile": "smoke", **change}), "smoke", shares.append)
    trained = run(config, "smoke")
    assert record.keys() == trained.keys() and record["metrics"].keys() == trained["metrics"].keys()
    assert record["machine"].keys() == trained["machine"].keys() and "train_s" in record["time"]
    assert shares[-1] == 1 and record["run"] != trained["run"]
    if change["head"] == "majority":
        assert record["answers"]["predicted"] == "1" * 16  # 病因 has one training document more than the others
    assert run(Config.from_json(record["config"]), "smoke") == json.loads(json.dumps(record))


@pytest.mark.parametrize("sampler", ["length", "balanced", "priority", "curriculum"])
def test_samplers_by_name(project, config, sampler):
    record = run(config.with_(sampler=sampler, hard_classes=["病因"], epochs=1), "smoke")
    assert record["counts"]["trained_tokens"] <= record["counts"]["padded_positions"]


def test_limits(project, config):
    record = run(config.with_(train_limit=20, dev_limit=8, test_limit=5, epochs=1), "smoke")
    assert (record["counts"]["n"], record["counts"]["train_documents"]) == (5, 20)
    assert np.sum(record["counts"]["dev.confusion"]) == 8
    few = subsample(samples.TRAIN, 9)
    assert len(few) == 9 and few == tuple(d for d in samples.TRAIN if d in few) and few == subsample(samples.TRAIN, 9)
    assert subsample(samples.TRAIN, 0) == subsample(samples.TRAIN, 99) == samples.TRAIN


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sampler": "random"}, "no sampler 'random'; known are length"),
        ({"encoder": "random:huge"}, "no encoder 'random:huge'"),
        ({"corpus": "nothing"}, "no corpus 'nothing'"),
        ({"layers": 3}, "layers=3 is not possible"),
        ({"schedule": "cosine"}, "no schedule 'cosine'"),
        ({"precision": "fp8"}, "no precision 'fp8'"),
        ({"augment": ["x"], "hard_classes": ["病因"]}, "no augmentation 'x'"),
        ({"hard_classes": ["头痛"]}, "hard class '头痛' is not a relation"),
    ],
    ids=str,
)
def test_unknown_names(project, config, change, message):
    with pytest.raises(RelexError, match=message):
        run(config.with_(**change), "smoke")
    assert not [path for path in (project / "runs").rglob("*") if path.is_file()]


def test_a_document_without_a_label_is_named_before_training(project, config, tmp_path, untrained):
    untrained()
    one = samples.DEV[0]
    with open(tmp_path / "own" / "test.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(Document("bare", one.text, one.entities).to_json()) + "\n")
    with pytest.raises(RelexError, match="document 'bare' has 0 relations"):
        run(config, "smoke")
