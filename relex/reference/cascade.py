"""The cascade as plain loops: one text at a time, encoded again for every subject, one tag after the other.

It shares the parameters of a head and nothing of its way: LSTM step by step, relative attention on a tensor L×L×d,
convolutions as sums of shifted images of the text's own length, so without any mask.
"""

import math

import torch

from relex.documents import Span


@torch.no_grad()
def states(head, text):
    """What subjects and objects are tagged on, L×D each (CBRRel Sections 3.3, 3.4, 3.6)."""
    encoder = head.encoder
    ids = [encoder.cls_id, *encoder.tokenize([text])[0].ids, encoder.sep_id]
    x = encoder(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long))[0]
    if head.options.bilstm:
        there = lstm(head.bilstm.forwards, x)
        back = lstm(head.bilstm.backwards, x.flip(0)).flip(0)
        x = torch.cat([there, back], 1)
    if head.options.attention:
        x = relative_attention(head.attention, x)
    if head.options.feature_fusion == "unet":
        return x, x + unet(head.fusion, x[None])[0]
    if head.options.feature_fusion == "cnn":
        return x, x + convolution(head.fusion.last, twice(head.fusion.convolve, x[None]))[0]
    return x, x


def lstm(layer, x):
    """States L×D/2 of one direction, step by step (CBRRel Eq. 4–9)."""
    h = c = torch.zeros(layer.hidden_size)
    found = []
    for step in x:
        gates = layer.weight_ih_l0 @ step + layer.bias_ih_l0 + layer.weight_hh_l0 @ h + layer.bias_hh_l0
        i, f, g, o = gates.chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        found.append(h)
    return torch.stack(found)


def relative_attention(layer, x):
    """L×D → L×D: every pair of tokens has a key and a value of its own (CBRRel Eq. 10, 11)."""
    n, width = x.shape
    size = width // layer.heads
    queries, keys, values = layer.project(x).chunk(3, 1)
    apart = torch.tensor([[max(-layer.distance, min(layer.distance, j - i)) for j in range(n)] for i in range(n)])
    key_of_pair = layer.key_of_distance[apart + layer.distance]  # L×L×d
    value_of_pair = layer.value_of_distance[apart + layer.distance]
    mixed = []
    for head in range(layer.heads):
        own = slice(head * size, (head + 1) * size)
        q, k, v = queries[:, own], keys[:, own], values[:, own]
        scores = (q[:, None] * (k[None] + key_of_pair)).sum(-1) / math.sqrt(size)
        mixed.append((scores.softmax(1)[..., None] * (v[None] + value_of_pair)).sum(1))
    x = x + layer.out(torch.cat(mixed, 1))
    centred = x - x.mean(1, keepdim=True)
    deviation = (centred.pow(2).mean(1, keepdim=True) + layer.norm.eps).sqrt()
    return centred / deviation * layer.norm.weight + layer.norm.bias


def convolution(layer, image):
    """Image C×L×D → O×L×D; around the image there are zeros."""
    reach = layer.kernel_size[0] // 2
    _, n, width = image.shape
    wide = torch.zeros(len(image), n + 2 * reach, width + 2 * reach)
    wide[:, reach : reach + n, reach : reach + width] = image
    out = layer.bias[:, None, None].expand(-1, n, width)
    for row in range(2 * reach + 1):
        for column in range(2 * reach + 1):
            shifted = wide[:, row : row + n, column : column + width]
            out = out + torch.einsum("oc,cld->old", layer.weight[:, :, row, column], shifted)
    return out


def twice(block, image):
    """Two convolutions, a rectifier after each."""
    return convolution(block.second, convolution(block.first, image).relu()).relu()


def halved(image):
    """The largest of each 2×2 cells; the last row of an odd number stands alone."""
    rows = [image[:, i : i + 2].amax(1) for i in range(0, image.shape[1], 2)]
    rows = torch.stack(rows, 1)
    return torch.stack([rows[:, :, 0::2], rows[:, :, 1::2]]).amax(0)


def doubled(layer, image, n):
    """Each cell becomes 2×2 cells with weights of their own; `n` rows are kept."""
    out = torch.zeros(layer.out_channels, 2 * image.shape[1], 2 * image.shape[2])
    for row in range(2):
        for column in range(2):
            weights = layer.weight[:, :, row, column]
            out[:, row::2, column::2] = torch.einsum("co,cld->old", weights, image) + layer.bias[:, None, None]
    return out[:, :n]


def unet(net, image):
    """What the U-Net adds to the image 1×L×D (CBRRel Section 3.6, Figure 2); at the last scale, only a block."""

    def level(image, scale):
        image = twice(net.down[scale], image)
        if scale == len(net.up):
            return image
        below = doubled(net.up[scale], level(halved(image), scale + 1), image.shape[1])
        return twice(net.join[scale], torch.cat([image, below]))

    return convolution(net.last, level(image, 0))


@torch.no_grad()
def subject_logits(head, text):
    """L×2: does a subject start, or end, at a token (CBRRel Eq. 12, 13)."""
    x, _ = states(head, text)
    return torch.stack([head.tag_subjects.weight @ state + head.tag_subjects.bias for state in x])


@torch.no_grad()
def object_logits(head, text, first, last):
    """L×R×2 of the subject with these tokens, after encoding the text for it (CBRRel Eq. 15, 16); the gate is ours."""
    x, fused = states(head, text)
    subject = (x[first] + x[last]) / 2
    scale = torch.zeros_like(subject) if head.gate is None else (head.gate.weight @ subject + head.gate.bias).tanh()
    rows = [head.tag_objects.weight @ (state + subject + state * scale) + head.tag_objects.bias for state in fused]
    return torch.stack(rows).reshape(len(fused), len(head.classes), 2)


def spans(logits, threshold):
    """(first, last) of each span that logits L×2 tell: from a start to the next end; never [CLS] or [SEP]."""
    found, probability = [], logits.double().sigmoid().tolist()
    tokens = range(1, len(logits) - 1)
    for first in tokens:
        if probability[first][0] >= threshold:
            for last in tokens[first - 1 :]:
                if probability[last][1] >= threshold:
                    found.append((first, last))
                    break
    return found


def triples(head, text):
    """The set of (head span, relation, tail span), and how far the nearest logit lies from the threshold."""
    offsets = [None, *head.encoder.tokenize([text])[0].offsets, None]
    limit = math.log(head.options.threshold / (1 - head.options.threshold))
    found, tags = set(), subject_logits(head, text)
    margin = (tags - limit).abs().min().item()
    for subject in spans(tags, head.options.threshold):
        logits = object_logits(head, text, *subject)
        margin = min(margin, (logits - limit).abs().min().item())
        for i, (name, head_type, tail_type) in enumerate(head.classes):
            for object_ in spans(logits[:, i], head.options.threshold):
                (start, _), (_, end) = (offsets[place] for place in subject)
                (object_start, _), (_, object_end) = (offsets[place] for place in object_)
                found.add((Span(start, end, head_type), name, Span(object_start, object_end, tail_type)))
    return found, margin


def loss(head, documents):
    """Cross entropy of every tag of every gold subject, per token, mean over documents (CBRRel Eq. 18)."""
    return sum(loss_of_one(head, document) for document in documents) / len(documents)


def loss_of_one(head, document):
    """The four taggers' loss of a text that fits the encoder, with mentions of whole tokens (CBRRel Eq. 14, 17)."""
    offsets = head.encoder.tokenize([document.text])[0].offsets
    begins = {start: i for i, (start, _) in enumerate(offsets, 1)}
    ends = {end: i for i, (_, end) in enumerate(offsets, 1)}
    objects = {}
    for subject, name, object_ in document.triples():
        place = begins[subject.start], ends[subject.end]
        label = head.classes.index((name, subject.type, object_.type))
        objects.setdefault(place, set()).update(
            [(begins[object_.start], label, 0), (ends[object_.end], label, 1)]  # place, class, start or end
        )
    tagged = {(place, kind) for subject in objects for kind, place in enumerate(subject)}
    total = 0.0
    for i, row in enumerate(subject_logits(head, document.text).tolist()):
        for kind, logit in enumerate(row):
            total += cross_entropy(logit, (i, kind) in tagged)
    for subject, gold in objects.items():
        for i, classes in enumerate(object_logits(head, document.text, *subject).tolist()):
            for label, row in enumerate(classes):
                for kind, logit in enumerate(row):
                    total += cross_entropy(logit, (i, label, kind) in gold)
    return total / (len(offsets) + 2)


def cross_entropy(logit, truth):
    """−log of the probability that a tag's logit gives to the truth."""
    return math.log1p(math.exp(-logit if truth else logit))
