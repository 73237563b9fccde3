"""Relations with very many pairs of types: the cascade finds relations first, and types their entities afterwards."""

import itertools

import pytest
import torch
from cases import DOCUMENTS, logits
from extractors import Batches, frozen, predicted, told

from relex import encoders
from relex.documents import RelationType, Schema
from relex.heads import Cascade, CascadeOptions
from relex.heads.cascade.typing import MANY, Typer, outnumbered
from relex.training import Trainer, TrainingOptions
from relex.training.trainer import make_accelerator

TYPES = ("病", "药", "部", "查", "术", "人")
EVERY = tuple(itertools.product(TYPES, TYPES))
WIDE = Schema(TYPES, tuple(RelationType(name, EVERY) for name in ("治疗", "引起", "合用")))
TEXTS = (
    *DOCUMENTS,
    told("other", "腹部见结节，手术后好转。", "腹部/部 结节/病 手术/术", [(0, 1, "引起"), (2, 1, "治疗")]),
    told("again", "家人说检查时头疼", "家人/人 检查/查 头疼/病", [(1, 2, "引起"), (0, 2, "合用")]),
)


def make(schema=WIDE, seed=1, **options):
    encoder = encoders.load("random:tiny", seed=seed, texts=[d.text for d in TEXTS])
    torch.manual_seed(seed)
    plain = {"bilstm": False, "attention": False, "feature_fusion": "none", "gate": True, "dropout": 0.0}
    return Cascade(encoder, schema, CascadeOptions(**plain | options)).eval()


def test_only_far_more_pairs_than_relations_change_the_classes():
    few = Schema(TYPES, tuple(RelationType(name, EVERY[:MANY]) for name in ("治疗", "引起")))
    assert outnumbered(WIDE) and not outnumbered(few) and not outnumbered(Schema(TYPES, ()))
    assert make(few).typer is None and len(make(few).classes) == 2 * MANY
    assert len(make().classes) == 3 and make().tag_objects.out_features == 6


def test_it_learns_a_few_documents_by_heart_with_their_types():
    head = frozen(make())
    head.train()
    options = TrainingOptions(epochs=150, batch_tokens=400, lr=5e-3, head_lr=5e-3, precision="fp32")
    trainer = Trainer(head, options, 0, make_accelerator("fp32"))
    better = itertools.count(1)
    trainer.fit(TEXTS, Batches([list(range(len(TEXTS)))]), lambda: float(next(better)))
    found = predicted(head.eval(), TEXTS)
    wanted = [set(d.triples()) for d in TEXTS]
    assert [set(d.triples()) for d in found] == wanted
    assert all(0.5 < r.score <= 1 for d in found for r in d.relations)


def test_a_pair_that_the_schema_forbids_is_not_said():
    typer = Typer(
        4, Schema(("a", "b"), (RelationType("r", (("a", "b"), ("b", "a"))), RelationType("s", (("a", "a"),))))
    )
    with torch.no_grad():
        typer.classify.weight.zero_()
        typer.classify.bias.copy_(torch.tensor([0.0, 2.0]))  # everything looks like b
    states = torch.randn(1, 5, 4)
    triples = torch.tensor([[0, 0, 1, 0, 2, 2], [0, 0, 1, 1, 2, 2]])
    types, sure = typer(states, triples)
    assert types.tolist()[1] == [0, 0] and sorted(types.tolist()[0]) == [0, 1]
    low = torch.tensor([0.0, 2.0]).softmax(0)[0]
    assert sure.tolist() == pytest.approx([low.item()] * 2)


def test_the_tags_are_those_of_a_cascade_without_types():
    """Subjects and objects do not depend on the types, which come on top."""
    bare = make(Schema(TYPES, tuple(RelationType(name, EVERY[:1]) for name in ("治疗", "引起", "合用"))))
    head = make()
    head.load_state_dict(bare.state_dict(), strict=False)
    gold = [told(d.id, d.text) for d in TEXTS]
    for one, other in zip(logits(bare, gold), logits(head, gold), strict=True):
        torch.testing.assert_close(one, other)
    assert [len(d.relations) for d in predicted(head, gold)] == [len(d.relations) for d in predicted(bare, gold)]
