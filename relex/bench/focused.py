"""How fast focused attention is in pairs of entities, against two full passes for each pair, in the same run.

The plain version has a row for each pair, as the authors' public code: a pass through all layers for tags, and another
one whose last K layers have the pair's mask, L×L; rows are batched by the same budget of tokens as our sentences. Its
training step takes the mean over rows. Its prediction decodes the tags of a sentence once and runs two passes for each
pair of found entities; a side with one pass for each tells what is due to the other. The plain version has the layers
of the transformers library, which are the faster ones for rows of that length on a CPU; the CRF is ours on both sides.

Sentences are those of generated findings that have eight entities, 28 pairs; of these, the nearest to the 64 tokens to
which the authors' code cuts its texts. An untrained head finds no entities, so all sides read them off the gold tags,
after emissions have been computed, and the bias of each class is such that its mean over all pairs is zero: relations
are meaningless, but must be the same on all sides.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor

from relex.bench.timing import check_numbers, interleaved, medians
from relex.corpora import PARTS, Corpus
from relex.documents import Document
from relex.found import assembled
from relex.heads import Focused
from relex.heads.extraction import characters
from relex.heads.head import Batch
from relex.heads.pairs.focused_layers import contextual
from relex.runs.config import Config
from relex.runs.run import load_corpus
from relex.runs.train import make_head
from relex.samplers import micro_batches
from relex.training import predict
from relex.training.prediction import BUDGETS
from relex.training.trainer import make_accelerator, resolve_precision

ENTITIES, TOKENS = 8, 64
"""Of a sentence; its length, special tokens included, as near as there are any."""
MASKS = ("eq14", "eq13")
SURE, FAR = 100.0, -1e4
"""Score of a tag that is given; added to the scores of tokens that a row does not see, as in the original BERT."""
KEYS = 1 / 6
"""Share of a layer's products that are keys and values: 2 of 12, the others being 1 for queries, 1 + 8 after them."""


class Told(Focused):
    """A focused head that is told the tags; it computes its own emissions all the same."""

    def predict(self, batch: Batch, documents: Sequence[Document], **options) -> list[Document]:
        """The documents with their gold entities and predicted relations."""
        self.told = batch["tags"]
        return super().predict(batch, documents, **options)

    def decode(self, emissions: Tensor, mask: Tensor, pair_logits) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As in `Focused`, with the gold tags of the batch."""
        return super().decode(tell(emissions, self.told), mask, pair_logits)


def tell(emissions: Tensor, tags: Tensor) -> Tensor:
    """Emissions of the same shape W×N×T that say `tags` W×N."""
    return F.one_hot(tags, emissions.shape[-1]).to(emissions) * SURE


def one_pass(head: Focused, ids: Tensor, mask: Tensor, places: Tensor | None = None) -> Tensor:
    """States B×L×D after all layers; the last K have the mask of the pair at `places` B×4, if given (Eq. 4–8)."""
    encoder = head.encoder
    states = contextual(encoder, encoder.layers, ids, mask, 0)[0]  # embeddings
    everyone = mask.bool()[:, None].expand(-1, mask.shape[1], -1)
    focused = everyone if places is None else pair_mask(head.options.mask, mask, places)
    for number, block in enumerate(encoder.blocks):
        seen = everyone if number < encoder.layers - head.options.k else focused
        states = block(states, (~seen[:, None]).float() * FAR)
    return states


def pair_mask(kind: str, mask: Tensor, places: Tensor) -> Tensor:
    """MASK^rc B×L×L (bool, Eq. 13 or 14) of pairs; `places` B×4: first and last token of both, [CLS] being token 0."""
    at = torch.arange(mask.shape[1], device=mask.device)
    first, last, second, end = places[..., None].unbind(1)
    chosen = (at == 0) | (first <= at) & (at <= last) | (second <= at) & (at <= end)
    if kind == "eq14":
        return chosen[:, :, None] & chosen[:, None]
    return torch.where((at == 0)[:, None], chosen[:, None], mask.bool()[:, None])


def emissions_of(head: Focused, ids: Tensor, mask: Tensor) -> Tensor:
    """B×N×T by a full pass."""
    return head.emit(head.dropout(one_pass(head, ids, mask)[:, 1:])).float()


def logits_of(head: Focused, ids: Tensor, mask: Tensor, places: Tensor) -> Tensor:
    """B×C by a full pass under the masks of pairs."""
    cls = one_pass(head, ids, mask, places)[:, 0]
    return head.classify(head.dropout(head.perceive(head.dropout(cls)).tanh())).float()


def plain_loss(head: Focused, batch: Batch, rows: Tensor) -> Tensor:
    """The mean over rows P×6 (window, four places, class) of L_ner + L_rc (Eq. 18)."""
    ids, mask, tags = _cut(batch, rows[:, 0])
    tag_loss = head.crf.loss(emissions_of(head, ids, mask), tags, _inside(mask)).mean()
    return tag_loss + F.cross_entropy(logits_of(head, ids, mask, rows[:, 1:5]), rows[:, 5])


def gold_rows(batch: Batch) -> Tensor:
    """P×6 of all gold pairs of a batch, as in `plain_loss`."""
    one, other = (batch["entities"][batch["pairs"][:, i]] for i in (0, 1))
    return torch.cat([one[:, :1], one[:, 1:3] + 1, other[:, 1:3] + 1, batch["pairs"][:, 2:]], 1)


@torch.inference_mode()
def plain(
    head: Focused, documents: Sequence[Document], accelerator: Accelerator, budget: int, passes: int = 2
) -> list[Document]:
    """Predicted documents; with two `passes` that for tags is run again for each pair."""
    head.eval()
    batch = send_to_device(head.collate(documents), accelerator.device)
    entities: dict[int, list] = {}
    for part in _groups(batch, torch.arange(len(batch["input_ids"])), budget):
        ids, mask, told = _cut(batch, part)
        with accelerator.autocast():
            emissions = emissions_of(head, ids, mask)
        tags = head.crf.decode(tell(emissions, told), _inside(mask)).tolist()
        entities.update((w, _entities(head, row)) for w, row in zip(part.tolist(), tags, strict=True))
    pairs = [(w, a, b) for w in sorted(entities) for i, a in enumerate(entities[w]) for b in entities[w][i + 1 :]]
    places = torch.tensor([(w, *a[:2], *b[:2]) for w, a, b in pairs], device=accelerator.device).reshape(-1, 5)
    classes: dict[int, int] = {}
    for part in _groups(batch, places[:, 0], budget):
        ids, mask, _ = _cut(batch, places[part, 0])
        with accelerator.autocast():
            if passes == 2:
                emissions_of(head, ids, mask)
            chosen = logits_of(head, ids, mask, places[part, 1:]).argmax(-1)
        classes.update(zip(part.tolist(), chosen.tolist(), strict=True))
    return _documents(head, documents, entities, [(*pair, classes[i]) for i, pair in enumerate(pairs)])


def _entities(head: Focused, tags: list[int]) -> list[tuple[int, int, str]]:
    """First token, last token ([CLS] is token 0), type of what the tags of tokens 1, 2, … say."""
    found, first = [], 0
    for place, tag in enumerate(tags, 1):
        name = head.tags.names[max(tag, 0)]
        if name[0] in "BS":
            first = place
        if name[0] in "ES":
            found.append((first, place, name[2:]))
    return found


def _documents(head: Focused, documents: Sequence[Document], entities: dict, pairs: list) -> list[Document]:
    spans: list[set] = [set() for _ in documents]
    triples: list[set] = [set() for _ in documents]
    windows = head.windows(documents)
    for w, found in entities.items():
        spans[windows[w][0]].update(characters(windows[w][1], a - 1, b - 1, kind) for a, b, kind in found)
    for w, a, b, class_id in pairs:
        if class_id:
            one, other = (characters(windows[w][1], i - 1, j - 1, kind) for i, j, kind in (a, b))
            name, swapped = head.relations[(class_id - 1) // 2], (class_id - 1) % 2
            triples[windows[w][0]].add((other, name, one) if swapped else (one, name, other))
    return [assembled(*found) for found in zip(documents, spans, triples, strict=True)]


def _groups(batch: Batch, windows: Tensor, budget: int) -> Iterator[Tensor]:
    """Indices of rows, each of a window, in groups of similar length and at most `budget` tokens."""
    lengths = batch["attention_mask"].sum(1)[windows].tolist()
    for group in micro_batches(range(len(lengths)), lengths, budget):
        yield torch.tensor(group, device=windows.device)


def _cut(batch: Batch, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, mask B×L and tags B×N of some windows, without what is padding in all of them."""
    mask = batch["attention_mask"][windows]
    length = int(mask.sum(1).max())
    return batch["input_ids"][windows, :length], mask[:, :length], batch["tags"][windows, : length - 1]


def _inside(mask: Tensor) -> Tensor:
    """B×N: tokens without [CLS] and [SEP]."""
    return F.pad(mask.bool()[:, 2:], (0, 1))


class Steps:
    """Training steps of both sides: forward and backward in groups, then the optimizer, at a rate of 0."""

    def __init__(self, head: Focused, documents: Sequence[Document], accelerator: Accelerator, budget: int):
        self.head, self.documents, self.accelerator, self.budget = head, documents, accelerator, budget
        self.optimizer = torch.optim.AdamW(head.parameters(), lr=0.0, fused=True)

    def ours(self) -> None:
        """Groups of sentences."""
        lengths = [self.head.length(d) for d in self.documents]
        self._step((lambda g=g: self.head.loss(self._batch([self.documents[i] for i in g])), len(g) / len(lengths))
                   for g in micro_batches(range(len(lengths)), lengths, self.budget))  # fmt: skip

    def plain(self) -> None:
        """Groups of rows."""
        batch = self._batch(self.documents)
        rows = gold_rows(batch)
        self._step((lambda g=g: plain_loss(self.head, batch, rows[g]), len(g) / len(rows))
                   for g in _groups(batch, rows[:, 0], self.budget))  # fmt: skip

    def _batch(self, documents: Sequence[Document]) -> Batch:
        return send_to_device(self.head.collate(documents), self.accelerator.device)

    def _step(self, losses: Iterator[tuple[Callable[[], Tensor], float]]) -> None:
        self.head.train()
        for loss, share in losses:
            with self.accelerator.autocast():
                value = loss() * share
            self.accelerator.backward(value)
        self.optimizer.step()
        self.optimizer.zero_grad()


def without_pairs(head: Focused, task: Callable) -> Callable:
    """`task` with a head that has tags only: what all pairs of a sentence share."""

    def run() -> None:
        options = head.options
        head.options = replace(options, tasks="ner")
        try:
            task()
        finally:
            head.options = options

    return run


def token_layers(head: Focused, documents: Sequence[Document]) -> dict[str, float]:
    """Tokens that are taken through a layer: of ours what is `shared` and what is for `pairs`; `plain`, in training.

    A token of which keys and values alone are needed counts as `KEYS`. Plain prediction takes N·L more a sentence.
    """
    counts, n, k = {"shared": 0.0, "pairs": 0.0, "plain": 0.0}, head.encoder.layers, head.options.k
    batch = head.collate(documents)
    counts["shared"] += n * sum(lengths := batch["attention_mask"].sum(1).tolist())
    for window, first, last, second, end, _ in gold_rows(batch).tolist():
        length, m = lengths[window], 1 + last - first + 1 + end - second + 1
        cls = 1 - KEYS + m * KEYS  # a layer of which [CLS] alone is asked for
        if head.options.mask == "eq13" and k > 1:
            near = m + (length - m) * KEYS if k > 2 else 0  # one of which the M tokens are
            counts["pairs"] += max(k - 3, 0) * length + near + 2 * cls
        else:
            counts["pairs"] += (k - 1) * m + cls if k else 0
        counts["plain"] += 2 * n * length
    return counts


@torch.inference_mode()
def calibrate(head: Focused, documents: Sequence[Document]) -> None:
    """Give each class the bias with which its mean over all pairs is 0, so that pairs differ in their classes."""
    logits: list[Tensor] = []
    hook = head.classify.register_forward_hook(lambda layer, inputs, output: logits.append(output))
    predict(head, documents, make_accelerator("fp32"))
    hook.remove()
    head.classify.bias -= torch.cat(logits).mean(0)


def sentences(head: Focused, corpus: Corpus, count: int) -> list[Document]:
    """The `count` documents with `ENTITIES` entities whose lengths are nearest to `TOKENS` tokens."""
    having = [d for part in PARTS for d in getattr(corpus, part) if len(d.entities) == ENTITIES]
    having = [d for d in having if len(head.collate([d])["entities"]) == ENTITIES]  # none overlap
    return sorted(having, key=lambda d: abs(head.length(d) - TOKENS))[:count]


def measure(
    documents: int = 4, layers: int = 12, encoder: str = "wheel:me5-zh", repeats: int = 2, k: int = 4
) -> dict[str, float | str]:
    """Measure training and end-to-end prediction with the last `k` layers focused; quantity → value, ready to print.

    `documents` sentences of eight entities are timed, under Eq. 14 and under Eq. 13. All sides are warmed up with one
    of them, then run in turns `repeats` times; speeds and ratios are medians. Relations and losses are compared in
    fp32. Tokenisation is done before. Nothing else should run on the machine. Raises a `RelexError` for numbers below
    one, and for more focused layers than there are.
    """
    check_numbers(documents, repeats)
    config = Config.from_json({
        "head": "focused", "corpus": "angiography", "encoder": encoder, "layers": layers, "k": k,
        "ner_weighting": "pair",
    })  # fmt: skip
    corpus = load_corpus(config)
    head = Told(make_head(config, corpus).encoder, corpus.schema, config.options).to(make_accelerator("fp32").device)
    chosen = sentences(head, corpus, documents)
    rows: dict[str, float | str] = {}
    for mask in MASKS:
        head.options = replace(config.options, mask=mask)
        calibrate(head, chosen)
        values = _compared(head, chosen) | _measured(head, chosen, repeats)
        rows |= {f"{mask}: {what}": value for what, value in values.items()}
    return {
        "corpus": "angiography, sentences of eight entities (stand-in)",
        "encoder": f"{encoder}, {layers} layers, {resolve_precision('auto')}",
        "device": f"{next(head.parameters()).device}, {torch.get_num_threads()} threads",
        "focused layers": k,
        "sentences": len(chosen),
        "tokens a sentence": sum(head.length(d) for d in chosen) / len(chosen),
        "pairs": len(head.collate(chosen)["pairs"]),
    } | rows


def _measured(head: Told, documents: Sequence[Document], repeats: int) -> dict[str, float]:
    accelerator, pairs = make_accelerator(), len(head.collate(documents)["pairs"])
    budget = BUDGETS.get(accelerator.device.type, BUDGETS["cuda"])

    def sides(chosen: Sequence[Document]) -> dict[str, dict[str, Callable]]:
        steps = Steps(head, chosen, accelerator, budget)
        ours = {"training": steps.ours, "prediction": lambda: predict(head, chosen, accelerator, budget)}
        plainly = {"training": steps.plain, "prediction": lambda: plain(head, chosen, accelerator, budget)}
        tasks = {w: {"ours": ours[w], "shared": without_pairs(head, ours[w]), "plain": plainly[w]} for w in ours}
        tasks["prediction"]["one pass"] = lambda: plain(head, chosen, accelerator, budget, passes=1)
        return tasks

    for tasks in sides(documents[:1]).values():
        interleaved(tasks, 1, accelerator)
    rows, counts = {}, token_layers(head, documents)
    for what, tasks in sides(documents).items():
        middle, times = medians(interleaved(tasks, repeats, accelerator), "ours")
        rows |= {
            f"{what}: pairs/s": pairs / middle["ours"],
            f"{what}, plain version: pairs/s": pairs / middle["plain"],
            f"{what}: times as fast as the plain version": times["plain"],
            f"{what}: % of time that pairs share (all layers for tags)": 100 * times["shared"],
            f"{what}, if pairs cost nothing: times as fast as the plain version": times["plain"] / times["shared"],
        }
        if "one pass" in times:
            rows[f"{what}: times as fast as one full pass for each pair"] = times["one pass"]
    return rows | {
        "token-layers that pairs share": counts["shared"],
        "token-layers of pairs": counts["pairs"],
        "token-layers of the plain version": counts["plain"],
        "token-layers: times fewer": counts["plain"] / (counts["shared"] + counts["pairs"]),
    }


def _compared(head: Told, documents: Sequence[Document]) -> dict[str, str]:
    """In fp32: triples that both sides find, of all that either finds; losses of the first sentence."""
    accelerator = make_accelerator("fp32")
    sides = predict(head, documents, accelerator), plain(head, documents, accelerator, BUDGETS["cpu"])
    found = [{(d.id, *triple) for d in side for triple in d.triples()} for side in sides]
    with torch.inference_mode():
        batch = send_to_device(head.eval().collate(documents[:1]), accelerator.device)
        ours, theirs = float(head.loss(batch)), float(plain_loss(head, batch, gold_rows(batch)))
    return {
        "same triples on both sides in fp32": f"{len(found[0] & found[1])} of {len(found[0] | found[1])}",
        "difference of losses in fp32, as a share": f"{abs(ours - theirs) / abs(theirs):.1e}",
    }
