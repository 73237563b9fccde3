"""PURE as plain loops: one span, one pair after the other, each pair a text of its own.

It reads the parameters of a Pipeline. Markers are put into the text by `relex.encoders.encodings`, and the stretches
between them are tokenised one by one; behind the text they get their positions and their mask cell by cell.
"""

import torch

from relex.encoders.encodings import entity_marked, markers
from relex.reference import spert


def span_logits(head, text, spans):
    """S×(E+1) of spans (first token, last token, words): [first; last; width] → two hidden layers → types."""
    _, x = spert.states(head, text)
    rows = []
    for first, last, width in spans:
        hidden = torch.cat([x[first], x[last], head.widths.weight[width - 1]])
        for layer in (head.classify_span[0], head.classify_span[3]):
            hidden = (layer.weight @ hidden + layer.bias).clamp(min=0)
        rows.append(head.classify_span[6].weight @ hidden + head.classify_span[6].bias)
    return torch.stack(rows)


def pair_logits(head, text, one, other):
    """R+1 of a pair of Spans: [state of the head's opening marker; of the tail's], layer norm, linear."""
    opening = (behind if head.options.approx else between)(head, text, one, other)
    return head.classify_pair(head.norm(torch.cat(opening)))


def between(head, text, one, other):
    """States of both opening markers when all four stand in the text."""
    encoder, marks = head.pair_encoder, markers(head.options.encoding, one.type, other.type)
    ids, places = [encoder.cls_id], {}
    for piece in entity_marked(text, [(one.start, one.end)], [(other.start, other.end)], marks):
        places[piece.text] = len(ids)
        ids += [encoder.marker_id(piece.text)] if piece.special else encoder.tokenize([piece.text])[0].ids
    ids.append(encoder.sep_id)
    x = encoder(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long))[0]
    return x[places[marks.head_open]], x[places[marks.tail_open]]


def behind(head, text, one, other):
    """The same when they stand behind it: each where its entity begins or ends, and no token of the text sees them."""
    encoder, marks = head.pair_encoder, markers(head.options.encoding, one.type, other.type)
    tokens = encoder.tokenize([text])[0]
    ids = [encoder.cls_id, *tokens.ids, encoder.sep_id]
    length, positions = len(ids), list(range(len(ids)))
    for span in (one, other):
        positions.append(1 + [start for start, _ in tokens.offsets].index(span.start))
        positions.append(1 + [end for _, end in tokens.offsets].index(span.end))
    ids += [encoder.marker_id(mark) for mark in marks]
    mask = torch.zeros(1, 1, len(ids), len(ids))
    for i in range(length):
        for j in range(length, len(ids)):
            mask[0, 0, i, j] = torch.finfo().min
    x = encoder.model(
        input_ids=torch.tensor([ids]), position_ids=torch.tensor([positions]), attention_mask=mask
    ).last_hidden_state[0]
    return x[length], x[length + 2]


def loss(head, documents):
    """Minus the logarithms of the right answers, summed over all spans and pairs of entities; mean over documents."""
    total = 0.0
    for document in documents:
        offsets = spert.tokens(head, document.text)[1]
        kinds = {(e.start, e.end): 1 + head.schema.entity_types.index(e.type) for e in document.entities}
        spans = spert.candidates(head, document.text)
        for (first, last, _), logits in zip(spans, span_logits(head, document.text, spans), strict=True):
            kind = kinds.get((offsets[first][0], offsets[last][1]), 0)
            total -= logits.log_softmax(0)[kind].item()
        for i, one in enumerate(document.entities):
            for j, other in enumerate(document.entities):
                if i != j:
                    names = [r.type for r in document.relations if (r.head, r.tail) == (i, j)]
                    label = 1 + head.schema.relation_names.index(names[0]) if names else 0
                    total -= pair_logits(head, document.text, one, other).log_softmax(0)[label].item()
    return total / len(documents)
