"""Ceilings of ways of tagging: counts on sentences of our own, and a cascade read as its head reads it."""

import json
from dataclasses import replace
from types import SimpleNamespace

from cases import CASREL, DOCUMENTS, LONG, SCHEMA, Case, decoded, make
from drawn import documents
from extractors import facts, told
from hypothesis import given, settings
from typer.testing import CliRunner

from relex import corpora, encoders
from relex.analysis import ceilings
from relex.analysis.ceilings import SYSTEMS, nearest_ends, without_types
from relex.cli import app
from relex.documents import write_documents
from relex.heads.extraction import characters
from relex.heads.windows import windowed

SENTENCES = (
    *DOCUMENTS,
    told("single", "酒伤肝，咳伤肺", "酒/药 肝/病 咳/病 肺/病", [(0, 1, "引起"), (2, 3, "引起")]),
    told("both ways", "失眠与焦虑互为因果", "失眠/病 焦虑/病", [(0, 1, "引起"), (1, 0, "引起")]),
    told("nested", "阿司匹林肠溶片治头痛", "阿司匹林/药 阿司匹林肠溶片/药 头痛/病", [(0, 2, "治疗"), (1, 2, "治疗")]),
    told("two classes", "青霉素治过敏也引起过敏", "青霉素/药 过敏/病", [(0, 1, "治疗"), (0, 1, "引起")]),
    told("two types", "激素治过敏，又引起皮疹", "激素/药 过敏/病 过敏/药 皮疹/病", [(0, 1, "治疗"), (2, 3, "引起")]),
    told("touching", "激素头疼发烧", "激素/药 头疼/病 发烧/病", [(0, 1, "治疗"), (0, 2, "治疗"), (1, 2, "引起")]),
)  # fmt: skip
LOST = {
    "cascade": ["nested"],  # both subjects begin together
    "handshake": ["both ways"],
    "handshake_typed": [],
    "links": [],
    "pointers": [],
    "horns": ["single", "single", "nested"],
    "horns_shifted": ["nested", "touching"],  # an end is the next entity's beginning
    "horns_multi": ["nested"],
    "regions": ["nested"],
    "last_tokens": ["nested", "two types"],
    "word_pairs": ["nested", "two types", "two classes"],
    "chain": ["two types"],
}
"""The texts of which a triple, or for `chain` an entity, does not come back."""


def measured(texts, schema=SCHEMA):
    return ceilings.ceilings(texts, schema, encoders.load("random:tiny", texts=[d.text for d in SENTENCES]))


def test_ceilings_of_our_own_sentences():
    by_text = {d.id: measured([d]) for d in SENTENCES}
    for name in SYSTEMS:
        lost = [text for text, found in by_text.items() for _ in range(found[name].gold - found[name].found)]
        assert sorted(lost) == sorted(LOST[name]), name
    assert not any(found[name].spurious for found in by_text.values() for name in SYSTEMS)
    whole = measured(SENTENCES)
    for name in SYSTEMS:
        assert whole[name] == tuple(map(sum, zip(*(found[name] for found in by_text.values()), strict=True)))
    assert whole["horns"] == (20, 17, 0) and whole["horns"].recall == 0.85 and whole["chain"].gold == 29


def test_without_types_a_span_needs_no_other():
    found = measured(*without_types(SENTENCES, SCHEMA))
    assert found["last_tokens"] == (20, 19, 0) and found["word_pairs"] == (20, 18, 0) and found["chain"] == (28, 28, 0)
    typed = measured(SENTENCES)
    assert all(found[name] == typed[name] for name in SYSTEMS if name not in ("last_tokens", "word_pairs", "chain"))


def test_more_than_gold_may_be_read():
    """激素 and 激素药 both begin and end where others are linked."""
    text = "激素药治头疼病"
    spans = "激素/药 激素药/药 头疼/病 头疼病/病 疼病/病"
    document = told("more", text, spans, [(0, 2, "治疗"), (1, 3, "治疗"), (0, 4, "治疗")])
    assert measured([document])["handshake"] == (3, 3, 2)


def test_windows_count_once():
    encoder = encoders.load("random:tiny", texts=[d.text for d in SENTENCES])
    encoder.model.config.max_position_embeddings = 22
    (text,) = windowed(encoder, [LONG.text])
    assert len(text.windows) > 1
    assert ceilings.ceilings([LONG], SCHEMA, encoder)["handshake"] == (1, 1, 0)


CASCADE = make(Case("cascade", CASREL))


@settings(max_examples=60)
@given(document=documents(SCHEMA, "甲乙丙a1，😀 "))
def test_a_cascade_is_read_as_by_its_head(document):
    (row,) = CASCADE.rows([document])
    (window,), (triples,) = row.windows, row.triples

    def told(triple):
        first, last, class_id, object_first, object_last = triple
        name, head, tail = CASCADE.classes[class_id]
        return characters(window, first, last, head), name, characters(window, object_first, object_last, tail)

    assert facts(decoded(CASCADE, [document]))[0][1] == {told(triple) for triple in nearest_ends(triples)}


def test_a_corpus_by_name(project, tmp_path, monkeypatch, capsys):
    """Its encoder is chosen by its language, and the command prints what the function counts."""
    asked = []

    def load(name, layers, texts):
        asked.append(name)
        return encoders.load("random:tiny", layers, texts=[*texts, *(d.text for d in SENTENCES)])

    for part in ("train", "dev", "test"):
        write_documents(tmp_path / "own" / f"{part}.jsonl", [replace(d, id=f"{part} {d.id}") for d in SENTENCES])
        english = told(part, "Aspirin helps headaches", "Aspirin/药 headaches/病", [(0, 1, "治疗")])
        write_documents(tmp_path / "english" / f"{part}.jsonl", [english])
    monkeypatch.setattr(ceilings, "encoders", SimpleNamespace(load=load))
    names = [f"jsonl:{tmp_path / folder}" for folder in ("own", "english")]
    own, english = (ceilings.of_corpus(name) for name in names)
    assert asked == ["wheel:me5-zh", "wheel:minilm-en"]
    assert own["horns"] == (60, 51, 0) and english["handshake"] == (3, 3, 0)
    assert ceilings.of_corpus(names[0], untyped=True)["word_pairs"] == (60, 54, 0)
    runner = CliRunner()
    printed = runner.invoke(app, ["corpora", "ceilings", "--corpus", names[0], "--json"]).output
    assert json.loads(printed)[names[0]]["OneRel, next cell"] == {"gold": 60, "found": 51, "spurious": 0}
    table = runner.invoke(app, ["corpora", "ceilings", "--corpus", names[0]]).output
    (line,) = [line for line in table.splitlines() if line.startswith(SYSTEMS["horns"])]
    assert "85.00 / 0" in line and " 60" in table.splitlines()[0]


def test_measured_are_the_corpora_that_are_here(monkeypatch):
    monkeypatch.setattr(corpora, "find", lambda name: name if name == "duie" else None)
    assert ceilings.here() == ["duie", "interactions"]
