"""A sentence with its entities and relations: what extraction is asked for."""

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from relex.documents import Document
from relex.figures.style import BLUE, GREY, ORANGE, checked

BEND = 0.45
"""How far an arrow bends away from the text, as a share of its length."""


def relations(document: Document, names: dict[str, str]) -> Figure:
    """The characters of `document`, its entities underlined, an arrow from head to tail for each relation.

    `names`: type of an entity or a relation → how it is written.
    """
    length = len(document.text)
    figure = Figure(figsize=(0.34 * (length + 0.8), 0.34 * 6.2), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.4, length + 0.4), ylim=(-1.9, 4.3))
    axes.axis("off")
    for i, character in enumerate(document.text):
        inside = any(s.start <= i < s.end for s in document.entities)
        axes.text(i + 0.5, 0, character, ha="center", va="center", fontsize=15, color=BLUE if inside else "black")
    for span in document.entities:
        axes.plot([span.start + 0.1, span.end - 0.1], [-0.75] * 2, color=BLUE, linewidth=2.5)
        axes.text(_middle(span), -1.35, names[span.type], ha="center", va="center", fontsize=9, color=BLUE)
    for head, name, tail in document.triples():
        begin, end = _middle(head), _middle(tail)
        bend = -BEND if end > begin else BEND
        arrow = {"arrowstyle": "-|>", "mutation_scale": 11, "color": ORANGE, "linewidth": 1.6}
        axes.add_patch(FancyArrowPatch((begin, 0.8), (end, 0.8), connectionstyle=f"arc3,rad={bend}", **arrow))
        top = 0.8 + BEND * abs(end - begin) / 2  # an arc rises by half of its bend, in units as wide as they are high
        axes.text((begin + end) / 2, top + 0.3, names[name], ha="center", fontsize=9, color=GREY)
    return checked(figure)


def _middle(span) -> float:
    return (span.start + span.end) / 2
