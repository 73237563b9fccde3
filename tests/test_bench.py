"""The benchmarks: both sides give the same answers, every number is there, and other code is none the wiser."""

import subprocess
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from relex import corpora, encoders
from relex.bench import BENCHMARKS, cascade, timing
from relex.bench import focused as bench_focused
from relex.bench import onnx as bench_onnx
from relex.bench import span as bench_span
from relex.bench import systems as bench_systems
from relex.bench import table as bench_table
from relex.errors import RelexError
from relex.heads.pairs import focused_layers
from relex.heads.span import model as heads_span
from relex.runs.config import Config
from relex.runs.run import load_corpus
from relex.runs.train import make_head
from relex.training import predict
from relex.training.trainer import make_accelerator

SPECS = dict(corpora.CORPORA)


def smaller(monkeypatch, name, texts):
    """A generated corpus has this many texts."""
    spec = SPECS[name]
    monkeypatch.setitem(corpora.CORPORA, name, replace(spec, read=partial(spec.read, texts)))


@pytest.fixture
def generated(project, monkeypatch):
    """No real corpus is at hand, and the generated ones are small."""
    monkeypatch.setattr(corpora, "find", lambda name: None)
    smaller(monkeypatch, "angiography", 10)
    smaller(monkeypatch, "interactions", 30)
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


def test_systems_are_measured_in_times_of_their_encoder(generated, monkeypatch):
    rows = bench_systems.configs()
    some = ("CasRel", "TPLinker", "PURE", "ISER", "Focused")
    monkeypatch.setattr(bench_systems, "configs", lambda: {row: rows[row] for row in some})
    values = BENCHMARKS["systems"](documents=2, layers=4, encoder="random:deep", repeats=1)
    ratios = {name.partition(":")[0]: value for name, value in values.items() if name.endswith("times the encoder")}
    assert tuple(ratios) == some and all(ratio > 0 for ratio in ratios.values()) and len(rows) >= 20
    assert int(values["documents, tokens"].split(", ")[1]) > 2


def span_head(**changes):
    """A head of SpERT's switches, and two sentences."""
    config = Config.from_json({"head": "span", "corpus": "interactions", "encoder": "random:tiny", "layers": 1}
                              | bench_span.SPERT | changes)  # fmt: skip
    corpus = load_corpus(config)
    return make_head(config, corpus).eval(), corpus.train[:3]


def test_span_prints_speeds_ratios_and_memory(generated):
    values = BENCHMARKS["span"](documents=2, layers=1, encoder="random:tiny", repeats=1)
    assert values["sentences"] == 2 and values["corpus"] == "interactions, test part (stand-in)"
    same, found = map(int, values["same entities and relations on both sides in fp32"].split(" of "))
    assert same == found > 0
    for name, value in values.items():
        if "sentences/s" in name or "times as fast" in name or "MiB" in name:
            assert value > 0, name
        if "% of time" in name:
            assert 0 <= value <= 100, name
    for tokens in bench_span.LENGTHS:
        (ours,) = (v for k, v in values.items() if k.endswith(f"of {tokens} tokens: MiB"))
        (plain,) = (v for k, v in values.items() if k.endswith(f"of {tokens} tokens, plain version: MiB"))
        assert ours < plain
    for what in ("inference", "training"):
        assert {f"{what}, SEA every span: sentences/s", f"{what}, SEA once a sentence: sentences/s"} <= set(values)


def test_plain_spans_give_the_same_entities_and_relations(generated, monkeypatch):
    head, documents = span_head(max_width=12)
    accelerator = make_accelerator("fp32")
    bench_span.fit(head, documents, accelerator)
    found = predict(head, documents, accelerator)
    together = bench_span.encoded(head, documents, accelerator, 8192)
    assert bench_span.plain(head, documents, accelerator, together) == found
    sizes, forward = [], head.encoder.forward
    monkeypatch.setattr(head.encoder, "forward", lambda ids, mask: sizes.append(len(ids)) or forward(ids, mask))
    assert bench_span.plain(head, documents, accelerator) == found
    assert sizes == [1] * len(documents)
    for part in ("entities", "relations"):
        found_n, gold_n = (sum(len(getattr(d, part)) for d in side) for side in (found, documents))
        assert gold_n / 2 <= found_n <= 2 * gold_n


def test_allocations_are_counted():
    largest, peak = bench_span.allocations(lambda: [torch.ones(2**18), torch.ones(2**17)])
    assert largest == 1 and 1.5 <= peak < 1.6
    largest, peak = bench_span.allocations(lambda: [torch.ones(2**17).sum().item() for _ in range(4)])
    assert largest == 0.5 and peak < 0.6


@pytest.mark.parametrize("options", [{}, {"context": "sea", "sea_scope": "span", "heads": 2}], ids=["cls", "sea"])
def test_memory_of_spans_is_that_of_a_chunk_however_many_there_are(generated, monkeypatch, options):
    tokens, ours, plain, counts = 42, {}, {}, {}
    for widest in (4, 12, 40):
        head, documents = span_head(max_width=widest, **options)
        width = head.encoder.hidden_size
        monkeypatch.setattr(heads_span, "CHUNK", 200 * width * (tokens if options else 1))
        text = bench_span.text_of(head, documents, tokens)
        counts[widest], score, score_plainly = bench_span.scoring(head, [text])
        ours[widest] = bench_span.allocations(score)
        if not options:
            plain[widest] = bench_span.allocations(score_plainly)
    assert counts[40] > 1.5 * counts[12] > 1.5 * 200
    # what is held at a time is the input of a classifier, or SEA's queries, keys and values: some features, not one
    chunk = heads_span.CHUNK * max(head.classify_span.in_features / width, 3) * 4 / 2**20
    assert max(largest for largest, _ in ours.values()) <= chunk
    assert ours[40][1] <= 1.3 * ours[12][1]
    if not options:
        assert plain[40][0] > 4 * plain[4][0] > chunk


@pytest.fixture
def focused_head(generated, monkeypatch):
    """A function of a mask and K: a head that is told the tags, and two calibrated sentences of eight entities."""
    smaller(monkeypatch, "angiography", 60)

    def make(mask, k):
        config = Config.from_json({
            "head": "focused", "corpus": "angiography", "encoder": "random:deep", "k": k, "mask": mask,
            "layers": 4, "ner_weighting": "pair",
        })  # fmt: skip
        corpus = load_corpus(config)
        head = bench_focused.Told(make_head(config, corpus).encoder, corpus.schema, config.options).eval()
        documents = bench_focused.sentences(head, corpus, 2)
        bench_focused.calibrate(head, documents)
        return head, documents

    return make


def test_focused_prints_speeds_ratios_and_counts(generated, monkeypatch):
    smaller(monkeypatch, "angiography", 60)
    values = BENCHMARKS["focused"](documents=2, layers=2, encoder="random:tiny", repeats=1, k=2)
    assert (values["sentences"], values["pairs"]) == (2, 56)
    assert 50 < values["tokens a sentence"] < 80
    for mask in ("eq14", "eq13"):
        same, found = map(int, values[f"{mask}: same triples on both sides in fp32"].split(" of "))
        assert 20 < same == found <= 56
        assert float(values[f"{mask}: difference of losses in fp32, as a share"]) < 1e-5
        for what in ("training", "prediction"):
            for name in ("pairs/s", "times as fast as the plain version"):
                assert values[f"{mask}: {what}: {name}"] > 0
        assert values[f"{mask}: token-layers: times fewer"] > 10


@pytest.mark.parametrize("k", [0, 1, 4])
@pytest.mark.parametrize("mask", ["eq13", "eq14"])
def test_two_full_passes_for_each_pair_give_the_same_relations_and_loss(focused_head, mask, k):
    head, documents = focused_head(mask, k)
    accelerator = make_accelerator("fp32")
    found = predict(head, documents, accelerator)
    for passes in (1, 2):
        assert bench_focused.plain(head, documents, accelerator, 300, passes) == found
    for document, predicted in zip(documents, found, strict=True):
        assert set(predicted.entities) == set(document.entities)
    if k:
        assert len({r.type for d in found for r in d.relations}) > 1
    batch = head.collate(documents)
    ours = head.loss(batch)
    theirs = bench_focused.plain_loss(head, batch, bench_focused.gold_rows(batch))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)
    weights = [p for p in head.parameters() if p.requires_grad]
    sides = [torch.autograd.grad(loss, weights, allow_unused=True) for loss in (ours, theirs)]
    assert [g is None for g in sides[0]] == [g is None for g in sides[1]]
    for one, other in zip(*sides, strict=True):
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_steps_of_both_sides_have_the_same_gradient_and_change_nothing(focused_head, monkeypatch):
    head, documents = focused_head("eq13", 2)
    steps = bench_focused.Steps(head, documents, make_accelerator("fp32"), 200)
    for module in head.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    before, gradients = {k: v.clone() for k, v in head.state_dict().items()}, []
    keep = steps.optimizer.zero_grad
    monkeypatch.setattr(
        steps.optimizer, "zero_grad", lambda: gradients.append([p.grad for p in head.parameters()]) or keep()
    )
    steps.ours()
    steps.plain()
    for name, value in head.state_dict().items():
        assert torch.equal(value, before[name]), name
    for one, other in zip(*gradients, strict=True):
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_plain_version_has_two_full_passes_for_each_pair(focused_head):
    head, documents = focused_head("eq14", 2)
    rows, seen = [0], [0]
    for block in head.encoder.blocks:
        block.register_forward_pre_hook(lambda _, args: rows.append(args[0].shape[0] * args[0].shape[1]))
    head.classify.register_forward_hook(lambda _, inputs, output: seen.append(len(output)))
    bench_focused.plain(head, documents[:1], make_accelerator("fp32"), 1200)
    (document,) = documents[:1]
    assert sum(rows) == (2 * 28 + 1) * head.length(document) * head.encoder.layers
    assert sum(seen) == 28
    rows.clear()
    predict(head, documents[:1], make_accelerator("fp32"))
    assert not rows  # ours takes layers apart


def test_tokens_of_layers_are_counted(focused_head):
    head, documents = focused_head("eq14", 3)
    count = bench_focused.token_layers(head, documents)
    lengths = [head.length(d) for d in documents]
    assert count["shared"] == 4 * sum(lengths) and count["plain"] == 2 * 28 * 4 * sum(lengths)
    queries, attend = [], focused_layers.attend

    def counted(block, rows, states, seen):
        queries.append(rows.shape[1] * (5 / 6) + states.shape[1] / 6)
        return attend(block, rows, states, seen)

    for mask in ("eq14", "eq13"):
        head.options = replace(head.options, mask=mask)
        count = bench_focused.token_layers(head, documents[:1])["pairs"]
        queries.clear()
        with pytest.MonkeyPatch.context() as patch, torch.no_grad():
            patch.setattr(focused_layers, "attend", counted)
            batch = head.collate(documents[:1])
            for i in range(28):  # one by one, so that nothing is padded
                head.pair_logits(states := head.states(batch), batch["entities"], batch["pairs"][i : i + 1, :2])
        shared = len(states.passed) - 1 + head.encoder.layers - head.options.k
        own = sum(q for i, q in enumerate(queries) if i % (shared + 3) >= shared)
        assert own == pytest.approx(count)


def test_table_prints_ratios_and_memory(monkeypatch):
    monkeypatch.setattr(bench_table, "memory", lambda *args: 1.0)
    values = BENCHMARKS["table"](layers=1, encoder="random:tiny", repeats=1)
    for name in bench_table.SYSTEMS:
        assert values[f"{name}: times the encoder"] > 0
    assert float(values["TPLinker: difference of losses, as a share"]) < 1e-5
    assert values["TPLinker: times as fast as published"] > 0
    assert sum("peak memory" in name for name in values) == len(bench_table.MEASURED)
    with pytest.raises(RelexError, match="measured on one sentence"):
        BENCHMARKS["table"](documents=2)


def test_onnx_prints_times_and_ratios():
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is not installed; pip install 'relex[onnx]'")
    if torch.cuda.is_available():
        with pytest.raises(RelexError, match="onnxruntime would have the CPU and torch the GPU"):
            BENCHMARKS["onnx"](documents=2, layers=1, encoder="random:tiny", repeats=1)
        return
    values = BENCHMARKS["onnx"](documents=2, layers=1, encoder="random:tiny", repeats=1)
    assert float(values["largest difference of states"]) < 1e-4 and values["file: MiB"] > 0.1
    for characters in (30, 120):
        assert values[f"{characters} characters: tokens"] == characters + 2
        for what in ("states", "prediction"):
            for name in ("torch: ms", "onnxruntime: ms"):
                assert values[f"{characters} characters, {what}, {name}"] > 0
            assert values[f"{characters} characters, {what}: times as fast as torch"] > 0


def test_sides_read_every_text_in_turns_and_the_first_turn_does_not_count():
    calls, accelerator = [], make_accelerator("fp32")
    sides = {name: SimpleNamespace(name=name, accelerator=accelerator) for name in ("torch", "onnxruntime")}
    seconds = bench_onnx._turns(lambda side, text: calls.append((side.name, text)), sides, ["a", "b"], 2)
    assert calls == [(name, text) for text in ("a", "b") for _ in range(3) for name in sides]
    assert {name: len(turns) for name, turns in seconds.items()} == {"torch": 4, "onnxruntime": 4}


@pytest.mark.skipif(torch.cuda.is_available(), reason="this benchmark is of the CPU")
def test_one_side_has_the_states_of_onnxruntime():
    head, asked = bench_onnx._head("random:tiny", 1), []
    texts = bench_onnx._texts(head, 30, 3)
    assert [len(d.text) for d in texts] == [30] * 3 and len({d.text for d in texts}) == 3
    states = head.encoder.forward
    side = bench_onnx.Side(head, lambda *batch: asked.append(batch) or states(*batch))
    side.encode(head.collate(texts[:1]))
    side.read(texts[0])
    assert len(asked) == 2


def test_memory_of_a_training_step_of_a_table():
    """It is that of a process of its own, in which nothing else was ever held."""
    here = torch.ones(2**28).sum().item()  # 1 GiB
    assert here and 100 < bench_table.memory("OneRel, 3D units", "random:tiny", 1, 128, 49) < 900


def test_what_ends_a_training_step_is_said(monkeypatch):
    with pytest.raises(RelexError, match="reads .* tokens at most, not 1000000"):
        bench_table.Step(encoders.load("random:tiny", 1), 10**6, torch.device("cpu"))
    ended = subprocess.CompletedProcess([], 1, "", "Traceback:\n\nMemoryError: too much\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: ended)
    with pytest.raises(RelexError, match="training step of GPLinker .* ended with: MemoryError: too much"):
        bench_table.memory("GPLinker", "random:tiny", 1)
