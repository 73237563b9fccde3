"""Siblings of the inputs that failed: every form of one's own data is read right, or refused in a sentence."""

import json
import os
import random
from collections import Counter

import pytest

from relex.corpora import converters
from relex.documents import ABSENT, Relation, Span
from relex.errors import RelexError

TEXT = "甲药可治乙病。"
PLACES = [Span(0, 2, "药"), Span(4, 6, "病")]


def file(folder, content, name="a.jsonl"):
    path = folder / name
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_bytes(text.encode())
    return path


def entity(start, end, label, id):
    return {"id": id, "label": label, "start_offset": start, "end_offset": end}


DOCCANO = {"id": "x", "text": TEXT, "entities": [entity(0, 2, "药", "a"), entity(4, 6, "病", "b")],
           "relations": [{"from_id": "b", "to_id": "a", "type": "由"}]}  # fmt: skip
SPERT = {"tokens": list("甲药可治乙病。"), "orig_id": "x",
         "entities": [{"start": 0, "end": 2, "type": "药"}, {"start": 4, "end": 6, "type": "病"}],
         "relations": [{"head": 1, "tail": 0, "type": "由"}]}  # fmt: skip
SPANS = {"subject": "乙病", "object": "甲药", "subj_char_span": [4, 6], "obj_char_span": [0, 2], "predicate": "由"}
FORMS = {
    "doccano": DOCCANO,
    "spo": {"id": "x", "text": TEXT, "spo_list": [
        {"subject": "乙病", "subject_type": "病", "predicate": "由", "object": "甲药", "object_type": "药"}]},
    "tplinker": {"id": "x", "text": TEXT, "relation_list": [SPANS], "entity_list": [
        {"text": "甲药", "char_span": [0, 2], "type": "药"}, {"text": "乙病", "char_span": [4, 6], "type": "病"}]},
    "triples": {"id": "x", "text": TEXT, "triple_list": [["乙病", "由", "甲药"]]},
    "nyt": {"sentId": "x", "sentText": TEXT, "relationMentions": [
        {"em1Text": "乙病", "em2Text": "甲药", "label": "由"}, {"em1Text": "甲药", "em2Text": "乙病", "label": "None"}],
        "entityMentions": [{"text": "甲药", "label": "药"}, {"text": "乙病", "label": "病"}]},
    "spert": SPERT,
    "gliner": {"id": "x", "tokenized_text": list(TEXT), "ner": [[0, 1, "药"], [4, 5, "病"]],
               "relations": [[1, 0, "由"]]},
    "pure": {"doc_key": "x", "sentences": [list("甲药"), list("可治乙病。")], "ner": [[[0, 1, "药"]], [[4, 5, "病"]]],
             "relations": [[[4, 5, 0, 1, "由"]]]},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layout", ["line", "array", "array of several lines", "object of several lines"])
def test_every_form_is_told_and_gives_the_same_document(tmp_path, form, layout):
    value = FORMS[form] if layout in ("line", "object of several lines") else [FORMS[form]]
    text = json.dumps(value, ensure_ascii=False, indent=1 if "several" in layout else None)
    told, (document,), _ = converters.read(file(tmp_path, "\ufeff" + text))
    assert (told, document.id, document.text) == (form, "x", TEXT)
    ((head, name, tail),) = document.triples()
    assert ((head.start, head.end), name, (tail.start, tail.end)) == ((4, 6), "由", (0, 2))
    assert {head.type, tail.type} == ({"entity"} if form == "triples" else {"药", "病"})


def test_sentences_of_nyt_are_counted_anew_in_each_article(tmp_path):
    rows = [{**FORMS["nyt"], "articleId": f"/nyt/{article}", "sentId": "1"} for article in (3, 4)]
    _, found, _ = converters.read(file(tmp_path, "".join(json.dumps(row) + "\n" for row in rows)))
    assert [d.id for d in found] == ["/nyt/3 1", "/nyt/4 1"]


def test_columns_of_conll(tmp_path):
    path = file(tmp_path, "aspirin\tX\tB-Drug\nhelps\tX\tO\n\n-DOCSTART-\n\n头 I-病\n痛 I-病\n乙 S-药\n", "a.conll")
    form, (first, second), counts = converters.read(path)
    assert (form, first.text, first.entities) == ("conll", "aspirin helps", (Span(0, 7, "Drug"),))
    assert second.entities == (Span(0, 2, "病"), Span(2, 3, "药")) and counts["entities_that_begin_inside"] == 1


def test_offsets_of_doccano_in_utf16_and_without_carriage_returns(tmp_path):
    wide = file(tmp_path, {"text": "有𬌗痛乙病", "label": [[4, 6, "病"]]})
    with pytest.raises(RelexError, match="line 1: .*as characters or as utf16"):
        converters.read(wide)
    for unit, mention in (("utf16", "乙病"), ("characters", "病")):
        if unit == "characters":
            with pytest.raises(RelexError, match="span 4–6"):
                converters.read(wide, offsets=unit)
            continue
        assert converters.read(wide, offsets=unit)[1][0].mention(0) == mention
    lines = file(tmp_path, {"text": "主诉\r\n乙病", "label": [[3, 5, "病"]]})
    with pytest.raises(RelexError, match="CR LF"):
        converters.read(lines)
    assert converters.read(lines, offsets="lf")[1][0].mention(0) == "乙病"


def test_an_id_of_two_entities_or_rows_is_refused(tmp_path):
    twice = DOCCANO | {"entities": [*DOCCANO["entities"], entity(2, 3, "药", "a")]}
    with pytest.raises(RelexError, match="line 1: two entities have the id 'a'"):
        converters.read(file(tmp_path, twice))
    with pytest.raises(RelexError, match="line 2: id 'x' occurs twice"):
        converters.read(file(tmp_path, [DOCCANO, DOCCANO]))
    nameless = {k: v for k, v in DOCCANO.items() if k != "id"}
    assert converters.read(file(tmp_path, [nameless, nameless]))[2] == {"rows_without_an_id": 2}


def test_triples_prefer_what_stands_alone_and_refuse_empty_mentions(tmp_path):
    row = {"subject": "甲药", "subject_type": "药", "predicate": "量", "object": "5mg", "object_type": "量"}
    (document,) = converters.read(file(tmp_path, {"text": "甲药25mg，后5mg。", "spo_list": [row]}))[1]
    assert document.entities[1] == Span(8, 11, "量")
    with pytest.raises(RelexError, match="'@value' should be a text that is not empty"):
        converters.read(file(tmp_path, {"text": TEXT, "spo_list": [row | {"object": {"@value": ""}}]}))
    absent = {"text": TEXT, "triple_list": [["甲药", "由", "丙"]]}
    _, (document,), counts = converters.read(file(tmp_path, absent))
    assert document.entities[1] == Span(ABSENT, ABSENT, "entity", "丙") and counts["mentions_not_in_the_text"] == 1


def test_texts_without_labels_are_read_and_counted(tmp_path):
    for form in ("", "spo", "doccano"):
        _, (document,), counts = converters.read(file(tmp_path, {"text": TEXT}), form)
        assert (document.text, document.entities, counts["rows_without_labels"]) == (TEXT, (), 1)


def test_blanks_at_the_ends_of_entities_are_cut_and_counted(tmp_path):
    row = {"id": 1, "text": "甲药 治乙病", "label": [[0, 3, "药"]]}
    _, (document,), counts = converters.read(file(tmp_path, row))
    assert document.entities == (Span(0, 2, "药"),) and counts == {"entities_with_blanks_cut_at_their_ends": 1}


def brat(folder, annotations, text=TEXT):
    file(folder, text, "a.txt")
    file(folder, annotations, "a.ann")
    return converters.read(folder)


def test_brat_obeys_argument_names_and_joins_pieces_that_a_line_cuts(tmp_path):
    file(tmp_path, "\0\xff", "._a.ann")
    _, (document,), counts = brat(
        tmp_path,
        "\ufeffR1\t由 Arg2:T1 Arg1:T2\nT1\t药 0 2;3 5\t很慢 的药\nT2\t病 7 9\t乙病\n*\tEquiv T1 T2\n"
        "A1\tNegation T2\nE1\t事:T2 Theme:T1\n",
        "\ufeff很慢\n的药可治乙病",
    )  # fmt: skip
    assert document.entities == (Span(0, 5, "药"), Span(7, 9, "病")) and document.relations == (Relation(1, 0, "由"),)
    (said,) = (key for key in counts if "NEGATION" in key)
    assert counts == {said: 1, "equivalence_left_out": 1, "event_事_left_out": 1}


@pytest.mark.parametrize(("annotations", "reason"), [
    ("T1\t药 0 2\t甲药\nT1\t病 4 6\t乙病\n", "line 2: two entities have the id 'T1'"),
    (f"T1\t药 {'9' * 5000} 2\t甲药\n", "is not a start and an end"),
    ("T1\t药 0 2\t甲药\nT2\t病 4 6\t乙病\nR1\t由 Arg1:T1 Arg1:T2\n", "do not say which comes first"),
])  # fmt: skip
def test_brat_refuses_in_a_short_sentence(tmp_path, annotations, reason):
    with pytest.raises(RelexError, match=reason) as error:
        brat(tmp_path, annotations)
    assert len(str(error.value)) < 300 + len(str(tmp_path))


def test_messages_never_quote_a_whole_file(tmp_path):
    for row in ({"text": TEXT, "label": [[0, 10**4000, "药"]]}, SPERT | {"tokens": [["x" * 100_000]]},
                DOCCANO | {"relations": [{"from_id": "y" * 9999, "to_id": "a", "type": "由"}]}):  # fmt: skip
        with pytest.raises(RelexError) as error:
            converters.read(file(tmp_path, row))
        assert len(str(error.value)) < 400 + len(str(tmp_path))


LINES = int(os.environ.get("RELEX_FUZZ", 200))
"""Mutated lines a form; RELEX_FUZZ=10000 for a long look."""

ODD = (None, True, -1, 3, 10**400, 1.5, "", " ", "\ud800", "病", [], {}, [[]], {"a": 1}, "9" * 5000)


def mutated(value, dice):
    """The value with one part of it, at any depth, removed, doubled or replaced by something odd."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice(list(value))
        rest = {k: v for k, v in value.items() if k != key}
        return rest if dice.random() < 0.15 else {**value, key: mutated(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        new = dice.choice(([], [value[at]] * 2, [mutated(value[at], dice)], [mutated(value[at], dice)]))
        return [*value[:at], *new, *value[at + 1 :]]
    return dice.choice(ODD)


def fuzz(folder, form, lines):
    """How many mutated lines were read and how many refused; any other failure is raised."""
    dice, seen = random.Random(form), Counter()
    for _ in range(lines):
        text = json.dumps(mutated(FORMS[form], dice))
        try:
            (document,) = converters.read(file(folder, text), form)[1]
            document.check()
            seen["read"] += 1
        except RelexError:
            seen["refused"] += 1
    return seen


@pytest.mark.parametrize("form", FORMS)
def test_mutated_lines_are_read_or_refused(tmp_path, form):
    seen = fuzz(tmp_path, form, LINES)
    assert seen["read"] > LINES / 30 and seen["refused"] > LINES / 10
