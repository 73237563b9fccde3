"""The experiments on CBRRel: comparison, overlap, entities, ablation, and FGM (`book/cascade-tagging.md`)."""

from relex import corpora
from relex.experiments.config import Config
from relex.experiments.experiment import Experiment

PROFILE = {
    "smoke": {
        "encoder": "random:tiny", "layers": 2, "epochs": 1, "batch_tokens": 600, "heads": 2,
        "train_limit": 40, "dev_limit": 10, "test_limit": 30,
    },
    "quick": {
        "layers": 2, "epochs": 2, "lr": 6e-4, "head_lr": 3e-3, "batch_tokens": 150,
        "train_limit": 60, "dev_limit": 20, "test_limit": 40,
    },
    "cpu": {"layers": 2, "epochs": 4, "lr": 3e-4, "batch_tokens": 600},
    "full": {"layers": 12, "epochs": 20, "micro_tokens": 8192},
}  # fmt: skip
"""What a profile changes of a run; all else has the defaults of `Config`."""

SEEDS = {"smoke": 1, "quick": 1, "cpu": 3, "full": 5}

CASREL = {"bilstm": False, "attention": False, "feature_fusion": "none"}
"""CasRel: the corner of the grid where every module of the paper is off."""

EPSILON = 3e-5
"""FGM's ε as printed (Table 3)."""

TRAINED = {"ema": 0.999}
"""What all rows share: "Optimizer: EMA" (Table 3)."""

ABLATION = {
    "full": {"fgm": EPSILON},
    "-attention": {"fgm": EPSILON, "attention": False},
    "-fgm": {},
    "-bilstm": {"fgm": EPSILON, "bilstm": False},
    "-cnn": {"fgm": EPSILON, "feature_fusion": "cnn"},
    "encoder_only": CASREL,
}
"""The rows of Table 7; "-CNN" is read as the U-Net replaced by plain convolutions."""

SHORTCUTS = {"look-up": "lookup", "masked look-up": "masked_lookup", "dictionary": "dictionary"}
"""Baselines that learn nothing: row → head."""

ON_GOLD = {"schema only": "schema_only", "nearest entity": "nearest_entity"}
"""Heuristics that are given the gold entities."""

SWEEP = (0.0, EPSILON, 1e-2, 1e-1, 3e-1, 1.0)


def _config(profile: str, corpus: str, row: str, split: str = "distinct", **changes) -> Config:
    # the other splits have twice as many training segments, most of them repeated
    fewer = {"epochs": 2} if profile == "cpu" and split != "distinct" and corpus != "duie" else {}
    return Config.from_json(
        {"head": "cascade", "corpus": corpus, "split": split, "profile": profile, "row": row}
        | PROFILE[profile] | fewer | TRAINED | changes
    )  # fmt: skip


def _counted(profile: str, corpus: str, row: str, head: str, split: str) -> Config:
    limits = {k: v for k, v in PROFILE[profile].items() if k.endswith("_limit")}
    return Config.from_json(
        {"head": head, "corpus": corpus, "split": split, "encoder": "", "layers": 0, "profile": profile, "row": row}
        | limits
    )  # fmt: skip


def comparison_rows(profile: str, corpus: str) -> list[Config]:
    """Table 4: what is looked up, what is guessed from gold entities, CasRel and CBRRel, on every split."""
    splits = ("distinct",)
    if profile in ("cpu", "full"):
        splits += ("report", "report-unseen") + (("shipped", "shipped-unseen") if corpus == "casmed" else ())
    configs = []
    for split in splits:
        configs += [_counted(profile, corpus, row, head, split) for row, head in (SHORTCUTS | ON_GOLD).items()]
        configs.append(_config(profile, corpus, "CasRel", split=split, **CASREL))
        configs.append(_config(profile, corpus, "CBRRel", split=split, fgm=EPSILON))
    if profile in ("cpu", "full"):
        configs += _duie(profile, {"CasRel": CASREL, "CBRRel": {"fgm": EPSILON}})
    return configs


def ablation_rows(profile: str, corpus: str) -> list[Config]:
    """Table 7 on the two splits that matter, and on DuIE where its files are.

    Row `second pass alone` is a control of ours: FGM's second backward pass with another draw of dropout, and an ε too
    small for any weight to change.
    """
    if profile in ("smoke", "quick"):
        return [_config(profile, corpus, row, **changes) for row, changes in ABLATION.items()]
    rows = ABLATION | {"second pass alone": {"fgm": 1e-12}}
    configs = [
        _config(profile, corpus, row, split=split, **changes)
        for split in ("distinct", "report")
        for row, changes in rows.items()
    ]
    of_duie = ABLATION if profile == "full" else {row: ABLATION[row] for row in ("encoder_only", "full")}
    return configs + _duie(profile, of_duie)


def two_rows(profile: str, corpus: str) -> list[Config]:
    """CasRel and CBRRel on segments that nobody can look up: Tables 5 and 6."""
    return [
        _config(profile, corpus, "CasRel", **CASREL),
        _config(profile, corpus, "CBRRel", fgm=EPSILON),
    ]


def sweep_rows(profile: str, corpus: str) -> list[Config]:
    """CasRel trained with FGM at every ε from none to 1."""
    epsilons = (0.0, EPSILON) if profile in ("smoke", "quick") else SWEEP
    fewer = {"epochs": 3, "train_limit": 600} if profile == "cpu" else {}
    return [_config(profile, corpus, f"ε = {epsilon:g}", fgm=epsilon, **(CASREL | fewer)) for epsilon in epsilons]


def strongest_rows(profile: str, corpus: str) -> list[Config]:
    """CasRel and CBRRel on the split by report with more layers and epochs than a CPU grid can afford."""
    more = {"cpu": {"layers": 4, "epochs": 10, "lr": 2e-4}}.get(profile, {})
    return [
        _config(profile, corpus, row, split=split, **(more | changes))
        for split in ("report", "report-unseen")
        for row, changes in (("CasRel", CASREL), ("CBRRel", {"fgm": EPSILON}))
    ]


def gate_rows(profile: str, corpus: str) -> list[Config]:
    """The object tagger as printed, where a subject cannot change the order of the tokens, and with our gate.

    On segments and, where it matters most, on whole reports.
    """
    settings = {"CasRel": CASREL, "CBRRel": {"fgm": EPSILON}} if profile == "full" else {"CasRel": CASREL}
    rows = {}
    for row, changes in settings.items():
        rows |= {row: changes, f"{row}, gated": changes | {"gate": True}}
    configs = [_config(profile, corpus, row, **changes) for row, changes in rows.items()]
    if profile in ("cpu", "full"):
        whole = {"split": "report", "unit": "report", "epochs": PROFILE[profile]["epochs"]}
        configs += [_config(profile, corpus, row, **whole, **changes) for row, changes in rows.items()]
    return configs


def _duie(profile: str, rows: dict[str, dict]) -> list[Config]:
    if not corpora.find("duie"):
        return []
    limits = {"train_limit": 1500, "dev_limit": 200, "test_limit": 1000} if profile == "cpu" else {}
    return [_config(profile, "duie", row, split="shipped", **limits, **changes) for row, changes in rows.items()]


COMPARISON = Experiment(
    "cbrrel_comparison", "Does CBRRel beat CasRel, and what beats both without learning?", "cbrrel",
    ("comparison_casmed", "comparison_duie"), "casmed", "angiography", SEEDS, comparison_rows,
)  # fmt: skip
OVERLAP = Experiment(
    "cbrrel_overlap", "Where do overlapping triples cost?", "cbrrel", ("overlap_casmed",), "casmed", "angiography",
    SEEDS, two_rows,
)  # fmt: skip
ENTITIES = Experiment(
    "cbrrel_entities", "Which entities are found?", "cbrrel", ("entities_casmed",), "casmed", "angiography",
    SEEDS, two_rows,
)  # fmt: skip
ABLATIONS = Experiment(
    "cbrrel_ablation", "What does each module add?", "cbrrel", ("ablation_casmed", "ablation_duie"), "casmed",
    "angiography", SEEDS, ablation_rows,
)  # fmt: skip
STRONGEST = Experiment(
    "cbrrel_strongest", "What is left of the differences where nothing can be looked up?", "cbrrel",
    ("comparison_casmed",), "casmed", "angiography", SEEDS | {"cpu": 1}, strongest_rows,
)  # fmt: skip
GATE = Experiment(
    "cbrrel_gate", "What does it cost that the subject only adds to every token alike?", "cbrrel",
    ("comparison_casmed",), "casmed", "angiography", SEEDS, gate_rows,
)  # fmt: skip
FGM = Experiment(
    "cbrrel_fgm", "Can FGM at the printed ε do anything?", "cbrrel", (), "casmed", "angiography", SEEDS, sweep_rows,
)  # fmt: skip
