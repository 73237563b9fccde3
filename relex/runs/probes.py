"""Probes: measurements on the head of a run, before and after its training, that give parts of its record.

A head names those that suit it (`Head.probes`); the rest of a record comes from predictions alone. No probe changes
a head for good, and none draws from the generators that training draws from.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device

from relex.analysis import attention_mass
from relex.analysis.gradients import gradient_agreement
from relex.corpora.corpus import subsample
from relex.corpora.generators.interactions.generate import trigger_spans
from relex.documents import Document
from relex.errors import RelexError
from relex.evaluation import extraction
from relex.heads.head import Head
from relex.samplers import LengthBucketed
from relex.training.prediction import predict

THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Where a precision–recall curve is measured."""

EPSILONS = (0.0, 3e-5, 1e-3, 1e-2, 1e-1, 3e-1, 1.0)
"""Where FGM's gradient is compared with the clean one; 0 shows the noise of the arithmetic."""

TRIGGERS = {"interactions": trigger_spans}
"""Corpus → function text → [(start, end)] of the words that state a relation; others do not tell."""


class Ground(NamedTuple):
    """What is measured on: documents that are trained on, test documents, the name of their corpus, the device."""

    train: Sequence[Document]
    test: Sequence[Document]
    corpus: str
    accelerator: Accelerator


class Probe(Protocol):
    """One measurement of a run: `before` its training, and `after` it, when `predicted` is the head's test part."""

    def before(self, head: Head) -> None: ...

    def after(self, head: Head, predicted: Sequence[Document]) -> dict: ...


class Curve:
    """`curve`: precision and recall of string triples of the test part at each of `THRESHOLDS`.

    For heads whose `predict` takes a `threshold`.
    """

    def __init__(self, ground: Ground):
        self.ground = ground

    def before(self, head: Head) -> None:
        """Nothing: only a trained head has a curve."""

    def after(self, head: Head, predicted: Sequence[Document]) -> dict:
        """Points of the curve, as `relex.evaluation.extraction.threshold_curve` has them."""
        test, accelerator = self.ground.test, self.ground.accelerator
        found = {threshold: predict(head, test, accelerator, threshold=threshold) for threshold in THRESHOLDS}
        return {"curve": extraction.threshold_curve(test, found, "string")}


class Attention:
    """`attention`: where both directions of interactive fusion rest in the test part, at `attention_mass.MOMENTS`.

    For heads with a layer `fusion` and a method `attention`, batch → two matrices W×N×N. Queries are `entity` and
    `relation`, targets `entities` (gold ones) and, for corpora that tell them, `triggers`. Texts in several windows are
    left out.
    """

    def __init__(self, ground: Ground):
        self.ground = ground

    def before(self, head: Head) -> None:
        """Remember the fusion as it is before training, and where it looks."""
        self.fresh = _copied(head.fusion)
        self.untrained = self._rests(head)

    def after(self, head: Head, predicted: Sequence[Document]) -> dict:
        """Sums and counts at the three moments; with the fresh fusion the head is otherwise the trained one."""
        trained, own = self._rests(head), _copied(head.fusion)
        head.fusion.load_state_dict(self.fresh)
        try:
            fresh = self._rests(head)
        finally:
            head.fusion.load_state_dict(own)
        return {"attention": dict(zip(attention_mass.MOMENTS, (self.untrained, fresh, trained), strict=True))}

    @torch.inference_mode()
    def _rests(self, head: Head) -> list[dict]:
        """Lines of `relex.analysis.attention_mass.table`."""
        _, test, corpus, accelerator = self.ground
        was_training = head.training
        head.to(accelerator.device).eval()
        head.prepare(test)
        chosen = [d for d in test if len(head.windows([d])) == 1]
        kinds = {"entities": lambda d: [(e.start, e.end) for e in d.entities if not e.absent]}
        if corpus in TRIGGERS:
            kinds["triggers"] = lambda d: TRIGGERS[corpus](d.text)
        shares: dict[str, list[np.ndarray]] = {"entity": [], "relation": []}
        targets: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
        for indices in LengthBucketed([head.length(d) for d in chosen], 1200, shuffle=False):
            some = [chosen[i] for i in indices]
            batch = send_to_device(head.collate(some), accelerator.device)
            with accelerator.autocast():
                both = [m.float().cpu().numpy() for m in head.attention(batch)]
            for i, (_, window) in enumerate(head.windows(some)):
                n = len(window.ids) - 2
                for name, matrices in zip(shares, both, strict=True):
                    shares[name].append(matrices[i, :n, :n])
                for name, spans in kinds.items():
                    targets[name].append(attention_mass.covered(window.offsets[1:-1], spans(some[i])))
        head.train(was_training)
        return attention_mass.table(shares, targets)


class Gradients:
    """`gradients`: FGM's gradient beside the clean one at each of `EPSILONS`, at `start` and `end` of training.

    On a few training documents; empty where they have no gradient any more.
    """

    def __init__(self, ground: Ground):
        self.ground = ground

    def before(self, head: Head) -> None:
        """Compare the gradients of the untrained head."""
        self.start = self._agreement(head)

    def after(self, head: Head, predicted: Sequence[Document]) -> dict:
        """Both comparisons, as `relex.analysis.gradients.gradient_agreement` has them."""
        return {"gradients": {"start": self.start, "end": self._agreement(head)}}

    def _agreement(self, head: Head) -> list[dict]:
        batch = send_to_device(head.collate(subsample(self.ground.train, 8)), self.ground.accelerator.device)
        try:
            return gradient_agreement(head, batch, EPSILONS)
        except RelexError:
            return []


class Given:
    """`given`: predicted test documents with relations between their gold entities, to be scored as `NAME.re.…`.

    `given` of all pairs; `kept` without those that do not train either, which is what a test part without most of its
    pairs of No Relation would show. For heads that classify pairs: `predict` takes `gold_entities` and `kept_pairs`.
    """

    def __init__(self, ground: Ground):
        self.ground = ground

    def before(self, head: Head) -> None:
        """Nothing: only a trained head is asked."""

    def after(self, head: Head, predicted: Sequence[Document]) -> dict:
        """Documents of both kinds; where all pairs train they are the same, with `tasks` rc the usual prediction."""

        def ask(**options: bool) -> list[Document]:
            return predict(head, self.ground.test, self.ground.accelerator, gold_entities=True, **options)

        given = predicted if head.options.tasks == "rc" else ask()
        kept = ask(kept_pairs=True) if head.options.negative_share < 1 else given
        return {"given": {"given": given, "kept": kept}}


PROBES: dict[str, type[Probe]] = {"curve": Curve, "attention": Attention, "gradients": Gradients, "given": Given}
"""Probes by the part of a record that they give, in the order of a record."""


def chosen(head: Head, fgm: bool, ground: Ground) -> list[Probe]:
    """The probes that a head declares, and for a training with FGM its gradients."""
    names = {*head.probes, *(("gradients",) if fgm else ())}
    return [PROBES[name](ground) for name in sorted(names, key=list(PROBES).index)]


def _copied(layer: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.detach().clone() for k, v in layer.state_dict().items()}
