"""The character vocabulary: every Chinese character, Latin letter and digit is a token of its own.

`relex` cuts multilingual-e5-small to it and gives it to random encoders. A text is normalised with NFKC (full-width
punctuation becomes half-width, ℃ becomes °C, Ⅱ becomes II) and lower-cased, accents are kept. Within a word of Latin
letters and digits, all but the first character carry `##`: "70%" is `7 ##0 %`.
"""

import json
import unicodedata
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

SPECIALS = {"[PAD]": "<pad>", "[UNK]": "<unk>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>"}
"""Special tokens in the order of their ids, and the pieces of XLM-RoBERTa whose rows they take."""

ASCII = "".join(chr(c) for c in range(33, 127) if not chr(c).isupper())
"""Printable ASCII after lower-casing."""

FIRST_EMOJI_BLOCK = 0x1F000
"""Symbols from here on are pictures; their rows are not worth keeping."""

SCRIPTS = ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "BOPOMOFO", "LATIN", "GREEK")
"""First words of the Unicode names of the letters that are kept."""


def normalise(text: str) -> str:
    """What the tokenizer makes of `text` before it looks up characters: NFKC, lower case."""
    return "".join(c.lower() for c in unicodedata.normalize("NFKC", text))


def in_words(char: str) -> bool:
    """Whether `char` joins with its neighbours into a word: a Latin letter or an ASCII digit."""
    return char in "0123456789" or (char.isalpha() and unicodedata.name(char, "").startswith("LATIN"))


def kept(piece: str) -> bool:
    """Whether the cut keeps this piece: one normalised CJK, Latin or Greek letter, digit, punctuation or symbol."""
    if len(piece) != 1 or normalise(piece) != piece:
        return False
    category = unicodedata.category(piece)
    if category[0] == "L":
        return unicodedata.name(piece, "").startswith(SCRIPTS)
    return piece in "0123456789" or (category[0] in "PS" and piece != "▁" and ord(piece) < FIRST_EMOJI_BLOCK)


def cut(pieces: Sequence[str]) -> tuple[list[str], list[int]]:
    """Tokens of the character vocabulary and, for each, the row of `pieces` that becomes its embedding.

    `pieces` are those of XLM-RoBERTa in the order of their embedding rows. Raises `KeyError` for a missing special.
    """
    row = {piece: i for i, piece in enumerate(pieces)}
    chars = [piece for piece in row if kept(piece)]
    joined = [char for char in chars if in_words(char)]
    tokens = [*SPECIALS, *chars, *("##" + char for char in joined)]
    rows = [row[piece] for piece in [*SPECIALS.values(), *chars, *joined]]
    return tokens, rows


def characters(texts: Iterable[str]) -> list[str]:
    """The sorted distinct characters of the normalised texts, without white space and control characters.

    Private-use characters count: corpora hold them where a font once showed a sign.
    """
    found = set().union(*(normalise(text) for text in texts))
    return sorted(c for c in found if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Cn"))


def of_texts(texts: Iterable[str]) -> list[str]:
    """Tokens of a vocabulary that has printable ASCII and every character of `texts`."""
    chars = sorted({*ASCII, *characters(texts)})
    return [*SPECIALS, *chars, *("##" + char for char in chars if in_words(char))]


def build(tokens: Sequence[str]) -> Tokenizer:
    """A tokenizer with `tokens` as its vocabulary, ids in their order, and offsets into the original text."""
    vocabulary = {token: i for i, token in enumerate(tokens)}
    word = "".join(token[2:] for token in tokens if len(token) == 3 and token.startswith("##"))
    # BPE without merges gives single characters in linear time; WordPiece is cubic in the length of a word.
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="[UNK]", continuing_subword_prefix="##"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s+"), "removed"),
            pre_tokenizers.Split(Regex(f"[^{word}]"), "isolated"),
        ]
    )
    return tokenizer


def tokens_of(tokenizer: Tokenizer) -> list[str]:
    """The vocabulary of a tokenizer made by `build`, in the order of ids."""
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    return sorted(vocabulary, key=vocabulary.get)
