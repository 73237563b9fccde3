"""Augmentations keep what a document is about: its mentions, its label, a valid form."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import TRAIN, document

from relex.documents import ABSENT, Document, Relation, Span
from relex.errors import RelexError
from relex.training.augmentation import AUGMENTATIONS, augment, edit

WORDS = ["患者", "常见", "由于", "肝", "肝炎", "脾", "，", "。", ";", "\n", "出现"]


@st.composite
def classified(draw):
    text = "".join(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12)))
    spans = []
    for _ in range(2):
        start = draw(st.integers(ABSENT, len(text) - 1))
        end = ABSENT if start == ABSENT else draw(st.integers(start + 1, min(len(text), start + 4)))
        spans.append(Span(start, end, "e", "肺" if start == ABSENT else ""))
    return Document("d", text, tuple(spans), (Relation(0, 1, "病因"),))


@given(st.sampled_from(sorted(AUGMENTATIONS)), classified(), classified(), st.integers(0, 5))
def test_mentions_and_label_survive(name, one, other, seed):
    new = AUGMENTATIONS[name](one, [other], np.random.default_rng(seed))
    if new is None:
        return
    new.check()
    assert new.relations == one.relations
    assert [s.absent for s in new.entities] == [s.absent for s in one.entities]
    kept = [new.mention(i) == one.mention(i) for i in (0, 1)]
    if name == "entity_swap":
        swapped = kept.index(False)
        assert kept[1 - swapped] and new.mention(swapped) == other.mention(swapped)
    else:
        assert all(kept)
    if name == "order_swap":
        assert Counter(new.text) == Counter(one.text)
    if name == "duplicate":
        assert new == one
    if name in ("synonym", "entity_swap"):
        assert new.text != one.text
    if name == "clause_drop":
        assert 0 < len(new.text) < len(one.text)


def test_edits_move_spans():
    one = document("甲乙丙丁戊", "乙丙", "戊")
    new = edit(one, [(4, 5, "火土"), (0, 1, ""), (1, 3, "水")])
    assert new.text == "水丁火土" and [new.mention(0), new.mention(1)] == ["水", "火土"]


def test_examples():
    rng = np.random.default_rng(0)
    one = document("天冷时，患者不少。由于花粉，哮喘增多。", "哮喘", "花粉", "病因")
    assert AUGMENTATIONS["synonym"](one, [], rng).text == "天冷时，病人不少。因为花粉，哮喘增多。"
    dropped = {AUGMENTATIONS["clause_drop"](one, [], np.random.default_rng(i)).text for i in range(20)}
    assert dropped == {"患者不少。由于花粉，哮喘增多。", "天冷时，由于花粉，哮喘增多。"}
    swapped = {AUGMENTATIONS["order_swap"](one, [], np.random.default_rng(i)).text for i in range(30)}
    assert "患者不少。天冷时，由于花粉，哮喘增多。" in swapped and len(swapped) == 3


def test_synonyms_inside_mentions_stay():
    one = document("由于出现肿块", "出现肿块", "由于")
    assert AUGMENTATIONS["synonym"](one, [], np.random.default_rng(0)) is None


def test_augment_adds_to_the_given_classes_only():
    names = ["duplicate", "entity_swap", "clause_drop"]
    made = augment(TRAIN, names, ["病因"], seed=3)
    assert tuple(made[: len(TRAIN)]) == TRAIN
    new = made[len(TRAIN) :]
    assert {d.relations[0].type for d in new} == {"病因"}
    assert sum(d.id.endswith("+duplicate") for d in new) == 7
    assert len({d.id for d in made}) == len(made)
    assert augment(TRAIN, names, ["病因"], seed=3) == made
    assert augment(TRAIN, names, ["病因"], seed=4) != made
    assert augment(TRAIN, names, [], seed=3) == list(TRAIN) == augment(TRAIN, [], ["病因"])


def test_unknown_augmentation():
    with pytest.raises(RelexError, match="no augmentation 'backtranslation'; known are duplicate"):
        augment(TRAIN, ["backtranslation"], ["病因"])


def test_words_and_clauses_that_touch_a_mention():
    rng = np.random.default_rng(0)
    assert AUGMENTATIONS["synonym"](document("花粉出现后，由于喘", "花粉", "喘"), [], rng).text == "花粉发生后，因为喘"
    swapped = AUGMENTATIONS["order_swap"](document("受凉，鼻塞。", "受凉", "鼻塞"), [], rng)
    assert (swapped.text, swapped.mention(0), swapped.mention(1)) == ("鼻塞。受凉，", "受凉", "鼻塞")
