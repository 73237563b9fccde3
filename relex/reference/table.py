"""Tables of token pairs as their papers write them: one cell after the other, losses over targets of their full size.

A scorer's function takes the parameters of a fast one and the states L×D of one text, [SEP] the last of them, and
gives logits L×L×T×C. A loss takes logits of the N tokens between them alone, N×N×T×C, and gold (table, row, column,
tag).
"""

import torch


def mlp(scorer, states):
    """W₂ act(W₁[h_i; h_j] + b₁) + b₂ (TPLinker; OneRel)."""
    act = {torch.tanh_: torch.tanh, torch.relu_: torch.relu}[scorer.activate]

    def cell(i, j):
        hidden = act(scorer.first.weight @ torch.cat([states[i], states[j]]) + scorer.first.bias)
        return scorer.last.weight @ hidden + scorer.last.bias

    return table(scorer, states, cell)


def additive(scorer, states):
    """W₃[ReLU(W₁h_i); ReLU(W₂h_j)] + b (GraphRel); of two phases the second, on what the first one's graph gives."""
    if scorer.first is not None:
        states = graph(scorer.graph, states, additive(scorer.first, states))

    def cell(i, j):
        row = (scorer.of_row.weight @ states[i] + scorer.of_row.bias).relu()
        column = (scorer.of_column.weight @ states[j] + scorer.of_column.bias).relu()
        return scorer.last.weight @ torch.cat([row, column]) + scorer.last.bias

    return table(scorer, states, cell)


def graph(layer, states, logits):
    """h_u + ReLU(Σ_r Σ_v P_r(u, v)(W_r h_v + b_r)) over tokens; edges that leave u, then those that reach it."""
    p = (logits.softmax(-1)[..., 1:] if logits.shape[-1] > 1 else logits.sigmoid()).flatten(2)
    tokens, found = range(len(states) - 1), []
    for u in range(len(states)):
        sides = []
        for linear, edge in ((layer.leaving, lambda v, u=u: p[u, v]), (layer.reaching, lambda v, u=u: p[v, u])):
            size, total = linear.out_features // layer.relations, 0.0
            for r in range(layer.relations):
                part = slice(r * size, (r + 1) * size)
                for v in tokens if u in tokens else ():
                    total = total + edge(v)[r] * (linear.weight[part] @ states[v] + linear.bias[part])
            sides.append(total + torch.zeros(size))
        found.append(states[u] + torch.cat(sides).relu())
    return torch.stack(found)


def pointer(scorer, states):
    """q_i·k_j/√d + b for each table; those of spans with RoPE, and nothing below the diagonal (GPLinker)."""
    outputs, size = scorer.tables * scorer.tags, scorer.size
    query, key = (scorer.project(states)).split(outputs * size, 1)

    def cell(i, j):
        logits = []
        for o in range(outputs):
            part, is_span = slice(o * size, (o + 1) * size), o // scorer.tags < scorer.spans
            q, k = query[i, part], key[j, part]
            if is_span:
                q, k = rope(q, i), rope(k, j)
            logits.append(q @ k / size**0.5 + scorer.bias[o] - 1e4 * (is_span and i > j))
        return torch.stack(logits)

    return table(scorer, states, cell)


def efficient_pointer(scorer, states):
    """q_i·k_j/√d + a_i + b_j + c, with one q and k for the tables of a group (Efficient GlobalPointer)."""
    size, groups = scorer.size, len(scorer.groups)
    query, key = (scorer.project(states)).split(groups * size, 1)

    def cell(i, j):
        logits = []
        for g, (tables, alone) in enumerate(zip(scorer.groups, scorer.alone, strict=True)):
            part, is_span = slice(g * size, (g + 1) * size), g == 0 and scorer.spans > 0
            of_row, _ = alone(torch.cat([query[i, part], key[i, part]])).chunk(2)
            _, of_column = alone(torch.cat([query[j, part], key[j, part]])).chunk(2)
            q, k = query[i, part], key[j, part]
            if is_span:
                q, k = rope(q, i), rope(k, j)
            for n in range(tables * scorer.tags):
                logit = q @ k / size**0.5 + of_row[n] + of_column[n] + scorer.bias[len(logits)]
                logits.append(logit - 1e4 * (is_span and i > j))
        return torch.stack(logits)

    return table(scorer, states, cell)


def rope(x, position):
    """Pairs of numbers as complex ones, times e^(i·position·speed)."""
    speed = torch.tensor([10000.0 ** (-2 * i / len(x)) for i in range(len(x) // 2)])
    turned = torch.view_as_complex(x.reshape(-1, 2)) * torch.polar(torch.ones_like(speed), position * speed)
    return torch.view_as_real(turned).flatten()


def tucker(scorer, states, names=None):
    """Z ×₁ e_s ×₂ r ×₃ e_o + b_r (EmRel); r learned, or a map of what a name has beyond the mean of all."""
    if names is None:
        vectors = scorer.vectors
    else:
        size, vectors = scorer.core.shape[1], []
        for name, kind in zip(scorer.name.tolist(), scorer.kind.tolist(), strict=True):
            read = scorer.read(names[name] - sum(names) / len(names))
            vectors += [read[(kind * scorer.tags + c) * size :][:size] for c in range(scorer.tags)]
        vectors = torch.stack(vectors)
    subjects, objects = scorer.of_row(states), scorer.of_column(states)
    if scorer.fusion is not None:
        subjects, objects, vectors = fused(scorer.fusion, subjects, objects, vectors, states)

    def cell(i, j):
        of_subject = torch.tensordot(subjects[i], scorer.core, ([0], [0]))  # d_r×d_e
        return torch.stack([torch.dot(r @ of_subject, objects[j]) for r in vectors]) + scorer.bias

    return table(scorer, states, cell)


def fused(fusion, subjects, objects, vectors, states):
    """One round of attention between subjects, objects, relations and the text (EmRel)."""
    inner = slice(0, len(states) - 1)
    return (
        looked(fusion.subjects, subjects, vectors),
        looked(fusion.objects, objects, vectors),
        looked(fusion.relations, vectors, subjects[inner], objects[inner], states[inner]),
    )


def looked(layer, x, *others):
    """LN(x + Σ attention), then LN(x + FFN(x))."""
    x = layer.norms[0](x + sum(attention(a, x, other) for a, other in zip(layer.attention, others, strict=True)))
    return layer.norms[1](x + layer.think(x))


def attention(layer, x, others):
    """Each head: Σ_n softmax_n(q·k_n/√d) v_n, then a linear map of all heads side by side."""
    query, key, value = layer.query(x), layer.key(others), layer.value(others)
    size, rows = x.shape[1] // layer.heads, []
    for q in query:
        heads = []
        for part in (slice(h * size, (h + 1) * size) for h in range(layer.heads)):
            share = torch.stack([q[part] @ k[part] / size**0.5 for k in key]).softmax(0)
            heads.append(sum(s * v[part] for s, v in zip(share, value, strict=True)))
        rows.append(layer.out(torch.cat(heads)))
    return torch.stack(rows)


def hadamard(scorer, states):
    """W ELU(a_i ∘ b_j) + b after the rounds: maxima of rows and columns, a decoder layer on the text, a sum (GRTE)."""
    act, inner = scorer.activate, slice(0, len(states) - 1)
    row, column = scorer.of_row(states), scorer.of_column(states)

    def logits():
        return table(scorer, states, lambda i, j: scorer.last.weight @ act(row[i] * column[j]) + scorer.last.bias)

    for _ in range(scorer.rounds - 1):
        features = logits().flatten(2)[inner, inner]
        of_rows, of_columns = scorer.read_rows(features.amax(1)), scorer.read_columns(features.amax(0))
        row, column = row.clone(), column.clone()
        row[inner] = row[inner] + decoded(scorer.decoder, of_rows, states[inner])
        column[inner] = column[inner] + decoded(scorer.decoder, of_columns, states[inner])
    return logits()


def decoded(layer, x, states):
    """A transformer decoder layer without causal mask."""
    x = layer.norms[0](x + attention(layer.each_other, x, x))
    x = layer.norms[1](x + attention(layer.text, x, states))
    return layer.norms[2](x + layer.think(x))


def grid(scorer, states):
    """Conditional LayerNorm, dilated convolutions, biaffine, on the tokens between [CLS] and [SEP] alone (W2NER)."""
    inner = states[:-1]
    n, h = len(inner), scorer.bilstm(inner[None], torch.ones(1, len(inner), dtype=torch.bool))[0]
    channels = scorer.mix.out_features
    image = torch.zeros(channels, n, n)
    for i in range(n):
        for j in range(n):
            normed = (h[j] - h[j].mean()) / (h[j].var(unbiased=False) + 1e-5).sqrt()
            v = scorer.scale(h[i]) * normed + scorer.shift(h[i])
            kind = len(bin(min(abs(j - i), 256))) - 2 if j != i else 0
            distance = scorer.distance.weight[kind + 9 * (j < i)]
            v = torch.cat([v, distance, scorer.region.weight[int(j >= i)]])
            image[:, i, j] = torch.nn.functional.gelu(scorer.mix(v))

    def convolved(layer, i, j):
        total, reach = layer.bias, layer.dilation[0]
        for a in (-1, 0, 1):
            for b in (-1, 0, 1):
                r, c = i + a * reach, j + b * reach
                if 0 <= r < n and 0 <= c < n:
                    total = total + layer.weight[:, 0, a + 1, b + 1] * image[:, r, c]
        return torch.nn.functional.gelu(total)

    subjects, objects = scorer.of_row(h), scorer.of_column(h)
    one, size = torch.ones(1), scorer.pair.shape[1] - 1

    def cell(i, j):
        s, o = torch.cat([subjects[i], one]), torch.cat([objects[j], one])
        pairs = torch.stack([s[:size] @ u[:size, :size] @ o[:size] + s @ u[:, size] + u[size, :size] @ o[:size]
                             for u in scorer.pair])  # fmt: skip
        return scorer.read(torch.cat([convolved(layer, i, j) for layer in scorer.convolve])) + pairs

    return table(scorer, inner, cell)


def table(scorer, states, cell):
    """L×L×T×C of a function of row and column."""
    n = len(states)
    rows = [torch.stack([cell(i, j) for j in range(n)]) for i in range(n)]
    return torch.stack(rows).reshape(n, n, scorer.tables, scorer.tags)


# Losses


def counted(n, triangle):
    """The cells that count."""
    return [(i, j) for i in range(n) for j in range(n) if not triangle or i <= j]


def targets(logits, gold):
    """N×N×T: the tag of every cell, 0 where there is none."""
    tags = torch.zeros(logits.shape[:3], dtype=torch.long)
    for t, i, j, tag in gold:
        tags[i, j, t] = tag
    return tags


def softmax(logits, gold, triangle, positive=1.0):
    """Cross entropy of exclusive tags: mean over cells, sum over tables; cells that hold something count `positive`."""
    tags, total = targets(logits, gold), 0.0
    places = counted(len(logits), triangle)
    for i, j in places:
        for t in range(logits.shape[2]):
            weight = positive if tags[i, j, t] > 0 else 1.0
            total = total - weight * logits[i, j, t].softmax(0)[tags[i, j, t]].log()
    return total / len(places)


def bce(logits, gold, triangle):
    """Binary cross entropy of tables: mean over cells, sum over tables."""
    there = targets(logits, [(t, i, j, 1) for t, i, j, _ in gold])
    places, total = counted(len(logits), triangle), 0.0
    for i, j in places:
        for t in range(logits.shape[2]):
            probability = logits[i, j, t, 0].sigmoid()
            total = total - (probability if there[i, j, t] else 1 - probability).log()
    return total / len(places)


def zlpr(scores, there):
    """log(1 + Σ over what is not there e^s) + log(1 + Σ over what is e^−s) (ZLPR, Su et al. 2022)."""
    absent = sum((s.exp() for s, t in zip(scores, there, strict=True) if not t), torch.zeros(()))
    present = sum(((-s).exp() for s, t in zip(scores, there, strict=True) if t), torch.zeros(()))
    return (1 + absent).log() + (1 + present).log()


def zlpr_tags(logits, gold, triangle):
    """ZLPR over the tables at each cell: mean over cells (TPLinker+)."""
    there = targets(logits, [(t, i, j, 1) for t, i, j, _ in gold])
    places = counted(len(logits), triangle)
    return sum(zlpr(logits[i, j, :, 0], there[i, j]) for i, j in places) / len(places)


def zlpr_cells(logits, gold, triangle):
    """ZLPR over the cells of each table: sum over tables (GPLinker)."""
    there = targets(logits, [(t, i, j, 1) for t, i, j, _ in gold])
    places = counted(len(logits), triangle)
    return sum(
        zlpr([logits[i, j, t, 0] for i, j in places], [there[i, j, t] for i, j in places])
        for t in range(logits.shape[2])
    )
