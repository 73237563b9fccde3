"""How fast a text alone is read through onnxruntime, against torch in the same run: the states of its encoder, and a
whole prediction by a cascade.

Texts are made up. The cascade is one that `relex train` makes, but untrained.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from relex import encoders
from relex.bench.timing import REPEATS, check_numbers, conditions, interleaved, medians
from relex.documents import Document, RelationType, Schema
from relex.errors import RelexError
from relex.heads import CascadeOptions, Head, build
from relex.runs.train import suited
from relex.training import predict
from relex.training.trainer import make_accelerator
from relex.use.onnx import OnnxStates, converted, largest_difference

LENGTHS = (30, 120)
"""Characters of a text."""

TOLD = (
    "阿司匹林可缓解头痛和发热，长期服用应当注意胃部不适；华法林与之合用时出血的风险上升，需定期检查凝血功能。",
    "Aspirin relieves headache and fever, but long use may hurt the stomach; with warfarin the risk of bleeding rises.",
)
"""From what texts are cut, for encoders of either script."""

SCHEMA = Schema(("drug", "finding"), (RelationType("treats", (("drug", "finding"),)),))


class Side:
    """A cascade that reads one text a call, through torch or through `states`."""

    def __init__(self, head: Head, states: OnnxStates | None = None):
        self.head, self.accelerator = head, make_accelerator("fp32")
        if self.accelerator.device.type != "cpu":
            raise RelexError("onnxruntime would have the CPU and torch the GPU; set CUDA_VISIBLE_DEVICES to nothing")
        if states is not None:
            head.encoder.forward = states

    @torch.inference_mode()
    def encode(self, batch: dict) -> torch.Tensor:
        """The states of a collated text."""
        return self.head.encoder(batch["input_ids"], batch["attention_mask"])

    def read(self, document: Document) -> list[Document]:
        """What is found in a text, from its characters on."""
        found = predict(self.head, [document], self.accelerator)
        self.head.forget()
        return found


def measure(
    documents: int = 30, layers: int = 4, encoder: str = "wheel:me5-zh", repeats: int = REPEATS
) -> dict[str, float | str]:
    """Measure `documents` texts of each length, one a call; quantity → value, ready to print.

    Each text is read by both sides in turns, once to warm up and `repeats` times; times are medians of all turns, and
    so are the ratios within a turn. Raises a `RelexError` for numbers below one, on a GPU, and without the extra
    `onnx`.
    """
    check_numbers(documents, repeats)
    torch_side = Side(_head(encoder, layers))
    content = converted(torch_side.head.encoder, {})
    states = OnnxStates(content, "the file just made")
    sides = {"torch": torch_side, "onnxruntime": Side(_head(encoder, layers), states)}
    rows: dict[str, float | str] = {
        **conditions(encoder, layers, torch_side.accelerator),
        "texts of a length": documents,
        "file: MiB": len(content) / 2**20,
        "largest difference of states": f"{largest_difference(torch_side.head.encoder, states):.1e}",
    }
    for characters in LENGTHS:
        texts = _texts(torch_side.head, characters, documents)
        batches = [torch_side.head.collate([text]) for text in texts]
        torch_side.head.forget()
        rows[f"{characters} characters: tokens"] = sum(b["input_ids"].shape[1] for b in batches) / documents
        for what, task, inputs in (("states", Side.encode, batches), ("prediction", Side.read, texts)):
            middle, ratios = medians(_turns(task, sides, inputs, repeats), "onnxruntime")
            rows |= {f"{characters} characters, {what}, {name}: ms": 1e3 * middle[name] for name in sides}
            rows[f"{characters} characters, {what}: times as fast as torch"] = ratios["torch"]
    return rows


def _turns(task: Callable, sides: dict[str, Side], inputs: Sequence, repeats: int) -> dict[str, list[float]]:
    """Seconds of each side, turn by turn, of all inputs one after another; the first turn of each is none."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for given in inputs:
        tasks = {name: partial(task, side, given) for name, side in sides.items()}
        for name, turns in interleaved(tasks, 1 + repeats, sides["torch"].accelerator).items():
            seconds[name] += turns[1:]
    return seconds


def _head(encoder: str, layers: int) -> Head:
    """The same untrained cascade, whenever it is asked for."""
    loaded = encoders.load(encoder, layers, texts=TOLD)
    torch.manual_seed(0)
    options = CascadeOptions(bilstm=False, attention=False, feature_fusion="none", gate=True)
    return build("cascade", suited(loaded), SCHEMA, options).eval()


def _texts(head: Head, characters: int, count: int) -> list[Document]:
    """Stretches of the told text that has fewer unknown tokens; each begins a character after the one before."""
    told = min(TOLD, key=lambda text: head.encoder.unk_rate([text])) * (1 + (count + characters) // 50)
    return [Document(str(i), told[i : i + characters]) for i in range(count)]
