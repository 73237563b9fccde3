"""The table head: its loss is the literal one, what it reads and what it counts, and relations by their names."""

from dataclasses import replace

import pytest
import torch
from cases import DOCUMENTS, SCHEMA, TABLES, Case, make
from extractors import predicted, told

from relex import encoders
from relex.documents import Document, Relation, RelationType, Schema, Span
from relex.heads import HEADS, Table, TableOptions
from relex.heads.layers import inside, surest
from relex.heads.table import chunks, model
from relex.heads.table.model import LOST
from relex.reference import table as literal

ROWS = pytest.mark.parametrize("row", TABLES)


def head_of(row, **options):
    return make(Case("table", TABLES[row]), **options)


def fresh(row, schema=SCHEMA, texts=DOCUMENTS):
    """A head as it is before training."""
    encoder = encoders.load(
        "random:tiny", texts=[*(d.text for d in texts), *schema.relation_names, *schema.entity_types]
    )
    torch.manual_seed(0)
    return Table(encoder, schema, TableOptions(**{"size": 8} | TABLES[row])).eval()


def literal_logits(head, document):
    """L×L×T×C by the literal scorer, from the states of one document."""
    batch = head.collate([document])
    states = head.states(batch)[0]
    if head.label is not None:
        labels = [head.label.weight[tag] for tag in batch["tags"][0]]
        states = torch.cat([states, torch.stack(labels)], 1)
    names = (head.name_states(),) if head.options.names else ()
    kind = {"pointer": "pointer", "efficient": "efficient_pointer"}.get(head.options.scorer, head.options.scorer)
    return states, getattr(literal, kind)(head.scorer, states, *names)


@ROWS
@torch.no_grad()
def test_the_loss_is_the_literal_one(row):
    head, options = make(Case("table", TABLES[row]), noise=0.1), TableOptions(**TABLES[row])
    few, total = [DOCUMENTS[0], DOCUMENTS[2], DOCUMENTS[4]], 0.0
    for document in few:
        states, logits = literal_logits(head, document)
        (window,) = head.rows([document])
        ((triples, entities),) = zip(window.triples, window.entities, strict=True)
        cells = list(head.scheme.encode(triples, entities))
        text = slice(None) if row == "W2NER" else slice(0, len(states) - 1 + head.scheme.reach)
        more = (options.positive,) if options.loss == "softmax" else ()

        def of(logits, text=text, cells=cells, more=more):
            return getattr(literal, options.loss)(logits[text, text], cells, head.scheme.triangle, *more)

        loss = of(logits)
        if row == "GraphRel-2p":  # the first phase has the same targets
            loss = loss + of(literal.additive(head.scorer.first, states))
        if head.scheme.tagged:
            n = len(states) - 1
            batch = head.collate([document])
            of_tags = head.crf.loss(head.tag_logits(head.states(batch)), batch["tags"], inside(batch["attention_mask"]))
            loss = options.link_weight * loss * (n if row == "multi-head" else 1) + of_tags[0] / n
        total += float(loss)
    torch.testing.assert_close(head.loss(head.collate(few)).item(), total / len(few), atol=1e-4, rtol=1e-5)


@ROWS
@torch.no_grad()
def test_an_untrained_table_is_empty(row):
    assert not any(d.relations or d.entities for d in predicted(fresh(row), list(DOCUMENTS)))


def test_what_selects_an_epoch():
    assert {row: head_of(row).selection_metric for row in ("W2NER", "TPLinker")} == {
        "W2NER": "ner.strict.f1", "TPLinker": ""
    }  # fmt: skip
    assert HEADS["table"] is Table and TableOptions() == TableOptions(**TABLES["TPLinker"])


# Reading


@torch.no_grad()
def test_predicted_tags_are_seen_in_prediction_and_gold_ones_in_training(monkeypatch):
    head, seen = head_of("multi-head"), []
    with_tags = head.context
    monkeypatch.setattr(
        head, "context", lambda states, counted, tags: (seen.append(tags), with_tags(states, counted, tags))[1]
    )
    batch = head.collate(DOCUMENTS)
    head.loss(batch)
    head.predict(batch, DOCUMENTS)
    mask = inside(batch["attention_mask"])
    best = head.crf.decode(head.tag_logits(head.states(batch)), mask)
    gold, own = seen
    assert torch.equal(gold, batch["tags"]) and torch.equal(own, best) and not torch.equal(best[mask], gold[mask])


def test_no_text_has_more_cells_than_are_read_without_a_word(monkeypatch, capsys):
    window = torch.tensor([1, 0, 0, 1, 0])
    margin = torch.tensor([1.0, 5.0, 7.0, 2.0, 6.0])
    assert sorted(surest(window, margin, 2).tolist()) == [0, 2, 3, 4]
    assert surest(window, margin, 5).tolist() == [0, 1, 2, 3, 4] == sorted(surest(window, margin, 3).tolist())
    assert sorted(surest(window, margin, 1).tolist()) == [2, 3]
    head = head_of("GPLinker")
    context = torch.full((2, 5, 5, head.scheme.tables, 1), 1.0)
    context[0, 1, 2, 4], context[0, 0, 3, 0], context[1] = 9.0, 8.0, -1.0
    mask = torch.ones(2, 6, dtype=torch.bool)

    def cells():
        found, sure = head._cells(lambda *at: context[:, at[0], at[2]], head.counted(mask), 0.0)
        assert sure.tolist() == pytest.approx(
            [context[w, i, j, t, 0].sigmoid().item() for w, t, i, j, _ in found.tolist()]
        )
        return found.tolist()

    assert len(cells()) == head.scheme.tables * 16
    monkeypatch.setattr(model, "MOST", 2)
    monkeypatch.setattr(chunks, "AT_ONCE", 1)
    found = cells()
    assert "more than 2 cells in its tables" in capsys.readouterr().err
    assert sorted(found) == [[0, 0, 0, 3, 1], [0, 4, 1, 2, 1]]


# What is counted

ALIKE = Schema(("病", "药"), (RelationType("治", (("药", "病"),)), RelationType("用", (("药", "病"),))))
BOTH_WAYS = told("both ways", "失眠与焦虑互为因果", "失眠/病 焦虑/病", [(0, 1, "引起"), (1, 0, "引起")])
ONE_TOKEN = told("one token", "酒伤肝脏", "酒/药 肝脏/病", [(0, 1, "引起")])
NESTED = told("nested", "头疼病吃药", "药/药 头疼/病 头疼病/病", [(0, 1, "治疗"), (0, 2, "治疗")])
ABSENT = Document("absent", "头疼了。", (Span(-1, -1, "药", "阿胶"), Span(0, 2, "病")), (Relation(0, 1, "治疗"),))
COUNTED = (
    ("TPLinker", BOTH_WAYS, {"overwritten": 1}),
    ("TPLinker+", BOTH_WAYS, {}),
    ("OneRel", ONE_TOKEN, {"one_token": 1}),
    ("OneRel, shifted", ONE_TOKEN, {}),
    ("OneRel, shifted", told("the end", "肝脏怕酒", "酒/药 肝脏/病", [(0, 1, "引起")]), {}),  # ends in [SEP]
    ("GRTE", NESTED, {"ambiguous": 1}),
    ("TPLinker", NESTED, {}),
    ("multi-head", NESTED, {"overlapping": 1, "entities": 1}),
    ("W2NER", told("types", "药酒伤肝", "药酒/药 药酒/病 肝/病", [(0, 2, "引起")]), {"entities": 1}),
    (
        "TPLinker+",
        told("within a token", "e\u0301治头疼", "e/药 头疼/病", [(0, 1, "治疗")]),
        {"inexact": 1, "entities": 1},
    ),
    ("TPLinker", told("within a token", "e\u0301治头疼", "e/药 头疼/病", [(0, 1, "治疗")]), {"inexact": 1}),
    ("TPLinker+", ABSENT, {"without_tokens": 1, "entities": 1}),
    ("W2NER", ABSENT, {"entities": 1}),
)


@pytest.mark.parametrize(("row", "document", "expected"), COUNTED, ids=str)
def test_what_a_table_cannot_hold_is_counted(row, document, expected):
    head = make(Case("table", TABLES[row]))
    head.encoder = encoders.load("random:tiny", texts=[document.text, *(d.text for d in DOCUMENTS)])
    found = head.alignment([document])
    assert tuple(found) == LOST and {k: v for k, v in found.items() if v} == expected


def test_two_classes_of_one_pair_and_a_triple_that_is_not_gold():
    text = told("pair", "止痛片治头疼", "止痛片/药 头疼/病", [(0, 1, "治"), (0, 1, "用")])
    more = told(
        "more",
        "激素药治头疼病",
        "激素/药 激素药/药 头疼/病 头疼病/病 疼病/病",
        [(0, 2, "治"), (1, 3, "治"), (0, 4, "治")],
    )
    for row, expected in (
        ("GraphRel-1p", {"overwritten": 1}),
        ("GPLinker", {"spurious": 2}),
        ("EmRel", {"spurious": 2}),
    ):
        head = fresh(row, ALIKE, (text, more))
        found = head.alignment([text] if "overwritten" in expected else [text, more])
        assert {k: v for k, v in found.items() if v} == expected


def test_a_type_that_its_relation_does_not_have():
    odd = told("odd", "头疼治止痛片", "头疼/病 止痛片/药", [(0, 1, "治疗")])
    assert (
        head_of("TPLinker+").alignment([odd])["mistyped"] == 1 and not head_of("TPLinker").alignment([odd])["mistyped"]
    )


# Names


@torch.no_grad()
def test_relations_are_their_names():
    """Two relations of one name have one table, however they stand in the schema, and learn no rows of their own."""
    document = told("one", "止痛片治头疼", "止痛片/药 头疼/病")
    relations = [RelationType("治", (("药", "病"),)), RelationType("用", (("药", "病"),))]
    texts = (*DOCUMENTS, replace(document, text="治用药病"))

    def logits(*order):
        head = fresh("ours", Schema(("病", "药"), tuple(relations[i] for i in order)), texts)
        head.scorer.core *= 30
        batch = head.collate([document])
        counted = head.counted(batch["attention_mask"])
        return head, head.scorer(head.context(head.states(batch), counted), slice(0, 8))[0, ..., 0]  # L×L×T

    (head, there), (_, back) = logits(0, 1), logits(1, 0)
    at = torch.tensor([0, 1, 3, 2, 5, 4, 7, 6, 9, 8])  # two types, then pairs of classes
    torch.testing.assert_close(there, back[..., at], atol=1e-5, rtol=1e-4)
    assert (there[..., 2] - there[..., 3]).abs().max() > 1e-3 and "scorer.vectors" not in dict(head.named_parameters())
    assert not any(name.startswith("name") for name in head.state_dict())
