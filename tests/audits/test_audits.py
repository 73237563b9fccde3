import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import document

from relex.audits import pairs
from relex.corpora import Corpus
from relex.documents import infer_schema

LONG = "长期大量吸烟的人患上肺癌的机会比不吸烟的人要高出许多倍，戒烟以后会慢慢下降。"


def jaccard(one, other):
    one, other = ({t[i : i + 5] for i in range(len(t) - 4)} for t in (one, other))
    return len(one & other) / len(one | other) if one | other else 0


def test_overlap_of_texts_and_pairs():
    train = [document(LONG, "吸烟", "肺癌"), document("盐吃多了血压会高。", "盐", "血压")]
    test = [train[0], document(LONG, "肺癌", "吸烟"), document("喝水不会让血压升高。", "喝水", "血压")]
    assert pairs.same_text(test, train).tolist() == [True, True, False]
    assert pairs.same_pair(test, train).tolist() == [True, False, False]


def test_what_a_pair_tells_without_its_sentence():
    one = ("吸烟", "肺癌")
    train = [document(LONG, *one), document("吸烟与肺癌。", *one, "related"), document("肺癌与吸烟。", *one, "related")]
    test = [
        document(LONG, "吸烟", "下降"),
        document("吸烟者得肺癌。", *one),
        document("肺癌者多吸烟。", *one, "related"),
        document("肺癌多因吸烟。", *one[::-1], "caused by"),
        document("喝水有益健康。", "喝水", "健康"),
    ]
    assert pairs.same_mentions(test, train).tolist() == [False, True, True, False, False]
    assert pairs.unseen_pair(test, train).tolist() == [False, False, False, False, True]
    assert pairs.told_by_pair(test, train) == (2, 1) and pairs.told_by_pair(test, train[:2]) == (2, 1)


def test_near_duplicates():
    train = [document(LONG, "吸烟", "肺癌"), document("感冒了", "感冒", "了")]
    near = LONG.replace("下降。", "降低。")
    assert 0.8 <= jaccard(near, LONG) < 1
    test = [document(t, "吸烟", "肺癌") for t in (LONG, near, LONG[: len(LONG) // 2], "感冒了", "感冒")]
    assert pairs.near_duplicate(test, train).tolist() == [True, True, False, True, False]
    assert pairs.near_duplicate(test, train, threshold=0.999).tolist() == [True, False, False, True, False]
    assert pairs.near_duplicate(test, []).tolist() == [False] * 5


texts = st.lists(st.text("甲乙 ", min_size=1, max_size=14), min_size=1, max_size=8)


@given(texts, texts, st.sampled_from([0.3, 0.5, 0.8]))
@settings(deadline=None)
def test_near_duplicates_equal_a_plain_loop(ours, theirs, threshold):
    documents, others = ([document(t, "丙", "丁") for t in some] for some in (ours, theirs))
    expected = [any(t == o or jaccard(t, o) >= threshold for o in theirs) for t in ours]
    assert pairs.near_duplicate(documents, others, threshold, block=3).tolist() == expected


def test_conflicting_labels():
    one, other = document(LONG, "吸烟", "肺癌", "causes"), document(LONG, "吸烟", "肺癌", "related")
    assert pairs.conflicting_keys([one, one, document(LONG, "肺癌", "吸烟", "related")]) == set()
    assert pairs.conflicting_keys([one, other]) == {(LONG, "吸烟", "肺癌")}


def test_ambiguous_and_absent_mentions():
    documents = [
        document("吸烟有害，吸烟者易患肺癌。", "吸烟", "肺癌"),
        document("吸烟易致肺癌。", "吸烟", "肺癌"),
        document("吸烟有害。", "吸烟", "object_placeholder"),
    ]
    assert pairs.ambiguous(documents).tolist() == [True, False, False]
    assert pairs.absent(documents, 0).tolist() == [False, False, False]
    assert pairs.absent(documents, 1).tolist() == [False, False, True]


def test_nested_mentions_and_what_replacement_does_to_them():
    documents = [
        document("肝硬化是一种慢性病。", "肝硬化", "慢性病"),
        document("乙肝与肝有关。", "肝", "乙肝"),  # head in tail: 乙[E1]肝[/E1] is no 乙肝 any more
        document("乙肝与肝有关。", "乙肝", "肝"),  # tail in head: [E1]乙[E2]肝[/E2][/E1]
        document("肝有问题。", "肝", "肝"),
        document("维生素E能护肤。", "护肤", "E"),  # the tail is a letter of the head's mark
        document("肝有问题。", "肝", "乙肝"),  # absent tail
    ]
    assert pairs.nested(documents, 0).tolist() == [False, True, False, False, False, False]
    assert pairs.nested(documents, 1).tolist() == [False, False, True, False, False, False]
    assert pairs.replacement_loses_tail(documents).tolist() == [False, True, False, False, False, False]
    assert pairs.replacement_marks_inside_head(documents).tolist() == [False, False, True, True, True, False]
    chinese = (("[实体1]", "[/实体1]"), ("[实体2]", "[/实体2]"))
    assert not pairs.replacement_marks_inside_head(documents, *chinese)[4]


def test_table_counts_every_finding_without_text():
    one, other = document(LONG, "吸烟", "肺癌", "causes"), document(LONG, "吸烟", "肺癌", "related")
    clean = document("盐吃多了血压会高。", "盐", "血压")
    absent = document("午饭后血压略低。", "subject_placeholder", "血压")
    corpus = Corpus("own", infer_schema([one, other]), (one, clean), (other, absent), (absent,), "0")
    table = pairs.audit(corpus)
    assert list(table.columns) == ["finding", "part", "count", "of", "share"]
    counts = table.set_index(["finding", "part"])["count"]
    assert counts["same text in train"].to_dict() == {"dev": 1, "test": 0}
    assert counts["same text, head and tail in dev"].to_dict() == {"test": 1}
    conflicts = "same text, head and tail with two labels"
    assert counts[conflicts].to_dict() == {"train": 0, "dev": 0, "test": 0, "across": 1, "all": 1}
    assert counts["absent head"].to_dict() == {"train": 0, "dev": 1, "test": 1}
    np.testing.assert_allclose(table["share"], table["count"] / table["of"])
    assert LONG not in table.to_string()
    assert not table.duplicated(["finding", "part"]).any()


def test_a_corpus_in_numbers_without_text():
    train = [document("甲致乙", "甲", "乙"), document("丙致丁。", "丙", "丁", "treats")]
    test = [document("又：甲致乙", "甲", "乙"), document("丙致丁。", "丙", "丁"), document("戊致己", "戊", "己")]
    corpus = Corpus("c", infer_schema([*train, *test]), tuple(train), tuple(train[:1]), tuple(test), fingerprint="x")
    sizes = pairs.sizes(corpus)
    assert sizes["train"].tolist() == [2, 4, 4, 2, 2] and sizes.loc["distinct pairs", "test"] == 3
    assert pairs.lengths(corpus)["characters"].tolist() == [3, 4]
    told = pairs.told(corpus)
    assert told.startswith("2 of the 3 test rows") and "right for 1 of them. 1 test rows have neither" in told


def test_rows_on_which_training_is_of_less_help():
    train = [document("甲致乙", "甲", "乙")]
    test = [document("甲致乙", "甲", "乙"), document("又：甲致乙", "甲", "乙"), document("戊致己", "戊", "己")]
    found = {name: mask.tolist() for name, mask in pairs.subsets(test, train).items()}
    assert found["unseen"] == [False, True, True] and found["unseen text and pair"] == [False, False, True]
    assert found["clean"] == [False, True, True]
