"""A model exported as an ONNX file finds through onnxruntime what it finds through torch, and no other model does."""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cases import EMPTY, LONG, MORE, Case, make

from relex import __version__
from relex.cli import main
from relex.documents import read_documents, write_documents
from relex.errors import RelexError
from relex.heads import HEADS
from relex.runs import models
from relex.runs.config import Config
from relex.use import onnx
from relex.use.extractor import Extractor

OPTIONS = {
    "table": {"scheme": "last_tokens", "scorer": "tucker", "names": True, "loss": "bce"},
    "pipeline": {"most_entities": 2},
}
"""A table that asks its encoder for the names of relations, too; few pairs, each of which PURE reads by itself."""
APART = ("focused", "shallow")
"""Heads that ask for no states: the one takes layers apart, the other has an encoder of its own."""
EXPORTED = [Case(name, OPTIONS.get(name, {})) for name in HEADS if name not in APART]
CASCADE = Case("cascade")


@pytest.fixture(scope="module")
def installed():
    """The extra; and encoders with the same weights are translated once, for each takes seconds."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is not installed; pip install 'relex[onnx]'")
    programs, translate = {}, torch.onnx.export

    def once(encoder, *given, **options):
        weights = hashlib.sha256(b"".join(w.numpy().tobytes() for w in encoder.state_dict().values())).digest()
        if weights not in programs:
            programs[weights] = translate(encoder, *given, **options)
        return programs[weights]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", once)
        yield


def saved(case: Case, folder: Path, seed: int = 4) -> Path:
    """A model folder of an untrained head; each finds something by the seed that is not said."""
    head = make(case, seed)
    config = Config.from_json({"head": case.head, "encoder": "random:tiny", "precision": "fp32"})
    about = {"corpus": {"name": "own", "sizes": {"train": 6, "dev": 1, "test": 1}}, "metrics": {}}
    models.save(head, replace(config, options=head.options), about, folder)
    return folder


@pytest.fixture(scope="module")
def cascade(installed, tmp_path_factory) -> Path:
    """A folder with a model in `model` and its export, `model.onnx`."""
    place = tmp_path_factory.mktemp("cascade")
    onnx.export(saved(CASCADE, place / "model"), place / "model.onnx")
    return place


def command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["relex", *map(str, arguments)])
    try:
        main()
    except SystemExit as ended:
        return ended.code
    return 0


def fails(monkeypatch, capsys, *arguments) -> str:
    assert command(monkeypatch, *arguments) == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith("relex: ") and sentence.count("\n") == 1
    return sentence


@pytest.mark.parametrize("case", EXPORTED, ids=str)
def test_the_file_finds_what_the_model_finds(case, installed, tmp_path):
    folder, path = saved(case, tmp_path / "model"), tmp_path / "made" / "model.onnx"
    done = onnx.export(folder, path)
    assert done.difference < 1e-4 and done.size == path.stat().st_size
    assert [p.name for p in path.parent.iterdir()] == ["model.onnx"]
    documents = [*case.documents, *((*MORE, LONG, EMPTY) if case.extracts else ())] * 2
    plain, through = Extractor.load(folder), Extractor.load(folder, onnx=path)
    asked = []
    states = through.head.encoder.forward
    through.head.encoder.forward = lambda *batch: asked.append(batch) or states(*batch)
    # without scores: those differ in their last digit
    expected, found = (list(x.predict(documents, scores=False)) for x in (plain, through))
    assert asked and found == expected and any(d.relations for d in found)
    scores = [[y.score for d in x.predict(documents) for y in (*d.relations, *(d.entities if case.extracts else ()))]
              for x in (plain, through)]  # fmt: skip
    assert scores[0] and scores[1] == pytest.approx(scores[0], abs=1e-4) and None not in scores[0]


def test_batch_and_length_are_free_and_padding_reaches_nothing(cascade):
    head = models.load(cascade / "model").head
    encoder, states = head.encoder, onnx.OnnxStates((cascade / "model.onnx").read_bytes(), "it")
    whole = torch.randint(5, 40, (1, encoder.max_length))
    padded, mask = torch.cat([whole[:, :9], torch.zeros(1, 4, dtype=torch.long)], 1), torch.arange(13) < 9
    with torch.no_grad():
        for ids, real in ((whole, whole > 0), (whole[:, :1], whole[:, :1] > 0), (padded, mask[None])):
            assert torch.allclose(encoder(ids, real), states(ids, real), atol=1e-4)
    assert torch.allclose(states(padded, mask[None])[:, :9], states(whole[:, :9], whole[:, :9] > 0), atol=1e-5)
    assert onnx.largest_difference(encoder, states) < 1e-4


def test_the_command_writes_the_file_and_predicts_by_it(cascade, tmp_path, monkeypatch, capsys):
    texts = tmp_path / "texts.jsonl"
    write_documents(texts, CASCADE.documents)
    path = tmp_path / "model.onnx"
    assert command(monkeypatch, "export", cascade / "model", path) == 0
    printed = capsys.readouterr().out
    assert f"{path}: {path.stat().st_size / 2**20:.1f} MB; states differ from torch's by " in printed
    for name, more in (("torch", ()), ("onnx", ("--onnx", path))):
        assert command(monkeypatch, "predict", cascade / "model", texts, tmp_path / f"{name}.jsonl", *more) == 0
    found = [[(d.text, d.entities, d.triples()) for d in read_documents(tmp_path / f"{name}.jsonl")]
             for name in ("torch", "onnx")]  # fmt: skip
    assert found[0] == found[1] and any(triples for *_, triples in found[0])


def test_a_file_that_differs_from_torch_is_not_left(cascade, tmp_path, monkeypatch):
    computed = onnx.OnnxStates.__call__
    wrong = {"apart": lambda *x: computed(*x) + 2e-3, "nothing": lambda *x: computed(*x) * float("nan")}
    for name, states in wrong.items():
        monkeypatch.setattr(onnx.OnnxStates, "__call__", states)
        with pytest.raises(RelexError, match="is not written, for its states differ from torch's by (2.0e-03|nan)"):
            onnx.export(cascade / "model", tmp_path / f"{name}.onnx")
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_model_is_one_sentence(cascade, tmp_path, monkeypatch, capsys):
    other = saved(CASCADE, tmp_path / "other", seed=2)
    said = fails(monkeypatch, capsys, "predict", other, "-", "-", "--onnx", cascade / "model.onnx")
    assert f"was not exported from the model {other}; write one of it with `relex export`" in said


def test_a_file_that_is_missing_or_damaged_is_one_sentence(cascade, tmp_path, monkeypatch, capsys):
    path, content = tmp_path / "damaged.onnx", (cascade / "model.onnx").read_bytes()
    command_line = ("predict", cascade / "model", "-", "-", "--onnx", path)
    assert f"there is no ONNX file {path}" in fails(monkeypatch, capsys, *command_line)
    flipped, middle = bytearray(content), len(content) // 2
    flipped[middle] ^= 1
    for damaged in (flipped, content[:middle], content[:-1], content + b"\0", b"", b"no model at all"):
        path.write_bytes(damaged)
        said = fails(monkeypatch, capsys, *command_line)
        assert f"{path} is not as `relex export` writes a file, or no longer; write it again" in said
    path.write_bytes(b"no model at all" + hashlib.sha256(b"no model at all").hexdigest().encode())
    assert f"onnxruntime cannot read {path}" in fails(monkeypatch, capsys, *command_line)


def test_the_file_says_of_which_model_it_is(cascade):
    import onnx as library

    file = library.load(cascade / "model.onnx")
    library.checker.check_model(file)
    assert (file.producer_name, file.producer_version) == ("relex", __version__)
    about = {entry.key: entry.value for entry in file.metadata_props}
    weights = hashlib.sha256((cascade / "model" / models.WEIGHTS).read_bytes()).hexdigest()
    assert about[onnx.WEIGHTS] == weights and list(about)[-1] == onnx.SEAL


@pytest.mark.parametrize("name", [models.WEIGHTS, "", "folder.onnx", "model.pt"])
def test_a_place_that_is_no_onnx_file_is_refused_and_nothing_is_lost(cascade, name, monkeypatch, capsys):
    folder = cascade / "model"
    (cascade / "model" / "folder.onnx").mkdir(exist_ok=True)
    said = fails(monkeypatch, capsys, "export", folder, folder / name)
    assert "is no place for an ONNX file; give the name of a file that ends in .onnx" in said
    models.load(folder)
    assert not (folder / "model.pt").exists()


@pytest.mark.parametrize("name", APART)
def test_a_head_that_takes_its_encoder_apart_is_refused(name, installed, tmp_path):
    folder = saved(Case(name), tmp_path / "model")
    with pytest.raises(RelexError, match="takes the layers of its encoder apart"):
        onnx.export(folder, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_more_weights_than_a_file_holds_is_one_sentence(cascade, monkeypatch):
    monkeypatch.setattr(onnx, "LARGEST", 1000)
    with pytest.raises(RelexError, match=r"encoder random:tiny has 0\.0 GiB of weights, and a file of ONNX holds 2"):
        onnx.export(cascade / "model", cascade / "large.onnx")


def test_without_the_extra_both_commands_say_what_to_install(tmp_path, monkeypatch, capsys):
    folder, path = saved(CASCADE, tmp_path / "model"), tmp_path / "model.onnx"
    path.touch()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = fails(monkeypatch, capsys, "export", folder, path)
    assert "ONNX needs onnx, onnxscript, onnxruntime, not installed here; pip install 'relex[onnx]'" in said
    said = fails(monkeypatch, capsys, "predict", folder, "-", "-", "--onnx", path)
    assert "ONNX needs onnxruntime, not installed here; pip install 'relex[onnx]'" in said
