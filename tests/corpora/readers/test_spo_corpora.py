"""The duie and cmeie readers on files of our own, and on the real ones where they are."""

import json

import pytest

from relex import corpora
from relex.corpora.check import report
from relex.corpora.readers import cmeie, duie
from relex.documents import Document, Relation, Span
from relex.errors import RelexError

TEXT = "小李写了《远山》，《远山》由小王唱。"
SCHEMA = [
    {"subject_type": "作品", "predicate": "作者", "object_type": {"@value": "人物"}},
    {"subject_type": "作品", "predicate": "歌手", "object_type": {"@value": "人物", "inWork": "作品"}},
    {"subject_type": "人物", "predicate": "歌手", "object_type": "人物"},
]


def triple(head, name, tail, head_type="作品", tail_type="人物"):
    value = {"@value": tail_type}
    return {"subject": head, "subject_type": head_type, "predicate": name, "object": tail, "object_type": value}


AUTHOR = triple("远山", "作者", {"@value": "小李"})
SINGER = triple("远山", "歌手", {"@value": "小王", "inWork": "远山"})


def write(folder, name, rows):
    lines = (r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in rows)
    (folder / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def plain(number):
    return {"text": f"第{number}首《远山》是小李写的。", "spo_list": [AUTHOR]}


def duie_folder(folder, first=None, schema=SCHEMA):
    write(folder, duie.SCHEMA, schema)
    write(folder, duie.TRAIN[0], [first or {"text": TEXT, "spo_list": [AUTHOR, SINGER]}, *map(plain, range(9))])
    write(folder, duie.TRAIN[1], map(plain, range(9, 19)))
    write(folder, duie.TEST, [plain(0), plain(30)])
    return folder


def cmeie_folder(folder):
    write(folder, cmeie.SCHEMA, SCHEMA)
    write(folder, cmeie.SENTENCES, [plain(i // 2) for i in range(40)])
    return folder


def by_id(corpus):
    return {d.id: d for part in corpora.PARTS for d in getattr(corpus, part)}


def total(corpus, name):
    return sum(corpus.counts[f"{part}.{name}"] for part in corpora.PARTS)


@pytest.mark.parametrize(
    ("align", "places"),
    [
        ("nearest", [(5, 7, 0, 2), (10, 12, 14, 16)]),
        ("first", [(5, 7, 0, 2), (5, 7, 14, 16)]),
        ("all", [(5, 7, 0, 2), (10, 12, 0, 2), (5, 7, 14, 16), (10, 12, 14, 16)]),
    ],
)
def test_mentions_are_aligned_by_the_policy(tmp_path, align, places):
    corpus = duie.read(duie_folder(tmp_path), align)
    document = by_id(corpus)["train_data_5000-1"]
    assert [(h.start, h.end, t.start, t.end) for h, _, t in document.triples()] == places
    assert {document.mention(i) for i in range(len(document.entities))} == {"远山", "小李", "小王"}
    assert total(corpus, "ambiguous") == 2 and total(corpus, "slots") == 1 and total(corpus, "triples") == 23
    assert len({duie.read(tmp_path, other).fingerprint for other in ("", "nearest", "first", "all")}) == 3


def test_duie_parts_schema_and_documents(tmp_path):
    corpus = duie.read(duie_folder(tmp_path))
    assert corpus.sizes == {"train": 18, "dev": 2, "test": 2}
    assert [d.id for d in corpus.test] == ["duie_dev-1", "duie_dev-2"] and len(by_id(corpus)) == 22
    assert corpus.counts["test.seen"] == 1 and corpus.counts["dev.seen"] == 0
    assert corpus.schema.entity_types == ("作品", "人物") and corpus.schema.relation_names == ("作者", "歌手")
    assert corpus.schema.relation_types[1].pairs == (("作品", "人物"), ("人物", "人物"))
    entities = (Span(4, 6, "作品"), Span(8, 10, "人物"))
    assert corpus.test[0] == Document("duie_dev-1", plain(0)["text"], entities, (Relation(0, 1, "作者"),))
    assert duie.read(tmp_path).train == corpus.train


def test_absent_mentions_duplicates_and_types_that_do_not_fit_are_kept_and_counted(tmp_path):
    backwards = triple("小李", "作者", "远山", "人物", "作品")
    rows = [triple("远山", "作者", "小李"), AUTHOR, triple("远山", "作者", "Li"), backwards]
    corpus = duie.read(duie_folder(tmp_path, {"text": "小李（li）写《远山》", "spo_list": rows}))
    document = by_id(corpus)["train_data_5000-1"]
    assert [document.mention(r.tail) for r in document.relations] == ["小李", "Li", "远山"]
    assert [s.absent for s in document.entities] == [False, False, True] and len(document.entities) == 3
    facts = {name: total(corpus, name) for name in ("absent", "duplicate_triple", "type_mismatch", "triples")}
    assert facts == {"absent": 1, "duplicate_triple": 1, "type_mismatch": 1, "triples": 24}


def test_cmeie_is_split_by_sentence_with_identical_texts_on_one_side(tmp_path):
    corpus = cmeie.read(cmeie_folder(tmp_path))
    assert corpus.sizes == {"train": 32, "dev": 4, "test": 4}
    assert corpus.counts["dev.seen"] == corpus.counts["test.seen"] == 0
    assert set(by_id(corpus)) == {f"CMeIE_dev-{i}" for i in range(1, 41)}
    assert cmeie.read(tmp_path) == corpus


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": TEXT, "spo_list": [triple("远山", "译者", "小李")]}, "unknown relation '译者'; known are 作者, 歌手"),
        ({"text": TEXT, "spo_list": [triple("远山", "作者", "小李", "歌")]}, "unknown entity type '歌'"),
        ({"text": TEXT, "spo_list": [triple("", "作者", "小李")]}, "'subject' should be a text that is not empty"),
        ({"text": TEXT, "spo_list": [triple("远山", "作者", {"value": "小李"})]}, "'@value' is missing"),
        ({"text": TEXT, "spo_list": [triple("远山", "作者", ["小李"])]}, "'object' should be str"),
        ({"text": TEXT, "spo_list": ["远山"]}, "expected a JSON object"),
        ({"text": "", "spo_list": []}, "'text' should be a text that is not empty"),
        ({"text": TEXT}, "'spo_list' is missing"),
        ("[", "not JSON"),
    ],
)
def test_bad_rows_are_named_by_reading_and_by_checking(tmp_path, row, message):
    duie_folder(tmp_path, row)
    with pytest.raises(RelexError, match=f"train_data_5000.json, line 1: .*{message}.*; correct or remove"):
        duie.read(tmp_path)
    found = report(tmp_path)
    assert found.form == "duie folder" and found.sizes[duie.TRAIN[0]] == 9
    (problem,) = found.problems
    assert "line 1" in problem


def test_bad_schemas_and_missing_files(tmp_path):
    duie_folder(tmp_path, schema=[SCHEMA[0], {"predicate": "作者"}])
    (tmp_path / duie.TEST).unlink()
    write(tmp_path, duie.TRAIN[1], [])
    first, second, third = report(tmp_path).problems
    assert "duie_schema.json, line 2: field 'subject_type' is missing" in first
    assert "has no rows" in second and "cannot read" in third
    with pytest.raises(RelexError, match="duie_schema.json, line 2"):
        duie.read(tmp_path)


@pytest.mark.parametrize("name", ["duie", "cmeie"])
def test_options(tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    {"duie": duie_folder, "cmeie": cmeie_folder}[name](tmp_path / name)
    monkeypatch.setenv("RELEX_CORPORA", str(tmp_path))
    assert corpora.load(name) == corpora.load(name, split="shipped", align="nearest")
    assert corpora.load(name, align="all").name == name
    for options, message in (
        ({"align": "last"}, f"{name} has no align 'last'; known are nearest, first, all"),
        ({"split": "random"}, "no option split .'random' was given.; it has align"),
        ({"unit": "report"}, "no option unit"),
    ):
        with pytest.raises(RelexError, match=message):
            corpora.load(name, **options)
    with pytest.raises(RelexError, match="'encyclopedia' has no option align .*it has no options"):
        corpora.load("encyclopedia", align="all")


@pytest.mark.skipif(corpora.find("duie") is None, reason="duie is not on this machine")
def test_the_real_duie():
    corpus = corpora.load("duie")
    assert corpus.sizes == {"train": 8458, "dev": 940, "test": 2000}
    assert len({r.type for d in by_id(corpus).values() for r in d.relations}) == 47
    assert total(corpus, "triples") + total(corpus, "duplicate_triple") == 20600
    assert total(corpus, "absent") == total(corpus, "type_mismatch") == corpus.counts["test.seen"] == 0
    assert report(corpora.find("duie")).problems == []


@pytest.mark.skipif(corpora.find("cmeie") is None, reason="cmeie is not on this machine")
def test_the_real_cmeie():
    corpus = corpora.load("cmeie")
    assert corpus.sizes == {"train": 2868, "dev": 359, "test": 358}
    assert len(corpus.schema.relation_types) == 44 and len(corpus.schema.entity_types) == 11
    assert sum(len(r.pairs) for r in corpus.schema.relation_types) == 53
    assert total(corpus, "triples") + total(corpus, "duplicate_triple") == 10626
    assert total(corpus, "absent") == total(corpus, "type_mismatch") == 0
    assert max(len(d.text) for d in by_id(corpus).values()) == 300
    assert report(corpora.find("cmeie")).problems == []
