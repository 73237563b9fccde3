"""A corpus written in each form comes back through the converters as it was."""

import json
from dataclasses import replace

import pytest

from relex import corpora
from relex.corpora import PARTS, Corpus, converters, writers
from relex.documents import ABSENT, Document, Relation, RelationType, Schema, Span
from relex.errors import RelexError
from relex.use import data


@pytest.fixture(scope="module")
def english() -> Corpus:
    return corpora.load("prescriptions")


def facts(document, types=True):
    """Entities and triples by what they say, without blanks: a form of tokens may have others."""
    names = [
        (document.mention(i).replace(" ", ""), span.type if types else "") for i, span in enumerate(document.entities)
    ]
    return sorted((*names[r.head], r.type, *names[r.tail]) for r in document.relations), sorted(names)


@pytest.mark.parametrize("form", writers.FORMS)
@pytest.mark.parametrize("corpus", ["prescriptions", "angiography"])
def test_what_is_written_is_read_again(tmp_path, form, corpus):
    loaded = corpora.load(corpus, "")
    sizes = writers.write(loaded, tmp_path / "own", form, limit=30)
    assert sizes == {"train": 30, "dev": 30, "test": 30}
    found = data.read(tmp_path / "own").corpus
    typed = form != "triples"
    for part in PARTS:
        before = {d.id: d for d in writers.subsample(getattr(loaded, part), 30)}
        after = list(getattr(found, part))
        if form == "triples":  # no ids, and of entities those of triples alone
            pairs = zip(before.values(), after, strict=True)
            assert all({*facts(a, typed)[0]} == {*facts(b, typed)[0]} for a, b in pairs)
        else:
            assert {d.id: (d.text.replace(" ", ""), facts(d)) for d in after} == {
                name: (d.text.replace(" ", ""), facts(d)) for name, d in before.items()
            }
        if form in ("documents", "brat"):
            assert {d.id: d.text for d in after} == {d.id: d.text for d in before.values()}


def test_the_files_of_spert_say_what_has_no_direction(tmp_path, english):
    writers.write(english, tmp_path / "own", "spert", limit=20)
    types = json.loads((tmp_path / "own" / "prescriptions_types.json").read_text())
    assert [name for name, one in types["relations"].items() if one["symmetric"]] == ["interacts_with"]
    found = data.read(tmp_path / "own")
    assert [r.name for r in found.corpus.schema.relation_types if r.symmetric] == ["interacts_with"]
    assert "prescriptions_types.json: without a direction are interacts_with" in found.notes[-1]
    (tmp_path / "own" / "prescriptions_types.json").write_text("[]")
    without = data.read(tmp_path / "own")
    assert not any(r.symmetric for r in without.corpus.schema.relation_types) and "left out" in without.notes[-1]
    assert without.corpus.fingerprint != found.corpus.fingerprint


def test_a_file_of_two_parts_stands_aside_for_those_of_one(tmp_path, english):
    writers.write(english, tmp_path / "own", "spert", limit=20)
    train, both = (tmp_path / "own" / f"prescriptions_{name}.json" for name in ("train", "train_dev"))
    both.write_bytes(train.read_bytes())
    found = data.read(tmp_path / "own")
    assert found.corpus.sizes == {"train": 20, "dev": 20, "test": 20} and f"{both}: left out" in found.notes[0]
    train.unlink()
    (tmp_path / "own" / "prescriptions_dev.json").unlink()
    found = data.read(tmp_path / "own")
    assert found.corpus.sizes == {"train": 18, "dev": 2, "test": 20} and not any("left out" in n for n in found.notes)


def test_what_a_form_cannot_hold_is_a_sentence(tmp_path, english):
    absent = Document("1", "No head.", (Span(ABSENT, ABSENT, "Drug", "Veloprine"), Span(3, 7, "Part")), ())
    for form in ("brat", "spert"):
        with pytest.raises(RelexError, match="'Veloprine', which its text does not"):
            writers.write(replace(english, test=(absent,)), tmp_path / "own", form)
    blank = Document("1", "No head.", (Span(3, 7, "Body part"),))
    with pytest.raises(RelexError, match="a type is called 'Body part'"):
        writers.write(replace(english, test=(blank,)), tmp_path / "own", "brat")
    with pytest.raises(RelexError, match="no form 'csv' to write; known are documents, brat"):
        writers.write(english, tmp_path / "own", "csv")
    assert not list(tmp_path.iterdir())
    (tmp_path / "own").mkdir()
    with pytest.raises(RelexError, match="is there already"):
        writers.write(english, tmp_path / "own")


def test_ids_that_no_file_can_have_become_numbers(tmp_path):
    entity = (Span(0, 1, "A"), Span(0, 3, "A"), Span(1, 3, "A"))
    documents = tuple(Document(id, "a b\nc", entity, (Relation(0, 1, "r"),)) for id in ("x/y", "..", "Same", "same"))
    corpus = Corpus("own", Schema(("A",), (RelationType("r", ()),)), documents, documents, documents, "0")
    writers.write(corpus, tmp_path / "own", "brat")
    _, found, _ = converters.read(tmp_path / "own" / "train")
    assert [d.id for d in found] == ["1", "2", "3", "4"] and found[0].text == "a b\nc"
