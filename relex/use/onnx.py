"""A model's encoder as one ONNX file, and prediction through onnxruntime with it.

Every head asks its encoder for states and computes the rest itself, so the encoder is all that is exported, and one
class takes its place in every head. What else a model has, such as a second encoder, stays with torch.
"""

import hashlib
import importlib.util
import logging
import warnings
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

import relex
from relex.documents import Document, Span
from relex.encoders import Encoder
from relex.errors import RelexError
from relex.files import write_bytes
from relex.heads import Head
from relex.heads.head import pad
from relex.runs import models

WEIGHTS = "relex.weights"
"""The entry of the file's metadata that says of which model it is: the sha256 of the folder's weights."""

SEAL = "relex.sha256"
"""The last entry of the metadata: the sha256 of all that stands before its value, in hexadecimal. A byte that flips in
a weight would else be read as any other."""

SEALED = 64
"""Bytes of that value."""

TOLERANCE = 1e-3
"""By which a number of a state may differ from torch's, in fp32."""

LARGEST = 2**31 - 2**20
"""Bytes of weights: a file of ONNX is one message of protobuf, which ends at 2 GiB."""

SHAPES = ((1, 3), (1, 30), (1, 120), (7, 15), (3, 200), (1, 512))
"""Rows and tokens of the batches that a new file is checked on; no row has more than the encoder has positions."""


class Exported(NamedTuple):
    """The largest difference of a number of a state from torch's, and the bytes of the file."""

    difference: float
    size: int


class OnnxStates:
    """`Encoder.forward` through onnxruntime, on the CPU, with as many threads as torch has."""

    def __init__(self, content: bytes, name: str):
        """Raises a `RelexError` for a `content` that onnxruntime cannot read; `name` is what the message calls it."""
        _need("onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # what is an error is raised, too
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has ten kinds without a parent
            reason = str(error).splitlines()[0][:200]
            raise RelexError(f"onnxruntime cannot read {name} ({reason}); write it again with `relex export`") from None
        self.about = self.session.get_modelmeta().custom_metadata_map

    def __call__(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """`input_ids` B×L and `attention_mask` B×L → B×L×D, in fp32 and where the ids are."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        (states,) = self.session.run(None, {name: x.long().cpu().numpy() for name, x in inputs.items()})
        return torch.from_numpy(states).to(input_ids.device)


def export(folder: Path, path: Path) -> Exported:
    """Write the encoder of a model folder as one ONNX file, with batch and length dynamic.

    The file is written once it gives torch's states on batches of `SHAPES`. Raises a `RelexError` when it does not, for
    a `path` that is no name of an .onnx file, for a head that takes its encoder apart, and without the extra `onnx`.
    """
    _need("onnx", "onnxscript", "onnxruntime")
    if path.suffix != ".onnx" or path.is_dir():
        raise RelexError(f"{path} is no place for an ONNX file; give the name of a file that ends in .onnx")
    head = models.load(folder).head
    if not _asks_for_states(head):
        raise RelexError(
            f"the model {folder} takes the layers of its encoder apart ({type(head).__name__}), so that onnxruntime "
            "cannot take its place; predict with torch"
        )
    content = converted(head.encoder, {WEIGHTS: _weights_of(folder)})
    difference = largest_difference(head.encoder, OnnxStates(content, str(path)))
    if not difference <= TOLERANCE:
        raise RelexError(
            f"{path} is not written, for its states differ from torch's by {difference:.1e}, and {TOLERANCE:g} is the "
            "most; predict with torch"
        )
    write_bytes(path, content)
    return Exported(difference, len(content))


def put_in_place(head: Head, folder: Path, path: Path) -> None:
    """Have the head of a model folder take its states from an ONNX file.

    Raises a `RelexError` for a file that is missing, is not as it was written or is of another model, and without
    onnxruntime.
    """
    _need("onnxruntime")
    if not path.is_file():
        raise RelexError(f"there is no ONNX file {path}; write it with `relex export`")
    content = path.read_bytes()
    if content[-SEALED:] != _seal(content[:-SEALED]):
        raise RelexError(f"{path} is not as `relex export` writes a file, or no longer; write it again")
    states = OnnxStates(content, str(path))
    if states.about.get(WEIGHTS) != _weights_of(folder):
        raise RelexError(f"{path} was not exported from the model {folder}; write one of it with `relex export`")
    head.encoder.forward = states


@torch.no_grad()
def largest_difference(encoder: Encoder, states: OnnxStates) -> float:
    """The largest difference of a number of a state, on rows of tokens drawn from the vocabulary, some of them padded.

    Not a number where one of the two gives none.
    """
    generator = torch.Generator().manual_seed(0)
    largest = torch.zeros(())
    for count, length in SHAPES:
        length = min(length, encoder.max_length)
        lengths = torch.linspace(length, 1 + length // 2, count).long().tolist()
        drawn = torch.randint(encoder.word_embeddings.num_embeddings, (count, length), generator=generator).tolist()
        ids, mask = pad([row[:n] for row, n in zip(drawn, lengths, strict=True)], encoder.pad_id)
        largest = torch.maximum(largest, (encoder(ids, mask) - states(ids, mask)).abs().max())
    return largest.item()


def converted(encoder: Encoder, about: dict[str, str]) -> bytes:
    """The ONNX file of an encoder, with `about` and a seal as its metadata.

    Raises a `RelexError` for more weights than a file holds, and without the extra `onnx`.
    """
    _need("onnx", "onnxscript")
    import onnx

    size = sum(p.numel() * p.element_size() for p in encoder.parameters())
    if size > LARGEST:
        raise RelexError(
            f"the encoder {encoder.name} has {size / 2**30:.1f} GiB of weights, and a file of ONNX holds 2; "
            "predict with torch"
        )
    dynamic = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=encoder.max_length)}
    ids, log = torch.full((2, 5), encoder.unk_id), logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)  # that torchvision is not installed
    try:
        with warnings.catch_warnings(action="ignore"):
            program = torch.onnx.export(
                encoder, (ids, torch.ones_like(ids)), dynamo=True, verbose=False, output_names=["states"],
                input_names=["input_ids", "attention_mask"],
                dynamic_shapes={"input_ids": dynamic, "attention_mask": dynamic},
            )  # fmt: skip
    finally:
        log.setLevel(level)
    model = program.model_proto
    model.producer_name, model.producer_version = "relex", relex.__version__
    for key, value in about.items():
        model.metadata_props.add(key=key, value=value)
    seal = onnx.ModelProto()
    seal.metadata_props.add(key=SEAL, value="0" * SEALED)
    # What follows a message of protobuf is read as more of it, so the seal comes last, whatever else the model has.
    content = (model.SerializeToString() + seal.SerializeToString())[:-SEALED]
    return content + _seal(content)


def _asks_for_states(head: Head) -> bool:
    """Whether the head calls its encoder as a whole, found by a prediction."""
    asked: list[bool] = []
    kind = next(iter(head.schema.entity_types), "")
    pair = () if head.task == "extraction" else (Span(0, 1, kind), Span(2, 3, kind))
    question = Document("a", "a b", pair)
    watch = head.encoder.register_forward_hook(lambda *_: asked.append(True))
    with torch.no_grad():
        head.predict(head.collate([question]), [question])
    watch.remove()
    head.forget()
    return bool(asked)


def _weights_of(folder: Path) -> str:
    return models.read_label(folder)["sha256"][models.WEIGHTS]


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _need(*packages: str) -> None:
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    if absent:
        raise RelexError(f"ONNX needs {', '.join(absent)}, not installed here; pip install 'relex[onnx]'")
