"""A trained model as one HTML file: it reads sentences in a browser, and nothing leaves the browser.

The file carries `data/page.html`, the forward pass in JavaScript (`data/page.js`), what it draws (`data/page-view.js`)
and the weights, those of matrices as integers of 8 bits with a scale for every few.
"""

import base64
import copy
import gzip
import html
import json
import math
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from relex.encoders import vocabulary
from relex.encoders.encoder import SURROGATE, Encoder
from relex.errors import RelexError
from relex.files import write_text
from relex.heads import Cascade, Head

MOST_LAYERS = 4
"""Layers of an encoder that a page can carry; each of `wheel:me5-zh` adds 2.4 MB to the file."""

MOST_ROWS = 6000
"""A vocabulary of up to so many tokens is kept whole; of a larger one what `kept_tokens` says."""

LARGEST = 127
"""Of the integers that stand for weights."""

GROUP = 32
"""Numbers of a row that share a scale, as many as in a block of the pretrained weights (`relex.encoders.me5`).

After a short training 8 of 1,000 sentences had other triples than with all bits, and 17 with one scale a row; with a
model of four layers after a longer one 2.
"""

FACE = """@font-face { font-family: "relex zh"; unicode-range: U+2E80-9FFF, U+F900-FAFF, U+FF00-FFEF;
  src: url(data:font/woff;base64,%s) format("woff"); }"""
"""A font that comes with a page, in its style sheet."""

ROWS = (0xA1, 0xA3, *range(0xB0, 0xD8))
"""Of GB 2312: punctuation, wide letters, and its first level, the 3,755 most frequent characters."""

SPECIALS = ("unk", "cls", "sep")
"""Special tokens whose rows are kept, in the order of these rows."""


def write_page(
    head: Head,
    path: Path,
    title: str = "",
    trained_on: str = "",
    examples: Sequence[str] = (),
    texts: Iterable[str] = (),
    note: str = "",
    font: bytes = b"",
) -> None:
    """Write a page that runs `head`, about 7 MB for two layers of `wheel:me5-zh`.

    `title` stands at its top, `trained_on` completes its sentence "…, trained on". `examples` are sentences to start
    from; the first is read when the page opens, the second is what it is compared with. `note` stands at the end, say
    what the model is not for; `font`, in WOFF, serves where a system has none for `shown`. The characters of `examples`
    and of `texts`, say those of training, are kept in any case, see `kept_tokens`. Raises a `RelexError` for a model
    that a page cannot run, and when the file cannot be written.
    """
    check(head)
    examples = list(examples)
    tokens = kept_tokens(head.encoder, [*examples, *texts])
    weights, layout = packed(*parameters(head, tokens))
    about = {
        "examples": examples,
        "classes": head.classes,
        "types": head.schema.entity_types,
        "layout": layout,
        **_vocabulary(head.encoder, tokens),
        **_shape(head),
    }
    parts = {
        "TITLE": html.escape(title or "Entities and relations"),
        "ABOUT": html.escape(_about(head, trained_on)),
        "NOTE": html.escape(" ".join(note.split())),
        "MODEL": json.dumps(about, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "FONT": FACE % base64.b64encode(font).decode() if font else "",
        "WEIGHTS": base64.b64encode(gzip.compress(weights, mtime=0)).decode(),
        "SCRIPT": _data("page.js"),
        "VIEW": _data("page-view.js"),
    }
    page = re.sub(r"\{\{ (\w+) \}\}", lambda found: parts[found[1]], _data("page.html"))
    write_text(path, SURROGATE.sub("\ufffd", page))


def check(head: Head) -> None:
    """Raise a `RelexError` unless a page can run `head`: CasRel, gated or not, on a few layers that read characters."""
    reasons = []
    if not isinstance(head, Cascade):
        reasons.append(f"its head is {type(head).__name__}")
    else:
        plain = {"bilstm": False, "attention": False, "feature_fusion": "none"}
        if head.typer is not None:
            reasons.append("its relations have so many pairs of types that entities are typed afterwards")
        reasons += [f"{name} is {has}" for name in plain if (has := getattr(head.options, name)) != plain[name]]
        reasons += ["its entities are typed afterwards"] if head.typer is not None else []
    encoder, config = head.encoder, head.encoder.model.config
    if encoder.layers > MOST_LAYERS:
        reasons.append(f"its encoder has {encoder.layers} layers")
    activation = getattr(config, "hidden_act", "")
    if config.model_type != "bert" or activation != "gelu":
        reasons.append(f"its encoder is a {config.model_type} with {activation or 'no'} activation")
    if not _by_character(encoder):
        reasons.append(f"the tokenizer of {encoder.name} does not read character by character")
    if reasons:
        raise RelexError(
            "a page runs a cascade with bilstm=False, attention=False and feature_fusion=none, with or without gate, "
            f"on up to {MOST_LAYERS} layers of wheel:me5-zh or a random encoder; of this model {', and '.join(reasons)}"
        )


def _by_character(encoder: Encoder) -> bool:
    model = json.loads(encoder.tokenizer.to_str())["model"]
    return model["type"] == "BPE" and not model["merges"] and model["continuing_subword_prefix"] == "##"


# What is kept, and how


def kept_tokens(encoder: Encoder, texts: Iterable[str] = ()) -> list[int]:
    """The ids of the tokens whose embeddings a page carries: characters, then those with ##; special ones left out.

    Of a vocabulary of more than `MOST_ROWS` these are the characters of ASCII and of GB 2312, which has the 6,763 of
    everyday Chinese, those that training added, and those of `texts`. A page reads all others as [UNK].
    """
    tokens = vocabulary.tokens_of(encoder.tokenizer)
    ids = range(len(vocabulary.SPECIALS), len(tokens))
    inside = [i for i in ids if len(tokens[i]) == 3]
    added = range(inside[-1] + 1 if inside else len(tokens), len(tokens))  # `encoders.load` appends them
    wanted = set(vocabulary.characters(texts))
    kept = [
        i for i in ids
        if len(tokens) <= MOST_ROWS or i in added or (c := tokens[i].removeprefix("##")) in wanted or _common(c)
    ]  # fmt: skip
    return sorted(kept, key=lambda i: len(tokens[i]))


def _common(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def shown(head: Head, examples: Iterable[str] = ()) -> set[str]:
    """The characters that a page should be able to show: those of `ROWS`, of `examples` and of the schema's names."""
    everyday = (bytes((row, cell)).decode("gb2312", "ignore") for row in ROWS for cell in range(0xA1, 0xFF))
    return set("").union(*everyday, *examples, *head.schema.entity_types, *head.schema.relation_names)


def quantised(weight: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """N×M numbers as N×M integers −127 … 127 and N×(M/G) scales, one for each G numbers of a row.

    A scale is the largest of its absolute numbers / 127, rounded up to a float of 16 bits (bfloat16); no number is off
    by more than half a scale. G is `GROUP`, or the largest power of two that divides both.
    """
    numbers = weight.detach().float().cpu().numpy()
    groups = numbers.reshape(len(numbers), -1, math.gcd(numbers.shape[1], GROUP))
    scales = (np.abs(groups).max(2) / np.float32(LARGEST)).astype(np.float32)
    # the lower half of a float's bits, set to zero, is what gzip leaves out
    scales = ((scales.view(np.uint32) + 0xFFFF) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    integers = np.rint(groups / np.where(scales > 0, scales, 1)[:, :, None])
    return integers.astype(np.int8).reshape(numbers.shape), scales


def restored(integers: np.ndarray, scales: np.ndarray) -> Tensor:
    """The numbers N×M that a page computes with, of what `quantised` gives."""
    groups = integers.reshape(*scales.shape, -1).astype(np.float32) * scales[:, :, None]
    return torch.from_numpy(groups.reshape(integers.shape))


@torch.no_grad()
def rounded(head: Cascade, texts: Iterable[str] = ()) -> Cascade:
    """A copy of a head that computes with the weights of its page, by which the page can be checked.

    `texts` as in `write_page`, the examples among them. Tokens that the page lacks have the embedding of [UNK].
    """
    check(head)
    head = copy.deepcopy(head).eval()
    words = head.encoder.word_embeddings.weight
    kept = torch.zeros(len(words), dtype=torch.bool)
    kept[kept_tokens(head.encoder, texts)] = True
    kept[: len(vocabulary.SPECIALS)] = True
    words[~kept.to(words.device)] = words[head.encoder.unk_id].clone()
    for weight in _matrices(head).values():
        weight.copy_(restored(*quantised(weight)))
    return head


# The parameters by the names that page.js has for them


def _matrices(head: Cascade) -> dict[str, Tensor]:
    embeddings = head.encoder.model.embeddings
    found = {"words": embeddings.word_embeddings.weight, "positions": embeddings.position_embeddings.weight}
    for layer in range(head.encoder.layers):
        found |= {f"{layer}.{name}": part.weight for name, part in _linear(head.encoder.blocks[layer]).items()}
    found |= {"subjects": head.tag_subjects.weight, "objects": head.tag_objects.weight}
    return found | ({"gate": head.gate.weight} if head.gate is not None else {})


def _linear(block: nn.Module) -> dict[str, nn.Linear]:
    attention = block.attention
    return {
        "query": attention.self.query,
        "key": attention.self.key,
        "value": attention.self.value,
        "out": attention.output.dense,
        "wide": block.intermediate.dense,
        "narrow": block.output.dense,
    }


def _vectors(head: Cascade) -> dict[str, Tensor]:
    embeddings = head.encoder.model.embeddings
    norms, found = {"norm": embeddings.LayerNorm}, {"segment": embeddings.token_type_embeddings.weight[0]}
    for layer, block in enumerate(head.encoder.blocks):
        found |= {f"{layer}.{name}.bias": part.bias for name, part in _linear(block).items()}
        norms |= {f"{layer}.attended": block.attention.output.LayerNorm, f"{layer}.fed": block.output.LayerNorm}
    for name, norm in norms.items():
        found |= {f"{name}.factor": norm.weight, f"{name}.summand": norm.bias}
    found |= {"subjects.bias": head.tag_subjects.bias, "objects.bias": head.tag_objects.bias}
    return found | ({"gate.bias": head.gate.bias} if head.gate is not None else {})


def parameters(head: Cascade, tokens: Sequence[int]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Matrices and vectors of a head by the names of page.js; of embeddings the rows of `SPECIALS` and of `tokens`."""
    matrices = _matrices(head)
    specials = [getattr(head.encoder, f"{name}_id") for name in SPECIALS]
    matrices["words"] = matrices["words"][[*specials, *tokens]]
    return matrices, _vectors(head)


def packed(matrices: dict[str, Tensor], vectors: dict[str, Tensor]) -> tuple[bytes, dict[str, Any]]:
    """All numbers one after the other, floats (little-endian) before integers, and where each parameter is."""
    floats, integers = [], []
    layout: dict[str, Any] = {"vectors": [], "matrices": []}
    at = 0
    for name, vector in vectors.items():
        floats.append(vector.detach().float().cpu().numpy())
        layout["vectors"].append([name, at, len(vector)])
        at += len(vector)
    start = 0
    for name, matrix in matrices.items():
        values, scales = quantised(matrix)
        floats.append(scales.ravel())
        integers.append(values)
        layout["matrices"].append([name, start, at, *values.shape, values.size // scales.size])
        at, start = at + scales.size, start + values.size
    layout["floats"] = at
    return b"".join([*(f.astype("<f4").tobytes() for f in floats), *(i.tobytes() for i in integers)]), layout


# What else page.js has to know


def _vocabulary(encoder: Encoder, tokens: Sequence[int]) -> dict[str, Any]:
    """What has a row, in the order of rows: `specials`, `characters`, and those `inside` a word, behind its first.

    `words`: all characters that words are made of, with a row or without.
    """
    every = vocabulary.tokens_of(encoder.tokenizer)
    kept = [every[i] for i in tokens]
    return {
        "specials": SPECIALS,
        "characters": "".join(token for token in kept if len(token) == 1),
        "inside": "".join(token[2:] for token in kept if len(token) == 3),
        "words": "".join(token[2:] for token in every[len(vocabulary.SPECIALS) :] if len(token) == 3),
    }


def _shape(head: Cascade) -> dict[str, Any]:
    config = head.encoder.model.config
    return {
        "layers": head.encoder.layers,
        "heads": config.num_attention_heads,
        "epsilon": config.layer_norm_eps,
        "positions": head.encoder.max_length,
        "threshold": head.options.threshold,
        "limit": torch.tensor(head.options.threshold).logit().item(),
    }


def _about(head: Cascade, trained_on: str) -> str:
    kind = "gated cascade tagger" if head.gate is not None else "cascade tagger"
    layers = f"{head.encoder.layers} layer{'s' * (head.encoder.layers > 1)}"
    trained = f", trained on {trained_on}" if trained_on else ""
    return (
        f"This page holds a {kind} on {layers} of the encoder {head.encoder.name} in 8-bit weights{trained}; "
        "everything runs in this browser, and nothing that you type is sent anywhere."
    )


def _data(name: str) -> str:
    return (resources.files("relex") / "data" / name).read_text(encoding="utf-8")
