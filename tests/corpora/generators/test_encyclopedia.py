"""The encyclopedia generator: its form, its variety, and how hard it is for a bag of characters."""

import re
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

from relex.corpora.corpus import PARTS
from relex.corpora.generators.encyclopedia.generate import LONGEST, TAILS, generate
from relex.corpora.generators.encyclopedia.lexicon import words
from relex.corpora.generators.encyclopedia.patterns import frames
from relex.corpora.readers.umrc10 import CLASSES, PLACEHOLDERS
from relex.errors import RelexError

HARD = ("并发症", "相关（导致）")


@pytest.fixture(scope="module")
def corpus():
    return generate(train=2000, dev=200, test=1000, seed=3)


def rows(corpus):
    return [d for part in PARTS for d in getattr(corpus, part)]


def label(document):
    return document.relations[0].type


def test_sizes_classes_and_schema(corpus):
    assert corpus.sizes == {"train": 2000, "dev": 200, "test": 1000}
    assert corpus.stand_in and corpus.name == "encyclopedia"
    assert corpus.schema.relation_names == CLASSES
    assert [r.name for r in corpus.schema.relation_types if r.symmetric] == ["同义词"]
    for part, size in corpus.sizes.items():
        assert Counter(map(label, getattr(corpus, part))) == dict.fromkeys(CLASSES, size // 10)


def test_rows_are_valid_and_distinct(corpus):
    documents = rows(corpus)
    assert len({d.id for d in documents}) == len(documents)
    pairs = {(d.text, d.entities) for d in documents}
    assert len(pairs) == len(documents), "a pair of one sentence occurs twice, perhaps with two labels"
    for document in documents:
        document.check()
        corpus.schema.check(document)
        assert [(r.head, r.tail) for r in document.relations] == [(0, 1)] and len(document.entities) == 2
        assert "{" not in document.text and not re.search(r"\s", document.text)


def test_spans_are_the_terms_of_the_lexicon(corpus):
    names = {n for d in words.diseases for n in (d.name, *d.synonyms)}
    known = {c: {t for d in words.diseases for t in getattr(d, f)} | set(more) for c, (f, more) in TAILS.items()}
    known["同义词"] = names
    known["临床表现"] |= known["并发症"]  # a complication may also be told as a sign
    known["相关（导致）"] |= names  # the disease itself, when its cause is the head
    heads = names | known["病因"]
    for document in rows(corpus):
        head, tail = document.entities
        assert head.absent or document.mention(0) in heads, document.mention(0)
        assert tail.absent or document.mention(1) in known[label(document)], document.mention(1)
        assert head.absent or tail.absent or head.end <= tail.start or tail.end <= head.start


def test_absent_mentions(corpus):
    documents = rows(corpus)
    absent = [(i, d) for d in documents for i in (0, 1) if d.entities[i].absent]
    assert 0.02 < len(absent) / len(documents) < 0.05
    assert {i for i, _ in absent} == {0, 1}
    assert all(d.mention(i) == PLACEHOLDERS[i] for i, d in absent)
    counted = sum(corpus.counts[f"{part}.absent_{end}"] for part in PARTS for end in ("head", "tail"))
    assert counted == len(absent)


def test_lengths_are_like_umrc10(corpus):
    lengths = [len(d.text) for d in rows(corpus)]
    assert 75 < np.mean(lengths) < 115 and np.std(lengths) > 25
    assert max(lengths) <= LONGEST < 300


@pytest.mark.parametrize("sizes", [{"train": 0}, {"dev": 15}, {"test": -10}])
def test_sizes_that_cannot_be_balanced(sizes):
    with pytest.raises(RelexError, match="multiple of 10"):
        generate(**({"train": 20, "dev": 20, "test": 20} | sizes))


def test_at_least_300_patterns_that_differ_in_words():
    every = [f for own in frames.own.values() for f in own] + [*frames.ambiguous, *frames.dual, *frames.neutral]
    bare = [re.sub(r"[，。、；：（）\s]", "", frame) for frame in every]
    assert len(set(bare)) == len(bare) >= 300
    # Frames of one class must not be rewrites of each other: no two share all their character pairs.
    for own in frames.own.values():
        shingles = [{f[i : i + 2] for i in range(len(f) - 1)} for f in own]
        assert max(len(a & b) / len(a | b) for a, b in combinations(shingles, 2)) < 0.75


def test_a_sentence_carries_several_rows_and_mentions_repeat(corpus):
    documents = rows(corpus)
    texts = Counter(d.text for d in documents)
    assert sum(n > 1 for n in texts.values()) > 0.1 * len(texts)
    labels = {}
    for d in documents:
        labels.setdefault(d.text, set()).add(label(d))
    assert any(len(names) > 1 for names in labels.values())
    assert corpus.counts["test.repeated_mention"] > 100
    assert corpus.counts["test.seen_sentence"] == sum(d.text in {t.text for t in corpus.train} for d in corpus.test) > 0
    assert any(d.text.startswith(d.mention(0) + "@") for d in documents)


def test_disease_pairs_occur_in_several_classes(corpus):
    names = {d.name for d in words.diseases}
    pairs = [d for d in rows(corpus) if d.mention(0) in names]
    tails = {c: {d.mention(1) for d in pairs if label(d) == c} for c in CLASSES}
    assert len(tails["并发症"] & tails["相关（导致）"]) > 40
    for name in ("病因", "临床表现"):
        assert tails[name] & tails["并发症"] and tails[name] & tails["相关（导致）"]
    assert tails["药物治疗"] & tails["辅助治疗"] and tails["实验室检查"] & tails["影像学检查"]


def scores(corpus, *fields):
    """Accuracy and F1 of each class of character 1–3-grams and logistic regression on `fields` of the test rows."""
    train, test = [], []
    for value in fields:
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
        train.append(vectorizer.fit_transform(map(value, corpus.train)))
        test.append(vectorizer.transform(map(value, corpus.test)))
    model = LogisticRegression(C=10, max_iter=100).fit(sp.hstack(train).tocsr(), list(map(label, corpus.train)))
    predicted, gold = model.predict(sp.hstack(test).tocsr()), list(map(label, corpus.test))
    each = f1_score(gold, predicted, labels=list(CLASSES), average=None)
    return accuracy_score(gold, predicted), dict(zip(CLASSES, each, strict=True))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bag_of_characters_is_neither_lost_nor_perfect(corpus):
    head, tail = (lambda d: d.mention(0)), (lambda d: d.mention(1))
    sentence, _ = scores(corpus, lambda d: d.text)
    pair, _ = scores(corpus, head, tail)
    both, each = scores(corpus, lambda d: d.text, head, tail)
    assert 0.4 < sentence < 0.85
    assert 0.5 < pair < 0.85
    assert max(sentence, pair) < both < 0.93
    others = np.mean([f1 for name, f1 in each.items() if name not in HARD])
    assert all(each[name] < others - 0.1 for name in HARD), each
