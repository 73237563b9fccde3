"""STER's student and teachers as plain loops: one text, one row after the other.

It reads the parameters of a Distilled head. Features are those of SpERT (`relex.reference.spert`); what is contrasted
is the released code's sum, term by term.
"""

import torch

from relex.reference import spert


def told(head, name, document):
    """Ids a teacher reads: [CLS], the text, pieces of the gold entities or a token for each relation, and [SEP]."""
    ids, _ = spert.tokens(head, document.text)
    behind = []
    if name == "entities":
        for entity in document.entities:
            behind += head.encoder.tokenize([document.text[entity.start : entity.end]])[0].ids
    else:
        encoder = head.teachers["relations"].encoder
        behind += [encoder.marker_id(f"[relation:{relation.type}]") for relation in document.relations]
    return [*ids[:-1], *behind, ids[-1]]


def features(reader, ids, length, spans, pairs):
    """Rows of spans and of pairs, as a reader with SpERT's switches sees them in the `length` tokens of the text."""
    x = reader.encoder(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long))[0]
    cls, x = x[0], x[1 : length + 1]
    of_spans = [torch.cat([spert.span_vectors(reader, x, [span])[0], cls]) for span in spans]
    of_pairs = []
    for one, other in pairs:
        between = x[min(one[1], other[1]) + 1 : max(one[0], other[0])]
        local = between.amax(0) if len(between) else torch.zeros(x.shape[1])
        of_pairs.append(torch.cat([*spert.span_vectors(reader, x, [one, other]), local]))
    return of_spans, of_pairs


def contrast(students, teachers):
    """The released sum, of lists of rows for each document, from numbers."""

    def g(one, other):
        return 1 - float(torch.nn.functional.cosine_similarity(one, other, dim=0))

    count, total = len(students), 0.0
    for i, rows in enumerate(students):
        for r, row in enumerate(rows):
            near = g(row, teachers[i][r])
            apart = [2 - g(row, teachers[j][r]) + near for j in range(count) if j != i and r < len(teachers[j])]
            total += near + (sum(apart) / (2 * len(apart)) if apart else 0.0)
    return total / (count * 200 * count * 4)
