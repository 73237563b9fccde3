"""The grammar of the generators: choices, coordination, marks, and data files by type."""

import random
from collections import Counter
from dataclasses import dataclass
from importlib import resources

import pytest

from relex.corpora.generators import grammar
from relex.corpora.generators.grammar import Told, Words, chosen, dealt, different, filled, listed, read, unmarked
from relex.documents import Document

PACKAGE = resources.files("relex.corpora.generators")


def test_choices_are_made_from_the_inside():
    found = {chosen(random.Random(seed), "(甲(一/二)/乙)丙") for seed in range(30)}
    assert found == {"甲一丙", "甲二丙", "乙丙"}
    with pytest.raises(ValueError, match="not in pairs"):
        chosen(random.Random(0), "(甲/乙")


def test_coordination():
    rng = random.Random(0)
    assert listed(rng, [], "和") == "" and listed(rng, ["甲"], "和", etc=1) == "甲"
    assert (
        listed(rng, ["甲", "乙", "丙"], "和") == "甲、乙和丙" and listed(rng, ["甲", "乙"], "及", etc=1) == "甲及乙等"
    )


def test_marks_tell_where_mentions_stand():
    marked = filled(
        random.Random(0), "{b}(见/见){N}{s}，<t:{c}置入>", {"b": ("甲", "乙"), "N": "壁", "s": "", "c": "架"}, "和"
    )
    assert marked == "<b:甲>和<b:乙>见壁，<t:<c:架>置入>"
    text, places = unmarked(marked, 10)
    assert text == "甲和乙见壁，架置入"
    assert {key: [text[a - 10 : b - 10] for a, b in found] for key, found in places.items()} == {
        "b": ["甲", "乙"], "c": ["架"], "t": ["架置入"],
    }  # fmt: skip
    assert unmarked("无") == ("无", {})


def test_texts_differ_and_those_after_the_first_go_to_the_test_part():
    texts = iter("甲甲乙丙丁戊己庚辛壬癸子")
    seen = []

    def draw(given, number):
        seen.append((given["字"], number))
        return Told(Document("", next(texts)), Counter(hard=number))

    told = different(draw, lambda document: Counter(字=len(document.text)))
    parts, hard = dealt(told, 10, 2, {"test": 0.1, "dev": 0.1})
    assert {part: len(documents) for part, documents in parts.items()} == {"train": 8, "dev": 1, "test": 2}
    assert (parts["test"][1].id, parts["test"][1].text) == ("11", "子")
    assert sorted(hard, key=int) == [str(n) for n in range(1, 12)] and hard["3"] == Counter(hard=2)
    assert seen[:3] == [(0, 0), (1, 1), (1, 1)]  # the second 甲 was drawn and left out


@dataclass(frozen=True)
class Thing:
    words: Words
    frames: Words
    table: dict[str, tuple[int, int]]


def test_data_are_read_by_type(tmp_path, monkeypatch):
    monkeypatch.setattr(grammar.resources, "files", lambda package: tmp_path)
    file = tmp_path / "thing.yaml"
    file.write_text("words: 甲 乙\nframes: |\n  一 句\n  二\ntable: {丙: [1, 2]}\n", encoding="utf-8")
    assert read(Thing, "thing.yaml") == Thing(("甲", "乙"), ("一 句", "二"), {"丙": (1, 2)})
    file.write_text("words: [2.0]\nframes: []\ntable: {}\n", encoding="utf-8")
    with pytest.raises(TypeError, match="2.0 is no str"):
        read(Thing, "thing.yaml")
    for bad in ("words: 甲\n", "words: 甲\nframes: 乙\ntable: {}\nmore: 丙\n"):
        file.write_text(bad, encoding="utf-8")
        with pytest.raises((KeyError, TypeError)):
            read(Thing, "thing.yaml")


def test_data_lie_in_the_package():
    files = sorted(
        f"{folder.name}/{file.name}" for folder in PACKAGE.iterdir() if folder.is_dir() for file in folder.iterdir()
    )
    data = [name for name in files if name.endswith(".yaml")]
    generators = ("angiography", "arteriography", "encyclopedia", "interactions", "prescriptions")
    assert data == [f"{name}/{what}.yaml" for name in generators for what in ("frames", "lexicon")]
