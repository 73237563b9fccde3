"""The benchmarks: both sides give the same answers, every number is there, and other code is none the wiser."""

import pytest
import torch

from relex import corpora
from relex.bench import BENCHMARKS, cascade, timing
from relex.errors import RelexError
from relex.experiments.building import make_head
from relex.experiments.config import Config
from relex.experiments.run import load_corpus
from relex.training import predict
from relex.training.trainer import make_accelerator


@pytest.fixture
def generated(project, monkeypatch):
    """No real corpus is at hand, and the generated one is small."""
    generate = corpora.GENERATORS["angiography"]
    monkeypatch.setattr(corpora, "find", lambda name: None)
    monkeypatch.setitem(
        corpora.GENERATORS, "angiography", lambda split="", unit="": generate(10, split=split, unit=unit)
    )
    load_corpus.__globals__["_load"].cache_clear()
    yield
    load_corpus.__globals__["_load"].cache_clear()


@pytest.fixture
def told(generated):
    """A head of the benchmark with two calibrated documents."""
    config = Config.from_json({
        "head": "cascade", "corpus": "angiography", "split": "report", "unit": "report", "encoder": "random:tiny",
        "layers": 1,
    })  # fmt: skip
    corpus = load_corpus(config)
    head = cascade.Told(make_head(config, corpus).encoder, corpus.schema, config.options)
    cascade.calibrate(head, corpus.train[:2])
    return head, corpus.train[:2]


def triples(documents):
    return [set(d.triples()) for d in documents]


def test_cascade_prints_speeds_and_ratios(generated):
    values = BENCHMARKS["cascade"](documents=2, layers=1, encoder="random:tiny", repeats=1)
    assert values["documents"] == 2 and values["corpus"] == "angiography, whole reports (stand-in)"
    for name in ("inference: documents/s", "inference: tokens/s", "training: tokens/s", "plain version: documents/s"):
        assert values[name] > 0
    assert values["inference: times as fast as the plain version"] > 0
    assert 0 <= values["inference: % of time outside the encoder"] <= 100
    same, found = map(int, values["same triples on all sides in fp32"].split(" of "))
    assert same == found >= 2 * values["gold triples a document"] > 0
    assert values["subjects a document"] > 1
    assert values["padding, length-bucketed: %"] < values["padding, to the longest: %"]


@pytest.mark.parametrize("again", [True, False])
def test_plain_loop_gives_the_same_triples(told, again):
    head, documents = told
    accelerator = make_accelerator("fp32")
    found = predict(head, documents, accelerator)
    assert triples(cascade.plain(head, documents, accelerator, again)) == triples(found)
    gold = [{h for h, _, _ in d.triples()} for d in documents]
    for predicted, subjects in zip(found, gold, strict=True):
        places = {(h.start, h.end) for h, _, _ in predicted.triples()}
        assert predicted.relations and places <= {(s.start, s.end) for s in subjects}


def test_plain_loop_computes_states_for_every_subject(told, monkeypatch):
    head, documents = told
    calls, states = [], head.states
    monkeypatch.setattr(head, "states", lambda batch: calls.append(1) or states(batch))
    accelerator = make_accelerator("fp32")
    cascade.plain(head, documents, accelerator)
    assert len(calls) == len(documents) + sum(len(head.collate([d])["subjects"]) for d in documents)
    calls.clear()
    cascade.plain(head, documents, accelerator, again=False)
    assert len(calls) == len(documents)
    calls.clear()
    predict(head, documents, accelerator)
    assert len(calls) == 1


def test_encoder_clock(told):
    head, documents = told
    accelerator, batch = make_accelerator("fp32"), head.collate(documents)
    with timing.encoder_clock(head, accelerator) as clock, torch.no_grad():
        whole = timing.timed(lambda: head.states(batch), accelerator)
    assert 0 < clock["s"] < whole
    assert "forward" not in vars(head.encoder) and "backward" not in vars(accelerator)


@pytest.mark.parametrize("head", sorted(BENCHMARKS))
def test_numbers_below_one(head):
    for wrong in ({"documents": 0}, {"repeats": 0}):
        with pytest.raises(RelexError, match="needs at least one document and one repeat"):
            BENCHMARKS[head](**wrong)
