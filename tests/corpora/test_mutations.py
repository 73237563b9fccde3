"""Rows of every form, damaged at random: read right, or one sentence; never a traceback, never turned round.

`python tests/corpora/test_mutations.py 10000` tries so many of each form.
"""

import copy
import json
import random
import sys
import tempfile
from pathlib import Path

import pytest

from relex.corpora import converters
from relex.errors import RelexError

TEXT = "服用甲药5mg后乙病好转，乙病未再发，停15mg丙药。"
WORDS = ["aspirin", "eased", "the", "pain", "of", "gout"]


def doccano():
    entities = [
        {"id": 7, "label": "药", "start_offset": 2, "end_offset": 4},
        {"id": 9, "label": "病", "start_offset": 8, "end_offset": 10},
    ]
    return {"id": 1, "text": TEXT, "entities": entities, "relations": [{"from_id": 7, "to_id": 9, "type": "治疗"}]}


def documents():
    entities = [{"start": 2, "end": 4, "type": "药"}, {"start": 8, "end": 10, "type": "病"}]
    return {"id": "1", "text": TEXT, "entities": entities, "relations": [{"head": 0, "tail": 1, "type": "治疗"}]}


def spo():
    kind = {"object_type": {"@value": "病", "after": "量"}, "subject_type": "药", "predicate": "治疗"}
    both = {"subject": "甲药", "object": {"@value": "乙病", "after": "5mg"}}
    return {"text": TEXT, "spo_list": [kind | both, kind | {"subject": "丙药", "object": "乙病", "object_type": "病"}]}


def tplinker():
    relation = {
        "subject": "甲药", "object": "乙病", "subj_char_span": [2, 4], "obj_char_span": [8, 10], "predicate": "治疗",
    }  # fmt: skip
    entities = [
        {"text": "甲药", "char_span": [2, 4], "type": "药"},
        {"text": "乙病", "char_span": [8, 10], "type": "病"},
    ]
    return {"id": "1", "text": TEXT, "relation_list": [relation], "entity_list": entities}


def triples():
    return {"text": TEXT, "triple_list": [["甲药", "治疗", "乙病"], ["丙药", "治疗", "乙病"]]}


def nyt():
    entities = [{"text": "甲药", "label": "药"}, {"text": "乙病", "label": "病"}]
    relations = [
        {"em1Text": "甲药", "label": "治疗", "em2Text": "乙病"},
        {"em1Text": "丙药", "label": "None", "em2Text": "乙病"},
    ]
    return {"sentText": TEXT, "sentId": "1", "entityMentions": entities, "relationMentions": relations}


def spert():
    entities = [{"start": 0, "end": 1, "type": "drug"}, {"start": 3, "end": 6, "type": "illness"}]
    return {"tokens": WORDS, "entities": entities, "relations": [{"head": 0, "tail": 1, "type": "eases"}], "orig_id": 3}


def gliner():
    ner = [[0, 0, "drug"], [3, 5, "illness"]]
    return {"tokenized_text": WORDS, "ner": ner, "relations": [[0, 1, "eases"]]}


def pure():
    relations = [[], [[4, 4, 1, 1, "of"]]]
    return {"doc_key": "d", "sentences": [WORDS[:3], WORDS[3:]], "ner": [[[1, 1, "drug"]], [[4, 4, "illness"]]],
            "relations": relations}  # fmt: skip


ROWS = (documents, doccano, spo, tplinker, triples, nyt, spert, gliner, pure)
CONLL = "aspirin\tB-drug\neased\tO\nthe\tB-illness\npain\tI-illness\n\ngout\tS-illness\n"
BRAT = "T1\t药 2 4\t甲药\nT2\t病 8 10\t乙病\nR1\t治疗 Arg1:T1 Arg2:T2\nA1\tNegated T2\n#1\tNote T1\tx\n"

ODD = (
    None, True, False, 0, 1, -1, 3, 8, 2.5, 10**12, 2**70, float("nan"), "", " ", "甲药", "\u0000", "\ud800", "𬌗",
    "x" * 3000, [], [[]], {}, {"@value": "甲药"}, ["甲药"], [0, 1, 2], "1", "药",
)  # fmt: skip


def places(value, path=()):
    """All paths within a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def mutated(row, draw):
    """A row with one to three things changed: values, keys, order, length."""
    row = copy.deepcopy(row)
    for _ in range(draw.choice((1, 1, 2, 3))):
        path = draw.choice([p for p in places(row) if p])
        inside = row
        for key in path[:-1]:
            inside = inside[key]
        key, how = path[-1], draw.randrange(8)
        if how == 0:
            del inside[key]
        elif how == 1 and isinstance(inside, list):
            inside.insert(draw.randint(0, len(inside)), copy.deepcopy(inside[key]))
        elif how == 2 and isinstance(inside, list):
            draw.shuffle(inside)
        elif how == 3 and isinstance(inside, dict):
            other = draw.choice([*inside, f"{key}x"])
            inside[key], inside[other] = inside.get(other), inside[key]
        elif how >= 4 and isinstance(inside[key], int) and not isinstance(inside[key], bool):
            inside[key] += draw.choice((-2, -1, 1, 2, 7))
        elif how >= 4 and isinstance(inside[key], str):
            inside[key] = draw.choice(("药", "病", "甲药", "乙病", "丙药", "aspirin", " 甲药 ", "a|b"))
        else:
            inside[key] = copy.deepcopy(draw.choice(ODD))
        if not any(places(row)):
            break
    return row


def scratched(text, draw):
    """A text with one to three characters taken out, put in, or twice there."""
    for _ in range(draw.randint(1, 3)):
        i = draw.randrange(len(text) + 1)
        signs = ["\t", "\n", "\r", '"', "}", "]", ",", "9", "\ufeff", "T", "-", " "]
        piece = draw.choice(["", "", text[i : i + 3] * 2, *signs])
        text = text[:i] + piece + text[i + draw.randint(0, 2) :]
    return text


# What a row says, read once more and without any care: the triples and entities as strings with their types


def ends_of(row, form):
    """{(head, its type, relation, tail, its type)} that a row may say; a type None is any."""
    if form in (documents, doccano):
        start, end, kind = ("start", "end", "type") if form is documents else ("start_offset", "end_offset", "label")
        given, keys = row.get("entities", row.get("label", row.get("labels"))), (start, end, kind)
        entities = [x if isinstance(x, dict) else dict(zip(keys, x, strict=False)) for x in given]
        spans = [(row["text"][e[start] : e[end]].strip(), e[kind]) for e in entities]
        if form is documents:
            return spans, {(*spans[r["head"]], r["type"], *spans[r["tail"]]) for r in row["relations"]}
        have_ids = any(e.get("id") is not None for e in entities)
        pairs = enumerate(zip(entities, spans, strict=True))
        by_id = {str(e.get("id") if have_ids else i): span for i, (e, span) in pairs}
        relations = row.get("relations", [])
        return spans, {(*by_id[str(r["from_id"])], r["type"], *by_id[str(r["to_id"])]) for r in relations}
    if form is spo:
        found = set()
        for item in row["spo_list"]:
            values = item["object"] if isinstance(item["object"], dict) else {"@value": item["object"]}
            kinds = item["object_type"] if isinstance(item["object_type"], dict) else {"@value": item["object_type"]}
            for slot, value in values.items():
                name = item["predicate"] + ("" if slot == "@value" else f"_{slot}")
                found.add((item["subject"], item["subject_type"], name, value, kinds.get(slot, "entity")))
        return [end for t in found for end in (t[:2], t[3:])], found
    if form is triples:
        found = {(h, "entity", name, t, "entity") for h, name, t in row["triple_list"]}
        return [end for t in found for end in (t[:2], t[3:])], found
    if form is nyt:
        types = {e["text"]: e["label"] for e in row.get("entityMentions", [])}
        found = {
            (
                r["em1Text"],
                types.get(r["em1Text"], "entity"),
                r["label"],
                r["em2Text"],
                types.get(r["em2Text"], "entity"),
            )
            for r in row["relationMentions"]
        }
        return [end for t in found for end in (t[:2], t[3:])], found
    if form is tplinker:
        types = {}
        for e in row.get("entity_list", []):
            types.setdefault(tuple(e["char_span"]), e["type"])
        spans = [(e["text"].strip(), e["type"]) for e in row.get("entity_list", [])]
        found = set()
        for r in row["relation_list"]:
            head, tail = (types.get(tuple(r[f"{side}_char_span"]), "entity") for side in ("subj", "obj"))
            found.add((r["subject"].strip(), head, r["predicate"], r["object"].strip(), tail))
        return [*spans, *(end for t in found for end in (t[:2], t[3:]))], found
    if form is spert:
        tokens = row["tokens"] if "tokens" in row else list(row["text"])
        spans = [(tokens[e["start"] : e["end"]], e["type"]) for e in row["entities"]]
        relations = [(r["head"], r["tail"], r["type"]) for r in row.get("relations", [])]
    elif form is gliner:
        tokens = row["tokenized_text"]
        spans = [(tokens[e[0] : e[1] + 1], e[2]) for e in row["ner"]]
        relations = [r[:3] for r in row.get("relations", [])]
    else:
        tokens = [token for sentence in row["sentences"] for token in sentence]
        at, spans = {}, []
        for e in (e for part in row.get("ner", []) for e in part):
            spans.append((tokens[e[0] : e[1] + 1], e[2]))
            at.setdefault((e[0], e[1]), len(spans) - 1)
        relations = [(at[tuple(r[:2])], at[tuple(r[2:4])], r[4]) for part in row.get("relations", []) for r in part]
    spans = [("".join("".join(words).split()), kind) for words, kind in spans]
    return spans, {(*spans[h], name, *spans[t]) for h, t, name in relations}


def said(document, form):
    """The same of a Document; of forms in tokens without blanks."""
    ends = [
        ("".join(document.mention(i).split()) if form in (spert, gliner, pure) else document.mention(i), span.type)
        for i, span in enumerate(document.entities)
    ]
    return ends, {(*ends[r.head], r.type, *ends[r.tail]) for r in document.relations}


def tried(path, form):
    """The Documents of a file, or None for one sentence that says what is wrong with it."""
    try:
        _, found, _ = converters.read(path, form)
    except RelexError as error:
        assert "\n" not in str(error) and len(str(error)) <= 1500, str(error)
        return None
    for document in found:
        document.check()
    return found


def check_row(row, form, path):
    """Whether a row was read; what is read is what it says."""
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    found = tried(path, form.__name__)
    if found is None:
        return False
    ((document,),) = ((found),)
    ends, relations = said(document, form)
    if not any(isinstance(v, list | dict) and v for v in row.values()):
        assert not ends  # a text without labels
        return True
    expected_ends, expected = ends_of(row, form)
    if form is nyt:
        expected = {t for t in expected if t[2] != "None"}
    # blanks at the ends of a mention are cut, and counted
    relations, expected = ({(h.strip(), *k, t.strip(), e) for h, *k, t, e in x} for x in (relations, expected))
    ends, expected_ends = ([(mention.strip(), kind) for mention, kind in x] for x in (ends, expected_ends))
    assert relations == expected and set(ends) <= set(expected_ends), (row, document)
    if form not in (spo, triples, nyt):
        assert set(ends) == set(expected_ends), (row, document)
    return True


def try_rows(form, number, seed, path):
    """Mutate the row of a form so often; how many were read."""
    draw, read = random.Random(f"{form.__name__} {seed}"), 0
    for _ in range(number):
        read += check_row(mutated(form(), draw), form, path)
        path.write_bytes(scratched(json.dumps(form(), ensure_ascii=False), draw).encode("utf-8", "surrogatepass"))
        tried(path, draw.choice((form.__name__, "")))
    return read


def try_lines(form, number, seed, folder):
    """The same for forms of lines: what is read has the types and the direction that its lines have."""
    draw, read = random.Random(f"{form} {seed}"), 0
    for _ in range(number):
        if form == "brat":
            (folder / "a.txt").write_bytes(scratched(TEXT, draw).encode() if draw.random() < 0.3 else TEXT.encode())
            content = scratched(BRAT, draw)
            (folder / "a.ann").write_bytes(content.encode())
        else:
            content = scratched(CONLL, draw)
            (folder / "a.conll").write_bytes(content.encode())
        found = tried(folder if form == "brat" else folder / "a.conll", form)
        read += found is not None
        for document in found or ():
            for head, name, tail in document.triples():
                assert name in content and (head.type, tail.type) in (("药", "病"), *odd_types(content))
            for i, span in enumerate(document.entities):
                assert span.type in content and "".join(document.mention(i).split())[:1] in content
    return read


def odd_types(content):
    """The pairs of types that a changed .ann says: the types of T1 and T2 as they stand there, in that direction."""
    rows = [line.split("\t") for line in content.split("\n") if line.count("\t") > 1]
    types = {row[0]: row[1].split(" ")[0] for row in rows}
    for line in content.split("\n"):
        words = line.split("\t")[1].split() if line.startswith("R") and "\t" in line else []
        ends = [word.partition(":")[::2] for word in words[1:] if ":" in word]
        if len(ends) == 2:
            if ends[0][0].lower() == "arg2":
                ends.reverse()
            yield tuple(types.get(name.rstrip("\r"), "") for _, name in ends)


@pytest.mark.parametrize("form", ROWS, ids=lambda form: form.__name__)
def test_damaged_rows(form, tmp_path):
    path = tmp_path / "a.jsonl"
    assert check_row(form(), form, path)
    assert try_rows(form, 30, 1, path) >= 3


@pytest.mark.parametrize("form", ["brat", "conll"])
def test_damaged_lines(form, tmp_path):
    assert try_lines(form, 30, 1, tmp_path) >= 3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for each in ROWS:
            print(each.__name__, try_rows(each, int(sys.argv[1]), 2, Path(place) / "a.jsonl"), "read", flush=True)
        for each in ("brat", "conll"):
            (Path(place) / each).mkdir()
            print(each, try_lines(each, int(sys.argv[1]), 2, Path(place) / each), "read", flush=True)
