"""The experiments on CBRRel: comparison, overlap, entities, ablation, and FGM (`book/cascade-tagging.md`)."""

from relex import corpora
from relex.experiments import rates
from relex.experiments.experiment import Experiment
from relex.experiments.layers import Layers, settled
from relex.runs.config import Config

SETTINGS: Layers = (
    ({}, {"head": "cascade", "ema": 0.999}),  # "Optimizer: EMA" (Table 3)
    ({"profile": "smoke"}, {
        "encoder": "random:tiny", "layers": 2, "epochs": 1, "batch_tokens": 600, "heads": 2,
        "train_limit": 40, "dev_limit": 10, "test_limit": 30,
    }),
    ({"profile": "quick"}, {
        "layers": 2, "epochs": 2, "lr": 6e-4, "head_lr": 3e-3, "batch_tokens": 150,
        "train_limit": 30, "dev_limit": 8, "test_limit": 20,
    }),
    ({"profile": "cpu"}, {"layers": 4, "epochs": 12, "batch_tokens": 600}),
    ({"profile": "full"}, {"layers": 12, "epochs": 20, "batch_tokens": 1200, "micro_tokens": 8192}),
)  # fmt: skip
"""What differs from the defaults of `Config`, in layers."""

SEEDS = {"smoke": 1, "quick": 1, "cpu": 5, "full": 5}

THREE = SEEDS | {"cpu": 3}
"""Seeds of the experiments that follow the main comparison."""

OF_DUIE = {"cpu": {"duie": 2}}
"""Profile → corpus → seeds: DuIE is large."""

CASREL = {"bilstm": False, "attention": False, "feature_fusion": "none"}
"""CasRel: the corner of the grid where every module of the paper is off."""

DRAWN = {"subjects": "sample"}
"""One gold subject drawn for each text and step, as CasRel's authors train; else all of them."""

CONTROL = "second pass alone"
"""A control of ours: FGM's second backward pass with another draw of dropout, and an ε too small to move a weight."""

EPSILON = 3e-5
"""FGM's ε as printed (Table 3)."""

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

SPLITS = ("distinct", "report", "report-unseen", "shipped", "shipped-unseen")
"""Splits of casmed beside `novel`: in each of them some test texts can be looked up, verbatim or but for numbers."""


PRIMARY = {"casmed": "novel", "angiography": "distinct"}
"""Corpus → the split that it is asked about first: for casmed the one where nothing can be looked up."""


def primary(corpus: str) -> str:
    """The split of `PRIMARY`, or `shipped` for a corpus that comes in one."""
    return PRIMARY.get(corpus, "shipped")


def config_of(profile: str, corpus: str, row: str, split: str = "", **changes) -> Config:
    """The config of a row: the settings of its profile, the rate of its system, and `changes`."""
    plain = not any(changes.get(switch, True) for switch in ("bilstm", "attention"))
    chosen = rates.chosen("CasRel" if plain else "CBRRel", profile)
    own = {"corpus": corpus, "split": split or primary(corpus), "profile": profile, "row": row}
    return Config.from_json(own | settled(SETTINGS, profile=profile) | chosen | changes)


def counted(
    profile: str, corpus: str, split: str, limits: dict, rows: dict[str, str] = SHORTCUTS | ON_GOLD
) -> list[Config]:
    """Rows that learn nothing, on the documents that `limits` leave: the bars that trained rows have to be above."""
    common = {"corpus": corpus, "split": split, "encoder": "", "layers": 0, "profile": profile}
    common |= {k: v for k, v in limits.items() if k.endswith("_limit")}
    return [Config.from_json(common | {"head": head, "row": row}) for row, head in rows.items()]


def bars(profile: str, corpus: str, split: str = "") -> list[Config]:
    """Rows that learn nothing, on the documents that the trained rows of a profile get."""
    return counted(profile, corpus, split or primary(corpus), settled(SETTINGS, profile=profile), SHORTCUTS)


def rate_rows(profile: str, corpus: str) -> list[Config]:
    """CasRel and CBRRel at every rate of the grid, with half of the epochs."""
    half = {"epochs": 6} if profile in ("cpu", "full") else {}
    return rates.tried({
        "CasRel": config_of(profile, corpus, "", **(CASREL | half)),
        "CBRRel": config_of(profile, corpus, "", fgm=EPSILON, **half),
    })  # fmt: skip


def comparison_rows(profile: str, corpus: str) -> list[Config]:
    """Table 4: what is looked up, what is guessed from gold entities, CasRel and CBRRel.

    Trained rows are of the split where nothing can be looked up; rows that learn nothing are of every split.
    """
    large = profile in ("cpu", "full")
    configs = []
    for split in (primary(corpus), *(SPLITS if large and corpus == "casmed" else ())):
        configs += counted(profile, corpus, split, settled(SETTINGS, profile=profile))
    configs.append(config_of(profile, corpus, "CasRel", **CASREL))
    if large:
        configs.append(config_of(profile, corpus, "CasRel, one subject", **(CASREL | DRAWN)))
    configs.append(config_of(profile, corpus, "CBRRel", fgm=EPSILON))
    return configs + (_duie(profile, {"CasRel": CASREL, "CBRRel": {"fgm": EPSILON}}) if large else [])


def ablation_rows(profile: str, corpus: str) -> list[Config]:
    """Table 7 on the split where nothing can be looked up, with a control of FGM, and on DuIE where its files are."""
    large = profile in ("cpu", "full")
    rows = ABLATION | ({CONTROL: {"fgm": 1e-12}} if large else {})
    configs = bars(profile, corpus) + [config_of(profile, corpus, row, **changes) for row, changes in rows.items()]
    if large:
        of_duie = ABLATION if profile == "full" else {row: ABLATION[row] for row in ("encoder_only", "full")}
        configs += _duie(profile, of_duie)
    return configs


def two_rows(profile: str, corpus: str) -> list[Config]:
    """CasRel and CBRRel on segments that nobody can look up: Tables 5 and 6."""
    return [
        *bars(profile, corpus),
        config_of(profile, corpus, "CasRel", **CASREL),
        config_of(profile, corpus, "CBRRel", fgm=EPSILON),
    ]


def sweep_rows(profile: str, corpus: str) -> list[Config]:
    """CasRel trained with FGM at every ε from none to 1, and with its second pass alone."""
    if profile in ("smoke", "quick"):
        rows = {f"ε = {epsilon:g}": epsilon for epsilon in (0.0, EPSILON)}
    else:
        rows = {f"ε = {epsilon:g}": epsilon for epsilon in SWEEP} | {CONTROL: 1e-12}
    return bars(profile, corpus) + [
        config_of(profile, corpus, row, fgm=epsilon, **CASREL) for row, epsilon in rows.items()
    ]


def strongest_rows(profile: str, corpus: str) -> list[Config]:
    """CasRel and CBRRel on the splits where something can be looked up, beside what looks it up."""
    configs = []
    for split in SPLITS if corpus == "casmed" and profile in ("cpu", "full") else ("report", "report-unseen"):
        configs += counted(profile, corpus, split, settled(SETTINGS, profile=profile))
        for row, changes in (("CasRel", CASREL), ("CBRRel", {"fgm": EPSILON})):
            configs.append(config_of(profile, corpus, row, split=split, **changes))
    return configs


def gate_rows(profile: str, corpus: str) -> list[Config]:
    """The object tagger as printed, where a subject cannot change the order of the tokens, and with our gate.

    On segments and, where it matters most, on whole reports.
    """
    settings = {"CasRel": CASREL, "CBRRel": {"fgm": EPSILON}} if profile == "full" else {"CasRel": CASREL}
    rows = {}
    for row, changes in settings.items():
        rows |= {row: changes, f"{row}, gated": changes | {"gate": True}}
    configs = bars(profile, corpus) + [config_of(profile, corpus, row, **changes) for row, changes in rows.items()]
    if profile in ("cpu", "full"):
        whole = {"split": "report", "unit": "report"}
        configs += [bar.with_(**whole) for bar in bars(profile, corpus)]
        configs += [config_of(profile, corpus, row, **whole, **changes) for row, changes in rows.items()]
    return configs


def _duie(profile: str, rows: dict[str, dict]) -> list[Config]:
    if not corpora.find("duie"):
        return []
    return bars(profile, "duie") + [config_of(profile, "duie", row, **changes) for row, changes in rows.items()]


RATES = Experiment(
    "cbrrel_rates", "Which learning rate suits CasRel, and which CBRRel?", "cbrrel", (), "casmed", "angiography",
    dict.fromkeys(SEEDS, 1), rate_rows,
)  # fmt: skip
COMPARISON = Experiment(
    "cbrrel_comparison", "Does CBRRel beat CasRel, and what beats both without learning?", "cbrrel",
    ("comparison_casmed", "comparison_duie"), "casmed", "angiography", SEEDS, comparison_rows, OF_DUIE,
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
    "angiography", SEEDS, ablation_rows, OF_DUIE,
)  # fmt: skip
STRONGEST = Experiment(
    "cbrrel_strongest", "What do the other splits show, of which something can be looked up?", "cbrrel",
    ("comparison_casmed",), "casmed", "angiography", THREE, strongest_rows,
)  # fmt: skip
GATE = Experiment(
    "cbrrel_gate", "What does it cost that the subject only adds to every token alike?", "cbrrel",
    ("comparison_casmed",), "casmed", "angiography", SEEDS, gate_rows,
)  # fmt: skip
FGM = Experiment(
    "cbrrel_fgm", "Can FGM at the printed ε do anything?", "cbrrel", (), "casmed", "angiography", THREE, sweep_rows,
)  # fmt: skip
