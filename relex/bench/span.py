"""How fast and how frugal the span model is, against SpERT as it is publicly done, in the same run.

The plain version has one sentence at a time, as the public SpERT is evaluated: a mask of tokens for every span, the
states once more for every span and then masked, S×L×D, their maxima; the same for the text between two entities,
P×L×D; and loops that filter spans, make pairs and turn both into Documents. Sides between it and ours tell how much
of the ratio is due to sentences together in the encoder, and how much to spans.

An untrained head finds nothing or everything. So its two classifiers are fitted to the gold standard of the sentences
that are timed, by least squares, with biases such that about as many entities and relations are found as there are gold
ones: the work is that of a trained head, its predictions are no measure of quality.
"""

import json
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from relex import corpora
from relex.bench.timing import REPEATS, check_numbers, conditions, interleaved, medians, outside_encoder
from relex.corpora.corpus import subsample
from relex.documents import Document
from relex.experiments.iser import SETTINGS, SPERT
from relex.experiments.layers import settled
from relex.found import assembled
from relex.heads import SpanModel
from relex.heads.extraction import characters
from relex.heads.head import Batch
from relex.heads.span.model import CHUNK, pairs_within
from relex.runs.config import Config
from relex.runs.run import load_corpus
from relex.runs.train import make_head
from relex.samplers import LengthBucketed
from relex.training import Trainer, TrainingOptions, predict
from relex.training.trainer import make_accelerator

PAIRS, FAR = 1000, -1e30
"""Pairs that the plain version holds at a time (it holds all spans), and the score of what it hides."""
LENGTHS = (32, 64, 128)  # tokens of the texts that memory is measured with
ONCE = {"fusion": True, "context": "sea", "sea_scope": "sentence"}
EVERY = ONCE | {"sea_scope": "span"}
SHARE = 4
"""SEA is timed on one sentence in so many: that of every span is slow."""
STEP = 300  # tokens of a training step


@torch.inference_mode()
def plain(
    head: SpanModel, documents: Sequence[Document], accelerator: Accelerator, encode: Callable | None = None
) -> list[Document]:
    """Predicted documents, one sentence at a time; `encode` gives the states L×D of a window, else it is encoded."""
    head.eval()
    found = []
    for document in documents:
        entities, triples = set(), set()
        for _, window in head.windows([document]):
            with accelerator.autocast():
                states = encode(window) if encode else _alone(head, window)
                spans = _spans(head, window)
                kinds, vectors = plain_spans(head, states, spans)
                chosen = [i for i, kind in enumerate(kinds) if kind > 0]
                ends = {i: (spans[i][0] - 1, spans[i][1] - 1) for i in chosen}
                places = {i: characters(window, *ends[i], head.types[kinds[i] - 1]) for i in chosen}
                pairs = [(a, b) for a in chosen for b in chosen if a != b]
                relations = plain_pairs(head, states, spans, vectors, pairs)
            entities.update(places.values())
            for (a, b), row in zip(pairs, relations, strict=True):
                for name, probability in zip(head.relations, row, strict=True):
                    if probability >= head.options.threshold:
                        triples.add((places[a], name, places[b]))
        found.append(assembled(document, entities, triples))
    return found


def _alone(head: SpanModel, window) -> Tensor:
    ids = torch.tensor([window.ids], device=head.widths.weight.device)
    return head.encoder(ids, torch.ones_like(ids))[0]


def _spans(head: SpanModel, window) -> list[tuple[int, int, int]]:
    """First and last token ([CLS] is token 0) and width in words − 1 of every candidate."""
    words = (window.words + 1).tolist()
    widths = range(min(head.options.max_width, len(words)))
    return [(words[i][0], words[i + w][1], w) for w in widths for i in range(len(words) - w)]


def plain_spans(head: SpanModel, states: Tensor, spans: list[tuple[int, int, int]]) -> tuple[list[int], Tensor]:
    """Type of each span, 0 for none; maxima and widths of spans S×(D+width_size); `states` are L×D."""
    if not spans:
        return [], states[:0]
    maxima = _maxima(states, [s[:2] for s in spans])
    vectors = torch.cat([maxima, head.widths(torch.tensor([w for _, _, w in spans], device=states.device))], 1)
    logits = head.classify_span(torch.cat([vectors, states[:1].repeat(len(spans), 1)], 1)).float()
    return logits.softmax(-1).argmax(-1).tolist(), vectors


def plain_pairs(head: SpanModel, states: Tensor, spans: list, vectors: Tensor, pairs: list) -> list[list[float]]:
    """Probabilities of the relations of each pair."""
    found = []
    for begin in range(0, len(pairs), PAIRS):
        part = pairs[begin : begin + PAIRS]
        between = []
        for a, b in part:
            (first, second) = sorted((spans[a], spans[b]))
            between.append((min(first[1], second[1]) + 1, max(first[0], second[0]) - 1))
        heads, tails = (vectors[torch.tensor(side, device=states.device)] for side in zip(*part, strict=True))
        logits = head.classify_pair(torch.cat([heads, tails, _maxima(states, between)], 1)).float()
        found += logits.sigmoid().tolist()
    return found


def _maxima(states: Tensor, stretches: list[tuple[int, int]]) -> Tensor:
    """Maxima of stretches of tokens, by the states once more for each, S×L×D; zeros for an empty one."""
    masks = []
    for first, last in stretches:
        mask = torch.zeros(len(states), dtype=torch.bool)
        mask[first : last + 1] = True
        masks.append(mask)
    masks = torch.stack(masks).to(states.device)
    hidden = (masks[..., None] == 0).float() * FAR
    maxima = (hidden + states[None].repeat(len(masks), 1, 1)).max(1)[0]
    maxima[masks.any(1) == 0] = 0
    return maxima.to(states.dtype)


@torch.inference_mode()
def encoded(head: SpanModel, documents: Sequence[Document], accelerator: Accelerator, budget: int) -> Callable:
    """Window → its states L×D, all of them computed first, in batches of `budget` tokens."""
    states = {}
    for chosen, batch in batches(head, documents, accelerator, budget):
        with accelerator.autocast():
            rows = head.encoder(batch["input_ids"], batch["attention_mask"])
        states |= {id(w): row[: len(w.ids)] for (_, w), row in zip(head.windows(chosen), rows, strict=True)}
    return lambda window: states[id(window)]


def batches(
    head: SpanModel, documents: Sequence[Document], accelerator: Accelerator, budget: int
) -> Iterator[tuple[list[Document], Batch]]:
    """Documents and tensors of the batches of `predict`."""
    for indices in LengthBucketed([head.length(d) for d in documents], budget, shuffle=False):
        chosen = [documents[i] for i in indices]
        yield chosen, send_to_device(head.collate(chosen), accelerator.device)


@torch.inference_mode()
def fit(head: SpanModel, documents: Sequence[Document], accelerator: Accelerator) -> None:
    """Fit both classifiers to the gold standard of `documents`, see above."""
    head.to(accelerator.device).eval()
    layers = head.classify_span, head.classify_pair
    inputs: dict = {layer: [] for layer in layers}
    targets: dict = {layer: [] for layer in layers}
    hooks = [layer.register_forward_pre_hook(lambda layer, x: inputs[layer].append(x[0])) for layer in layers]
    texts = []
    for _, batch in batches(head, documents, accelerator, STEP):
        text, gold, relations = head.states(batch), batch["entities"], batch["relations"]
        spans, pairs = head.candidates(batch["words"]), pairs_within(gold[:, 0])
        texts.append((text, spans))
        for part in spans.split(PAIRS):
            head.span_logits(text, part)
            kinds = ((part[:, None, :3] == gold[:, :3]).all(-1) * gold[:, 4]).sum(1)
            targets[head.classify_span].append(torch.eye(len(head.types) + 1, device=kinds.device)[kinds])
        head.pair_logits(text, gold[:, :4], pairs)
        same = (pairs[:, None] == relations[:, :2]).all(-1).float()  # P×K
        targets[head.classify_pair].append(same @ torch.eye(len(head.relations), device=same.device)[relations[:, 2]])
    for hook in hooks:
        hook.remove()
    x, y = (torch.cat(rows[head.classify_span]) for rows in (inputs, targets))
    _solve(head.classify_span, x, y)
    scores = head.classify_span(x)
    head.classify_span.bias[0] += _limit(scores[:, 1:].amax(1) - scores[:, 0], int(y[:, 1:].sum()))
    x, y = (torch.cat(rows[head.classify_pair]) for rows in (inputs, targets))
    _solve(head.classify_pair, x, y)
    found = [x.new_zeros(0)]  # scores of the pairs of entities that are found now
    for text, spans in texts:
        entities, *_ = head.decode(spans, lambda s, t=text: head.span_logits(t, s), lambda _, pairs: pairs[:, :0])
        found.append(head.pair_logits(text, entities[:, :4], pairs_within(entities[:, 0])).flatten())
    usual = head.options.threshold
    head.classify_pair.bias += math.log(usual / (1 - usual)) - _limit(torch.cat(found), int(y.sum()))


def _solve(layer: torch.nn.Linear, x: Tensor, y: Tensor) -> None:
    """Weights and bias by which `layer` gives y N×C for x N×F, by least squares with a little shrinkage."""
    x, y = torch.cat([x, torch.ones_like(x[:, :1])], 1).double(), y.double()
    ridge = 1e-3 * max(1, len(x)) * torch.eye(x.shape[1], device=x.device, dtype=x.dtype)
    both = torch.linalg.solve(x.T @ x + ridge, x.T @ y).T
    layer.weight.copy_(both[:, :-1])
    layer.bias.copy_(both[:, -1])


def _limit(scores: Tensor, count: int) -> float:
    """A limit that about `count` scores exceed, amid the widest gap near it, so that rounding decides nothing."""
    ranked = scores.double().sort(descending=True).values
    low, high = max(1, round(0.95 * count)), min(len(ranked) - 1, round(1.05 * count) + 1)
    if low > high:
        return float(ranked[0]) + 1 if count == 0 and len(ranked) else 0.0
    gaps = ranked[low - 1 : high] - ranked[low : high + 1]
    place = low + int(gaps.argmax())
    return float((ranked[place - 1] + ranked[place]) / 2)


def allocations(task: Callable) -> tuple[float, float]:
    """MiB of the largest tensor that `task` asks for, and of all at the peak, beyond what was there before."""
    devices = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * torch.cuda.is_available()
    with torch.inference_mode(), profile(activities=devices, profile_memory=True) as profiler:
        task()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    sizes = [e["args"]["Bytes"] for e in sorted(events, key=lambda e: e.get("ts", 0)) if e["name"] == "[memory]"]
    return max(sizes, default=0) / 2**20, max(np.cumsum([0, *sizes])) / 2**20


def scoring(head: SpanModel, documents: Sequence[Document]) -> tuple[int, Callable, Callable]:
    """How many spans `documents` have; what scores them as prediction does, and plainly, from the encoder's states."""
    head.eval()
    batch = send_to_device(head.collate(documents), head.widths.weight.device)
    with torch.inference_mode():
        states, spans = head.encoder(batch["input_ids"], batch["attention_mask"]), head.candidates(batch["words"])
    none = torch.tensor([1e9] + [0.0] * len(head.types), device=states.device)  # so that there are no pairs
    windows = [w for _, w in head.windows(documents)]

    def ours() -> None:
        head.encoder.forward = lambda *_: states
        try:
            text = head.states(batch)
        finally:
            del head.encoder.forward
        head.decode(spans, lambda part: head.span_logits(text, part) + none, lambda _, pairs: pairs[:, :0])

    def plainly() -> None:
        for window, row in zip(windows, states, strict=True):
            plain_spans(head, row[: len(window.ids)], _spans(head, window))

    return len(spans), ours, plainly


def text_of(head: SpanModel, documents: Sequence[Document], tokens: int) -> Document:
    """A text of as many tokens, special ones included: those of `documents` in a row, again and again, cut off."""
    text = " ".join(d.text for d in documents)
    while len(offsets := head.encoder.tokenize([text])[0].offsets) < tokens:
        text += " " + text
    return Document(f"{tokens} tokens", text[: offsets[tokens - 3][1]])


def _memory(head: SpanModel, documents: Sequence[Document]) -> dict[str, float]:
    rows = {}
    for tokens in (n for n in LENGTHS if n <= head.encoder.max_length):
        count, ours, plainly = scoring(head, [text_of(head, documents, tokens)])
        name = f"scoring {count} spans of {tokens} tokens"
        rows |= {f"{name}: MiB": allocations(ours)[1], f"{name}, plain version: MiB": allocations(plainly)[1]}
    count, ours, _ = scoring(head, documents)
    largest, peak = allocations(ours)
    name = f"scoring {count} spans of {len(documents)} sentences at once"
    limit = CHUNK * head.classify_span.in_features / head.encoder.hidden_size * 4 / 2**20
    return rows | {f"{name}: MiB": peak, "its largest tensor: MiB": largest, "limit of a chunk: MiB": limit}


def _sea(config: Config, corpus, documents: Sequence[Document], repeats: int) -> dict[str, float]:
    """Sentences a second with SEA for every span and once a sentence."""
    labels, tasks, steps = {"every span": EVERY, "once a sentence": ONCE}, {}, {}
    training = TrainingOptions(epochs=1, batch_tokens=STEP, micro_tokens=STEP)
    accelerator = make_accelerator(training.precision)
    for label, options in labels.items():
        head = make_head(config.with_(**options), corpus)
        fit(head, documents, accelerator)
        trainer = Trainer(head, training, 0, accelerator)
        sampler = LengthBucketed([head.length(d) for d in documents], STEP)
        tasks[label] = lambda head=head: predict(head, documents, accelerator, training.micro_tokens)
        steps[label] = lambda trainer=trainer, sampler=sampler: trainer.fit(documents, sampler)
    rows: dict[str, float] = {}
    for what, sides in (("inference", tasks), ("training", steps)):  # training last, for it changes what is found
        seconds = interleaved(sides, min(3, repeats) + 1, accelerator)
        middle = {label: float(np.median(s[1:])) for label, s in seconds.items()}
        rows |= {f"{what}, SEA {label}: sentences/s": len(documents) / s for label, s in middle.items()}
        rows[f"{what}: times as fast with SEA once a sentence"] = middle["every span"] / middle["once a sentence"]
    return rows


def measure(
    documents: int = 64, layers: int | None = None, encoder: str | None = None, repeats: int = REPEATS
) -> dict[str, float | str]:
    """Measure the span model at the switches of SpERT, then SEA; quantity → value, ready to print.

    `documents` sentences of the test part are timed, with the corpus's own encoder unless another is named. All sides
    are warmed up, then run in turns `repeats` times; speeds and ratios are medians. Predictions are compared in fp32.
    Tokenisation is done before. Nothing else should run on the machine. Raises a `RelexError` for numbers below one.
    """
    check_numbers(documents, repeats)
    name = corpora.first_available("conll04", "interactions")
    usual = settled(SETTINGS, corpus=name)
    encoder, layers = (encoder, layers or 0) if encoder else (usual["encoder"], layers or usual["layers"])
    config = Config.from_json(
        {"head": "span", "corpus": name, "encoder": encoder, "layers": layers, "max_width": 10} | SPERT
    )
    corpus = load_corpus(config)
    head = make_head(config, corpus)
    chosen, budget = subsample(corpus.test, documents), config.training.micro_tokens
    fit(head, chosen, make_accelerator("fp32"))
    same = _compared(head, chosen, budget)
    accelerator = make_accelerator()
    tasks = {
        "ours": lambda: predict(head, chosen, accelerator, budget),
        "alone": lambda: predict(head, chosen, accelerator, 1),
        "together": lambda: plain(head, chosen, accelerator, encoded(head, chosen, accelerator, budget)),
        "plain": lambda: plain(head, chosen, accelerator),
    }
    interleaved(tasks, 1, accelerator)
    seconds = interleaved(tasks, repeats, accelerator)
    middle, ratios = medians(seconds, "ours")
    outside = {side: outside_encoder(tasks[side], head, accelerator, min(3, repeats)) for side in ("ours", "plain")}
    gold, found = ([sum(len(getattr(d, part)) for d in side) / len(chosen) for part in ("entities", "relations")]
                   for side in (chosen, tasks["ours"]()))  # fmt: skip
    return {
        "corpus": name + ", test part" + (" (stand-in)" if corpus.stand_in else ""),
        **conditions(encoder, head.encoder.layers, accelerator),
        "sentences": len(chosen),
        "tokens": sum(head.length(d) for d in chosen),
        "gold entities, relations a sentence": "{:.2f}, {:.2f}".format(*gold),
        "found entities, relations a sentence": "{:.2f}, {:.2f}".format(*found),
        "same entities and relations on both sides in fp32": "{} of {}".format(*same),
        "inference: sentences/s": len(chosen) / middle["ours"],
        "plain version: sentences/s": len(chosen) / middle["plain"],
        "inference: times as fast as the plain version": ratios["plain"],
        "inference: times as fast as the plain version after an encoder with batches": ratios["together"],
        "inference: times as fast as one sentence at a time": ratios["alone"],
        "inference: % of time outside the encoder": 100 * outside["ours"],
        "plain version: % of time outside the encoder": 100 * outside["plain"],
        "outside the encoder: times as fast as the plain version":
            ratios["plain"] * outside["plain"] / max(outside["ours"], 1e-9),
        "if spans cost nothing: times as fast as the plain version": ratios["plain"] / max(1 - outside["ours"], 1e-9),
        **_memory(head, chosen),
        **_sea(config, corpus, chosen[: max(1, len(chosen) // SHARE)], repeats),
    }  # fmt: skip


def _compared(head: SpanModel, documents: Sequence[Document], budget: int) -> tuple[int, int]:
    """How many entities and relations both sides find, and how many either finds, in fp32."""
    accelerator = make_accelerator("fp32")
    sides = predict(head, documents, accelerator, budget), plain(head, documents, accelerator)
    found = [{(d.id, x) for d in side for x in (*d.entities, *d.triples())} for side in sides]
    return len(found[0] & found[1]), len(found[0] | found[1])
