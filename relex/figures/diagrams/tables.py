"""How schemes write one triple into tables of token pairs."""

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from relex.documents import Document, Relation, Span
from relex.figures.style import BLUE, GREEN, GREY, ORANGE, checked
from relex.heads.table.schemes import SCHEMES

STEROID = Document("steroid", "激素治哮喘", (Span(0, 2, "药"), Span(3, 5, "病")), (Relation(0, 1, "治疗"),))
"""The worked sentence of the chapter on tables: a steroid treats asthma; each character is a token."""

PANELS = {
    "TPLinker": ("handshake", ("entities", "first tokens", "last tokens")),
    "GPLinker": ("pointers", ("subjects", "objects", "first tokens", "last tokens")),
    "OneRel": ("horns", ("治疗",)),
    "GRTE": ("regions", ("治疗",)),
    "Multi-head": ("last_tokens", ("last tokens",)),
    "W2NER": ("chain", ("next token, and back",)),
}
"""System → its scheme, and what each of its tables holds."""
COLORS = (BLUE, ORANGE, GREEN, GREY, BLUE, ORANGE, GREEN)
"""Colours of the tags 1, 2, …"""
ACROSS = 4
"""Tables side by side."""


def cells(scheme: str) -> set[tuple[int, int, int, int]]:
    """The cells (table, row, column, tag) of the worked sentence."""
    entities = [(s.start, s.end - 1, i) for i, s in enumerate(STEROID.entities)]
    (subject, object_) = ((first, last) for first, last, _ in entities)
    return SCHEMES[scheme]([(0, 1)], 2).encode({(*subject, 0, *object_)}, set(entities))


def schemes() -> Figure:
    """A grid of tables, those of a system beside each other; rows and columns are the characters of the sentence."""
    tables = [(name, title, scheme, i) for name, (scheme, titles) in PANELS.items() for i, title in enumerate(titles)]
    length, down = len(STEROID.text), -(-len(tables) // ACROSS)
    wide, high = length + 2.6, length + 3.4
    figure = Figure(figsize=(0.25 * wide * ACROSS, 0.25 * high * down), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.1, wide * ACROSS), ylim=(high * down, 0))
    axes.axis("off")
    for place, (name, title, scheme, table) in enumerate(tables):
        left, top = place % ACROSS * wide + 1.4, place // ACROSS * high + 2.6
        axes.text(left - 1, top - 2, name, fontsize=10, va="center")
        axes.text(left - 1, top - 1.2, title, fontsize=8.5, va="center", color=GREY)
        tags = {(row, column): tag for t, row, column, tag in cells(scheme) if t == table}
        several = SCHEMES[scheme]([(0, 1)], 2).tags > 2
        for i, character in enumerate(STEROID.text):
            axes.text(left - 0.5, top + i + 0.5, character, ha="center", va="center", fontsize=9)
            axes.text(left + i + 0.5, top - 0.5, character, ha="center", va="center", fontsize=9)
            for j in range(length):
                tag = tags.get((i, j), 0)
                face = COLORS[tag - 1] if tag else "white"
                axes.add_patch(Rectangle((left + j, top + i), 1, 1, facecolor=face, edgecolor="#D9D9D9", linewidth=0.6))
                if tag and several:
                    axes.text(
                        left + j + 0.5, top + i + 0.5, str(tag), ha="center", va="center", color="white", fontsize=8
                    )
    return checked(figure)
