"""Drawings of how a method works, made from Documents of our own; the pages show them from `book/_static`.

`python -m relex.figures.diagrams.cascade` writes them again; a test compares the files with what the code draws.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from relex.corpora.readers.casmed import relation_code
from relex.documents import Document, Relation, Span
from relex.figures.diagrams import focused, generation, sentence, span, tables
from relex.figures.style import BLUE, GREY, ORANGE, checked, use_style
from relex.files import project_root

REPORT = Document(
    "report",
    "前降支近段狭窄80%，伴钙化，植入支架。",
    (
        Span(0, 5, "身体部位"),
        Span(5, 10, "症状体征"),
        Span(12, 14, "症状体征"),
        Span(15, 17, "治疗方式"),
        Span(17, 19, "医疗耗材"),
    ),
    (
        Relation(0, 1, "身体部位_症状体征"),
        Relation(0, 2, "身体部位_症状体征"),
        Relation(0, 3, "身体部位_治疗方式"),
        Relation(3, 4, "治疗方式_医疗耗材"),
        Relation(4, 0, "医疗耗材_身体部位"),
    ),
)
"""The worked sentence of the chapter on cascade tagging."""

RADIAL = Document(
    "radial",
    "经右桡动脉途径穿刺，置入6F鞘，予肝素3000U。",
    (
        Span(1, 5, "身体部位"),
        Span(7, 9, "治疗方式"),
        Span(12, 15, "医疗耗材"),
        Span(17, 19, "治疗方式"),
        Span(19, 24, "用药剂量"),
    ),
    (
        Relation(0, 1, "身体部位_治疗方式"),
        Relation(1, 2, "治疗方式_医疗耗材"),
        Relation(3, 4, "治疗方式_用药剂量"),
    ),
)
"""The sentence of README's example."""

IN_ENGLISH = {
    "身体部位": "body part", "治疗方式": "treatment", "医疗耗材": "material", "用药剂量": "dose",
    "身体部位_治疗方式": "treated by", "治疗方式_医疗耗材": "with", "治疗方式_用药剂量": "in a dose of",
}  # fmt: skip

Row = tuple[str, str, list[Span]]
"""A subject's mention (empty for the subject tagger), a relation (likewise), and the spans whose borders are tagged."""


def tag_rows(document: Document) -> list[Row]:
    """What a cascade tags in `document`: its subjects, then the objects of each subject, relation by relation.

    Subjects and relations come in the order of the document's relations; (subject, relation) without an object have no
    row: all of their tags are 0.
    """
    objects: dict[tuple[Span, str], list[Span]] = {}
    for head, name, tail in document.triples():
        objects.setdefault((head, name), []).append(tail)
    subjects = list(dict.fromkeys(head for head, _ in objects))
    rows: list[Row] = [("", "", subjects)]
    for subject in subjects:
        mention = document.text[subject.start : subject.end]
        rows += [(mention, name, spans) for (head, name), spans in objects.items() if head == subject]
    return rows


def cascade_tags(document: Document, short: Callable[[str], str] = str) -> Figure:
    """The characters of `document` and below them the start and end tags, a pair of rows for each of `tag_rows`.

    `short` turns the name of a relation into what is written.
    """
    rows = tag_rows(document)
    groups = list(dict.fromkeys(mention for mention, _, _ in rows))
    length, left = len(document.text), 7.5
    height = 1.6 + 2 * len(rows) + 1.15 * len(groups)
    figure = Figure(figsize=(0.23 * (length + left), 0.23 * height), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-left, length + 0.1), ylim=(height + 0.1, 0))  # the outermost lines are not to be cut
    axes.axis("off")
    for i, character in enumerate(document.text):
        axes.text(i + 0.5, 0.7, character, ha="center", va="center", fontsize=11)
    y = 1.6
    for number, (mention, relation, spans) in enumerate(rows):
        if number == 0 or mention != rows[number - 1][0]:
            title = f"objects of {mention}" if mention else "subjects"
            axes.text(-left + 0.2, y + 0.55, title, va="center", fontsize=10, color=GREY)
            y += 1.15
        axes.text(-left + 0.2, y + 1, short(relation) if relation else "", va="center", fontsize=10)
        _tags(axes, y, length, spans, BLUE if not mention else ORANGE)
        y += 2
    return checked(figure)


def _tags(axes, y: float, length: int, spans: Sequence[Span], color: str) -> None:
    """Two rows of `length` cells from `y` down: filled where a span starts, and where it ends."""
    borders = ("start", {s.start for s in spans}), ("end", {s.end - 1 for s in spans})
    for row, (name, filled) in enumerate(borders):
        axes.text(-0.3, y + row + 0.5, name, ha="right", va="center", fontsize=9, color=GREY)
        for i in range(length):
            face = color if i in filled else "white"
            axes.add_patch(Rectangle((i, y + row), 1, 1, facecolor=face, edgecolor="#D9D9D9", linewidth=0.6))
            if i in filled:
                axes.text(i + 0.5, y + row + 0.5, "1", ha="center", va="center", fontsize=9, color="white")


def draw(folder: Path) -> list[Path]:
    """Write all drawings as SVG into `folder` and return their paths; `relex.figures.plots.use_style` comes first."""
    figures = {"cascade": cascade_tags(REPORT, relation_code), "sentence": sentence.relations(RADIAL, IN_ENGLISH)}
    figures["tables"] = tables.schemes()
    figures["generation"] = generation.sequence()
    figures |= span.drawn() | focused.drawn()
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.svg", bbox_inches=figure.bbox_inches, metadata={"Date": None, "Creator": None})
    return [folder / f"{name}.svg" for name in figures]


if __name__ == "__main__":
    use_style()
    draw(project_root() / "book" / "_static")
