"""What the tests of all heads of joint extraction share."""

from unittest import mock

import pytest
import samples
import torch

from relex import encoders
from relex.documents import Document, Relation, Span
from relex.encoders import sources


def told(name, text, entities="", relations=()):
    """A document whose entities are the first occurrences of `mention/type …`; relations are (head, tail, type)."""
    spans = tuple(samples.span(text, *e.rsplit("/", 1)) for e in entities.split())
    return Document(name, text, spans, tuple(Relation(*r) for r in relations))


def long_document(*places, text="止痛片治发烧，" * 8):
    """A relation between neighbours at each place of a text of 56 tokens."""
    entities = tuple(s for at in places for s in (Span(at, at + 1, "药"), Span(at + 1, at + 2, "病")))
    return Document("long", text, entities, tuple(Relation(2 * i, 2 * i + 1, "治疗") for i in range(len(places))))


def narrow(head, positions):
    """Leave the encoder so few positions."""
    head.encoder.model.config.max_position_embeddings = positions
    return head


def sharp_encoder(layers, documents, width=32, seed=0):
    """A random encoder of so many layers, whose weights are large enough for masks to matter."""
    with mock.patch.dict(sources.RANDOM_SHAPES, {"tiny": (layers, width, 2, 64)}):
        encoder = encoders.load("random:tiny", seed=seed, texts=[d.text for d in documents])
    torch.manual_seed(seed)
    for name, parameter in encoder.model.encoder.named_parameters():
        if "LayerNorm" not in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return encoder


def frozen(head):
    """The head without dropout, in training too."""
    for module in head.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return head


class Batches(list):
    """A sampler whose every epoch has these batches of indices."""

    def set_epoch(self, epoch):
        pass


@torch.no_grad()
def predicted(head, documents, **options):
    return head.predict(head.collate(documents), documents, **options)


def gradients(head, documents):
    """Those of the loss, by name, where there are any."""
    head.zero_grad()
    head.loss(head.collate(documents)).backward()
    return {name: p.grad.clone() for name, p in head.named_parameters() if p.grad is not None}


def facts(documents):
    """Entities and triples, in no order."""
    return [(set(d.entities), set(d.triples())) for d in documents]


def check_half_precision(head, documents):
    """Under autocast losses and gradients stay finite and near those of fp32, and every document is predicted."""
    batch = head.collate(documents)
    expected = head.loss(batch).item()
    with torch.autocast("cpu", torch.bfloat16):
        loss = head.loss(batch)
        found = head.predict(batch, documents)
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=0.1) and len(found) == len(documents)
    assert all(torch.isfinite(p.grad).all() for p in head.parameters())
