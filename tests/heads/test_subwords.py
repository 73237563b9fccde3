"""One character that a tokenizer makes several tokens of, and signs that stick to words: spans are of characters."""

import numpy as np
import pytest
import torch
from cases import CASES, Case, decoded, make
from extractors import facts, told

from relex.documents import Document
from relex.encoders.encoder import Tokens
from relex.heads.pairs.tagger import PairTagger
from relex.heads.span.spans import SpanExtractor
from relex.heads.windows import windowed, word_starts

DECODERS = [case for case in CASES if case.decodes]
HOT = told("hot", "止痛片治38℃", "止痛片/药 38℃/病", [(0, 1, "治疗")])
SIGN = told("sign", "℃治咳", "℃/药 咳/病", [(0, 1, "治疗")])


@pytest.fixture
def split(monkeypatch):
    """A tokenizer that makes three tokens of ℃, all of them of its one character."""

    def of(head):
        plain = head.encoder.tokenize

        def tokenize(texts):
            found = []
            for text, tokens in zip(texts, plain(texts), strict=True):
                times = [3 if text[a:b] == "℃" else 1 for a, b in tokens.offsets]
                ids = [i for i, n in zip(tokens.ids, times, strict=True) for _ in range(n)]
                offsets = [o for o, n in zip(tokens.offsets, times, strict=True) for _ in range(n)]
                found.append(Tokens(tuple(ids), tuple(offsets)))
            return found

        monkeypatch.setattr(head.encoder, "tokenize", tokenize)
        return head

    return of


def test_an_entity_has_all_tokens_of_its_characters(split):
    head = split(make(DECODERS[0]))
    text = windowed(head.encoder, [HOT.text])[0]
    first, last = text.tokens(4, 7)
    assert last == len(text.offsets) - 1 and text.exact(4, 7)
    degree, end = text.tokens(6, 7)
    assert end - degree >= 2 and text.offsets[degree : end + 1].tolist() == [[6, 7]] * (end + 1 - degree)
    assert word_starts(HOT.text, text.offsets)[degree:].tolist() == [True] + [False] * (end - degree)


@pytest.mark.parametrize("case", DECODERS, ids=str)
def test_gold_comes_back(case, split):
    head = split(make(case))
    for document in (HOT, SIGN):
        if not any(n for name, n in head.alignment([document]).items() if name not in ("without_pairs", "untold")):
            assert decoded(head, [document])[0].entities == document.entities or not facts([document])[0][1]


def test_tokens_of_one_character_are_not_related(split):
    """Token 0 and token 1 are both ℃; what a tagger says of the very same tokens is another matter."""
    triples = torch.tensor([[0, 0, 0, 0, 1, 1], [0, 1, 1, 0, 0, 2]])
    (found,) = split(make(Case("cascade")))._documents([SIGN], triples, torch.ones(2))
    assert not found.relations
    spans, related = torch.tensor([[0, 0, 0, 0], [0, 1, 2, 1]]), torch.tensor([[0, 1, 0], [1, 0, 0]])
    (found,) = split(make(Case("focused")))._paired([SIGN], spans, related, torch.ones(2), torch.ones(2))
    assert not found.relations and {(s.start, s.end) for s in found.entities} == {(0, 1)}


def test_signs_stand_alone_where_nobody_split_the_text():
    text = "(aspirin, 5 mg) ended nausea."
    pieces = ["(", "aspirin", ",", "5", "mg", ")", "ended", "nausea", "."]
    offsets, at = [], 0
    for piece in pieces:
        at = text.index(piece, at)
        offsets.append((at, at + len(piece)))
        at += len(piece)
    starts = word_starts(text, np.array(offsets), punctuation=True)
    assert starts.all()
    kept = word_starts(text, np.array(offsets))
    assert [p for p, s in zip(pieces, kept, strict=True) if s] == ["(", "5", "mg", "ended", "nausea"]


@pytest.mark.parametrize("case", DECODERS, ids=str)
def test_no_mention_is_related_to_itself_through_its_tokens(case, split):
    """Whatever the logits say, a stretch of characters is one entity of a type, and no pair with itself unless all of
    it is said to be."""
    head, generator = split(make(case)), torch.Generator().manual_seed(3)
    texts = [Document(str(i), text) for i, text in enumerate(("℃", "℃℃治℃", "38℃", HOT.text, SIGN.text))]
    for scale in (0.3, 3.0):
        found = decoded(head, texts, lambda *shape, s=scale: torch.randn(shape, generator=generator) * s)
        for document in found:
            document.check()
            assert len(set(document.entities)) == len(document.entities)
            if isinstance(head, PairTagger | SpanExtractor):
                places = [(s.start, s.end) for s in document.entities]
                assert len(set(places)) == len(places), document
                assert all((h.start, h.end) != (t.start, t.end) for h, _, t in document.triples())
