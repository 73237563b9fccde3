"""Weak-sample augmentation: light perturbations of classification documents that keep their mentions intact.

The paper duplicates or lightly perturbs instances of hard classes and gives no more detail (UMRC Section 4.5); the
perturbations here are our reading of it, each with a name of its own. A function takes a document, others of its class
and a random generator, and returns a new document, or None when the text offers nothing to change.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from relex.documents import Document, Span
from relex.errors import RelexError

Edit = tuple[int, int, str]
"""Replace text[start:end] by a string."""

SYNONYMS = (
    ("患者", "病人"), ("常见", "多见"), ("通常", "一般"), ("可能", "有可能"), ("例如", "比如"), ("此外", "另外"),
    ("以及", "和"), ("由于", "因为"), ("主要", "首要"), ("迅速", "很快"), ("出现", "发生"), ("较为", "比较"),
)  # fmt: skip
"""Exchangeable everyday words; none of them tells relation classes apart."""

CLAUSE = re.compile(r"[^，；。！？,;!?]*[，；。！？,;!?]+|[^，；。！？,;!?]+$")


def edit(document: Document, edits: Sequence[Edit]) -> Document:
    """Apply edits that do not overlap; spans move with their text, a span replaced as a whole takes the new one."""
    edits = sorted(edits)
    parts, position = [], 0
    for start, end, new in edits:
        parts += [document.text[position:start], new]
        position = end
    text = "".join([*parts, document.text[position:]])

    def moved(span: Span) -> Span:
        if span.absent:
            return span
        shift = sum(len(new) - (end - start) for start, end, new in edits if end <= span.start)
        grown = sum(len(new) - (end - start) for start, end, new in edits if span.start <= start and end <= span.end)
        return replace(span, start=span.start + shift, end=span.end + shift + grown)

    return replace(document, text=text, entities=tuple(moved(s) for s in document.entities))


def _free(document: Document, start: int, end: int) -> bool:
    """Whether text[start:end] touches no mention."""
    return all(s.absent or end <= s.start or s.end <= start for s in document.entities)


def duplicate(document: Document, same_class: Sequence[Document], rng: np.random.Generator) -> Document | None:
    """The document once more, unchanged."""
    return document


def entity_swap(document: Document, same_class: Sequence[Document], rng: np.random.Generator) -> Document | None:
    """The head or the tail replaced by that of another document of the class, where the two do not overlap."""
    role = int(rng.integers(2))
    span, other = document.entities[role], document.entities[1 - role]
    donor = same_class[int(rng.integers(len(same_class)))]
    if span.absent or donor.entities[role].absent:
        return None
    if not other.absent and span.start < other.end and other.start < span.end:
        return None
    mention = donor.mention(role)
    if mention == document.mention(role):
        return None
    return edit(document, [(span.start, span.end, mention)])


def synonym(document: Document, same_class: Sequence[Document], rng: np.random.Generator) -> Document | None:
    """Every listed everyday word outside the mentions replaced by its synonym."""
    edits = []
    for word, other in SYNONYMS:
        for match in re.finditer(word, document.text):
            start, end = match.span()
            if _free(document, start, end) and all(end <= s or e <= start for s, e, _ in edits):
                edits.append((start, end, other))
    return edit(document, edits) if edits else None


def clause_drop(document: Document, same_class: Sequence[Document], rng: np.random.Generator) -> Document | None:
    """One clause without a mention left out."""
    clauses = [m.span() for m in CLAUSE.finditer(document.text) if _free(document, *m.span())]
    if not clauses:
        return None
    start, end = clauses[int(rng.integers(len(clauses)))]
    return edit(document, [(start, end, "")]) if end - start < len(document.text) else None


def order_swap(document: Document, same_class: Sequence[Document], rng: np.random.Generator) -> Document | None:
    """Two neighbouring clauses exchanged, both closed by a mark and neither cutting a mention."""
    clauses = [m.span() for m in CLAUSE.finditer(document.text) if m.group()[-1] in "，；。！？,;!?"]
    spans = [s for s in document.entities if not s.absent]
    pairs = [
        (a, b, c) for (a, b), (_, c) in zip(clauses, clauses[1:], strict=False)
        if all(not (s.start < cut < s.end) for s in spans for cut in (a, b, c))
    ]  # fmt: skip
    if not pairs:
        return None
    a, b, c = pairs[int(rng.integers(len(pairs)))]
    text = document.text[:a] + document.text[b:c] + document.text[a:b] + document.text[c:]

    def moved(span: Span) -> Span:
        if span.absent or not a <= span.start < c:
            return span
        shift = c - b if span.start < b else a - b
        return replace(span, start=span.start + shift, end=span.end + shift)

    return replace(document, text=text, entities=tuple(moved(s) for s in document.entities))


AUGMENTATIONS = {f.__name__: f for f in (duplicate, entity_swap, synonym, clause_drop, order_swap)}


def augment(
    documents: Sequence[Document], names: Sequence[str], classes: Sequence[str], seed: int = 0
) -> list[Document]:
    """`documents` followed by one new document per augmentation in `names` and document of the given `classes`.

    A document that an augmentation cannot change gives none. Raises a `RelexError` for an unknown augmentation.
    """
    for name in names:
        if name not in AUGMENTATIONS:
            raise RelexError(f"there is no augmentation {name!r}; known are {', '.join(AUGMENTATIONS)}")
    rng = np.random.default_rng((seed, 2))
    new = []
    for label in classes:
        members = [d for d in documents if d.relations[0].type == label]
        for name in names:
            made = [(d, AUGMENTATIONS[name](d, members, rng)) for d in members]
            new += [replace(m, id=f"{d.id}+{name}") for d, m in made if m is not None]
    return [*documents, *new]
