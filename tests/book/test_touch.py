"""Pictures to touch hold what the package computes: each is counted again here, slowly."""

import re

import numpy as np
import pytest
import torch
from extractors import sharp_encoder
from samples import document as sample

from relex.baselines import ngrams
from relex.book import included
from relex.book.touch import bootstrap, cascade, counter, masks, spans
from relex.corpora.generators.arteriography.generate import SCHEMA as FOCUSED_SCHEMA
from relex.corpora.generators.encyclopedia.generate import generate
from relex.corpora.readers.umrc10 import CLASSES
from relex.evaluation.classification import labels
from relex.evaluation.statistics import paired_micro_f1_difference, resampled_micro_f1_difference
from relex.figures.diagrams.focused import FINDING, PAIR
from relex.figures.diagrams.span import LEAFLET
from relex.files import project_root
from relex.heads import Focused, FocusedOptions
from relex.reference import focused as plain
from relex.reports import compare
from relex.reports.words import told
from relex.runs.records import published


def said(page):
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", "", page.replace("</p>", " ")))


def test_every_picture_stands_in_one_chapter_and_is_made_when_the_book_is(monkeypatch, tmp_path):
    texts = [path.read_text(encoding="utf-8") for path in (project_root() / "book").glob("*.md")]
    assert all(sum(f"executed/touch_{name}.md" in text for text in texts) == 1 for name in included.TOUCHED)
    for one in (cascade, masks, spans, counter):
        monkeypatch.setattr(one, "page", lambda name=one.__name__: name.rpartition(".")[2])
    monkeypatch.setattr(bootstrap, "page", lambda published: "bootstrap")
    paths = included.write_touched(tmp_path)
    assert [path.read_text(encoding="utf-8") for path in paths] == list(included.TOUCHED)
    assert [path.name for path in paths] == [f"touch_{name}.md" for name in included.TOUCHED]


# Cascade


def nearest(spans):
    """What pairing starts with the nearest ends makes of these spans of characters."""
    ends = sorted({s.end for s in spans})
    return {(start, next(e for e in ends if e > start) - 1) for start in {s.start for s in spans}}


@pytest.mark.parametrize("document", cascade.SENTENCES, ids=lambda d: d.id)
def test_heads_and_tails_are_those_of_the_nearest_ends(document):
    document.check()
    found = cascade.decoded(document)
    assert "".join(found.tokens) == document.text and len(found.tokens) == len(document.text)
    heads = {head for head, _, _ in document.triples()}
    assert set(found.heads) == nearest(heads)
    assert [i for i, tag in enumerate(found.starts) if tag] == sorted({h.start for h in heads})
    assert [i for i, tag in enumerate(found.ends) if tag] == sorted({h.end - 1 for h in heads})
    for place, of_relations in zip(found.heads, found.tails, strict=True):
        own = [t for t in document.triples() if (t[0].start, t[0].end - 1) == place]
        assert set(of_relations) == {name for _, name, _ in own}
        for name, (starts, ends, pairs) in of_relations.items():
            tails = [tail for _, other, tail in own if other == name]
            assert set(pairs) == nearest(tails)
            assert [np.flatnonzero(x).tolist() for x in (starts, ends)] == [
                sorted(t.start for t in tails), sorted(t.end - 1 for t in tails)
            ]  # fmt: skip
    missing = [document.text[h.start : h.end] for h in heads if (h.start, h.end - 1) not in nearest(heads)]
    assert found.lost == missing


def test_of_two_heads_with_one_start_the_longer_is_lost_and_the_page_says_so():
    assert cascade.decoded(cascade.SAME_START).lost == ["前降支近段"]
    page = cascade.page()
    assert page.count('data-set="head"') == sum(len(cascade.decoded(d).heads) for d in cascade.SENTENCES)
    assert "No start leads to the annotated head 前降支近段" in said(page)
    told = said(page)
    assert [told.count(word) for word in ("subject", "object")] == [1, 1], "the glossary says head and tail"
    assert "call a head a subject and a tail an object" in told
    assert "at 段: the head is 前降支近段. Its tails: BpSy (身体部位_症状体征): 狭窄80%, 钙化" in said(page)


# Masks


@pytest.mark.parametrize("kind", masks.KINDS)
@pytest.mark.parametrize("k", range(masks.LAYERS + 1))
def test_what_is_seen_are_rows_of_the_literal_masks(kind, k):
    count, (one, other) = len(masks.tokens()), ((FINDING.entities[i].start + 1, FINDING.entities[i].end) for i in PAIR)
    mask = plain.mask_of(kind, count, one, other).bool().numpy()
    assert list(masks.viewers().values()) == [one[0], other[0], 0]
    for token in masks.viewers().values():
        seen = masks.view(kind, k, token).seen
        assert (seen[:k] == mask[token]).all() and seen[k:].all()
        assert all((mask[t] == mask[first]).all() for first, last in (one, other) for t in range(first, last + 1))


@pytest.mark.parametrize("kind", masks.KINDS)
@pytest.mark.parametrize("k", range(masks.LAYERS + 1))
def test_what_reaches_a_viewer_has_a_gradient_and_nothing_else_has(kind, k, monkeypatch):
    head = Focused(sharp_encoder(masks.LAYERS, [FINDING], 16), FOCUSED_SCHEMA, FocusedOptions(k=k)).eval()
    places = [(FINDING.entities[i].start + 1, FINDING.entities[i].end) for i in PAIR]
    mask = plain.mask_of(kind, len(masks.tokens()), *places)
    ids, _ = plain.tokens(head, FINDING.text)
    assert len(ids) == len(masks.tokens())
    below = plain.embedded(head, ids).detach().requires_grad_()
    monkeypatch.setattr(plain, "embedded", lambda *_: below)
    states = plain.encoded(head, FINDING.text, mask)
    for token in masks.viewers().values():
        (gradient,) = torch.autograd.grad(states[token].sin().sum(), below, retain_graph=True)
        assert torch.equal(gradient.abs().sum(1) > 1e-12, torch.from_numpy(masks.view(kind, k, token).reached))


def test_the_sentence_of_a_state_counts_its_cells():
    page = said(masks.page())
    assert "Eq. 14, K = 4: in each of the last 4 layers" in page
    assert "[CLS] hears of 6 of 13. Eq. 13, K = 0" in page and page.count("[CLS] hears of 6 of 13") == 1


# Spans


@pytest.mark.parametrize("k", range(1, len(LEAFLET.text) + 1))
def test_candidates_and_what_is_lost_are_counted_again(k):
    limit, count = spans.limited(LEAFLET, k), len(LEAFLET.text)
    every = [(a, b - a) for a in range(count) for b in range(a + 1, count + 1) if b - a <= k]
    assert sorted(limit.candidates) == sorted(every)
    assert limit.lost == [s for s in LEAFLET.entities if s.end - s.start > k]
    assert limit.relations == sum(head in limit.lost or tail in limit.lost for head, _, tail in LEAFLET.triples())


def test_the_page_says_the_numbers_of_every_limit():
    page = said(spans.page())
    for k in range(1, len(LEAFLET.text) + 1):
        assert f"At most {k} wide: {len(spans.limited(LEAFLET, k).candidates)} candidates" in page
    assert "At most 6 wide: 99 candidates, 14 more than with 5. Lost of 3 names: 阿司匹林肠溶片 (7 wide)" in page


# Two rows of records


def test_draws_are_those_whose_variance_an_interval_has():
    rng = np.random.default_rng(5)
    gold = rng.integers(1, 6, 80)
    systems = []
    for rate in (0.8, 0.6):
        predicted = rng.integers(1, 6, (1, 80))
        systems += [predicted, rng.binomial(np.minimum(gold, predicted), rate)]
    draws = resampled_micro_f1_difference(gold, *systems, resamples=4000)
    (pa, ca, pb, cb), slow = systems, []
    for _ in range(4000):
        chosen = rng.integers(80, size=80)
        f1 = [2 * c[0, chosen].sum() / (gold[chosen].sum() + p[0, chosen].sum()) for p, c in ((pa, ca), (pb, cb))]
        slow.append(f1[0] - f1[1])
    assert draws.mean() == pytest.approx(np.mean(slow), abs=0.005)
    assert draws.std() == pytest.approx(np.std(slow), rel=0.06)
    whole = paired_micro_f1_difference(gold, *systems, resamples=4000)
    assert (whole.high - whole.low) / 2 == pytest.approx(1.99 * draws.std(ddof=1), rel=0.01)  # t of 79 degrees


@pytest.mark.parametrize("name", bootstrap.QUESTIONS)
def test_lines_are_those_of_compare_and_dots_those_of_the_runs(name):
    pair = bootstrap.QUESTIONS[name]
    records = compare_records(name)
    every = bootstrap.shared(records, pair)
    assert len(every) >= 3
    whole = bootstrap.shown(records, pair, len(every))
    line = compare.differences(records, [pair], bootstrap.SCORE).iloc[0]
    for key in ("difference", "low", "high", "verdict", "seeds"):
        assert whole.line[key] == line[key]
    metric = {(r["config"]["row"], r["config"]["seed"]): r["metrics"][bootstrap.SCORE.metric] for r in records}
    assert whole.seeds == pytest.approx({s: metric[pair[0], s] - metric[pair[1], s] for s in every}, abs=1e-6)
    assert whole.line["difference"] == pytest.approx(np.mean(list(whole.seeds.values())))
    assert whole.draws.mean() == pytest.approx(whole.line["difference"], abs=2e-3)
    assert bootstrap.shown(records, pair, 1).line["verdict"] == "no verdict"


def compare_records(name):
    """The records of a question."""
    found = [r for r in published(name) if r["config"]["corpus"] == bootstrap.CORPUS]
    return [r for r in found if r["config"]["split"] == bootstrap.SPLIT]


def test_the_page_has_a_histogram_and_a_sentence_for_each_number_of_seeds():
    page = bootstrap.page(published)
    for name, pair in bootstrap.QUESTIONS.items():
        records = compare_records(name)
        for count in range(1, len(bootstrap.shared(records, pair)) + 1):
            one = bootstrap.shown(records, pair, count)
            assert told(*pair, one.line).replace("**", "") in said(page)
    bars = re.findall(r'class="touch-bars" d="([^"]+)"', page)
    assert len(bars) == 7
    heights = [[float(h) for h in re.findall(r"v-([\d.]+)H", path)] for path in bars]
    totals = [sum(h) / max(map(max, some)) for some in (heights[:4], heights[4:]) for h in some]
    assert max(totals[:4]) == pytest.approx(min(totals[:4]), rel=0.01)  # as many draws in each
    assert max(totals[4:]) == pytest.approx(min(totals[4:]), rel=0.01)


# The counter


@pytest.fixture(scope="module")
def corpus():
    return generate(train=400, dev=10, test=300)


@pytest.fixture(scope="module")
def fitted(corpus):
    return ngrams.tfidf("pair+sentence+between", corpus.train)


def test_reasons_sum_to_the_difference_of_the_logits(corpus, fitted):
    intercepts = dict(zip(fitted.classes, fitted.classifier[-1].intercept_, strict=True))
    for document, shares in zip(corpus.test[:20], fitted.probabilities(corpus.test[:20]), strict=True):
        one, other = (fitted.classes[i] for i in shares.argsort()[[-1, -2]])
        assert [one] == labels(fitted([document]))
        found = fitted.reasons(document, one, other)
        total = sum(share for *_, share in found) + intercepts[one] - intercepts[other]
        assert total == pytest.approx(np.log(shares.max() / np.sort(shares)[-2]), abs=1e-9)
        for field, ngram, _ in found:
            assert ngram in ngrams.COLUMNS[field](document).lower()
        assert [abs(s) for *_, s in found] == sorted((abs(s) for *_, s in found), reverse=True)


def test_reasons_between_two_relations():
    train = [
        sample(f"甲{word}乙丙{i}", "甲", "乙", name) for i in range(9) for word, name in (("治", "x"), ("致", "y"))
    ]
    fitted = ngrams.tfidf("sentence", train)
    for document, (share, _) in zip(train[:2], fitted.probabilities(train[:2]), strict=True):
        total = sum(s for *_, s in fitted.reasons(document, "x", "y")) - fitted.classifier[-1].intercept_[0]
        assert total == pytest.approx(np.log(share / (1 - share)), abs=1e-9)


def test_masked_mentions_are_gone_and_everything_else_stays(corpus):
    for document in corpus.test:
        found = counter.masked(document)
        assert found.relations == document.relations
        for i, sign in enumerate((counter.HEAD, counter.TAIL)):
            if not document.entities[i].absent:
                assert found.mention(i) == sign
        text = found.text
        named = sorted((document.mention(i) for i in (0, 1) if not document.entities[i].absent), key=len)
        assert not named or named[-1] not in text
        back = text.replace(counter.HEAD, document.mention(0)).replace(counter.TAIL, document.mention(1))
        assert back == document.text


def test_one_question_a_relation_from_unseen_test_sentences_alone(corpus):
    train, test = counter.unseen(corpus)
    asked = counter.questions(test)
    assert labels(asked) == list(CLASSES) and all(d in corpus.test for d in asked)
    assert not {d.text for d in test} & {d.text for d in train} and tuple(train) == corpus.train
    for document in asked:
        one, other = document.entities
        assert not one.absent and not other.absent and len(document.text) <= counter.LONGEST
        assert not re.search("[a-z]{3}", document.text.lower())


def test_a_card_shows_the_answer_and_marks_its_ngrams_alone(corpus, fitted):
    for answer in counter.answers(fitted, counter.questions(corpus.test)):
        card = counter._card(3, "named", answer)
        right = re.findall(r'value="(\d)" data-right', card)
        assert [CLASSES[int(i)] for i in right] == [answer.gold]
        assert f'data-counter="{int(answer.said == answer.gold)}"' in card
        assert card.count("<tr><td") == counter.SHOWN
        shown = counter._highlighted(answer)
        assert re.sub("<sup>.</sup>|<[^>]+>", "", shown) == answer.document.text
        for_it = [n.lstrip("<>") for _, n, share in answer.reasons[: counter.SHOWN] if share > 0]
        marks = re.findall("<mark>(.*?)</mark>", shown)
        assert all(set(mark.lower()) <= set("".join(for_it)) for mark in marks) and bool(marks) == any(for_it)


def test_an_ngram_is_marked_where_it_was_read_alone():
    text = "肺炎，" + "。" * 12 + "甲治乙，" + "。" * 30 + "治"
    document = sample(text, "甲", "乙", CLASSES[1])
    for field, places in (("between", [16]), ("sentence", [16, len(text) - 1]), ("head", [])):
        answer = counter.Answer(document, CLASSES[1], CLASSES[1], CLASSES[0], 0.9, [(field, "治", 1.0)])
        bare = re.sub("<sup>.</sup>|</?span[^>]*>", "", counter._highlighted(answer))
        assert [found.start() - 13 * i for i, found in enumerate(re.finditer("<mark>", bare))] == places


def test_a_counter_of_masked_mentions_is_asked_about_the_sentence_alone(corpus):
    train = [counter.masked(d) for d in corpus.train]
    fitted = ngrams.tfidf("pair+sentence+between", train)
    for answer in counter.answers(fitted, [counter.masked(d) for d in counter.questions(corpus.test)]):
        assert {field for field, *_ in answer.reasons} <= {"sentence", "between"}
