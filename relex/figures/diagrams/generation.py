"""The graph of a sentence as the sequence that a decoder generates."""

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from relex.documents import Document
from relex.figures.diagrams.tables import STEROID
from relex.figures.style import BLUE, GREEN, GREY, ORANGE, checked
from relex.heads.generation.grammar import Vocabulary

CODES = {"entity": BLUE, "head": ORANGE, "tail": ORANGE, "relation": GREEN, "": GREY}
"""What a step is for → its colour; the stop and the end are for nothing."""


def steps(document: Document) -> list[tuple[str, str, str]]:
    """What the gold sequence of a document says, each character a word: mention or name, its type, what it is for."""
    types, names = (list(dict.fromkeys(kind)) for kind in (
        [s.type for s in document.entities], [r.type for r in document.relations],
    ))  # fmt: skip
    vocabulary = Vocabulary(len(names), len(document.text), len(types))
    entities = [(s.start, s.end - 1, types.index(s.type)) for s in document.entities]
    relations = [(r.head, r.tail, names.index(r.type)) for r in document.relations]
    found, triples = vocabulary.told(vocabulary.sequence(entities, relations))

    def entity(number: int, role: str) -> tuple[str, str, str]:
        first, last, kind = vocabulary.place(number)
        return document.text[first : last + 1], types[kind], role

    said = [entity(number, "entity") for number in found] + [("stop", "", "")]
    for head, tail, relation in triples:
        said += [entity(head, "head"), entity(tail, "tail"), (names[relation], "", "relation")]
    return [*said, ("end", "", "")]


def sequence() -> Figure:
    """The worked sentence of the chapter, a box a step, from left to right; below each what it is for."""
    said, wide = steps(STEROID), 1.7
    figure = Figure(figsize=(0.42 * wide * len(said), 0.9), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.1, wide * len(said)), ylim=(2.2, 0))
    axes.axis("off")
    for i, (text, kind, role) in enumerate(said):
        middle = i * wide + 0.75
        axes.add_patch(Rectangle((i * wide, 0.1), 1.5, 1.3, facecolor="white", edgecolor=CODES[role], linewidth=1.2))
        axes.text(middle, 0.55 if kind else 0.75, text, ha="center", va="center", fontsize=9.5)
        axes.text(middle, 1.08, kind, ha="center", va="center", fontsize=8, color=GREY)
        axes.text(middle, 1.8, role, ha="center", va="center", fontsize=8, color=CODES[role])
    return checked(figure)
