"""Span candidates to touch: how many there are under a limit of width, and which names it loses."""

from dataclasses import dataclass

from relex import encoders
from relex.book.touch import markup
from relex.documents import Document, RelationType, Schema, Span
from relex.figures.diagrams.span import LEAFLET, WIDEST
from relex.heads import SpanModel, SpanOptions

SIZE, LEFT, TOP = 24, 34, 30
"""Units: a cell, and what stands left of and above all cells."""

CAPTION = (
    "Which is the lowest limit that loses no name of this sentence, and how many candidates has it? How many more does "
    "the next step bring, and the one after it? A cell is a candidate: its column says where it starts, its row how "
    "wide it is."
)


@dataclass(frozen=True)
class Limit:
    """What a limit of width makes of a text: `candidates` as (first word, width), gold entities and relations lost."""

    candidates: list[tuple[int, int]]
    lost: list[Span]
    relations: int


def limited(document: Document, widest: int) -> Limit:
    """The candidates of a span model with `max_width` = `widest`, and what it cannot represent."""
    triples = {(document.entities[r.head].type, r.type, document.entities[r.tail].type) for r in document.relations}
    types = tuple(dict.fromkeys(s.type for s in document.entities))
    schema = Schema(types, tuple(RelationType(name, ((head, tail),)) for head, name, tail in sorted(triples)))
    encoder = encoders.load("random:tiny", texts=[document.text])
    head = SpanModel(encoder, schema, SpanOptions(max_width=widest, heads=2))
    batch = head.collate([document])
    found = [(first, width + 1) for _, first, _, width in head.candidates(batch["words"]).tolist()]
    kept = {(first, last + 1) for _, first, last, _, _ in batch["entities"].tolist()}
    lost = [span for span in document.entities if (span.start, span.end) not in kept]
    return Limit(found, lost, head.alignment([document])["relations"])


def page() -> str:
    """The picture, in Markdown."""
    count = len(LEAFLET.text)
    limits = {k: limited(LEAFLET, k) for k in range(1, count + 1)}
    control = markup.slider("spans", "k", "At most so many characters", 1, count, WIDEST)
    drawn = [
        markup.text(LEFT + SIZE * (i + 0.5), TOP - 9, c, "touch-word", "middle") for i, c in enumerate(LEAFLET.text)
    ]
    for k in range(1, count + 1):
        new = [(first, width - 1) for first, width in limits[k].candidates if width == k]
        state = f'data-from="k={k}"{" class=off" * (k > WIDEST)}'
        label = markup.text(LEFT - 6, TOP + SIZE * (k - 0.3), str(k), "touch-small", "end")
        drawn.append(f'<g {state}>{label}<path class="touch-candidate" d="{markup.cells(new, LEFT, TOP, SIZE)}"/></g>')
    for span in LEAFLET.entities:
        width = span.end - span.start
        x, y = LEFT + SIZE * span.start, TOP + SIZE * (width - 1)
        cell = markup.cells([(span.start, width - 1)], LEFT, TOP, SIZE)
        name = markup.text(x + SIZE + 6, y + SIZE * 0.7, LEAFLET.text[span.start : span.end], "touch-name")
        drawn.append(
            f'<g class="touch-gold{" off" * (width > WIDEST)}" data-from="k={width}"><path d="{cell}"/>{name}</g>'
        )
    label = "One cell for each candidate, its column the first character, its row the width; names are filled"
    picture = markup.svg(LEFT + SIZE * count + 2, TOP + SIZE * count + 2, "".join(drawn), label)
    said = "".join(markup.when(f"k={k}", _sentence(k, limits), k == WIDEST) for k in limits)
    return markup.figure("spans", control, markup.told(said) + picture, CAPTION)


def _character(place: int, character: str) -> str:
    return markup.text(LEFT + SIZE * (place + 0.5), TOP - 9, character, "touch-word", "middle")


def _sentence(k: int, limits: dict[int, Limit]) -> str:
    """What a limit gives and takes, in words."""
    limit, names, facts = limits[k], len(LEAFLET.entities), len(LEAFLET.relations)
    more = f", {len(limit.candidates) - len(limits[k - 1].candidates)} more than with {k - 1}" if k > 1 else ""
    start = f"At most {k} wide: <b>{len(limit.candidates)} candidates</b>{more}. "
    if not limit.lost:
        return f"{start}All {names} names are among them."
    lost = ", ".join(f"{LEAFLET.text[s.start : s.end]} ({s.end - s.start} wide)" for s in limit.lost)
    return f"{start}Lost of {names} names: <b>{lost}</b>; of {facts} relations: {limit.relations}."
