"""Focused attention as its paper tells it (Section III): one text, one pair at a time, two passes through all layers.

It reads the parameters of a Focused head and shares nothing else with it: every layer is written out, every mask is a
matrix T×T of zeros and ones for the whole text, and the sum over all tag sequences goes tag by tag.
"""

import math

import torch

from relex.documents import Span

FAR = -1e30


def tokens(head, text):
    """Ids of [CLS], the text and [SEP], and characters of the tokens of the text."""
    found = head.encoder.tokenize([text])[0]
    return [head.encoder.cls_id, *found.ids, head.encoder.sep_id], found.offsets


def normed(x, layer):
    """Layer normalisation of each row."""
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.pow(2).mean(-1, keepdim=True) + layer.eps).sqrt() * layer.weight + layer.bias


def linear(x, layer):
    """x W + b for a layer of torch, …×D → …×D'."""
    return x @ layer.weight.T + layer.bias


def gelu(x):
    """BERT's activation, value by value."""
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def embedded(head, ids):
    """H_0: T×D."""
    parts = head.encoder.model.embeddings
    places = torch.arange(len(ids))
    summed = parts.word_embeddings.weight[ids] + parts.position_embeddings.weight[places]
    return normed(summed + parts.token_type_embeddings.weight[0], parts.LayerNorm)


def layer(head, number, x, mask):
    """One layer: T×D, the mask T×T has 1 where row i may attend to column j.

    (Focused Eq. 2), (Focused Eq. 3) in the softmax; (Focused Eq. 4), (Focused Eq. 5) under MASK^all, (Focused Eq. 6),
    (Focused Eq. 7) under the mask of a task.
    """
    block = head.encoder.blocks[number]
    own, count = block.attention.self, head.encoder.model.config.num_attention_heads
    width = x.shape[1] // count
    queries, keys, values = (linear(x, part) for part in (own.query, own.key, own.value))
    mixed = []
    for i in range(count):
        part = slice(i * width, (i + 1) * width)
        scores = queries[:, part] @ keys[:, part].T / math.sqrt(width) + (mask - 1) * -FAR
        mixed.append(scores.softmax(1) @ values[:, part])
    x = normed(x + linear(torch.cat(mixed, 1), block.attention.output.dense), block.attention.output.LayerNorm)
    within = gelu(linear(x, block.intermediate.dense))
    return normed(x + linear(within, block.output.dense), block.output.LayerNorm)


def encoded(head, text, task_mask):
    """H_N: T×D after N − K layers under MASK^all and K under the mask of a task (Focused Eq. 8)."""
    ids, _ = tokens(head, text)
    x, everyone = embedded(head, ids), torch.ones(len(ids), len(ids))
    count = head.encoder.model.config.num_hidden_layers
    for number in range(count):
        x = layer(head, number, x, everyone if number < count - head.options.k else task_mask)
    return x


def mask_of(kind, length, one, other):
    """MASK^rc T×T of the pair of entities with these first and last tokens, [CLS] being token 0.

    (Focused Eq. 13), (Focused Eq. 14).
    """
    chosen = {0, *range(one[0], one[1] + 1), *range(other[0], other[1] + 1)}
    mask = torch.zeros(length, length)
    for i in range(length):
        for j in range(length):
            if kind == "eq13":
                mask[i, j] = i != 0 or j in chosen
            elif kind == "eq14":
                # a row outside attends to nobody; the softmax of such a row is as good as any, for nobody attends to it
                mask[i, j] = i in chosen and j in chosen
            else:
                mask[i, j] = 1
    return mask


@torch.no_grad()
def emissions(head, text):
    """N×T' scores of the tags of the tokens of a text, neither [CLS] nor [SEP] (Focused Eq. 9)."""
    ids, _ = tokens(head, text)
    return linear(encoded(head, text, torch.ones(len(ids), len(ids)))[1:-1], head.emit)


@torch.no_grad()
def pair_logits(head, text, one, other):
    """C scores of the classes of a pair (Focused Eq. 15), (Focused Eq. 16)."""
    ids, _ = tokens(head, text)
    x = encoded(head, text, mask_of(head.options.mask, len(ids), one, other))
    return linear(linear(x[0], head.perceive).tanh(), head.classify)


def follows(before, after):
    """Whether a BIEOS tag may follow another; None is the start or the end of a text."""
    before, after = before or "O", after or "O"
    if before[0] in "BI":
        return after[0] in "IE" and after[1:] == before[1:]
    return after[0] in "OBS"


def names_of_tags(head):
    """T names of tags: O, then begin, inside, end and single token of each entity type."""
    return ["O", *(f"{place}-{name}" for name in head.schema.entity_types for place in "BIES")]


def transition(head, names, before, after):
    """A_{before, after} (Focused Eq. 10): indices of tags, None at both ends of a text; nothing for what may not be."""
    if not follows(None if before is None else names[before], None if after is None else names[after]):
        return FAR
    if before is None:
        return head.crf.start[after].item()
    return head.crf.end[before].item() if after is None else head.crf.transitions[before, after].item()


def sequences(head, scores, add):
    """What `add` makes of the scores of all tag sequences of a text, one tag and one token at a time."""
    names = names_of_tags(head)
    every = range(len(names))
    so_far = [transition(head, names, None, tag) + scores[0][tag] for tag in every]
    for token in scores[1:]:
        so_far = [
            add(so_far[before] + transition(head, names, before, tag) for before in every) + token[tag] for tag in every
        ]
    return add(so_far[tag] + transition(head, names, tag, None) for tag in every)


def log_sum(values):
    """Logarithm of the sum of exponentials, the largest taken out first."""
    values = list(values)
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


def gold_tags(head, document):
    """The tag of every token of a document whose entities consist of whole tokens and do not overlap."""
    _, offsets = tokens(head, document.text)
    names = names_of_tags(head)
    tags = ["O"] * len(offsets)
    for span in document.entities:
        inside = [i for i, (start, end) in enumerate(offsets) if span.start <= start and end <= span.end]
        for i in inside:
            place = "I"
            if len(inside) == 1:
                place = "S"
            elif i == inside[0]:
                place = "B"
            elif i == inside[-1]:
                place = "E"
            tags[i] = f"{place}-{span.type}"
    return [names.index(tag) for tag in tags]


def entity_loss(head, document):
    """L_ner of a text (Focused Eq. 11), (Focused Eq. 12)."""
    scores, tags, names = emissions(head, document.text).tolist(), gold_tags(head, document), names_of_tags(head)
    if not tags:
        return 0.0
    gold = sum(row[tag] for row, tag in zip(scores, tags, strict=True))
    gold += sum(transition(head, names, a, b) for a, b in zip([None, *tags], [*tags, None], strict=True))
    return sequences(head, scores, log_sum) - gold


def places(head, document):
    """First and last token of each entity, [CLS] being 0, and which entities they are, in the order of the text."""
    _, offsets = tokens(head, document.text)
    begins = {start: i for i, (start, _) in enumerate(offsets, 1)}
    ends = {end: i for i, (_, end) in enumerate(offsets, 1)}
    order = sorted(range(len(document.entities)), key=lambda i: document.entities[i].start)
    return [(begins[s.start], ends[s.end]) for s in (document.entities[i] for i in order)], order


def class_names(head):
    """(relation type, direction): 1 when the first entity is the head, 2 when the second one is."""
    return [None, *((name, first) for name in head.schema.relation_names for first in (1, 2))]


def pair_losses(head, document):
    """L_rc of every pair of entities of a text (Focused Eq. 17)."""
    found, order = places(head, document)
    names, losses = class_names(head), []
    for a in range(len(order)):
        for b in range(a + 1, len(order)):
            gold = None
            for relation in document.relations:
                if (relation.head, relation.tail) == (order[a], order[b]):
                    gold = gold or (relation.type, 1)
                if (relation.head, relation.tail) == (order[b], order[a]):
                    gold = gold or (relation.type, 2)
            logits = pair_logits(head, document.text, found[a], found[b])
            losses.append(-logits.log_softmax(0)[names.index(gold)].item())
    return losses


def loss(head, documents):
    """L_ner + L_rc (Focused Eq. 18), as means over texts, or over rows that are pairs, and over pairs."""
    total = 0.0
    if head.options.tasks != "rc":
        rows = []
        for document in documents:
            count = len(document.entities) * (len(document.entities) - 1) // 2
            repeated = max(1, count) if head.options.ner_weighting == "pair" else 1
            rows += [entity_loss(head, document)] * repeated
        total += sum(rows) / len(rows)
    pairs = [value for d in documents for value in pair_losses(head, d)] if head.options.tasks != "ner" else []
    return total + (sum(pairs) / len(pairs) if pairs else 0.0)


def extract(head, text):
    """Entities and triples of a text, and how far the nearest decision was from the other one."""
    scores = emissions(head, text).tolist()
    if not scores:
        return set(), set(), 1.0
    _, offsets = tokens(head, text)
    tags, margin = best_path(head, scores)
    spans, first = [], 0
    for i, tag in enumerate(tags):
        if tag[0] in "BS":
            first = i
        if tag[0] in "ES":
            spans.append((first, i, Span(offsets[first][0], offsets[i][1], tag[2:])))
    triples, names = set(), class_names(head)
    for a in range(len(spans)):
        for b in range(a + 1, len(spans)):
            one, other = (tuple(i + 1 for i in spans[n][:2]) for n in (a, b))
            logits = pair_logits(head, text, one, other)
            best = logits.topk(2).values
            margin = min(margin, (best[0] - best[1]).item())
            if logits.argmax() > 0:
                name, direction = names[logits.argmax()]
                ends = (spans[a][2], spans[b][2]) if direction == 1 else (spans[b][2], spans[a][2])
                triples.add((ends[0], name, ends[1]))
    return {span for _, _, span in spans}, triples, margin


def best_path(head, scores):
    """Names of the tags of the best sequence, and how much better it is than the second best of all."""
    names = names_of_tags(head)
    every = range(len(names))
    kept = {tag: [(transition(head, names, None, tag) + scores[0][tag], [tag])] for tag in every}
    for token in scores[1:]:
        kept = {
            tag: sorted(
                ((score + transition(head, names, path[-1], tag) + token[tag], [*path, tag])
                 for before in every for score, path in kept[before]), key=lambda item: -item[0],
            )[:2]
            for tag in every
        }  # fmt: skip
    ended = [(s + transition(head, names, path[-1], None), path) for found in kept.values() for s, path in found]
    best, second = sorted(ended, key=lambda item: -item[0])[:2]
    return [names[tag] for tag in best[1]], best[0] - second[0]
