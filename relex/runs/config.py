"""The frozen description of one run, flat in JSON, typed in Python."""

import dataclasses
import difflib
import math
import types
import typing
from dataclasses import dataclass, field, fields

from relex.corpora.corpus import fingerprint
from relex.corpora.readers.jsonl import same_name
from relex.errors import RelexError
from relex.heads import HEADS, OPTIONS
from relex.heads.options import check_choices
from relex.training import TrainingOptions

LABELS = ("profile", "row")
"""Fields that name a run and do not change it; they stay out of its key."""

HIGHEST = (
    {"seed": 2**63 - 1, "epochs": 10_000, "depth": 8, "decoder_layers": 100, "rounds": 100}
    | dict.fromkeys(("train_limit", "dev_limit", "test_limit"), 10**9)
    | dict.fromkeys(("epoch_steps", "batch_tokens", "micro_tokens", "patience"), 10**6)
    | dict.fromkeys(("negative_spans", "negative_pairs", "most_entities", "max_steps"), 10**6)
)
"""Beyond these a whole number is a slip of the pen; all others end at `HIGHEST_OTHER`, far above any machine."""
HIGHEST_OTHER = 10_000


@dataclass(frozen=True)
class Config:
    """One run: what is trained on what, and every switch.

    `split` names the division of the corpus, `unit` what a Document of it is and `align` how its strings were found in
    the text; which there are is the corpus's to say, empty stands for its default. A split that ends in `-unseen` is
    scored with the predictions of the split before it. `row` names the table row the run answers. `train_limit`,
    `dev_limit` and `test_limit` keep the first n documents of a seeded shuffle (the same n in every run), 0 keeps all.
    `sampler`: `length`, or for classification `balanced`, `priority`, or `curriculum` (balanced for the first half of
    the epochs, then priority). `augment`: names of augmentations, applied to the hard classes of a classification.
    `training` and `options` (of the head) stand beside these fields in the JSON form.
    """

    head: str = "classifier"
    corpus: str = "umrc10"
    split: str = "shipped"
    unit: str = ""
    align: str = ""
    encoder: str = "wheel:me5-zh"
    layers: int = 12
    seed: int = 0
    profile: str = "quick"
    row: str = ""
    train_limit: int = 0
    dev_limit: int = 0
    test_limit: int = 0
    sampler: typing.Literal["length", "balanced", "priority", "curriculum"] = "length"
    augment: tuple[str, ...] = ()
    training: TrainingOptions = field(default_factory=TrainingOptions)
    options: typing.Any = None

    def __post_init__(self):
        if self.head not in OPTIONS:
            raise RelexError(f"there is no head {self.head!r}; known are {', '.join(OPTIONS)}")
        check_choices(self)
        for name in ("seed", "layers", "train_limit", "dev_limit", "test_limit"):
            if getattr(self, name) < 0:
                raise RelexError(f"config key {name!r} is {getattr(self, name)}, but must not be negative")
        if self.options is None:
            object.__setattr__(self, "options", OPTIONS[self.head]())

    def to_json(self) -> dict:
        """All fields, those of training and head beside the others; what is not trained has no fields of training."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("training", "options")}
        training = dataclasses.asdict(self.training) if self.head in HEADS else {}
        both = own | training | dataclasses.asdict(self.options)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in both.items()}

    @classmethod
    def from_json(cls, value: dict) -> "Config":
        """Read the flat form; fields left out have their defaults.

        Raises a `RelexError` for an unknown key (with the nearest known one) or a value of the wrong type.
        """
        head = value.get("head", cls.head)
        if not isinstance(head, str) or head not in OPTIONS:
            raise RelexError(f"config key 'head': there is no head {head!r}; known are {', '.join(OPTIONS)}")
        kinds = {TrainingOptions: {}, OPTIONS[head]: {}, cls: {}}
        hints = {kind: typing.get_type_hints(kind) for kind in kinds}
        known = {f.name: kind for kind in kinds for f in fields(kind) if f.name not in ("training", "options")}
        for key, item in value.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
                raise RelexError(f"unknown config key {key!r}; {advice}")
            kinds[known[key]][key] = _typed(key, item, hints[known[key]][key])
        return cls(
            **kinds[cls],
            training=TrainingOptions(**kinds[TrainingOptions]),
            options=OPTIONS[head](**kinds[OPTIONS[head]]),
        )

    def with_(self, **changes) -> "Config":
        """A copy with some fields changed, wherever they belong."""
        return Config.from_json(self.to_json() | changes)

    def key(self, corpus_fingerprint: str) -> str:
        """The name of the run's record: a hash of the corpus and of all fields that differ from their defaults.

        Labels do not count; leaving out defaults keeps the names of old runs when a switch is added later. Of a folder
        `jsonl:FOLDER` its own name counts and not the way there, for the fingerprint tells its content.
        """
        plain = Config(head=self.head).to_json()
        own = Config.from_json(self.to_json()).to_json()  # 1 and 1.0 are written differently
        own["corpus"] = same_name(own["corpus"])
        changed = {k: v for k, v in own.items() if v != plain[k] and k not in LABELS}
        return fingerprint(self.head, changed, corpus_fingerprint)


def _typed(key: str, value, hint):
    origin = typing.get_origin(hint) or hint
    if origin is typing.Literal:
        origin = str  # which text it is, is checked where the options are made
    if origin is tuple and isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if origin is types.UnionType and value is None:
        return None
    wanted = typing.get_args(hint) if origin is types.UnionType else (origin,)
    if isinstance(value, int | float) and not isinstance(value, bool):
        _check_size(key, value)
    if float in wanted and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        name = "a list of texts" if origin is tuple else " or ".join(w.__name__ for w in wanted)
        raise RelexError(f"config key {key!r} should be {name}, not {type(value).__name__} ({value!r})")
    return value


def _check_size(key: str, value: int | float) -> None:
    """Raise a `RelexError` for a number outside all reason, which would fail somewhere deep in a training."""
    if isinstance(value, float) and not math.isfinite(value):
        raise RelexError(f"config key {key!r} is {value}, but must be a finite number")
    highest = HIGHEST.get(key, HIGHEST_OTHER)
    if abs(value) > highest:
        told = f"{value:,}" if abs(value) < 10**30 else "a number of more than 30 digits"
        raise RelexError(f"config key {key!r} is {told}, but must be at most {highest:,}")
