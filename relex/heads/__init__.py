"""The model heads by name."""

from relex.baselines.lookup import SHORTCUTS
from relex.baselines.ngrams import NoOptions, TfidfOptions
from relex.documents import Schema
from relex.encoders.encoder import Encoder
from relex.heads.cascade.model import Cascade
from relex.heads.cascade.options import CascadeOptions
from relex.heads.classifier import Classifier, ClassifierOptions
from relex.heads.head import Head
from relex.heads.pairs.baselines import Shallow
from relex.heads.pairs.focused import Focused
from relex.heads.pairs.options import FocusedOptions, ShallowOptions
from relex.heads.span.model import SpanModel, SpanOptions

HEADS = {"classifier": Classifier, "cascade": Cascade, "span": SpanModel, "focused": Focused, "shallow": Shallow}
"""Heads that are trained on an encoder; to enter a new one here is all that it takes."""

OPTIONS = {
    **{name: head.options_type for name, head in HEADS.items()},
    "tfidf": TfidfOptions,
    **dict.fromkeys(("majority", *SHORTCUTS), NoOptions),
}
"""Switches of everything a config can name as its head, the baselines that only count included."""

TASKS = {
    **{name: head.task for name, head in HEADS.items()},
    **dict.fromkeys(("tfidf", "majority"), "classification"),
    **dict.fromkeys(SHORTCUTS, "extraction"),
}
"""What each of them predicts, and so how it is scored: `classification` or `extraction`, as in `Head.task`."""


def build(name: str, encoder: Encoder, schema: Schema, options) -> Head:
    """A head with fresh parameters; seed torch before to make them reproducible."""
    return HEADS[name](encoder, schema, options)


__all__ = [
    "HEADS", "OPTIONS", "TASKS", "Cascade", "CascadeOptions", "Classifier", "ClassifierOptions", "Focused",
    "FocusedOptions", "Head", "Shallow", "ShallowOptions", "SpanModel", "SpanOptions", "build",
]  # fmt: skip
