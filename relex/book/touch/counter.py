"""*Beat the counter*: which relation has a generated sentence, and which n-grams let a counter of characters say so."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np

from relex.baselines import ngrams
from relex.book.touch import markup
from relex.corpora.corpus import Corpus
from relex.corpora.generators.encyclopedia.generate import generate
from relex.corpora.readers.umrc10 import CLASSES
from relex.documents import Document
from relex.errors import RelexError
from relex.evaluation.classification import labels
from relex.mentions import find_all

SIZES = {"train": 2000, "dev": 10, "test": 500}
"""Rows of the generated encyclopedia; the development part is not read, and cannot be empty."""

LONGEST = 60
"""Characters of a sentence that is asked."""

SHOWN = 6
"""N-grams that are shown of those that decided."""

HEAD, TAIL = "①", "②"
"""What a masked mention is written as; no generated sentence has these characters."""

WAYS = {"masked": "masked", "named": "shown"}
"""How mentions are given, and what that is called."""

FEATURES = "pair+sentence+between"

IN_ENGLISH = dict(
    zip(
        CLASSES,
        ("sign or symptom", "drug", "synonym", "cause", "complication", "subtype", "laboratory test", "other treatment",
         "leads to", "imaging"),
        strict=True,
    )
)  # fmt: skip
"""Relation → what the tail is to the head."""

CAPTION = (
    "Guess first, with the mentions masked: which relation has ① to ②, and which characters tell you? The sentences "
    "are generated, a stand-in, one of each relation. A counter of n-grams was trained on other generated "
    "sentences; its answer rests on n-grams, and those are listed that speak most for it rather than for its second "
    "choice, or against it. Show the mentions, and another counter answers, which was trained to see them: does it "
    "profit from names?"
)


@dataclass(frozen=True)
class Answer:
    """What a counter says of one document: its relation and second choice, how sure it is, and its n-grams.

    `reasons` are those of `Ngrams.reasons` that a sentence can give: of a masked mention, which is the same in all of
    them, there are none. `gold` is the relation that the sentence has.
    """

    document: Document
    gold: str
    said: str
    second: str
    sure: float
    reasons: list[tuple[str, str, float]]


def masked(document: Document) -> Document:
    """The document with `HEAD` and `TAIL` in the places of its two mentions, and wherever else their strings stand."""
    named = [(s, sign) for s, sign in zip(document.entities[:2], (HEAD, TAIL), strict=True) if not s.absent]
    marks = [(s.start, s.end, sign) for s, sign in named]
    for span, sign in sorted(named, key=lambda one: one[0].start - one[0].end):  # the longer string first
        for start, end in find_all(document.text, document.text[span.start : span.end]):
            if all(end <= first or last <= start for first, last, _ in marks):
                marks.append((start, end, sign))
    text, at, moved = "", 0, {}
    for start, end, sign in sorted(marks):
        text += document.text[at:start] + sign
        moved[start], at = len(text) - 1, end
    entities = (s if s.absent else replace(s, start=moved[s.start], end=moved[s.start] + 1) for s in document.entities)
    return replace(document, text=text + document.text[at:], entities=tuple(entities))


def unseen(corpus: Corpus) -> tuple[list[Document], list[Document]]:
    """The training part, and what of the test part has sentences that are not in it."""
    known = {document.text for document in corpus.train}
    return list(corpus.train), [document for document in corpus.test if document.text not in known]


def questions(test: Sequence[Document]) -> list[Document]:
    """The first short document of each relation in Chinese alone, which names both mentions, apart from each other."""
    found = []
    for name in CLASSES:
        fits = (d for d in test if labels([d]) == [name] and len(d.text) <= LONGEST and _plain(d))
        document = next(fits, None)
        if document is None:
            raise RelexError(f"no generated test sentence of {name} has at most {LONGEST} characters; allow more")
        found.append(document)
    return found


def _plain(document: Document) -> bool:
    one, other = document.entities[:2]
    if one.absent or other.absent or re.search("[A-Za-z]{3}", document.text):
        return False
    return one.end <= other.start or other.end <= one.start


def answers(counter: ngrams.Ngrams, asked: Sequence[Document]) -> list[Answer]:
    """What a counter says of documents."""
    found = []
    for document, shares in zip(asked, counter.probabilities(asked), strict=True):
        second, first = np.argsort(shares, kind="stable")[-2:]
        said, other = counter.classes[first], counter.classes[second]
        constant = {"head": HEAD, "tail": TAIL}
        reasons = [one for one in counter.reasons(document, said, other) if constant.get(one[0]) != one[1]]
        found.append(Answer(document, labels([document])[0], said, other, float(shares[first]), reasons))
    return found


def page() -> str:
    """The picture, in Markdown."""
    train_part, test_part = unseen(generate(**SIZES))
    asked, count = questions(test_part), len(CLASSES)
    order = sorted(range(count), key=lambda i: asked[i].text)  # not that of the relations
    controls = markup.choice("counter", "way", "Mentions", WAYS)
    controls += f'<button type="button" data-step="question" data-of="{count}">Next sentence</button>'
    cards, rates = [], []
    for way in WAYS:
        train, test, mine = (
            [masked(d) for d in some] if way == "masked" else some for some in (train_part, test_part, asked)
        )
        counter = ngrams.tfidf(FEATURES, train)
        right = np.mean([a == b for a, b in zip(labels(counter(test)), labels(test), strict=True)])
        rates.append(f"{WAYS[way]} {100 * right:.0f} %")
        found = answers(counter, mine)
        cards += [_card(number, way, found[i]) for number, i in enumerate(order)]
    numbers = {name: f'<b data-tally="{name}">0</b>' for name in ("you", "counter", "asked")}
    told = "You: {you} right, the counter: {counter}, of {asked}.".format(**numbers)
    tally = markup.told(f'<p class="touch-tally" hidden>{told}</p>')
    unread = f"{len(test_part)} test rows whose sentences it has not seen"
    all_of_them = f" On {unread} the counter is right in: mentions {', '.join(rates)}."
    return markup.figure("counter", controls, "".join(cards) + tally, CAPTION + all_of_them)


def _card(number: int, way: str, answer: Answer) -> str:
    """One sentence in one way, ten buttons, and what is shown after a guess."""
    name = f"guess-{number}-{way}"
    marked, right = _highlighted(answer), int(answer.said == answer.gold)
    buttons = "".join(
        f'<button type="button" data-set="{name}" data-once value="{i}"{" data-right" * (c == answer.gold)} '
        f'aria-pressed="false">{escape(c)}<small>{IN_ENGLISH[c]}</small></button>'
        for i, c in enumerate(CLASSES)
    )
    verdict = "right" if right else "wrong"
    rows = "".join(_reason(*reason, answer.reasons[0][2]) for reason in answer.reasons[:SHOWN])
    said = (
        f"The sentence has <b>{_named(answer.gold)}</b>. The counter says <b>{_named(answer.said)}</b> "
        f"({100 * answer.sure:.0f} %) and is {verdict}; its second choice is {_named(answer.second)}."
    )
    table = (
        f'<p class="touch-text">{marked}</p>'
        f'<table class="touch-reasons"><thead><tr><th>n-gram</th><th>read in</th><th>for its answer</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    inner = (
        f'<p>Sentence {number + 1} of {len(CLASSES)}</p><p class="touch-text">{_text(answer.document, set())}</p>'
        f'<div class="touch-answers" role="group" aria-label="Relation of ① to ②">{buttons}</div>'
        f"{markup.told(markup.when(name, said))}"
        f'<details class="touch-told" data-open="{name}" data-counter="{right}"><summary>What decided</summary>'
        f'<p class="touch-still">{said}</p>{table}</details>'
    )
    still = way == "masked" and number == 0
    return markup.when(f"question={number} way={way}", inner, still, "div", ' class="touch-card"')


def _named(relation: str) -> str:
    return f"{escape(relation)}, {IN_ENGLISH[relation]}"


def _reason(field: str, ngram: str, share: float, largest: float) -> str:
    where = {"between": "around both", "head": "①", "tail": "②", "sentence": "sentence"}[field]
    said = escape(ngram).replace(" ", "␣")
    kind, width = ("for", "+") if share > 0 else ("against", "−")
    bar = f'<span class="touch-bar {kind}" style="width:{max(2, 90 * abs(share / largest)):.0f}px"></span>'
    return f'<tr><td lang="zh">{said}</td><td>{where}</td><td>{bar} {width}{abs(share):.2f}</td></tr>'


def _highlighted(answer: Answer) -> str:
    """The sentence with the characters of its n-grams that speak for the answer, among those that are shown."""
    head, tail = answer.document.entities[:2]
    text, (first, last) = answer.document.text.lower(), sorted((head.start, tail.start))
    read = {
        "head": (head.start, head.end),
        "tail": (tail.start, tail.end),
        "sentence": (0, len(text)),
        "between": (max(0, first - ngrams.BEFORE), last + ngrams.AFTER),
    }
    chosen = set()
    for field, ngram, share in answer.reasons[:SHOWN]:
        begin, end = read[field]
        ngram = ngram.lstrip("<>") if field == "between" else ngram  # the sign of the order
        for found in re.finditer(f"(?={re.escape(ngram)})", text) if ngram and share > 0 else ():
            if begin <= found.start() and found.start() + len(ngram) <= end:
                chosen |= set(range(found.start(), found.start() + len(ngram)))
    return _text(answer.document, chosen)


def _text(document: Document, chosen: set[int]) -> str:
    """The characters of a sentence, its two mentions framed, the chosen ones marked."""
    parts = []
    frames = {i: sign for sign, s in zip("ht", document.entities, strict=False) for i in range(s.start, s.end)}
    for i, character in enumerate(document.text):
        if i in frames and frames.get(i - 1) != frames[i]:
            name = {"h": HEAD, "t": TAIL}[frames[i]]
            shown = "" if document.text[i] == name else f"<sup>{name}</sup>"
            parts.append(f'<span class="touch-mention {frames[i]}">{shown}')
        parts.append(f"<mark>{escape(character)}</mark>" if i in chosen else escape(character))
        if i in frames and frames.get(i + 1) != frames[i]:
            parts.append("</span>")
    return "".join(parts).replace("</mark><mark>", "")
