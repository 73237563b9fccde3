"""A run of the focused model and of a baseline on generated texts, from the config to the record."""

import pytest

from relex.documents import read_documents
from relex.evaluation import extraction
from relex.heads.pairs.tagger import LOST
from relex.runs import probes, train
from relex.runs import run as runs
from relex.runs.config import Config
from relex.runs.run import run
from relex.training import predict
from relex.training.trainer import make_accelerator

SMALL = {
    "head": "focused", "corpus": "angiography", "split": "distinct", "encoder": "random:tiny", "layers": 2, "k": 1,
    "train_limit": 40, "dev_limit": 6, "test_limit": 12, "epochs": 6, "batch_tokens": 200, "lr": 1e-2, "head_lr": 3e-2,
    "precision": "fp32", "profile": "smoke", "row": "Focused",
}  # fmt: skip


def test_a_joint_run_is_scored_end_to_end_and_on_given_entities(project):
    record = run(Config.from_json(SMALL), "smoke")
    config = Config.from_json(record["config"])
    corpus = runs.load_corpus(config)
    test = train.parts(config, corpus)[2]
    predicted = read_documents(project / "runs" / "smoke" / f"{record['run']}.predictions.jsonl")
    seen = {d.text for d in (*corpus.train, *corpus.dev)}
    metrics, counts = extraction.evaluate(test, predicted, corpus.schema, seen)
    assert {k: record["metrics"][k] for k in metrics} == pytest.approx(metrics, abs=1e-6)
    given = {k: v for k, v in record["metrics"].items() if k.startswith("given.re.strict.")}
    kept = {k: v for k, v in record["metrics"].items() if k.startswith("kept.re.strict.")}
    assert len(given) == len(kept) == 6 and list(given.values()) == list(kept.values()), "all pairs train"
    assert given["given.re.strict.f1"] > 0, "it learns something between entities that are told"
    gold = sum(len(set(d.triples())) for d in test)
    assert record["counts"]["given.re.strict.tp"] + record["counts"]["given.re.strict.fn"] == gold
    for name in ("gold", "predicted", "correct"):
        assert len(record["answers"][f"{name}_given"].split()) == len(test)
    assert sum(map(int, record["answers"]["correct_given"].split())) == record["counts"]["given.re.strict.tp"]
    assert {f"{part}.{name}" for part in ("train", "test") for name in LOST} <= record["counts"].keys()


def test_pairs_that_are_left_out_of_the_test_part_raise_precision(project):
    record = run(Config.from_json(SMALL | {"negative_share": 0.0}), "smoke")
    metrics, counts = record["metrics"], record["counts"]
    assert metrics["kept.re.strict.r"] == metrics["given.re.strict.r"], "every relation is still asked for"
    assert counts["kept.re.strict.tp"] == counts["given.re.strict.tp"] > 0
    assert counts["kept.re.strict.fp"] < counts["given.re.strict.fp"], "a pair that is not asked is no false alarm"


def test_relations_alone_are_of_given_entities(project):
    record = run(Config.from_json(SMALL | {"tasks": "rc"}), "smoke")
    assert record["metrics"]["ner.strict.f1"] == 1
    assert record["metrics"]["given.re.strict.f1"] == record["metrics"]["re.strict.f1"] > 0


def test_entities_alone_choose_their_epoch_by_entities(project):
    record = run(Config.from_json(SMALL | {"tasks": "ner"}), "smoke")
    assert not any(k.startswith(("given", "kept")) for k in record["metrics"])
    assert record["metrics"]["re.strict.f1"] == 0 < record["metrics"]["ner.strict.f1"]
    scores = [entry["score"] for entry in record["history"]]
    assert max(scores) == pytest.approx(record["metrics"]["dev.ner.strict.f1"], abs=1e-6) and max(scores) > 0


def test_relations_of_given_entities_keep_the_entities():
    config = Config.from_json(SMALL | {"negative_share": 0.5})
    corpus = runs.load_corpus(config)
    test = train.parts(config, corpus)[2]
    head, accelerator = train.make_head(config, corpus), make_accelerator("fp32")
    before = predict(head, test, accelerator)
    given = probes.Given(probes.Ground((), test, config.corpus, accelerator))
    found = given.after(head, before)["given"]
    assert list(found) == ["given", "kept"] and predict(head, test, accelerator) == before
    for documents in found.values():
        assert [set(d.entities) for d in documents] == [set(d.entities) for d in test]
