"""Other forms of one's own data become Documents, and what is left out is counted."""

import json
from collections import Counter

import pytest

from relex.corpora import converters
from relex.documents import Relation, Span, read_documents
from relex.errors import RelexError

TEXT = "甲药可治乙病，乙病多见于老人。"


def read(path, form, counts=None, **options):
    _, documents, found = converters.read(path, form, **options)
    if counts is not None:
        counts.update(found)
    return documents


def lines(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_doccano_with_relations_and_with_labels_alone(tmp_path):
    path = lines(
        tmp_path / "a.jsonl",
        {"id": 5, "text": TEXT, "entities": [
            {"id": 31, "label": "药", "start_offset": 0, "end_offset": 2},
            {"id": 30, "label": "病", "start_offset": 4, "end_offset": 6},
        ], "relations": [{"id": 1, "from_id": 30, "to_id": 31, "type": "治疗"}]},
        {"text": TEXT, "label": [[4, 6, "病"]]},
    )  # fmt: skip
    first, second = read(path, "doccano")
    assert (first.id, first.relations) == ("5", (Relation(1, 0, "治疗"),))
    assert [first.mention(i) for i in (0, 1)] == ["甲药", "乙病"]
    assert (second.id, second.entities, second.relations) == ("a-2", (Span(4, 6, "病"),), ())


def triple(subject, predicate, object_, object_type="药"):
    ends = {"subject": subject, "subject_type": "病", "object": object_, "object_type": object_type}
    return ends | {"predicate": predicate}


def test_spo_takes_the_nearest_pair_and_counts_the_rest(tmp_path):
    far = triple("乙病", "治疗", {"@value": "甲药", "inWork": "某书"}, {"@value": "药", "inWork": "书"})
    path = lines(
        tmp_path / "a.json",
        {"text": TEXT, "spo_list": [
            far, far, triple("乙病", "见于", "老人", "人群"), triple("乙病", "治疗", {"@value": "丙药"}),
        ]},
    )  # fmt: skip
    counts = Counter()
    (document,) = read(path, "spo", counts)
    assert document.id == "a-1"
    heads = [(h.start, t.start, name) for h, name, t in document.triples()]
    assert heads == [(4, 0, "治疗"), (4, -1, "治疗_inWork"), (7, 12, "见于"), (4, -1, "治疗")]
    assert document.entities[-1].mention == "丙药"
    assert counts == {
        "triples_with_a_choice_of_occurrences": 6, "mentions_not_in_the_text": 3, "relations_that_came_twice": 2,
        "slots_as_relations_of_their_own": 2,
    }  # fmt: skip


def brat(folder, annotations, text=TEXT):
    folder.mkdir(exist_ok=True)
    (folder / "one.txt").write_bytes(text.encode())
    (folder / "one.ann").write_bytes(annotations.encode())
    return folder


def test_brat_reads_entities_and_relations_and_counts_what_it_leaves_out(tmp_path):
    annotations = (
        "T1\t药 0 2\t甲药\nR1\t治疗 Arg1:T2 Arg2:T1\nT2\t病 4 6\t乙病\nT3\t病 4 5;8 9\t乙 病\n"
        "R2\t治疗 Arg1:T3 Arg2:T1\nA1\tNegated T1\n#1\tAnnotatorNotes T1\t再看\n"
    )
    counts = Counter()
    (document,) = read(brat(tmp_path / "b", annotations), "brat", counts)
    assert (document.id, document.relations) == ("one", (Relation(1, 0, "治疗"),))
    assert counts == {
        "entities_of_several_pieces_left_out": 1, "note_left_out": 1,
        "relations_of_events_or_of_entities_of_several_pieces_left_out": 1,
        "NEGATION_LEFT_OUT,_WHAT_IT_NEGATES_NOW_STANDS_AS_AFFIRMED_(attribute_Negated)": 1,
    }  # fmt: skip


def test_brat_offsets_count_every_character_of_the_file(tmp_path):
    text = "第一行\r\n😀乙病\n末行"
    (document,) = read(brat(tmp_path / "b", "T1\t病 6 8\t乙病\nT2\t段 7 10\t病 末\n", text), "brat")
    assert [document.mention(i) for i in (0, 1)] == ["乙病", "病\n末"]


@pytest.mark.parametrize(
    ("annotations", "line", "reason"),
    [
        ("T1\t药 1 3\t甲药\n", 1, "the text at '1 3' is not the mention beside it"),
        ("T1\t药 0 2\t甲药\nR1\t治疗 Arg1:T1 Arg2:T9\n", 2, "no such entity"),
        ("T1\t药 0 2\t甲药\nR1\t治疗 Arg1:T1\n", 2, "two arguments"),
        ("\nT1 药 0 2\n", 2, "columns are missing"),
        ("T1\t药 x 2\t甲药\n", 1, "not a start and an end"),
    ],
)
def test_bad_brat_lines_are_named(tmp_path, annotations, line, reason):
    with pytest.raises(RelexError, match=rf"one.ann, line {line}: .*{reason}"):
        read(brat(tmp_path / "b", annotations), "brat")


def test_brat_files_come_in_pairs(tmp_path):
    brat(tmp_path, "").joinpath("one.ann").unlink()
    with pytest.raises(RelexError, match="cannot read .*one.ann.*pairs"):
        read(tmp_path, "brat")


@pytest.mark.parametrize(
    ("form", "row", "reason"),
    [
        ("doccano", {"text": TEXT, "label": [[0, 99, "药"]]}, "span 0–99"),
        ("doccano", {"text": TEXT, "label": [[0, 1]]}, "expected a JSON object"),
        ("doccano", {"text": TEXT, "spans": [[0, 2, "药"]]}, "'entities' is missing"),
        ("doccano", {"text": TEXT, "entities": [], "relations": [{"from_id": 1, "to_id": 2, "type": "x"}]}, "no such"),
        ("duie", {"text": TEXT, "spo_list": [{"subject": "乙病"}]}, "'object' is missing|'subject_type' is missing"),
        ("duie", {"text": TEXT, "spo_list": [triple("乙病", "治疗", {"value": "甲药"})]}, "'@value' is missing"),
        ("cmeie", {"text": TEXT, "spo_list": ["x"]}, "expected a JSON object"),
        ("cmeie", {"spo_list": []}, "'text' is missing"),
    ],
)
def test_bad_rows_are_named_and_nothing_is_written(tmp_path, form, row, reason):
    out = tmp_path / "out.jsonl"
    path = lines(tmp_path / "in.jsonl", {"text": TEXT, "spo_list": [], "entities": []}, row)
    with pytest.raises(RelexError, match=rf"in.jsonl, line 2: .*({reason})"):
        converters.convert(form, path, out)
    assert not out.exists()


def test_convert_writes_documents_that_read_back(tmp_path):
    out = tmp_path / "out"
    path = lines(tmp_path / "in.jsonl", {"text": TEXT, "spo_list": [triple("乙病", "治疗", "甲药")]})
    number, counts = converters.convert("cmeie", path, out)
    assert number == 1 and counts == {"triples_with_a_choice_of_occurrences": 1}
    assert read_documents(out) == read(path, "spo")


def test_convert_refuses_its_own_input_an_empty_file_and_unknown_formats(tmp_path):
    path = lines(tmp_path / "in.jsonl")
    for form, out, reason in (("duie", path, "is the file to be read"), ("duie", tmp_path / "out", "has no documents"),
                              ("xml", tmp_path / "out", "known are documents, doccano")):  # fmt: skip
        with pytest.raises(RelexError, match=reason):
            converters.convert(form, path, out)
    assert path.exists() and not (tmp_path / "out").exists()
