"""The generating head as plain loops: one text, the whole sequence so far again at every step, no states kept (ATG).

It shares the parameters of a head and nothing of its way: a sequence is a list of entities and relations, not of ids,
each possible entity has a vector of its own, and a walk through the sequence finds the items that may follow.

An item of a sequence is an entity (first word, last word, type from 0), a relation (a number), `STOP` or `END`.
"""

import math

import numpy as np
import torch

from relex.documents import Span
from relex.heads.windows import word_starts
from relex.reference.cascade import lstm
from relex.reference.sets import normed

STOP, END = "stop", "end"
CODES = {"start": 0, "entity": 1, "head": 2, "tail": 3, "relation": 4}


class Text:
    """What is known of a text before its sequence: characters of its words, states of all tokens, vectors of items."""

    @torch.no_grad()
    def __init__(self, head, text):
        self.head, encoder = head, head.encoder
        tokens = encoder.tokenize([text])[0]
        starts = word_starts(text, np.array(tokens.offsets).reshape(-1, 2))
        firsts = [i for i, begins in enumerate(starts) if begins]
        lasts = [i - 1 for i in [*firsts[1:], len(starts)]]
        self.offsets = [(tokens.offsets[a][0], tokens.offsets[b][1]) for a, b in zip(firsts, lasts, strict=False)]
        ids = [encoder.cls_id, *tokens.ids, encoder.sep_id]
        states = encoder(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long))[0]
        self.memory = [linear(head.memory, state) for state in states]
        self.vectors = {i: row for i, row in enumerate(head.others.weight[: len(head.relations)])}
        self.vectors |= {STOP: head.others.weight[-3], END: head.others.weight[-2], "start": head.others.weight[-1]}
        if firsts:
            x = torch.stack([states[1 + i] for i in firsts])  # 1 for [CLS]
            there, back = lstm(head.bilstm.forwards, x), lstm(head.bilstm.backwards, x.flip(0)).flip(0)
            self.vectors |= self._entities(torch.cat([there, back], 1))

    def _entities(self, x):
        """A vector for every stretch of words and every type."""
        head, width = self.head, self.head.options.width
        found = {}
        for a in range(len(x)):
            for b in range(a, min(a + head.options.max_width, len(x))):
                stretch = (linear(head.first, x[a]) + head.last.weight @ x[b]).clamp(min=0)
                for kind in range(len(head.types)):
                    own = slice(kind * width, (kind + 1) * width)
                    found[a, b, kind] = head.typed.weight[own] @ stretch + head.typed.bias[own]
        return found


@torch.no_grad()
def logits(text, said):
    """Item → its logit after the items of `said`; of all items, whatever the grammar says."""
    head = text.head
    inputs = zip(["start", *said], ["start", *codes(said)], strict=True)
    now = [text.vectors[item] + head.codes.weight[CODES[code]] for item, code in inputs]
    for layer in head.decoder.layers:
        now = [normed(layer.norms[0], x + attended(layer.said, x, now[: i + 1])) for i, x in enumerate(now)]
        now = [normed(layer.norms[1], x + attended(layer.text, x, text.memory)) for x in now]
        first, last = layer.units[0], layer.units[3]
        now = [normed(layer.norms[2], x + linear(last, linear(first, x).clamp(min=0))) for x in now]
    found = {}
    for item, vector in text.vectors.items():
        if item != "start":
            found[item] = (vector @ now[-1]).item() / math.sqrt(len(vector))
            if isinstance(item, tuple):
                found[item] += head.rare[item[2]].item()
    return found


def codes(said):
    """What each item was said for; `STOP` stands among the entities."""
    stop = said.index(STOP) if STOP in said else len(said)
    return ["entity" if i <= stop else ("head", "tail", "relation")[(i - stop - 1) % 3] for i in range(len(said))]


def linear(layer, x):
    """One row through a layer."""
    return layer.weight @ x + layer.bias


def attended(attention, asking, asked):
    """What one row takes from others, one head after the other."""
    q, keys, values = (
        linear(attention.query, asking),
        [linear(attention.key, x) for x in asked],
        [linear(attention.value, x) for x in asked],
    )
    size, parts = len(q) // attention.heads, []
    for i in range(attention.heads):
        own = slice(i * size, (i + 1) * size)
        share = torch.stack([q[own] @ key[own] / math.sqrt(size) for key in keys]).softmax(0)
        parts.append(sum(weight * value[own] for weight, value in zip(share, values, strict=True)))
    return linear(attention.out, torch.cat(parts))


def allowed(said, entities, relations, max_steps):
    """The set of items that may follow `said`: `entities` there could be, a number of `relations`."""
    if END in said:
        return {END}
    if STOP not in said:
        taken = {item[:2] for item in said}
        room = len(said) + 1 < max_steps  # for one more entity and the stop
        return {STOP, *(e for e in entities if room and e[:2] not in taken)}
    named, parts = said[: said.index(STOP)], said[said.index(STOP) + 1 :]
    turn = len(parts) % 3
    if turn == 1:
        return set(named) - {parts[-1]}
    if turn == 2:
        return set(range(relations))
    triples = [tuple(parts[i : i + 3]) for i in range(0, len(parts), 3)]
    again = triples[-1:] and triples[-1] in triples[:-1]
    possible = len(named) > 1 and relations and len(said) + 3 <= max_steps
    return {END, *(named if possible and not again else [])}


def generated(head, text):
    """The likeliest item that is allowed, again and again; and the nearest margin of a choice."""
    said, margin = [], math.inf
    while END not in said:
        found = logits(text, said)
        may = allowed(said, [i for i in found if isinstance(i, tuple)], len(head.relations), head.options.max_steps)
        best, *others = sorted(may, key=lambda item: -found[item])
        margin = min(margin, *(found[best] - found[item] for item in others), math.inf)
        said.append(best)
    return said, margin


def facts(head, text):
    """Entities and triples of a text as a document has them, and the nearest margin."""
    read = Text(head, text)
    said, margin = generated(head, read)
    stop = said.index(STOP)

    def span(entity):
        first, last, kind = entity
        return Span(read.offsets[first][0], read.offsets[last][1], head.types[kind])

    parts = said[stop + 1 : -1]
    triples = {
        (span(h), head.relations[r], span(t)) for h, t, r in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    }
    return ({span(e) for e in said[:stop]}, triples), margin


def gold(head, text, document):
    """The sequence of a document whose mentions are whole words: entities, then triples, as they stand in the text."""
    begins = {start: i for i, (start, _) in enumerate(text.offsets)}
    ends = {end: i for i, (_, end) in enumerate(text.offsets)}
    items = [(begins[e.start], ends[e.end], head.types.index(e.type)) for e in document.entities]
    triples = sorted((items[r.head], items[r.tail], head.relations.index(r.type)) for r in document.relations)
    return [*sorted(items), STOP, *(item for triple in triples for item in triple), END]


def loss(head, documents):
    """The mean over texts that fit the encoder of the mean over the steps of their sequences."""
    total = 0.0
    for document in documents:
        text = Text(head, document.text)
        sequence = gold(head, text, document)
        for i, item in enumerate(sequence):
            found = logits(text, sequence[:i])
            total += (torch.tensor(list(found.values())).logsumexp(0).item() - found[item]) / len(sequence)
    return total / len(documents)
