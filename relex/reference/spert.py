"""SpERT as its paper tells it (Eberts and Ulges 2020, Section 3): one sentence at a time, masks and maxima.

It reads the parameters of a SpanModel and shares nothing else with it: words are found by a pattern in the text, a
span is a row of a mask of spans × tokens, its maximum one over a tensor of spans × tokens × D.
"""

import re

import torch

from relex.documents import Span

CHINESE = re.compile("[\u2e80-\U0010ffff]")
WORD = re.compile(r"\S+")
CHINESE_WORD = re.compile("[\u2e80-\U0010ffff]|[^\\W_\u2e80-\U0010ffff]+|[^\\s\u2e80-\U0010ffff]")
"""A character of Chinese, letters and digits between, or one sign; elsewhere what stands between blanks."""
FAR = -1e30


def words_of(text):
    """Start and end of every word."""
    return [m.span() for m in (CHINESE_WORD if CHINESE.search(text) else WORD).finditer(text)]


def tokens(head, text):
    """Ids of [CLS], the text and [SEP], and characters of the tokens of the text."""
    found = head.encoder.tokenize([text])[0]
    return [head.encoder.cls_id, *found.ids, head.encoder.sep_id], found.offsets


@torch.no_grad()
def states(head, text):
    """States of [CLS], D, and of the N tokens of the text, N×D."""
    ids, _ = tokens(head, text)
    x = head.encoder(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long))[0]
    return x[0], x[1:-1]


def candidates(head, text):
    """All spans of at most `max_width` words: (first token, last token, words)."""
    _, offsets = tokens(head, text)
    words = [[i for i, (start, _) in enumerate(offsets) if first <= start < end] for first, end in words_of(text)]
    words = [w for w in words if w]
    return [
        (words[i][0], words[i + width - 1][-1], width)
        for width in range(1, head.options.max_width + 1)
        for i in range(len(words) - width + 1)
    ]


def masked_maximum(mask, x):
    """Maximum over the tokens of each row of a mask S×N of states N×D: S×D."""
    return (x[None] + (~mask)[..., None] * FAR).amax(1)


def mask_of(stretches, n):
    """S×N: true from the first to the last token of each stretch."""
    rows = [[first <= i <= last for i in range(n)] for first, last in stretches]
    return torch.tensor(rows, dtype=torch.bool).reshape(len(rows), n)


def span_vectors(head, x, spans):
    """e(s): maximum of a span and the embedding of its width in words (SpERT Eq. 1)."""
    maxima = masked_maximum(mask_of([s[:2] for s in spans], len(x)), x)
    return torch.cat([maxima, torch.stack([head.widths.weight[width - 1] for _, _, width in spans])], 1)


@torch.no_grad()
def span_logits(head, text, spans):
    """S×(E+1): a span and [CLS] (SpERT Eq. 2), classified (SpERT Eq. 3)."""
    cls, x = states(head, text)
    vectors = torch.cat([span_vectors(head, x, spans), cls.expand(len(spans), -1)], 1)
    return vectors @ head.classify_span.weight.T + head.classify_span.bias


@torch.no_grad()
def pair_logits(head, text, pairs):
    """P×R: one entity, the context between both, the other entity (SpERT Eq. 4), classified (SpERT Eq. 5).

    No context is zeros.
    """
    _, x = states(head, text)
    heads, tails = (span_vectors(head, x, side) for side in zip(*pairs, strict=True))
    between = [(min(a[1], b[1]) + 1, max(a[0], b[0]) - 1) for a, b in pairs]
    mask = mask_of(between, len(x))
    context = torch.where(mask.any(1, keepdim=True), masked_maximum(mask, x), 0.0)
    of_heads, of_tails, of_context = head.classify_pair.weight.split([heads.shape[1], tails.shape[1], x.shape[1]], 1)
    weight = torch.cat([of_heads, of_context, of_tails], 1)  # in the order of the paper
    return torch.cat([heads, context, tails], 1) @ weight.T + head.classify_pair.bias


def extract(head, text, spans_to_logits, pairs_to_logits):
    """Entities and triples, and how far the nearest decision was from the other one (SpERT Section 3).

    A span is what is most probable for it, none among that; all pairs of different spans left over are classified;
    a relation holds from the threshold on.
    """
    spans = candidates(head, text)
    if not spans:
        return set(), set(), 1.0
    _, offsets = tokens(head, text)
    probabilities = spans_to_logits(head, text, spans).softmax(1)
    best = probabilities.topk(2, 1).values
    margins = [(best[:, 0] - best[:, 1]).min().item()]
    entities = {}
    for span, row in zip(spans, probabilities, strict=True):
        if row.argmax() > 0:
            name = head.schema.entity_types[row.argmax() - 1]
            entities[span] = Span(offsets[span[0]][0], offsets[span[1]][1], name)
    pairs = [(a, b) for a in entities for b in entities if a != b]
    triples = set()
    for (a, b), row in zip(pairs, pairs_to_logits(head, text, pairs).sigmoid() if pairs else [], strict=True):
        margins.append((row - head.options.threshold).abs().min().item())
        for name, probability in zip(head.schema.relation_names, row, strict=True):
            if probability >= head.options.threshold:
                triples.add((entities[a], name, entities[b]))
    return set(entities.values()), triples, min(margins)
