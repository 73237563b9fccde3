"""A trained model as a folder that is whole: it works wherever it lies, without its corpus and without a checkout."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from relex import encoders
from relex.corpora.readers.jsonl import schema_from_json, schema_to_json
from relex.documents import Schema
from relex.errors import RelexError
from relex.files import new_folder, sha256, write_text
from relex.heads import Head, build
from relex.runs import cards
from relex.runs.config import Config
from relex.runs.train import suited

FORMAT = 1
"""The version of the folder's layout; a reader refuses others."""

LABEL, WEIGHTS, ENCODER, CARD = "relex.json", "weights.safetensors", "encoder", "README.md"


@dataclass(frozen=True)
class Model:
    """A head with the config it was trained by, its schema, and what its record says of data and scores."""

    head: Head
    config: Config
    schema: Schema
    about: dict


def save(head: Head, config: Config, about: dict, folder: Path) -> None:
    """Write a model folder, whole or not at all; one that is there is replaced, anything else is refused.

    `about`: `corpus` and `metrics` as in a record, and other facts for the reader of the card
    (`relex.runs.cards`). All values must be JSON.
    """
    if folder.exists() and not is_model(folder):
        raise RelexError(f"{folder} is there and holds no model; choose another place, so that nothing is lost")
    with new_folder(folder) as new:
        head.encoder.save_shape(new / ENCODER)
        save_file({k: v.detach().cpu().contiguous() for k, v in head.state_dict().items()}, new / WEIGHTS)
        write_text(new / CARD, cards.card(config, head.schema, about))
        files = sorted(path for path in new.rglob("*") if path.is_file())
        label = {
            "format": FORMAT,
            "config": config.to_json(),
            "schema": schema_to_json(head.schema),
            "about": about,
            "sha256": {path.relative_to(new).as_posix(): sha256(path) for path in files if path.name != CARD},
        }
        write_text(new / LABEL, json.dumps(label, ensure_ascii=False, indent=1))


def is_model(folder: Path) -> bool:
    """Whether a folder says that it is a model."""
    return (folder / LABEL).is_file()


def identity(folder: Path) -> str:
    """What distinguishes a model from others, wherever it lies: the sha256 of its label, which has those of its files.

    Raises a `RelexError` when the folder holds no model.
    """
    read_label(folder)
    return sha256(folder / LABEL)


def load(folder: Path) -> Model:
    """Read a model folder, its head on the CPU and ready to predict.

    Raises a `RelexError` when the folder is none, was written by a version with another layout, or a file of it is
    missing or is not as it was written.
    """
    label = read_label(folder)
    for name, wanted in label["sha256"].items():
        path = folder / name
        if not path.is_file():
            raise RelexError(f"the model {folder} lacks its file {name}; copy the whole folder again")
        if sha256(path) != wanted:
            raise RelexError(f"{path} is not as it was written (its sha256 differs); copy the folder again")
    config = Config.from_json(label["config"])
    schema = schema_from_json(label["schema"])
    encoder = encoders.load(f"shape:{folder / ENCODER}", seed=config.seed)
    encoder.name = config.encoder
    torch.manual_seed(config.seed)
    head = build(config.head, suited(encoder), schema, config.options)
    try:
        head.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RelexError(f"{folder / WEIGHTS} does not fit this version ({reason}); train the model again") from None
    if broken := [name for name, weights in head.named_parameters() if not torch.isfinite(weights).all()]:
        raise RelexError(f"{folder / WEIGHTS} has weights that are no numbers ({broken[0]}); train the model again")
    return Model(head.eval(), config, schema, label["about"])


def read_label(folder: Path) -> dict:
    """What a model folder says of itself, checked for its form."""
    path = folder / LABEL
    if not path.is_file():
        raise RelexError(f"{folder} is no model folder (it has no {LABEL}); give one that `relex train` has written")
    try:
        label = json.loads(path.read_bytes())
        assert label["format"] == FORMAT and isinstance(label["about"], dict) and label["sha256"]
        assert all(isinstance(v, str) for v in label["sha256"].values())
    except AssertionError:
        raise RelexError(f"{path} has another layout than this version of relex reads; train the model again") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RelexError(f"{path} is damaged; copy the folder again") from None
    return label
