"""ISER with all its switches, SPAN's among them, as plain loops: one sentence, one span, one pair after the other.

It reads the parameters of a SpanModel. Recurrent layers are torch's own bidirectional ones on one sequence; attention
around a span is torch's own on the tokens that are left when the span is taken out.
"""

import math

import torch
from torch import nn

from relex.reference import spert


@torch.no_grad()
def fused(head, text):
    """H: two views (ISER Eq. 1, ISER Eq. 2), their answers to each other, and a BiLSTM over both (ISER Eq. 5)."""
    _, x = spert.states(head, text)
    if head.fusion is None:
        return x
    entities, relations = head.fusion.entity_view(x), head.fusion.relation_view(x)
    rows = [torch.cat([answer(e, relations), answer(r, entities)]) for e, r in zip(entities, relations, strict=True)]
    if head.options.residual:
        rows = [row + torch.cat(asked) for row, *asked in zip(rows, entities, relations, strict=True)]
    return both_ways(nn.LSTM, head.fusion.bilstm, torch.stack(rows))[0]


def answer(query, rows):
    """What one query is given: of an entity view by relation views (ISER Eq. 3), or the other way (ISER Eq. 4)."""
    weights = [math.exp(float(query @ row) / math.sqrt(len(query))) for row in rows]
    return sum(w / sum(weights) * row for w, row in zip(weights, rows, strict=True))


def both_ways(kind, layers, x):
    """A bidirectional torch layer with the weights of `forwards` and `backwards`: all outputs, and last states."""
    layer = kind(x.shape[1], layers.forwards.hidden_size, bidirectional=True)
    weights = layers.forwards.state_dict()
    layer.load_state_dict(weights | {f"{name}_reverse": v for name, v in layers.backwards.state_dict().items()})
    return layer(x)


def context(head, cls, h, span):
    """c of a span: a GRU over what attention makes of the rest (ISER Eq. 9), or what a switch has in its place."""
    if head.options.context == "cls":
        return cls
    if head.options.context == "query":
        return told(head.context, vector(head, h, span), h)
    hidden = range(span[0], span[1] + 1) if head.options.sea_scope == "span" else ()
    shown = [i for i in range(len(h)) if i not in hidden]
    x = torch.zeros_like(h)
    if shown:
        x[shown] = h[shown] if head.options.context == "gru" else attended(head.context, h[shown])
    return both_ways(nn.GRU, head.context, x)[1].flatten()


def attended(layer, x):
    """Self-attention (ISER Eq. 7) with a residual, LayerNorm(X + MultiHeadSelfAttention(X)) (ISER Eq. 8)."""
    attention = nn.MultiheadAttention(x.shape[1], layer.heads)
    attention.in_proj_weight, attention.in_proj_bias = layer.project.weight, layer.project.bias
    attention.out_proj.weight, attention.out_proj.bias = layer.out.weight, layer.out.bias
    return layer.norm(x + attention(x, x, x)[0])


def vector(head, h, span):
    """What a span looks like in itself: a maximum (ISER Eq. 6), or first and last state and a weighted sum (SPAN)."""
    rows = h[span[0] : span[1] + 1]
    if head.options.pooling == "max":
        return rows.amax(0)
    scores = [math.exp(float(head.pool.score.weight[0] @ row)) for row in rows]
    return torch.cat([rows[0], rows[-1], sum(s / sum(scores) * row for s, row in zip(scores, rows, strict=True))])


def told(layer, asking, rows):
    """What tokens answer to one who asks them, head after head (SPAN); nobody answers zeros."""
    if not len(rows):
        return torch.zeros(layer.out.out_features)
    query, size, answers = layer.query(asking), layer.out.in_features // layer.heads, []
    for i in range(layer.heads):
        part = slice(i * size, (i + 1) * size)
        keys, values = layer.key(rows)[:, part], layer.value(rows)[:, part]
        answers.append((keys @ query[part] / math.sqrt(size)).softmax(0) @ values)
    return layer.out(torch.cat(answers))


@torch.no_grad()
def span_logits(head, text, spans):
    """S×(E+1): maximum (ISER Eq. 6), width and context joined (ISER Eq. 10), classified (ISER Eq. 11)."""
    (cls, _), h = spert.states(head, text), fused(head, text)
    vectors = [
        torch.cat([vector(head, h, span), head.widths.weight[span[2] - 1], context(head, cls, h, span)])
        for span in spans
    ]
    return head.classify_span(torch.stack(vectors))


def local(head, cls, x, h, one, other):
    """LC: what stands between two spans, or in the whole sentence (ISER Section 3.6)."""
    stretch = slice(min(one[1], other[1]) + 1, max(one[0], other[0]))
    match head.options.local_context:
        case "cls":
            return cls
        case "global":
            return h.amax(0)
        case "encoder_global":
            return x.amax(0)
    rows = (x if head.options.local_context == "encoder_max" else h)[stretch]
    if head.options.local_context == "query":
        return told(head.between, torch.cat([vector(head, h, one), vector(head, h, other)]), rows)
    if not len(rows):
        return torch.zeros(h.shape[1])
    if head.options.local_context == "attention":
        return head.weigh(rows)[:, 0].softmax(0) @ rows
    return rows.amax(0)


@torch.no_grad()
def pair_logits(head, text, pairs):
    """P×R: both spans and LC, in either order (ISER Eq. 12, ISER Eq. 13), classified (ISER Eq. 14)."""
    (cls, x), h = spert.states(head, text), fused(head, text)
    vectors = [
        torch.cat([
            *(part for span in (one, other) for part in (vector(head, h, span), head.widths.weight[span[2] - 1])),
            local(head, cls, x, h, one, other),
        ])
        for one, other in pairs
    ]  # fmt: skip
    return head.classify_pair(torch.stack(vectors))


def loss(head, documents, places):
    """The sum (ISER Eq. 15) over all candidates (ISER Eq. 16) and all pairs of gold entities (ISER Eq. 17).

    `places`: for each document its gold entities, (first token, last token, words) → type, and the set of its
    relations, (head, tail, number of the relation).
    """
    kinds, chosen = [], []
    for document, (entities, relations) in zip(documents, places, strict=True):
        spans = spert.candidates(head, document.text)
        for span, logits in zip(spans, span_logits(head, document.text, spans), strict=True):
            kinds.append(-logits.log_softmax(0)[entities.get(span, 0)].item())
        pairs = [(one, other) for one in entities for other in entities if one != other]
        for pair, logits in zip(pairs, pair_logits(head, document.text, pairs) if pairs else [], strict=True):
            for relation, p in enumerate(logits.sigmoid().tolist()):
                chosen.append(-math.log(p if (*pair, relation) in relations else 1 - p))
    return sum(kinds) / len(kinds) + sum(chosen) / len(chosen)
