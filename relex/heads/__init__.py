"""The model heads by name."""

from relex.documents import Schema
from relex.encoders.encoder import Encoder
from relex.evaluation.baselines import MajorityOptions, TfidfOptions
from relex.heads.classifier import Classifier, ClassifierOptions
from relex.heads.head import Head

HEADS = {"classifier": Classifier}
"""Heads that are trained on an encoder."""

OPTIONS = {"classifier": ClassifierOptions, "tfidf": TfidfOptions, "majority": MajorityOptions}
"""Switches of everything a config can name as its head, the baselines that only count included."""


def build(name: str, encoder: Encoder, schema: Schema, options) -> Head:
    """A head with fresh parameters; seed torch before to make them reproducible."""
    return HEADS[name](encoder, schema, options)


__all__ = ["HEADS", "OPTIONS", "Classifier", "ClassifierOptions", "Head", "build"]
