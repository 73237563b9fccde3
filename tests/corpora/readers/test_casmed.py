"""The casmed reader on files of our own, and on the real ones where they are."""

import json

import pytest

from relex import corpora
from relex.baselines.lookup import masked_lookup
from relex.corpora.check import report
from relex.corpora.readers import casmed
from relex.corpora.splits import near
from relex.errors import RelexError
from relex.evaluation.extraction import evaluate

FINDING, LAB, SITE = "症状体征", "检查检验", "身体部位"
CLEAN = "左支未见异常"


def row(text, *triples, first, **rest):
    """A row in the source's form; `triples` are (head, type, tail, type[, relation]) of strings that occur once."""
    ids, relations = {}, []
    for number, (head, head_type, tail, tail_type, *name) in enumerate(triples):
        for key in ((head, head_type), (tail, tail_type)):
            ids.setdefault(key, first + len(ids))
        ends = {"from_id": ids[head, head_type], "to_id": ids[tail, tail_type]}
        relations.append({"id": number, **ends, "type": name[0] if name else f"{head_type}_{tail_type}"})
    entities = [
        {"id": i, "label": label, "start_offset": text.index(m), "end_offset": text.index(m) + len(m)}
        for (m, label), i in ids.items()
    ]
    return {"text": text, "entities": entities, "relations": relations} | rest


def site(mention, finding):
    return (mention, SITE, finding, FINDING)


def reports(number=20):
    """(reports, segments): each report has a segment that all share and one of its own; 0 and 1 are the same text."""
    whole, cut = [], []
    for i in range(number):
        name = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"[max(i, 1)]
        shared, own = site("左支", "未见异常"), site(f"{name}支", "轻度狭窄")
        whole.append(row(f"{CLEAN}；{name}支轻度狭窄。", shared, own, first=100 * i, id=i, Comments=[]))
        cut.append(row(f"{CLEAN}。", shared, first=100 * i))
        cut.append(row(f"{name}支轻度狭窄。", own, first=100 * i + 2))
    return whole, cut


def shipped(text, *triples):
    keys = ("subject", "subject_type", "object", "object_type", "predicate")
    return {"text": text, "spo_list": [dict(zip(keys, (*t, f"{t[1]}_{t[3]}"), strict=True)) for t in triples]}


SHIPPED = {
    "train": [shipped(f"{CLEAN}。", site("左支", "未见异常")), shipped("甲支查甲支堵。", site("甲支", "堵"))],
    "dev": [shipped("乙支轻度狭窄。", site("乙支", "轻度狭窄"))],
    "test": [shipped(f"{CLEAN}。", site("左支", "未见异常")), shipped("丙支通畅。", site("丙支", "闭塞"))],
}


def write(folder, whole, cut, split=SHIPPED):
    files = {casmed.REPORTS: whole, casmed.SEGMENTS: cut} | {casmed.SHIPPED[p]: rows for p, rows in split.items()}
    (folder / "shipped_split").mkdir(exist_ok=True)
    for name, rows in files.items():
        lines = (r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in rows)
        (folder / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return folder


def parts(corpus):
    return {part: getattr(corpus, part) for part in corpora.PARTS}


def masked_f1(corpus):
    predicted = masked_lookup(corpus.train)(corpus.test)
    return evaluate(corpus.test, predicted, corpus.schema, set())[0]["triples.string.f1"]


def part_of(corpus):
    return {d.id: part for part in corpora.PARTS for d in getattr(corpus, part)}


def test_split_by_report_keeps_a_report_and_its_copies_on_one_side(tmp_path):
    folder = write(tmp_path, *reports())
    segments, whole = casmed.read(folder, "report"), casmed.read(folder, "report", "report")
    assert sum(whole.sizes.values()) == 20 and 4 <= whole.sizes["test"] <= 5 and 1 <= whole.sizes["dev"] <= 2
    sides = part_of(whole)
    assert sides["0"] == sides["1"] and whole.counts["duplicate_report"] == 1
    assert part_of(segments) == {f"{name}-{k}": part for name, part in sides.items() for k in (1, 2)}
    assert segments.counts["test.seen"] == sum(d.text == f"{CLEAN}。" for d in segments.test) == whole.sizes["test"]
    assert whole.counts["test.seen"] == 0
    assert all(d.mention(r.tail) in ("未见异常", "轻度狭窄") for d in segments.train for r in d.relations)
    unseen = casmed.read(folder, "report-unseen")
    assert unseen.train == segments.train and unseen.counts["test.seen"] == 0
    assert set(unseen.test) == {d for d in segments.test if d.text != f"{CLEAN}。"}


def test_distinct_has_every_text_once_with_the_annotation_of_most(tmp_path):
    whole, cut = reports()
    other = [("左支未见", SITE, "异常", FINDING)]
    for i in (0, 3):  # two reports whose shared segment is annotated otherwise, the first one among them
        whole[i] = row(whole[i]["text"], *other, first=100 * i, id=i)
        cut[2 * i] = row(f"{CLEAN}。", *other, first=100 * i)
        del cut[2 * i + 1]["entities"][:], cut[2 * i + 1]["relations"][:]
        whole[i]["entities"].append({"id": 100 * i + 9, "label": SITE, "start_offset": 7, "end_offset": 9})
        cut[2 * i + 1]["entities"].append({"id": 100 * i + 9, "label": SITE, "start_offset": 0, "end_offset": 2})
    corpus = casmed.read(write(tmp_path, whole, cut), "distinct")
    everything = [*corpus.train, *corpus.dev, *corpus.test]
    texts = [d.text for d in everything]
    assert len(texts) == len(set(texts)) == len({r["text"] for r in cut}) == 20
    (chosen,) = (d for d in everything if d.text == f"{CLEAN}。")
    assert chosen.id == "1-1" and [chosen.mention(i) for i in (0, 1)] == ["左支", "未见异常"]
    assert corpus.counts["conflicting_text"] == 2 and corpus.counts["conflicting_segment"] == 3
    assert corpus.counts["test.seen"] == corpus.counts["dev.seen"] == 0


def test_novel_has_texts_that_are_alike_on_one_side(tmp_path):
    whole, cut = [], []
    for i in range(40):  # ten sorts of segment: of each three are the same but for a number, one is a near duplicate
        name, kind = "甲乙丙丁戊己庚辛壬癸"[i // 4], i % 4
        text = f"{name}支近段可见轻度狭窄约{name}{kind + 8}%，{name}远端血流{name}正常{'了' if kind == 3 else ''}。"
        own = (f"{name}支", SITE, "轻度狭窄", FINDING)
        whole.append(row(text, own, first=10 * i, id=i))
        cut.append(row(text, own, first=10 * i))
    folder = write(tmp_path, whole, cut)
    novel, distinct = casmed.read(folder), casmed.read(folder, "distinct")
    sides = part_of(novel)
    assert sides.keys() == part_of(distinct).keys() and len(sides) == 40
    for i in range(0, 40, 4):
        assert len({sides[f"{i + k}-1"] for k in range(4)}) == 1
    assert novel.sizes == {"train": 28, "dev": 4, "test": 8}
    assert near(parts(novel)) == {"dev.near": 0, "test.near": 0} and near(parts(distinct))["test.near"] > 0
    assert masked_f1(novel) == 0 and masked_f1(distinct) > 0.5


def test_shipped_strings_get_the_offsets_of_the_segments_or_the_nearest_pair(tmp_path):
    whole, cut = reports()
    corpus = casmed.read(write(tmp_path, whole, cut), "shipped")
    assert [(s.start, s.end) for s in corpus.train[0].entities] == [(0, 2), (2, 6)]
    assert [(s.start, s.end) for s in corpus.train[1].entities] == [(3, 5), (5, 6)]
    assert corpus.train[1].id == "train-2" and corpus.test[1].mention(1) == "闭塞" and corpus.test[1].entities[1].absent
    expected = {"aligned": 2, "ambiguous": 1, "absent": 1, "test.seen": 1, "test.seen_in_train": 1}
    assert {name: corpus.counts[name] for name in expected} == expected
    assert [d.id for d in casmed.read(tmp_path, "shipped-unseen").test] == ["test-2"]


def test_types_that_do_not_fit_are_kept_and_counted_and_shifts_are_set_right(tmp_path):
    whole, cut = reports()
    wrong = ("左支", SITE, "未见异常", FINDING, "检查检验_症状体征")
    double = {"id": 77, "label": SITE, "start_offset": 0, "end_offset": 2}  # the entity of id 0 once more
    long = {"id": 78, "label": FINDING, "start_offset": 2, "end_offset": 7}  # over the mark behind it
    whole[0] = row(f"{CLEAN}。乙支", wrong, first=0, id=0)
    cut[:2] = [row(f"{CLEAN}。", wrong, first=0)]
    for rows in (whole, cut):
        rows[0]["entities"] += [double, long]
    for entity in cut[2]["entities"]:
        entity["start_offset"] += 1
        entity["end_offset"] += 1
    corpus = casmed.read(write(tmp_path, whole, cut), "report")
    found = {d.id: d for part in corpora.PARTS for d in getattr(corpus, part)}
    assert [(s.start, s.end) for s in found["0-1"].entities] == [(0, 2), (2, 6), (2, 7)]
    assert found["0-1"].triples()[0][1] == "检查检验_症状体征"
    assert found["1-2"].mention(0) == "乙支" and corpus.counts["shifted_segment"] == 1
    for name in ("type_mismatch", "bad_span", "overlap"):
        assert sum(corpus.counts[f"{part}.{name}"] for part in corpora.PARTS) == 1, name


def test_options_and_fingerprints(tmp_path):
    folder = write(tmp_path, *reports())
    marks = [casmed.read(folder, split).fingerprint for split in casmed.OPTIONS["split"]]
    assert len({*marks, casmed.read(folder, "report", "report").fingerprint}) == len(casmed.OPTIONS["split"]) + 1
    assert casmed.read(folder).fingerprint == marks[0]
    for options, message in (
        ({"split": "random"}, "no split 'random'; known are novel, distinct, report"),
        ({"unit": "page"}, "no unit 'page'"), ({"unit": "report", "split": "novel"}, "goes with split 'report' only"),
    ):  # fmt: skip
        with pytest.raises(RelexError, match=message):
            casmed.read(folder, **options)


def change(key, **values):
    def apply(row):
        row[key][0].update(values)

    return apply


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (change("entities", start_offset=2), "span 2–2 .*does not lie within|another mention"),
        (change("entities", start_offset=0, end_offset=90), "span 0–90"),
        (change("entities", end_offset=3), "another mention"),
        (change("entities", label="人物"), "unknown entity type '人物'; known are"),
        (change("entities", label=LAB), "another type than in its report"),
        (change("entities", id=5555), "not those of one report"),
        (change("entities", id="1"), "'id' should be int"),
        (change("relations", to_id=5555), "there is no such entity"),
        (change("relations", type="治疗"), "unknown relation '治疗'; known are"),
        (lambda row: row.pop("relations"), "'relations' is missing"),
        (lambda row: row.update(entities=[], relations=[]), "not those of one report"),
    ],
)
def test_bad_segments_are_named_by_reading_and_by_checking(tmp_path, apply, message):
    whole, cut = reports()
    apply(cut[4])
    write(tmp_path, whole, [*cut, "{"])
    with pytest.raises(RelexError, match=f"raw_segment.jsonl, line 5: .*({message}).*; correct or remove"):
        casmed.read(tmp_path)
    found = report(tmp_path)
    assert found.form == "casmed folder" and found.sizes[casmed.SEGMENTS] == 39
    assert ["line 5" in found.problems[0], "line 41" in found.problems[1], len(found.problems)] == [True, True, 2]


def test_other_bad_files(tmp_path):
    whole, cut = reports()
    whole[2]["entities"][0]["id"] = whole[2]["relations"][0]["from_id"] = 0
    empty = SHIPPED | {"dev": [], "train": [shipped("甲支堵。", ("甲支", SITE, "堵", "人物"))]}
    problems = report(write(tmp_path, [*whole, whole[5]], cut, empty)).problems
    expected = [
        ("raw.jsonl, line 3", "entity id 0 occurs in report 0"), ("raw.jsonl, line 21", "occurs"),
        ("raw_segment.jsonl, line 5", "one report"), ("raw_segment.jsonl, line 6", "one report"),
        ("train.json, line 1", "unknown relation"), ("dev.json", "has no rows"),
    ]  # fmt: skip
    for place, reason in expected:
        assert any(place in p and reason in p for p in problems), (place, problems)
    (tmp_path / casmed.SEGMENTS).unlink()
    assert any("cannot read" in p and casmed.SEGMENTS in p for p in report(tmp_path).problems)


@pytest.mark.skipif(corpora.find("casmed") is None, reason="casmed is not on this machine")
def test_the_real_corpus():
    def load(*options):
        corpus = corpora.load("casmed", *options)
        sums = {n: sum(corpus.counts[f"{p}.{n}"] for p in corpora.PARTS) for n in ("triples", "type_mismatch")}
        return corpus, sum(corpus.sizes.values()), sums["triples"], sums["type_mismatch"]

    whole, *facts = load("report", "report")
    assert facts == [500, 12102, 33] and whole.sizes == {"train": 360, "dev": 40, "test": 100}
    segments, *facts = load("report")
    assert facts == [4596, 12092, 30] and segments.counts["shifted_segment"] == 9
    assert segments.counts["duplicate_report"] == 3
    assert len({d.text for p in corpora.PARTS for d in getattr(segments, p)}) == 1729
    assert segments.sizes["test"] == 892 and segments.counts["test.seen"] == 627
    distinct, *facts = load("distinct")
    assert facts[0] == 1729 and distinct.counts["test.seen"] == 0 and near(parts(distinct))["test.near"] > 150
    novel, *facts = load()
    assert facts[0] == 1729 and novel.sizes == {"train": 1245, "dev": 137, "test": 347}
    assert near(parts(novel)) == {"dev.near": 0, "test.near": 0}
    assert masked_f1(novel) < 0.05 < 0.5 < masked_f1(distinct) < 0.56
    shipped, *facts = load("shipped")
    assert shipped.sizes == {"train": 3191, "dev": 698, "test": 693} and not shipped.counts["absent"]
    assert shipped.counts["dev.seen"] == 472 and shipped.counts["test.seen_in_train"] == 490
    for split in ("report-unseen", "shipped-unseen"):
        assert corpora.load("casmed", split).counts["test.seen"] == 0
