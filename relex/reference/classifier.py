"""The classifier and its loss as plain loops: one document at a time, no padding, marker states picked by index."""

import math

import torch

from relex.encoders.encodings import encode, markers


def row(head, document):
    """Token ids and the indices of the opening head markers and opening tail markers."""
    options, encoder = head.options, head.encoder
    marks = markers(options.encoding, document.entities[0].type, document.entities[1].type)
    ids, heads, tails = [encoder.cls_id], [], []
    for piece in encode(document, options.encoding, options.mark, options.absent):
        if not piece.special:
            ids.extend(encoder.tokenize([piece.text])[0].ids)
            continue
        if marks and piece.text == marks.head_open:
            heads.append(len(ids))
        if marks and piece.text == marks.tail_open:
            tails.append(len(ids))
        ids.append(encoder.sep_id if piece.text == "[SEP]" else encoder.marker_id(piece.text))
    return [*ids, encoder.sep_id], heads, tails


@torch.no_grad()
def logits(head, document):
    """R logits of one document (UMRC Section 4.2)."""
    ids, heads, tails = row(head, document)
    states = head.encoder(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long))[0]
    if head.options.pooling == "cls":
        pooled = states[0]
    else:
        means = [sum(states[i] for i in places or [0]) / max(1, len(places)) for places in (heads, tails)]
        pooled = torch.cat(means)
    return torch.stack([sum(w * pooled) + b for w, b in zip(head.classify.weight, head.classify.bias, strict=True)])


def loss(logits, labels, weights):
    """Weighted cross entropy (UMRC Eq. 1) from numbers: N×R logits, N class ids, R weights of classes."""
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        for c, (logit, weight) in enumerate(zip(row, weights, strict=True)):
            y = 1 if c == label else 0
            log_p = logit - math.log(sum(math.exp(other) for other in row))
            total += weight * y * log_p
    return -total / len(labels)
