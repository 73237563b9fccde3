"""The contract of heads: what the architecture page promises of every head, held to by all of them."""

import json
import shutil
import unicodedata
from dataclasses import replace

import pytest
import recipe
import torch
from cases import CASES, DIRECTED, DOCUMENTS, EMPTY, LONG, SCHEMA, Case, decoded, logits, make
from drawn import documents
from extractors import Batches, check_half_precision, facts, frozen, long_document, narrow, predicted
from hypothesis import given, settings
from hypothesis import strategies as st

from relex.documents import Document, Relation, Span, read_documents
from relex.errors import RelexError
from relex.found import one_way
from relex.heads import HEADS, OPTIONS, TASKS
from relex.heads.pairs.tagger import PairTagger
from relex.runs import models
from relex.runs import run as runs
from relex.runs.config import Config
from relex.runs.run import run
from relex.training import Stopped, Trainer, TrainingOptions, predict
from relex.training.trainer import make_accelerator

EACH = pytest.mark.parametrize("case", CASES, ids=str)
EXTRACTORS = pytest.mark.parametrize("case", [case for case in CASES if case.extracts], ids=str)
DECODERS = pytest.mark.parametrize("case", [case for case in CASES if case.decodes], ids=str)
THRESHOLDED = [case for case in CASES if case.head in ("cascade", "both_ways", "span", "distilled") or
               case.head == "table" and case.options.get("loss", "softmax") != "softmax"]  # fmt: skip
HARMLESS = ("windowed", "unordered", "without_pairs", "untold")
"""What `alignment` counts of documents that can be represented all the same."""
CHUNKS = {"cascade": "cascade.model.CHUNK", "both_ways": "cascade.both_ways.CHUNK", "table": "table.chunks.AT_ONCE"}
"""The bound on what is computed at once, of heads whose other tests do not count what it holds them to."""
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
    shutil.rmtree(path.parent)

    def stop(share):
        if share > 0.5:
            raise Stopped

    with pytest.raises(Stopped):
        run(config, "again", stop)
    resumed = run(config, "again")
    assert {k: v for k, v in resumed.items() if k not in VOLATILE} == stable(whole) | {"experiment": "again"}
    assert list(read_documents(runs.predictions_path("again", whole["run"]))) == predicted


def test_every_head_is_held_to_the_contract():
    assert {case.head for case in CASES} == HEADS.keys() | {"mean"}


# The same whatever the batch


@EACH
def test_a_document_does_not_feel_its_batch(case):
    head = make(case)
    several = [*case.documents, LONG, EMPTY] if case.extracts else [*case.documents]
    alone = {d: (logits(head, [d])[0], predicted(head, [d])[0]) for d in several}
    for order in (several[::-1], [several[i] for i in (4, 1, 3, 4)]):
        for document, found in zip(order, logits(head, order), strict=True):
            torch.testing.assert_close(found, alone[document][0], atol=1e-5, rtol=1e-4)
        assert predicted(head, order) == [alone[d][1] for d in order]


@EACH
@torch.no_grad()
def test_padding_changes_nothing(case):
    head = make(case)
    batch = head.collate(case.documents)
    assert not batch["attention_mask"].all()

    def everything():
        torch.manual_seed(0)  # a loss that draws
        return logits(head, case.documents), head.loss(batch)

    before = everything()
    head.encoder.word_embeddings.weight[head.encoder.pad_id] += torch.randn(32) * 9
    torch.testing.assert_close(everything(), before, atol=1e-6, rtol=0)


@EACH
def test_predictions_come_in_order_with_any_budget(case):
    head = make(case).train()
    bare = [Document(d.id, d.text, () if case.decodes else d.entities) for d in case.documents]
    sizes = []
    found = predict(head, bare, make_accelerator("fp32"), budget=40, on_batch=sizes.append)
    assert head.training and sum(sizes) == len(bare) >= len(sizes) > 1
    assert found == [predicted(head.eval(), [d])[0] for d in case.documents]
    assert any(d.relations or d.entities for d in found)
    assert predict(head, [], make_accelerator("fp32")) == []


@EACH
def test_long_texts(case):
    """Extractors read them in windows and lose nothing, the others are cut and say so; neighbours feel nothing."""
    positions = 22 if case.extracts else 50
    head = narrow(make(case), positions)
    long, short = long_document(17, 40), DOCUMENTS[0]
    if not case.extracts:
        long, short = (Document(d.id, d.text, d.entities[:2], (Relation(0, 1, "病因"),)) for d in (long, short))
    several = [short, long, short]
    batch = head.collate(several)
    assert batch["input_ids"].shape[1] == positions and torch.isfinite(head.loss(batch))
    found = predicted(head, several)
    assert [(d.id, d.text) for d in found] == [(d.id, d.text) for d in several]
    assert found[0] == found[2] == predicted(head, [short])[0]
    if case.extracts:
        assert head.truncated(several) == 0 and len(batch["input_ids"]) == len(head.windows(several)) == 6
        assert head.length(long) == sum(len(window.ids) for _, window in head.windows([long])) > len(long.text)
    else:
        assert head.truncated(several) == 1 and head.length(long) == positions


@pytest.mark.parametrize("case", [case for case in CASES if case.head in CHUNKS], ids=str)
def test_predictions_do_not_feel_chunks(case, monkeypatch):
    head = make(case)
    whole = predicted(head, DOCUMENTS)
    monkeypatch.setattr(f"relex.heads.{CHUNKS[case.head]}", 1)
    assert predicted(head, DOCUMENTS) == whole and any(d.relations or d.entities for d in whole)


@pytest.mark.parametrize("case", THRESHOLDED, ids=str)
def test_a_higher_threshold_finds_less(case):
    head = make(case, threshold=0.3)
    low, usual, same, high = ([*predicted(head, DOCUMENTS, threshold=t)] for t in (1e-3, None, 0.3, 0.9999))
    assert usual == same
    sizes = [sum(len(triples) for _, triples in facts(found)) for found in (low, usual, high)]
    assert sizes[0] > sizes[1] > sizes[2]
    if case.head in ("span", "distilled") or case.options.get("scheme") == "pointers":
        # elsewhere a tag more is another end
        assert all(a >= b >= c for (_, a), (_, b), (_, c) in zip(*map(facts, (low, usual, high)), strict=True))


# There and back

CHARACTERS = "甲乙丙a1，😀 ℃½"
"""The last two are several tokens each."""


def held(head, several):
    """Counts of annotations that targets cannot represent."""
    return {k: v for k, v in head.alignment(several).items() if v and k not in HARMLESS}


OF_TRIPLES = tuple(HEADS[name] for name in ("cascade", "both_ways", "sets"))
"""Heads that know only entities of triples."""


def represented(head, several):
    """What a head can say of documents at the most: some know only entities of triples, one of names no relations."""
    whole = facts([one_way(d, head.schema) for d in several])
    if isinstance(head, HEADS["table"]) and not head.scheme.relations:
        return [(e, set()) for e, _ in whole]
    if getattr(head.options, "scheme", "") == "horns":  # its corners need two tokens

        def wide(document, span):
            return len(unicodedata.normalize("NFKC", document.text[span.start : span.end]).replace(" ", "")) > 1

        whole = [
            (e, {t for t in triples if wide(d, t[0]) and wide(d, t[2])})
            for d, (e, triples) in zip(several, whole, strict=True)
        ]
    if isinstance(head, OF_TRIPLES) or (isinstance(head, HEADS["table"]) and not head.scheme.typed):
        return [({e for h, _, t in triples for e in (h, t)}, triples) for _, triples in whole]
    return [(e, set()) for e, _ in whole] if getattr(head.options, "tasks", "") == "ner" else whole


@DECODERS
@settings(max_examples=30)
@given(several=st.lists(documents(SCHEMA, CHARACTERS), min_size=1, max_size=4))
def test_gold_comes_back_or_is_counted(case, several):
    head = MADE[case.head, str(case)]
    found = decoded(head, several)
    assert found == [decoded(head, [d])[0] for d in several]
    for document, back in zip(several, found, strict=True):
        back.check()
        assert (back.id, back.text) == (document.id, document.text)
        lost = held(head, [document])
        if not lost:
            assert facts([back]) == represented(head, [document])
        # what was misread of a symmetric relation may stand the other way round afterwards, and be misread again
        if not (lost and any(r.type == "合用" for r in back.relations)):
            assert not held(head, [back]) and decoded(head, [back]) == [back]


@DECODERS
@settings(max_examples=12)
@given(places=st.sets(st.integers(0, 54), min_size=1, max_size=6), positions=st.integers(12, 60))
def test_gold_comes_back_from_windows(case, places, positions):
    head = narrow(MADE[case.head, str(case)], positions)
    head._rows.clear()
    document, short = long_document(*sorted(p for p in places if p + 1 not in places)), DOCUMENTS[0]
    several = [short, document, short]
    assert facts(decoded(head, several)) == represented(head, several)
    assert head.alignment([document])["windowed"] == (positions < 58)
    assert head.collate(several)["input_ids"].shape[1] <= positions
    head._rows.clear()
    narrow(head, 512)


@DECODERS
def test_what_no_window_holds_is_counted(case):
    head, own = narrow(make(case), 22), long_document(17)  # windows of 20 tokens from 0, 15, 30, 36
    far = Document("far", own.text, (Span(0, 1, "药"), Span(50, 51, "病")), (Relation(0, 1, "治疗"),))
    counts = head.alignment([far, own])
    assert counts["windowed"] == 2
    if not isinstance(head, HEADS["table"]) or head.scheme.relations:
        assert counts.get("between_windows", counts.get("relations")) == 1
    assert facts(decoded(head, [far])) == represented(head, [replace(far, relations=())])


@DECODERS
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([0.1, 1.0, 30.0]))
def test_random_logits_decode_to_valid_documents(case, seed, scale):
    head, generator = PLAIN[str(case)], torch.Generator().manual_seed(seed)
    texts = ("", " ", "甲", "止痛片 治 头疼\n", "😀e\u0301，ｶﾞ" * 3)
    several = [Document(str(i), text) for i, text in enumerate(texts)]
    found = decoded(head, several, lambda *shape: torch.randn(shape, generator=generator) * scale)
    assert [d.text for d in found] == list(texts) and not any(d.entities for d in found[:2])
    for document in found:
        document.check()
        assert {s.type for s in document.entities} <= set(SCHEMA.entity_types)
        assert all(document.mention(i).strip() == document.mention(i) != "" for i in range(len(document.entities)))
        assert len(set(document.entities)) == len(document.entities)
        assert len(set(document.triples())) == len(document.relations)
    if getattr(head.options, "ways", "") == "both":  # of two ways' pairs together neither way may find all
        lost = sum(len(a - b) for (_, a), (_, b) in zip(facts(found), facts(decoded(head, found)), strict=True))
        assert lost == held(head, found).get("ambiguous", 0)
    else:
        assert not held(head, found) and decoded(head, found) == found, "what a head says its targets can say"


MADE = {(case.head, str(case)): make(case) for case in CASES if case.decodes}
PLAIN = {str(case): make(case, schema=DIRECTED) for case in CASES if case.decodes}
"""Heads without a symmetric relation: one that was turned round may stand where tags cannot say it."""


# Training


@EACH
def test_gradients_reach_every_parameter_and_are_the_same_twice(case):
    def once(seed=5):
        head = make(case, seed).train()
        torch.manual_seed(seed)
        loss = head.loss(head.collate(case.documents * 4))
        loss.backward()
        return loss.item(), {name: p.grad for name, p in head.named_parameters()}

    (loss, first), (same, second), (other, _) = once(), once(), once(6)
    assert loss == same != other
    for name, gradient in first.items():
        assert gradient is not None and torch.isfinite(gradient).all(), name
        # the key's bias shifts all scores of a row alike
        assert gradient.any() or name.endswith("key.bias"), name
        assert torch.equal(gradient, second[name]), name


NOTHING = (
    Document("empty", ""), Document("blank", " \n\u3000"), Document("control", "\u0007"), DOCUMENTS[3],
    Document("absent", "头疼了。", (Span(-1, -1, "药", "阿胶"),)),
)  # fmt: skip


@EXTRACTORS
@pytest.mark.parametrize("nothing", [NOTHING, NOTHING[:1], NOTHING[3:4]], ids=len)
def test_documents_without_entities_train(case, nothing):
    head = make(case).train()
    loss = head.loss(head.collate(nothing))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in head.parameters() if p.grad is not None)
    found = predicted(head.eval(), nothing)
    assert [d.text for d in found] == [d.text for d in nothing]
    assert not any(d.entities for d in found if not d.text.strip())
    if isinstance(head, PairTagger):
        assert (loss.abs() > 1e-6) == (head.options.tasks != "rc" and nothing != NOTHING[:1])
        assert head.predict_pairs(head.collate(nothing), nothing) == list(nothing)


@EACH
def test_encoders_train_at_the_rate_of_the_encoder(case):
    head = make(case)
    rate = {id(p): group["lr"] for group in head.parameter_groups(1.0, 10.0, 0.1) for p in group["params"]}
    assert {n: rate[id(p)] for n, p in head.named_parameters()} == {
        n: 1.0 if "encoder." in n else 10.0 for n, _ in head.named_parameters()
    }


@EACH
def test_learns_a_few_documents_by_heart(case):
    head, few = frozen(make(case, noise=0.1, schema=DIRECTED, dropout=0.0)), list(case.few or case.documents)
    training = TrainingOptions(epochs=case.epochs, lr=3e-3, head_lr=1e-2, schedule="constant", precision="fp32")
    progress = Trainer(head, training, 0).fit(few, Batches([range(len(few))]))
    assert progress.history[0]["loss"] > 5 * progress.history[-1]["loss"]
    wanted = represented(head, few) if case.extracts else facts(few)
    assert facts(predict(head, few, make_accelerator("fp32"))) == wanted


@pytest.mark.precision
@EACH
def test_half_precision(case):
    check_half_precision(make(case), case.documents)


# Files, errors


@EACH
def test_a_model_folder_is_whole(case, tmp_path, mean):
    head = make(case)
    config = Config(case.head, encoder="random:tiny", options=head.options)
    corpus = {"name": "own", "sizes": {"train": 6, "dev": 1, "test": 1}}
    models.save(head, config, {"corpus": corpus, "metrics": {}}, tmp_path / "made")
    (tmp_path / "made").rename(tmp_path / "moved")
    found = models.load(tmp_path / "moved")
    assert found.schema == head.schema and found.config == config
    assert predicted(found.head, case.documents) == predicted(head, case.documents)


def test_a_model_of_weights_that_are_no_numbers_is_refused(tmp_path):
    head = make(Case("cascade"))
    with torch.no_grad():
        head.tag_subjects.bias[0] = float("nan")
    corpus = {"name": "own", "sizes": {"train": 6, "dev": 1, "test": 1}}
    models.save(head, Config("cascade", encoder="random:tiny", options=head.options),
                {"corpus": corpus, "metrics": {}}, tmp_path / "made")  # fmt: skip
    with pytest.raises(RelexError, match=r"has weights that are no numbers \(tag_subjects.bias\); train"):
        models.load(tmp_path / "made")


@EXTRACTORS
@pytest.mark.parametrize("what", ["relation '禁忌'", "entity type '人'"])
def test_unknown_types_are_named(case, what):
    kind, relation = ("人", "治疗") if "type" in what else ("药", "禁忌")
    wrong = Document("wrong", "药治病", (Span(0, 1, kind), Span(2, 3, "病")), (Relation(0, 1, relation),))
    with pytest.raises(RelexError, match=f"'wrong' has the unknown {what}; known are"):
        make(case).prepare([DOCUMENTS[0], wrong])


OF_PAIRS = (
    ({"tasks": "re"}, "there is no tasks 're'; known are joint, ner, rc"),
    ({"ner_weighting": "token"}, "there is no ner_weighting 'token'; known are sentence, pair"),
    ({"hidden": -1}, "hidden is -1"),
    ({"dropout": 1.0}, "dropout is 1.0"),
    ({"negative_share": 1.5}, "negative_share is 1.5, but must lie in 0 … 1"),
)
IMPOSSIBLE = {
    "classifier": (
        ({"pooling": "mean"}, "no pooling 'mean'; known are cls, marker"),
        ({"encoding": "qa", "pooling": "marker"}, "'qa' has no markers to pool at; take pooling cls"),
        ({"hard_classes": ("并发症",)}, "hard class '并发症' is not a relation"),
        ({"dropout": 1.0}, "dropout is 1.0"),
    ),
    "cascade": (
        ({"feature_fusion": "fpn"}, "there is no feature_fusion 'fpn'; known are unet, cnn, none"),
        ({"subjects": "some"}, "there is no subjects 'some'; known are all, sample"),
        ({"heads": 0}, "heads is 0, but must be at least 1"),
        ({"lstm_size": -1}, "lstm_size is -1, but must be at least 0"),
        ({"depth": 0}, "depth is 0, but must be at least 1"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"threshold": 0.0}, "threshold is 0.0"),
        ({"heads": 5}, r"width 32 do not divide among heads \(5\)"),
        ({"depth": 6}, r"width 32 do not divide among 2\^depth \(64\)"),
        ({"lstm_size": 7, "attention": False, "feature_fusion": "none"}, r"width 7 do not divide among 2 directions"),
    ),
    "table": (
        ({"scheme": "grid"}, "there is no scheme 'grid'; known are handshake, handshake_typed, links"),
        ({"scorer": "none"}, "there is no scorer 'none'; known are mlp, pointer"),
        ({"activation": "elu"}, "there is no activation 'elu'; known are tanh, relu"),
        ({"loss": "mse"}, "there is no loss 'mse'; known are softmax, bce"),
        ({"loss": "bce"}, "loss 'bce' does not go with scheme 'handshake'; choose softmax"),
        ({"scheme": "links"}, "loss 'softmax' does not go with scheme 'links'; choose bce, zlpr_tags, zlpr_cells"),
        ({"wide": 0}, "wide is 0, but must be at least 1"),
        ({"positive": 0.0}, "positive is 0.0, but must be above 0"),
        ({"scheme": "links", "loss": "bce", "positive": 2.0}, "loss 'bce' has no positive; softmax has it"),
        ({"rounds": 2}, "scorer 'mlp' cannot have rounds; hadamard and additive can"),
        ({"scorer": "grid", "wide": 2}, "scorer 'grid' cannot have wide; mlp can"),
        ({"fusion": True}, "scorer 'mlp' cannot have fusion; tucker can"),
        ({"scorer": "tucker", "names": True}, "scheme 'handshake' has tables without names; choose one of handshake_t"),
        ({"label_size": 3}, "scheme 'handshake' has no tags for label_size and link_weight; last_tokens, word_pairs"),
        ({"scorer": "additive", "rounds": 3}, "rounds is 3, but the scorer 'additive' has 2 at most"),
        ({"scorer": "pointer", "size": 3}, "pairings of size 3 do not divide into 2 parts"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"threshold": 0.0}, "threshold is 0.0"),
    ),
    "both_ways": (
        ({"ways": "neither"}, "there is no ways 'neither'; known are both, subjects, objects"),
        ({"negative_pairs": 0}, "negative_pairs is 0, but must be at least 1"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"threshold": 1.0}, "threshold is 1.0"),
    ),
    "sets": (
        *(({name: 0}, f"{name} is 0, but must be at least 1") for name in
          ("queries", "decoder_layers", "heads", "max_width")),
        ({"none_weight": 0.0}, "none_weight is 0.0, but must be above 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"heads": 5}, "width 32 do not divide among 5 heads"),
    ),
    "generation": (
        *(({name: 0}, f"{name} is 0, but must be at least 1") for name in
          ("decoder_layers", "heads", "width", "max_width", "max_steps")),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"heads": 5}, "decoder states of width 32 do not divide among 5 heads"),
    ),
    "span": (
        ({"context": "mean"}, "there is no context 'mean'; known are sea, gru, cls"),
        ({"pooling": "mean"}, "there is no pooling 'mean'; known are max, attention"),
        ({"sea_scope": "word"}, "there is no sea_scope 'word'; known are span, sentence"),
        ({"local_context": "min"}, "there is no local_context 'min'; known are max, attention, encoder_max, cls"),
        *(({name: 0}, f"{name} is 0, but must be at least 1") for name in
          ("max_width", "width_size", "negative_spans", "negative_pairs", "heads")),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"threshold": 1.0}, "threshold is 1.0"),
        *(({"heads": 5} | asks, "width 32 do not divide among 5 heads") for asks in
          ({}, {"context": "query"}, {"context": "cls", "local_context": "query"})),
    ),
    "distilled": (
        ({"teachers": "none"}, "there is no teachers 'none'; known are entities, relations, both"),
        ({"weight": -1.0}, "weight is -1.0, but must be at least 0"),
        ({"max_width": 0}, "max_width is 0, but must be at least 1"),
    ),
    "pipeline": (
        ({"encoding": "qa"}, "there is no encoding 'qa'; known are entity1, entity2, typed"),
        *(({name: 0}, f"{name} is 0, but must be at least") for name in
          ("max_width", "width_size", "hidden", "most_entities")),
        ({"dropout": 1.0}, "dropout is 1.0"),
    ),
    "focused": (
        *OF_PAIRS,
        ({"mask": "eq15"}, "there is no mask 'eq15'; known are eq13, eq14, none"),
        ({"k": -1}, "k is -1, but must be at least 0"),
        ({"k": 5}, r"k is 5, but encoder 'random:tiny' has \d layers?; choose k from 0 to that"),
    ),
    "shallow": (
        *OF_PAIRS,
        ({"reader": "gru"}, "there is no reader 'gru'; known are bilstm, rdcnn, none"),
        ({"pairs": "all"}, "there is no pairs 'all'; known are cnn, capsule"),
        ({"width": 1}, "width is 1, but must be at least 2"),
        ({"width": 7}, "width is 7, but a bilstm halves it; choose an even one"),
    ),
    "mean": (({"dropout": 1.0}, "dropout is 1.0"),),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [(name, *line) for name, lines in IMPOSSIBLE.items() for line in lines],
)
def test_impossible_options_are_one_sentence(name, options, reason):
    with pytest.raises(RelexError, match=reason) as error:
        make(Case(name), **options)
    assert "\n" not in str(error.value)
