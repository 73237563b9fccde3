"""Drawings of the chapter on span models: the candidates of a sentence, and what spans cost.

`relex.figures.diagrams.cascade` writes them with the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from relex.documents import Document, Relation, Span
from relex.figures.style import BLUE, GREY, ORANGE, checked

LEAFLET = Document(
    "leaflet",
    "阿司匹林肠溶片可增强华法林的抗凝作用。",
    (Span(0, 7, "药品"), Span(0, 4, "成分"), Span(10, 13, "成分")),
    (Relation(0, 1, "含有"), Relation(0, 2, "协同")),
)
"""The worked sentence of the chapter on span models: a name within a name, and two relations of the outer one."""

WIDEST = 10
"""Words of the widest candidate in the drawings."""

FLOAT = 4
"""Bytes of a number in single precision."""

Square = tuple[str, float, str]
"""What is drawn as a square: its name, its area, and what is written of the area."""


def candidate_count(words: int, widest: int) -> int:
    """How many stretches of 1 … `widest` words a text of so many words has."""
    return sum(max(0, words - width + 1) for width in range(1, widest + 1))


@dataclass(frozen=True)
class Cost:
    """What the spans of one text of `words` tokens cost, a word being one token; `hidden` is D, `widest` k."""

    words: int = 128
    widest: int = WIDEST
    hidden: int = 768
    layers: int = 12
    drawn: int = 100

    @property
    def spans(self) -> int:
        """S: candidates."""
        return candidate_count(self.words, self.widest)

    @property
    def levels(self) -> int:
        """Levels of the sparse table: ⌊log₂N⌋ + 1."""
        return self.words.bit_length()

    def numbers(self) -> dict[str, int]:
        """How many numbers are held at once to get the maxima of all candidates, by the form of the computation."""
        state = self.words * self.hidden
        return {
            "masked": self.spans * state,
            "running": self.widest * state,
            "table": self.levels * state,
            "values": self.spans * self.hidden,
        }

    def token_layers(self) -> dict[str, int]:
        """How many tokens go through how many layers: the encoder's, and SEA as one layer for what it is asked for."""
        return {
            "candidates": self.spans * self.words,
            "drawn": self.drawn * self.words,
            "encoder": self.layers * self.words,
            "sentence": self.words,
        }


def mebibytes(numbers: int) -> str:
    """So many numbers in single precision, in MiB: `463` or `3.8`."""
    size = FLOAT * numbers / 2**20
    return f"{size:.0f} MiB" if size >= 100 else f"{size:.1f} MiB"


def candidates(document: Document, widest: int = WIDEST) -> Figure:
    """Every candidate of a Chinese `document` as a cell: its first character is the column, its width the row.

    Cells of gold entities are filled and named; what lies beyond the end of the text or the widest row is no candidate.
    """
    text, left = document.text, 3.2
    count, gold = len(text), {(s.start, s.end - s.start): s for s in document.entities}
    figure = Figure(figsize=(0.27 * (count + left), 0.27 * (widest + 3.4)), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-left, count + 0.1), ylim=(widest + 2, -1.4))
    axes.axis("off")
    axes.text(-left + 0.2, -0.65, "first", va="center", fontsize=9, color=GREY)
    axes.text(-left + 0.2, widest / 2, "width", va="center", fontsize=9, color=GREY)
    for start, character in enumerate(text):
        axes.text(start + 0.5, -0.65, character, ha="center", va="center", fontsize=11)
        for width in range(1, min(widest, count - start) + 1):
            face = ORANGE if (start, width) in gold else "#E3EEF6"
            axes.add_patch(Rectangle((start, width - 1), 1, 1, facecolor=face, edgecolor="white", linewidth=1))
    for width in range(1, widest + 1):
        axes.text(-0.3, width - 0.5, width, ha="right", va="center", fontsize=9, color=GREY)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    for (start, width), span in gold.items():
        name = f"{text[span.start : span.end]} {span.type}"
        axes.text(start + 1.3, width - 0.5, name, va="center", fontsize=10, color=ORANGE, bbox=box)
    number = candidate_count(count, widest)
    total = f"{count} characters, at most {widest} wide: {number} candidates, {len(gold)} of them entities"
    axes.text(-left + 0.2, widest + 1.1, total, va="center", fontsize=10)
    return checked(figure)


def costs(cost: Cost) -> Figure:
    """Memory of span maxima, and token-layers of SEA beside the encoder, as squares whose areas are to scale."""
    numbers, layers = cost.numbers(), cost.token_layers()
    names = {
        "masked": "all candidates\nmasked, S × N × D", "running": "running maxima, N × k × D",
        "values": "the maxima themselves, S × D", "table": f"sparse table, {cost.levels} levels × N × D",
    }  # fmt: skip
    memory = [(names[key], numbers[key], mebibytes(numbers[key])) for key in names]
    names = {
        "candidates": "SEA for every\ncandidate, S × N", "drawn": f"SEA for {cost.drawn} drawn spans",
        "encoder": f"the encoder, {cost.layers} layers", "sentence": "SEA once a sentence",
    }  # fmt: skip
    passes = [(names[key], layers[key], f"{layers[key]:,}") for key in names]
    figure = Figure(figsize=(5.6, 5.9), layout="none")
    title = f"N = {cost.words} tokens, k = {cost.widest}, D = {cost.hidden}: S = {cost.spans:,} candidates"
    figure.text(0.02, 0.985, title, va="top", fontsize=11)
    _squares(figure.add_axes((0, 0.47, 1, 0.47)), "memory held, single precision", memory, BLUE)
    _squares(figure.add_axes((0, 0, 1, 0.47)), "tokens × layers", passes, ORANGE)
    return checked(figure)


def _squares(axes, title: str, squares: Sequence[Square], color: str) -> None:
    """The first square at the left with its name inside, the others in a column beside it, areas to one scale."""
    axes.set(xlim=(0, 5.6), ylim=(2.77, 0), aspect="equal")
    axes.axis("off")
    axes.text(0.11, 0.2, title, va="center", fontsize=11, color=GREY)
    (name, largest, size), *others = squares
    side, top = 2.15, 0.42
    axes.add_patch(Rectangle((0.11, top), side, side, facecolor=color))
    axes.text(0.11 + side / 2, top + side / 2, f"{size}\n{name}", color="white", fontsize=11, ha="center", va="center")
    for i, (name, area, size) in enumerate(others):
        edge, y = side * (area / largest) ** 0.5, top + side * (i + 0.5) / len(others)
        axes.add_patch(Rectangle((2.5, y - edge / 2), edge, edge, facecolor=color))
        axes.text(3.2, y, f"{size}\n{name}", va="center", fontsize=10.5)


def drawn() -> dict[str, Figure]:
    """File name without ending → drawing."""
    return {"span_candidates": candidates(LEAFLET), "span_cost": costs(Cost())}
