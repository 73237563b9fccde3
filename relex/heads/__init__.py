"""The model heads by name."""

from relex.baselines.lookup import SHORTCUTS
from relex.baselines.ngrams import NoOptions, TfidfOptions
from relex.documents import Schema
from relex.encoders.encoder import Encoder
from relex.heads.cascade.both_ways import BothWays, BothWaysOptions
from relex.heads.cascade.model import Cascade
from relex.heads.cascade.options import CascadeOptions
from relex.heads.classifier import Classifier, ClassifierOptions
from relex.heads.generation.model import Generation
from relex.heads.generation.options import GenerationOptions
from relex.heads.head import Head
from relex.heads.pairs.baselines import Shallow
from relex.heads.pairs.focused import Focused
from relex.heads.pairs.options import FocusedOptions, ShallowOptions
from relex.heads.pipeline.model import Pipeline
from relex.heads.pipeline.options import PipelineOptions
from relex.heads.sets.model import Sets
from relex.heads.sets.options import SetOptions
from relex.heads.span.distilled import Distilled
from relex.heads.span.model import SpanModel
from relex.heads.span.options import DistilledOptions, SpanOptions
from relex.heads.table.model import Table
from relex.heads.table.options import TableOptions

HEADS = {
    "classifier": Classifier,
    "cascade": Cascade,
    "both_ways": BothWays,
    "table": Table,
    "sets": Sets,
    "generation": Generation,
    "span": SpanModel,
    "distilled": Distilled,
    "pipeline": Pipeline,
    "focused": Focused,
    "shallow": Shallow,
}
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
    "HEADS", "OPTIONS", "TASKS", "BothWays", "BothWaysOptions", "Cascade", "CascadeOptions", "Classifier",
    "ClassifierOptions", "Distilled", "DistilledOptions", "Focused", "FocusedOptions", "Generation",
    "GenerationOptions", "Head", "Pipeline", "PipelineOptions", "SetOptions", "Sets", "Shallow", "ShallowOptions",
    "SpanModel", "SpanOptions", "Table", "TableOptions", "build",
]  # fmt: skip
