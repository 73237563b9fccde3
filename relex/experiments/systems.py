"""The systems that the papers compare with, in one harness: `book/tables-of-pairs.md`, `notebooks/systems.ipynb`."""

from dataclasses import fields

from relex import corpora
from relex.experiments import cbrrel, iser, rates
from relex.experiments.experiment import Experiment
from relex.experiments.layers import settled
from relex.runs.config import Config
from relex.training import TrainingOptions

SYSTEMS: dict[str, dict] = {
    "TPLinker": {"head": "table"},
    "TPLinker+": {"head": "table", "scheme": "handshake_typed", "loss": "zlpr_tags"},
    "GPLinker": {"head": "table", "scheme": "pointers", "scorer": "pointer", "loss": "zlpr_cells"},
    "OneRel": {"head": "table", "scheme": "horns", "activation": "relu", "wide": 3},
    "EmRel": {"head": "table", "scheme": "links", "scorer": "tucker", "fusion": True, "loss": "bce"},
    "GRTE": {"head": "table", "scheme": "regions", "scorer": "hadamard", "rounds": 2},
    "Multi-head": {"head": "table", "scheme": "last_tokens", "loss": "bce", "label_size": 25},
    "GraphRel-1p": {
        "head": "table", "scheme": "word_pairs", "scorer": "additive", "positive": 2.0, "link_weight": 3.0,
    },
    "GraphRel-2p": {
        "head": "table", "scheme": "word_pairs", "scorer": "additive", "positive": 2.0, "link_weight": 3.0, "rounds": 2,
    },
    "W2NER": {"head": "table", "scheme": "chain", "scorer": "grid"},
    "Tucker, names": {
        "head": "table", "scheme": "handshake_typed", "scorer": "tucker", "names": True, "loss": "zlpr_cells",
    },
    "BiRTE": {"head": "both_ways"},
    "SPN4RE": {"head": "sets"},
    "ATG": {"head": "generation"},
    "PURE": {"head": "pipeline"},
    "PURE, approximate": {"head": "pipeline", "approx": True},
    "SpERT": {"head": "span"} | iser.SPERT,
    "STER": {"head": "distilled"} | iser.SPERT,
    "SPAN": {"head": "span", "fusion": False, "pooling": "attention", "context": "query", "local_context": "query"},
    "CasRel": {"head": "cascade"} | cbrrel.CASREL,
}  # fmt: skip
"""Row → its head and what differs from the head's defaults. `Tucker, names` is ours: the typed handshake with one
Tucker core, whose relation vectors are read from the names of types and relations."""

SHIFTED = {"OneRel, shifted": SYSTEMS["OneRel"] | {"scheme": "horns_shifted"}}
"""OneRel with ends moved by a token, for corpora that have entities of one token, all of which the published corners
lose."""

RATE_OF = {
    "OneRel, shifted": "OneRel", "PURE, approximate": "PURE", "STER": "SpERT", "SPAN": "SpERT", "ISER-GRU": "ISER",
}  # fmt: skip
"""Rows that take the rate of another one."""

TRIED = tuple(row for row in SYSTEMS if row not in (*RATE_OF, "SpERT", "CasRel"))
"""Systems whose rate is chosen here; SpERT and CasRel have theirs from the grids of their papers."""

QUICK = ("TPLinker", "GPLinker", "BiRTE", "SPN4RE")
"""The systems of profiles `smoke` and `quick`."""

SEEDS = {"smoke": 1, "quick": 1, "cpu": 3, "full": 3}

OF_ANY_HEAD = {f.name for kind in (Config, TrainingOptions) for f in fields(kind)} - {"head"}
"""Settings that are no head's own."""


def config_of(profile: str, corpus: str, row: str, **changes) -> Config:
    """The config of a row on a corpus: the budget of the grid that its paper's chapter has there, and its rate."""
    layers = iser.SETTINGS if corpus in iser.BOTH else cbrrel.SETTINGS
    settings = settled(layers, profile=profile, corpus=corpus, grid="")
    own = {k: v for k, v in settings.items() if k in OF_ANY_HEAD}
    if changes["head"] in ("span", "distilled", "pipeline", "generation"):
        own["max_width"] = 3 if profile == "smoke" else 10 if corpus == "conll04" else 12
    chosen = rates.chosen(RATE_OF.get(row, row)) if profile == "cpu" else {}
    place = {"corpus": corpus, "split": cbrrel.primary(corpus), "profile": profile, "row": row}
    return Config.from_json(own | place | chosen | changes)


def _of_corpus(profile: str, corpus: str) -> list[Config]:
    """All rows of one corpus: those that learn nothing, the four papers' own, and the systems."""
    of_words = corpus in iser.BOTH
    module = iser if of_words else cbrrel
    configs = module.bars(profile, corpus)
    if of_words:
        scope = {} if profile == "full" else iser.ONCE
        own = {"SpERT": iser.SPERT, "ISER": scope, "ISER, residual": scope | iser.RESIDUAL}
        configs += [iser.config_of(profile, corpus, row, **changes) for row, changes in own.items()]
        systems = SYSTEMS | SHIFTED | {"ISER-GRU": {"head": "span", "context": "gru"} | scope}
    else:
        own = {"CasRel": cbrrel.CASREL, "CBRRel": {"fgm": cbrrel.EPSILON}}
        configs += [cbrrel.config_of(profile, corpus, row, **changes) for row, changes in own.items()]
        systems = SYSTEMS
    there = {c.row for c in configs}
    return configs + [config_of(profile, corpus, row, **own) for row, own in systems.items() if row not in there]


def rows(profile: str, corpus: str) -> list[Config]:
    """Every system on every corpus: casmed where nothing can be looked up, conll04, and the stand-in of its kind."""
    if profile in ("smoke", "quick"):
        configs = _of_corpus(profile, corpus)
        return [c for c in configs if c.row in (*QUICK, *cbrrel.SHORTCUTS, "CasRel", "CBRRel")]
    more = [name for name in iser.BOTH if name == "interactions" or corpora.find(name)]
    return [c for name in dict.fromkeys([corpus, *more]) for c in _of_corpus(profile, name)]


def rate_rows(profile: str, corpus: str) -> list[Config]:
    """Every system that has no rate yet at every rate of the grid, with a third of the epochs."""
    fewer = {"epochs": 4} if profile in ("cpu", "full") else {}
    return rates.tried({row: config_of(profile, corpus, row, **(SYSTEMS[row] | fewer)) for row in TRIED})


RATES = Experiment(
    "systems_rates", "Which learning rate suits each of the systems compared with?", "cbrrel", (), "casmed",
    "angiography", dict.fromkeys(SEEDS, 1), rate_rows,
)  # fmt: skip
COMPARISON = Experiment(
    "systems", "How do the systems that the papers compare with stand beside them, in one harness?", "cbrrel",
    ("comparison_casmed", "comparison_duie"), "casmed", "angiography", SEEDS, rows,
)  # fmt: skip
