"""Runs of joint extraction: their records, the baselines, and splits that are a part of another one's test part."""

import json
import re

import pytest
import samples

from relex import corpora
from relex.corpora import Corpus, CorpusSpec, fingerprint
from relex.documents import Document, Relation, RelationType, Schema, Span, read_documents
from relex.errors import RelexError
from relex.evaluation import extraction
from relex.heads import HEADS, OPTIONS, TASKS
from relex.heads.options import choices
from relex.runs import records, scoring
from relex.runs import run as runs
from relex.runs.config import Config
from relex.runs.probes import THRESHOLDS
from relex.runs.run import run
from relex.runs.train import BASELINES
from relex.training import Trainer

SCHEMA = Schema(
    ("病", "药", "因"),
    (RelationType("治疗", (("病", "药"),)), RelationType("病因", (("病", "因"),))),
)
FRAMES = ("{0}常因{2}而起，多服用{1}。", "医生说{0}来自{2}，开了{1}。")


def document(name, frame, fact):
    text = frame.format(*fact)
    entities = tuple(
        Span(text.index(mention), text.index(mention) + len(mention), kind)
        for mention, kind in zip(fact, SCHEMA.entity_types, strict=False)
    )
    return Document(name, text, entities, (Relation(0, 1, "治疗"), Relation(0, 2, "病因")))


TRAIN = tuple(document(f"train-{i}", FRAMES[0], fact) for i, fact in enumerate(samples.FACTS))
DEV = (TRAIN[0], *(document(f"dev-{i}", FRAMES[1], fact) for i, fact in enumerate(samples.FACTS[:2])))
REPEATED = (document("seen", FRAMES[0], samples.FACTS[0]), document("seen in dev", FRAMES[1], samples.FACTS[0]))
NEW = tuple(document(f"new-{i}", FRAMES[1], fact) for i, fact in enumerate(samples.FACTS[2:]))


def toy(split=""):
    test = NEW if split.endswith("-unseen") else (NEW[0], *REPEATED, *NEW[1:])
    return Corpus("toy", SCHEMA, TRAIN, DEV, test, fingerprint("toy", split))


@pytest.fixture
def config(project, monkeypatch):
    spec = CorpusSpec("toy", toy, stand_in=True, options={"split": ("report", "report-unseen")})
    monkeypatch.setitem(corpora.CORPORA, "toy", spec)
    runs._load.cache_clear()
    yield Config.from_json({
        "head": "cascade", "corpus": "toy", "split": "report", "encoder": "random:tiny", "layers": 1, "epochs": 20,
        "batch_tokens": 100, "lr": 3e-3, "head_lr": 3e-2, "precision": "fp32", "profile": "smoke", "row": "CasRel",
        "bilstm": False, "attention": False, "feature_fusion": "none",
    })  # fmt: skip
    runs._load.cache_clear()


@pytest.fixture
def lookup(config):
    return Config.from_json({"head": "lookup", "corpus": "toy", "split": "report", "row": "lookup"})


@pytest.fixture
def trained(monkeypatch):
    """Counts how often something was trained."""
    calls, fit = [], Trainer.fit
    monkeypatch.setattr(Trainer, "fit", lambda *a, **k: calls.append(1) or fit(*a, **k))
    return calls


def test_every_head_has_a_task():
    assert TASKS.keys() == OPTIONS.keys() == HEADS.keys() | BASELINES.keys()
    assert set(TASKS.values()) == {"classification", "extraction"}


def test_the_record_of_an_extraction(project, config):
    record = run(config, "smoke")
    assert set(records.REQUIRED) | {"per_class", "history", "answers", "curve"} == set(record)
    test = toy("report").test
    predicted = read_documents(project / "runs" / "smoke" / f"{record['run']}.predictions.jsonl")
    seen = {d.text for d in (*TRAIN, *DEV)}
    metrics, counts = extraction.evaluate(test, predicted, SCHEMA, seen)
    assert {k: v for k, v in record["metrics"].items() if not k.startswith("dev.")} == pytest.approx(metrics, abs=1e-6)
    assert {"dev.triples.offset.f1", "dev.triples.string.f1"} <= set(record["metrics"])
    assert counts.items() <= record["counts"].items() and record["counts"]["unseen.n"] == len(NEW)
    assert record["answers"] == extraction.answers(test, predicted, SCHEMA, seen)
    assert record["per_class"].keys() == set(SCHEMA.relation_names)
    assert {"train.windowed", "test.windowed", "parameters", "truncated"} <= set(record["counts"])
    assert not any(d.text[:5] in json.dumps(record, ensure_ascii=False) for d in (*TRAIN, *DEV, *test))


def test_the_curve_meets_the_record_at_its_threshold(config):
    record = run(config, "smoke")
    assert [point["threshold"] for point in record["curve"]] == list(THRESHOLDS)
    usual = record["curve"][THRESHOLDS.index(0.5)]
    assert all(usual[k] == record["counts"][f"triples.string.{k}"] for k in ("tp", "fp", "fn"))
    found = [point["tp"] + point["fp"] for point in record["curve"]]
    assert found[0] > found[-1], "a low threshold should find more than a high one"


def test_the_epoch_is_chosen_by_triples_of_strings(config):
    record = run(config, "smoke")
    assert max(h["score"] for h in record["history"]) == pytest.approx(
        record["metrics"][f"dev.{scoring.SELECTS['extraction']}"], abs=1e-6
    )


@pytest.mark.parametrize("head", [name for name in BASELINES if TASKS[name] == "extraction"])
def test_baselines_leave_the_same_kind_of_record(config, lookup, head):
    record = run(lookup.with_(head=head), "smoke")
    trained = run(config.with_(epochs=1), "smoke")
    assert record.keys() | {"curve"} == trained.keys()
    assert record["metrics"].keys() == trained["metrics"].keys()
    assert record["metrics"]["triples.string.f1"] > 0
    if head == "lookup":
        assert record["metrics"]["unseen.triples.string.f1"] == 0 < record["metrics"]["triples.offset.p"] == 1


@pytest.mark.parametrize(
    "change", [{"augment": ["duplicate"]}, *({"sampler": name} for name in choices(Config)["sampler"][1:])], ids=str
)
def test_what_is_for_classification_is_refused(config, trained, change):
    with pytest.raises(RelexError, match="head 'cascade' cannot train with .*classifi"):
        run(config.with_(**change), "smoke")
    assert not trained


def test_a_classifier_refuses_documents_of_extraction(config, trained):
    with pytest.raises(RelexError, match="has 2 relations, but relation classification needs exactly one"):
        run(Config(corpus="toy", encoder="random:tiny", layers=1), "smoke")
    assert not trained


def test_an_unseen_split_is_scored_with_the_predictions_of_the_whole(project, config, trained):
    whole = run(config, "smoke")
    part = run(config.with_(split="report-unseen", row="CasRel, unseen"), "smoke")
    assert len(trained) == 1
    assert (part["derived_from"], part["time"], part["history"]) == (whole["run"], whole["time"], whole["history"])
    assert part["run"] != whole["run"] and part["config"]["split"] == "report-unseen"
    assert part["counts"]["n"] == part["counts"]["unseen.n"] == part["corpus"]["sizes"]["test"] == len(NEW)
    for name in ("triples.string.f1", "triples.offset.p", "ner.strict.r"):
        assert part["metrics"][name] == part["metrics"][f"unseen.{name}"] == whole["metrics"][f"unseen.{name}"]
    assert part["metrics"]["dev.triples.string.f1"] == whole["metrics"]["dev.triples.string.f1"]
    assert part["counts"]["train_documents"] == len(TRAIN)
    assert "curve" not in part and not any(k.startswith("test.") for k in part["counts"])
    unseen = whole["answers"]["unseen"]
    kept = [n for n, u in zip(whole["answers"]["predicted"].split(), unseen, strict=True) if u == "1"]
    assert part["answers"]["predicted"].split() == kept
    path = project / "runs" / "smoke" / f"{whole['run']}.json"
    assert json.loads(path.read_text(encoding="utf-8"))["config"]["row"] == "CasRel", "the whole keeps its own label"
    assert run(config.with_(split="report-unseen", row="CasRel, unseen"), "smoke") == json.loads(json.dumps(part))


def test_without_the_whole_run_it_is_done_for_the_part_and_used_afterwards(project, config, trained):
    part = run(config.with_(split="report-unseen", row="unseen"), "smoke")
    assert len(trained) == 1 and [p.stem for p in (project / "runs" / "smoke").glob("*.json")] == [part["run"]]
    whole = run(config, "smoke")
    assert len(trained) == 1 and whole["run"] == part["derived_from"] and whole["config"]["row"] == "CasRel"


def test_a_published_whole_has_no_predictions_and_is_done_again(project, config, trained):
    whole = run(config, "smoke")
    records.publish([whole])
    for path in (project / "runs" / "smoke").iterdir():
        path.unlink()
    part = run(config.with_(split="report-unseen"), "smoke")
    assert len(trained) == 2 and part["derived_from"] == whole["run"]


def test_weights_kept_for_a_part_are_those_of_the_whole(config, trained):
    part = config.with_(split="report-unseen")
    first = run(part, "smoke")
    assert runs.find_model(first["derived_from"]) is None
    run(part, "smoke", keep_model=True)
    assert runs.find_model(first["derived_from"]) is not None and len(trained) == 2
    run(part, "smoke", keep_model=True)
    assert len(trained) == 2


def test_a_part_of_a_baseline_and_of_a_limited_test_part(lookup):
    whole = run(lookup.with_(test_limit=4), "smoke")
    part = run(lookup.with_(test_limit=4, split="report-unseen"), "smoke")
    assert part["counts"]["n"] == whole["counts"]["unseen.n"] < 4
    assert part["metrics"]["triples.string.f1"] == 0 and part["derived_from"] == whole["run"]


def test_predictions_that_lack_a_document_are_not_used(project, lookup):
    whole = run(lookup, "smoke")
    path = runs.predictions_path("smoke", whole["run"])
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]), encoding="utf-8")
    with pytest.raises(RelexError, match=f"predicted {len(NEW) - 1} of the {len(NEW)} .*{re.escape(str(path))}"):
        run(lookup.with_(split="report-unseen"), "smoke")


def test_corpora_are_told_apart_by_split_unit_and_align(config, monkeypatch):
    asked = []
    with monkeypatch.context() as patch:
        patch.setattr(runs, "_load", lambda *a: asked.append(a))
        runs.load_corpus(config.with_(unit="report", align="first"))
    assert asked == [("toy", "report", "report", "first")]
