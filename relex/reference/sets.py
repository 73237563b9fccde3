"""The set head as plain loops: one text, one query, one attention head and one span at a time (SPN4RE).

It shares the parameters of a head and nothing of its way: the decoder's layers are written out, gold triples are
matched by trying every permutation, spans found by trying every one.
"""

import itertools
import math

import torch

from relex.documents import Span

NONE_IS_LAST = -1


@torch.no_grad()
def logits(head, text):
    """m×(R+1) of the classes, m×4×(L − 1) of the pointers, for all but [CLS]."""
    encoder = head.encoder
    ids = [encoder.cls_id, *encoder.tokenize([text])[0].ids, encoder.sep_id]
    x = encoder(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long))[0]
    h = torch.stack([normed(head.norm, query) for query in head.queries])
    for layer in head.decoder.layers:
        h = torch.stack([normed(layer.norm1, one) for one in h + attended(layer.self_attn, h, h)])
        h = torch.stack([normed(layer.norm2, one) for one in h + attended(layer.multihead_attn, h, x)])
        h = torch.stack([normed(layer.norm3, one + through(layer, one)) for one in h])
    classes = torch.stack([head.classify.weight @ one + head.classify.bias for one in h])
    return classes, torch.stack([torch.stack([pointed(p, one, x[1:]) for p in head.pointers]) for one in h])


def normed(norm, x):
    """D → D of mean 0 and variance 1, then scaled and shifted."""
    deviation = ((x - x.mean()).pow(2).mean() + norm.eps).sqrt()
    return (x - x.mean()) / deviation * norm.weight + norm.bias


def attended(attention, asking, asked):
    """m×D: what each row of `asking` m×D takes from the rows of `asked` N×D, one head after the other."""
    size = asking.shape[1] // attention.num_heads
    (w_q, w_k, w_v), (b_q, b_k, b_v) = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
    rows = []
    for one in asking:
        q, parts = w_q @ one + b_q, []
        for i in range(attention.num_heads):
            own = slice(i * size, (i + 1) * size)
            scores = torch.stack([q[own] @ (w_k @ other + b_k)[own] / math.sqrt(size) for other in asked])
            share = scores.softmax(0)
            parts.append(sum(weight * (w_v @ other + b_v)[own] for weight, other in zip(share, asked, strict=True)))
        rows.append(attention.out_proj.weight @ torch.cat(parts) + attention.out_proj.bias)
    return torch.stack(rows)


def through(layer, x):
    """D → D through 4D units and the Gaussian error's rectifier."""
    inner = layer.linear1.weight @ x + layer.linear1.bias
    inner = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
    return layer.linear2.weight @ inner + layer.linear2.bias


def pointed(pointer, query, x):
    """L: wᵀ tanh(Ah + Bx) for every token."""
    asked = pointer.of_query.weight @ query + pointer.of_query.bias
    tokens = [pointer.of_token.weight @ state + pointer.of_token.bias for state in x]
    return torch.stack([pointer.score.weight[0] @ (asked + token).tanh() for token in tokens])


def cost(classes, pointers, triple):
    """Minus the weighted probabilities that one query, R+1 and 4×L, gives to (class, four tokens)."""
    class_id, *places = triple
    head_first, head_last, tail_first, tail_last = (
        p.softmax(0)[at].item() for p, at in zip(pointers, places, strict=True)
    )
    head, tail = (head_first + head_last) / 2, (tail_first + tail_last) / 2
    return -(classes.softmax(0)[class_id].item() + 2 * head + 2 * tail)


def match(classes, pointers, triples):
    """The queries of the triples in their order: of all ways to choose different ones the cheapest."""
    every = [[cost(c, p, triple) for c, p in zip(classes, pointers, strict=True)] for triple in triples]
    ways = itertools.permutations(range(len(classes)), len(triples))
    return min(ways, key=lambda way: sum(row[query] for row, query in zip(every, way, strict=True)))


def set_loss(classes, pointers, triples, none_weight):
    """The loss of one window with triples (class, four tokens), and the queries that were matched."""
    way = match(classes, pointers, triples)
    wanted = dict(zip(way, triples, strict=True))
    total = weights = 0.0
    for query, row in enumerate(classes):
        weight = 1.0 if query in wanted else none_weight
        class_id = wanted[query][0] if query in wanted else NONE_IS_LAST
        total -= weight * row.log_softmax(0)[class_id].item()
        weights += weight
    loss = total / weights
    for query, (_, *places) in wanted.items():
        first, last, tail_first, tail_last = (
            -p.log_softmax(0)[at].item() for p, at in zip(pointers[query], places, strict=True)
        )
        loss += (2 * (first + last) / 2 + 2 * (tail_first + tail_last) / 2) / len(wanted)
    return loss, way


def loss(head, documents):
    """The mean over texts that fit the encoder, with mentions of whole tokens and no more triples than queries."""
    total = 0.0
    for document in documents:
        offsets = head.encoder.tokenize([document.text])[0].offsets
        begins = {start: i for i, (start, _) in enumerate(offsets)}
        ends = {end: i for i, (_, end) in enumerate(offsets)}
        triples = [
            (
                head.classes.index((name, subject.type, object_.type)),
                begins[subject.start], ends[subject.end], begins[object_.start], ends[object_.end],
            )
            for subject, name, object_ in set(document.triples())
        ]  # fmt: skip
        total += set_loss(*logits(head, document.text), triples, head.options.none_weight)[0]
    return total / len(documents)


def span(first, last, max_width):
    """The span of tokens, [SEP] left out, with the highest product of both probabilities, and the margin.

    `first` and `last` L − 1 logits. The margin tells how far the next best is away.
    """
    tokens = range(len(first) - 1)
    scores = {
        (a, b): (first[a] + last[b]).item() for a in tokens for b in tokens if a <= b < a + max_width
    }  # the sum of logits orders spans as the product of probabilities does
    best = max(scores, key=scores.get)
    return best, min((scores[best] - s for place, s in scores.items() if place != best), default=math.inf)


def places(classes, pointers, max_width):
    """The set of (class, head first, head last, tail first, tail last) that queries say, and the nearest margin."""
    found, margin = set(), math.inf
    for row, points in zip(classes, pointers, strict=True):
        best = int(row.argmax())
        margin = min(margin, *(row[best] - x for i, x in enumerate(row.tolist()) if i != best))
        if best != len(row) - 1 and len(points[0]) > 1:
            head, one = span(points[0], points[1], max_width)
            tail, other = span(points[2], points[3], max_width)
            found.add((best, *head, *tail))
            margin = min(margin, one, other)
    return found, margin


def triples(head, text):
    """The set of (head span, relation, tail span), and how near the nearest second choice comes."""
    offsets = head.encoder.tokenize([text])[0].offsets
    said, margin = places(*logits(head, text), head.options.max_width)
    found = set()
    for class_id, a, b, c, d in said:
        name, head_type, tail_type = head.classes[class_id]
        subject = Span(offsets[a][0], offsets[b][1], head_type)
        found.add((subject, name, Span(offsets[c][0], offsets[d][1], tail_type)))
    return found, float(margin)
