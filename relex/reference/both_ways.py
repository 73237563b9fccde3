"""Tagging from both ends as plain loops: one text, one span, one pair and one tag at a time (BiRTE).

It shares the parameters of a head and nothing of its way: every product is taken on the states, for every span anew.
"""

import math

import torch

from relex.documents import Span
from relex.reference.cascade import cross_entropy, spans


@torch.no_grad()
def states(head, text):
    """States of tokens as subjects, as objects and in pairs, L×D each with their own [CLS]; the encoder's [CLS] D."""
    encoder = head.encoder
    ids = [encoder.cls_id, *encoder.tokenize([text])[0].ids, encoder.sep_id]
    x = encoder(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long))[0]
    found = []
    for layer in (head.read_subjects, head.read_objects, head.read_pairs):
        own = [layer.weight @ state + layer.bias for state in x]
        found.append([state + own[0] for state in own])
    return *found, x[0]


def tagged(layer, rows):
    """L×2: the linear tagger of each of L states."""
    return torch.stack([layer.weight @ row + layer.bias for row in rows])


@torch.no_grad()
def subject_logits(head, text):
    """L×2: where subjects start and end."""
    subjects, _, _, cls = states(head, text)
    return tagged(head.from_subjects.first, [row + cls for row in subjects])


@torch.no_grad()
def object_logits(head, text):
    """L×2: where objects start and end."""
    _, objects, _, cls = states(head, text)
    return tagged(head.from_objects.first, [row + cls for row in objects])


@torch.no_grad()
def objects_of(head, text, first, last):
    """L×2: where objects of the subject with these tokens start and end; each token's state times the subject."""
    subjects, objects, _, cls = states(head, text)
    subject = (subjects[first] + subjects[last]) / 2
    return tagged(head.from_subjects.second, [row * subject + cls for row in objects])


@torch.no_grad()
def subjects_of(head, text, first, last):
    """L×2: where subjects of the object with these tokens start and end."""
    subjects, objects, _, cls = states(head, text)
    object_ = (objects[first] + objects[last]) / 2
    return tagged(head.from_objects.second, [row * object_ + cls for row in subjects])


@torch.no_grad()
def relation_logits(head, text, subject, object_):
    """R: for each class a biaffine form of two vectors, their product with a matrix, each with a vector, a number."""
    _, _, rows, _ = states(head, text)
    one, other = ((rows[first] + rows[last]) / 2 for first, last in (subject, object_))
    found = []
    for i in range(len(head.classes)):
        both = one @ head.relate.weight[i] @ other
        found.append(both + head.relate_alone.weight[i] @ torch.cat([one, other]) + head.relate.bias[i])
    return torch.stack(found)


def pairs(head, text):
    """The pairs (subject, object) of places found from subjects, those found from objects, and the nearest margin."""
    limit, threshold = math.log(head.options.threshold / (1 - head.options.threshold)), head.options.threshold
    ways, margins = [], []
    for way, firsts, seconds in (
        (head.from_subjects, subject_logits, objects_of),
        (head.from_objects, object_logits, subjects_of),
    ):
        found = set()
        if way is not None:
            logits = firsts(head, text)
            margins.append((logits - limit).abs().min().item())
            for place in spans(logits, threshold):
                logits = seconds(head, text, *place)
                margins.append((logits - limit).abs().min().item())
                found |= {(place, other) for other in spans(logits, threshold)}
        ways.append(found)
    return ways[0], {(subject, object_) for object_, subject in ways[1]}, min(margins)


def triples(head, text):
    """The set of (head span, relation, tail span), and how far the nearest logit lies from the threshold."""
    offsets = [None, *head.encoder.tokenize([text])[0].offsets, None]
    limit = math.log(head.options.threshold / (1 - head.options.threshold))
    one_way, other_way, margin = pairs(head, text)
    found = set()
    for subject, object_ in one_way | other_way:
        logits = relation_logits(head, text, subject, object_)
        margin = min(margin, (logits - limit).abs().min().item())
        for (name, head_type, tail_type), logit in zip(head.classes, logits.tolist(), strict=True):
            if logit >= limit:
                places = [(offsets[first][0], offsets[last][1]) for first, last in (subject, object_)]
                found.add((Span(*places[0], head_type), name, Span(*places[1], tail_type)))
    return found, margin


def loss_of_tags(head, document):
    """The taggers' cross entropies of a text that fits the encoder, with mentions of whole tokens, per token."""
    offsets = head.encoder.tokenize([document.text])[0].offsets
    begins = {start: i for i, (start, _) in enumerate(offsets, 1)}
    ends = {end: i for i, (_, end) in enumerate(offsets, 1)}
    gold = {
        tuple((begins[span.start], ends[span.end]) for span in (subject, object_))
        for subject, _, object_ in document.triples()
    }
    total = 0.0
    for way, firsts, seconds, own in (
        (head.from_subjects, subject_logits, objects_of, gold),
        (head.from_objects, object_logits, subjects_of, {(object_, subject) for subject, object_ in gold}),
    ):
        if way is None:
            continue
        known = {one for one, _ in own}
        total += loss_of_spans(firsts(head, document.text), known)
        for one in known:
            logits = seconds(head, document.text, *one)
            total += loss_of_spans(logits, {other for known_one, other in own if known_one == one})
    return total / (len(offsets) + 2)


def loss_of_spans(logits, places):
    """The cross entropy of tags L×2 of which those of the spans at these places are true."""
    total = 0.0
    for i, (start, end) in enumerate(logits.tolist()):
        total += cross_entropy(start, i in {first for first, _ in places})
        total += cross_entropy(end, i in {last for _, last in places})
    return total


def loss_of_pairs(head, text, targets):
    """The mean over pairs of the cross entropies of all classes; `targets`: (subject, object) → the classes it has."""
    total = 0.0
    for (subject, object_), classes in targets.items():
        for i, logit in enumerate(relation_logits(head, text, subject, object_).tolist()):
            total += cross_entropy(logit, i in classes)
    return total / len(targets)
