"""How long a run will take, from the times of the recorded run that is most like it."""

import functools
import math
from collections.abc import Callable, Iterable

import numpy as np

from relex import corpora
from relex.errors import RelexError
from relex.heads import HEADS
from relex.queue.speed import speed
from relex.runs import records
from relex.runs.config import Config
from relex.runs.train import subsample
from relex.training.trainer import resolve_precision

SAME_SIZE = ("wheel:me5-zh", "wheel:minilm-en", "random:small")
"""Encoders whose layers cost the same."""

UNIMPORTANT = (
    "seed", "profile", "row", "lr", "head_lr", "schedule", "warmup", "weight_decay", "clip", "ema", "epochs",
    "epoch_steps", "precision", "dev_limit", "test_limit", "patience", "hard_classes", "hard_weight",
)  # fmt: skip
"""Config keys that do not change the time of a step, or that are reckoned with by themselves."""

WEIGHTS = {"corpus": 2.0, "split": 0.3, "align": 0.1, "encoder": 2.0, "sampler": 3.0, "augment": 3.0}
"""How unlike two runs are that differ in a config key; 1 for a switch of the head."""

BY_RATIO = {"layers": 1.0, "batch_tokens": 0.5, "micro_tokens": 0.5, "train_limit": 0.05}
"""The same for numbers, by the logarithm to base 2 of their ratio."""

OTHER_MACHINE, OTHER_FGM = 1.5, 3.0

FGM = 1.85
"""A step with a second pass takes this many times as long."""

EMBEDDINGS = 0.3
"""What a model without layers takes, in layers: a classifier takes 2.3 times the time of a layer with two, 12.3 with
twelve."""

FILLED = 0.9
"""The share of `batch_tokens` that a step has without padding."""

START_S, SCORE_S = 6.0, 2.0
"""Loading a corpus and an encoder; scoring predictions that are there."""

SWEEP = 5
"""How often a head with a curve predicts the test part again."""


class Estimate:
    """Seconds of runs on this machine, by the records of `found`.

    A run is likened to the recorded run with the same head and the fewest differences that matter (of several, the
    median). Its time of training counts in proportion to epochs, documents and their length, and differs by the cost of
    a layer for each layer more or less. Times of another kind of machine (CPU, precision) are scaled by the speed of
    the same small model there and here. Where no recorded run has the same head on an encoder of the same size, the
    time is unknown.
    """

    def __init__(self, found: Iterable[dict], measure: Callable[[], float] = speed):
        usable = [r for r in found if not r.get("derived_from") and _tells(r) and _device(r) == _device_here()]
        self.found = {(r["run"], r["experiment"]): r for r in usable}.values()
        self.here = (records.cpu_name(), resolve_precision("auto"))
        self.measure = functools.cache(measure)
        self._lengths = functools.cache(_lengths)

    def seconds(self, config: Config) -> float | None:
        """How long the run of a config will take on one worker; None when no record tells."""
        sizes = self._sizes(config.to_json())
        likely = [(self._unlike(config, r), r) for r in self.found if r["config"]["head"] == config.head]
        likely = [(distance, r) for distance, r in likely if distance < math.inf and self._sizes(r["config"])]
        if not sizes or not likely:
            return None
        least = min(distance for distance, _ in likely)
        seconds = [self._scaled(config, sizes, r) for distance, r in likely if distance <= least + 0.05]
        return START_S + float(np.median(seconds))

    def _unlike(self, config: Config, record: dict) -> float:
        """How much the costs of a recorded run differ from those asked for; infinite if they cannot be compared."""
        asked, given = config.to_json(), record["config"]
        encoders = {asked["encoder"], given["encoder"]}
        if len(encoders) > 1 and not encoders <= set(SAME_SIZE):
            return math.inf
        if given.get("epoch_steps") and not asked.get("epoch_steps"):
            return math.inf  # how much of a pass it has trained on is not recorded
        distance = OTHER_MACHINE * (_kind(record) != self.here)
        distance += OTHER_FGM * (bool(asked.get("fgm")) != bool(given.get("fgm")))
        for key, value in asked.items():
            if key in UNIMPORTANT or key == "fgm" or value == given.get(key, value):
                continue
            if key in BY_RATIO:
                distance += BY_RATIO[key] * abs(math.log2(max(value, 0.5) / max(given[key], 0.5)))
            else:
                distance += WEIGHTS.get(key, 1.0)
        return distance

    def _scaled(self, config: Config, sizes: dict[str, int], record: dict) -> float:
        """The seconds of a recorded run, for the work of `config` and on this machine."""
        given, theirs = record["config"], self._sizes(record["config"])
        kind = _kind(record)
        slower = self._speed(kind) / self._speed(self.here) if kind != self.here else 1.0
        train_s, predict_s = record["time"]["train_s"] * slower, record["time"]["predict_s"] * slower
        a_char = predict_s / max(1, theirs["test"])
        if config.head not in HEADS:
            return train_s * sizes["train"] / theirs["train"] + a_char * (sizes["dev"] + sizes["test"])
        done = max(1, len(record["history"]))
        patient = config.training.patience and given.get("patience")
        epochs = min(done, config.training.epochs) if patient else config.training.epochs
        recorded = max(1, record["counts"]["trained_tokens"])
        tokens = self._tokens(config, epochs, recorded / done * sizes["train"] / theirs["train"], record)
        layer = slower / (self._speed(kind) * (2 + EMBEDDINGS)) if config.layers != given["layers"] else 0.0
        a_token = train_s / recorded
        passes = FGM if given.get("fgm") else 1.0
        changed = max(0.3 * a_token, a_token + (config.layers - given["layers"]) * layer * passes)
        factor = changed / a_token * (FGM if config.training.fgm else 1.0) / passes
        times = 1 + SWEEP * ("curve" in HEADS[config.head].probes)
        return a_token * factor * tokens + a_char * changed / a_token * (
            sizes["dev"] * (epochs + 1) + sizes["test"] * times
        )

    @staticmethod
    def _tokens(config: Config, epochs: int, a_pass: float, record: dict) -> float:
        """Tokens that a run of so many epochs trains on: of its steps if their number is fixed, else of its passes."""
        asked = config.to_json()
        if not asked.get("epoch_steps"):
            return epochs * a_pass
        a_step = FILLED * asked["batch_tokens"]
        if steps := record["counts"].get("steps"):
            a_step = (
                record["counts"]["trained_tokens"] / steps * asked["batch_tokens"] / record["config"]["batch_tokens"]
            )
        return epochs * asked["epoch_steps"] * a_step

    @functools.cache  # noqa: B019  one instance lives as long as a command
    def _speed(self, kind: tuple[str, str]) -> float:
        """Tokens a second of the small model of `relex.queue.speed` on a kind of machine.

        From the times of recorded classifiers, by the cost of a layer: they were made beside other work, as what is to
        come. Where there are none, it is measured here, or for another kind taken from all that there are.
        """
        like = [r for r in self.found if r["config"]["head"] == "classifier" and not r["config"].get("fgm")]
        speeds = [
            (_kind(r), r["counts"]["trained_tokens"] / r["time"]["train_s"] * (r["config"]["layers"] + EMBEDDINGS))
            for r in like
            if r["config"]["encoder"] in SAME_SIZE
        ]
        own = [speed for k, speed in speeds if k == kind]
        if not own and (kind == self.here or not speeds):
            return self.measure()
        return float(np.median(own or [speed for _, speed in speeds])) / (2 + EMBEDDINGS)

    def _sizes(self, config: dict) -> dict[str, int] | None:
        """Characters of each part within the limits of a config; None when the corpus is not here."""
        lengths = self._lengths(config["corpus"], config["split"], config.get("unit", ""), config.get("align", ""))
        return lengths and {
            part: max(1, sum(subsample(lengths[part], config[f"{part}_limit"]))) for part in corpora.PARTS
        }


def _lengths(name: str, split: str, unit: str, align: str) -> dict[str, list[int]] | None:
    try:
        corpus = corpora.load(name, split, unit, align)
    except RelexError:
        return None
    return {part: [len(d.text) for d in getattr(corpus, part)] for part in corpora.PARTS}


def _tells(record: dict) -> bool:
    """Whether a record has what an estimate reads; those of other versions may not."""
    needed = {
        "machine": ("device", "cpu"), "time": ("train_s", "predict_s"),
        "config": ("head", "corpus", "split", "encoder", "layers", *(f"{part}_limit" for part in corpora.PARTS)),
    }  # fmt: skip
    if any(name not in record.get(key, {}) for key, names in needed.items() for name in names):
        return False
    return record["config"]["head"] not in HEADS or (
        "history" in record and "trained_tokens" in record["counts"] and "batch_tokens" in record["config"]
    )


def _kind(record: dict) -> tuple[str, str]:
    return record["machine"]["cpu"], record["machine"].get("precision", "fp32")


def _device(record: dict) -> str:
    """`cpu` for one thread of one, else the name."""
    device = record["machine"]["device"]
    return "cpu" if device.startswith("cpu, 1 thread") else device


@functools.cache
def _device_here() -> str:
    import torch

    return f"1 × {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "cpu"
