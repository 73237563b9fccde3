"""A cascade's tags to touch: from a start to its end, from a head to its tails, as the model decodes them."""

from dataclasses import dataclass
from html import escape

import torch

from relex import encoders
from relex.book.touch import markup
from relex.corpora.readers.casmed import SCHEMA, relation_code
from relex.documents import Document, Relation, Span
from relex.figures.diagrams.cascade import REPORT
from relex.heads import Cascade, CascadeOptions

SAME_START = Document(
    "same-start",
    "前降支近段钙化。",
    (Span(0, 5, "身体部位"), Span(0, 3, "身体部位"), Span(5, 7, "症状体征")),
    (Relation(0, 2, "身体部位_症状体征"), Relation(1, 2, "身体部位_症状体征")),
)
"""Two heads that start together, of which decoding gives one back."""

SENTENCES = (REPORT, SAME_START)

CAPTION = (
    "Before you touch a start: which end will it be paired with, and which relations of that head have tails? "
    "Then take the second sentence. Two heads are annotated there; how many starts do you see, and which head is lost? "
    "(The papers on cascade tagging call a head a subject and a tail an object.)"
)

Place = tuple[int, int]
"""First and last token."""


@dataclass(frozen=True)
class Decoded:
    """What a cascade tags in a text of L tokens and reads back from these tags.

    `starts`, `ends`: L tags of heads; `heads`: the pairs of them; `tails`: for each head, relation → starts, ends and
    their pairs; `lost`: annotated heads that do not come back.
    """

    tokens: list[str]
    starts: list[bool]
    ends: list[bool]
    heads: list[Place]
    tails: list[dict[str, tuple[list[bool], list[bool], list[Place]]]]
    lost: list[str]

    def words(self, place: Place) -> str:
        """The tokens from first to last."""
        return "".join(self.tokens[place[0] : place[1] + 1])


def decoded(document: Document) -> Decoded:
    """The tags on which a `Cascade` trains for `document`, and what its own decoding makes of them."""
    encoder = encoders.load("random:tiny", texts=[document.text])
    model = Cascade(encoder, SCHEMA, CascadeOptions(bilstm=False, attention=False, feature_fusion="none"))
    batch = model.collate([document])
    of_heads, of_tails = model.gold_logits(batch)
    heads, tails, _ = model.decode(of_heads, of_tails, batch["attention_mask"])
    offsets = model.rows([document])[0].windows[0].offsets[1:-1].tolist()
    tokens = [document.text[start:end] for start, end in offsets]
    tags = of_heads[0, 1 : len(tokens) + 1] > 0
    found = []
    for i, logits in enumerate(of_tails(heads)):
        of_classes = (logits[1 : len(tokens) + 1] > 0).permute(1, 2, 0)  # R×2×L
        tagged: dict = {}
        for class_id in torch.nonzero(of_classes.any(-1).any(-1)).flatten().tolist():
            pairs = [(a, b) for s, c, a, b in tails.tolist() if (s, c) == (i, class_id)]
            tagged[model.classes[class_id][0]] = (*of_classes[class_id].tolist(), pairs)
        found.append(tagged)
    places = [(first, last) for _, first, last in heads.tolist()]
    lost = [place for _, *place in batch["subjects"].tolist() if tuple(place) not in places]
    named = ["".join(tokens[first : last + 1]) for first, last in lost]
    return Decoded(tokens, *tags.T.tolist(), places, found, named)


def page() -> str:
    """The picture, in Markdown."""
    control = markup.choice("cascade", "sentence", "Sentence", {str(i): d.text for i, d in enumerate(SENTENCES)})
    parts = []
    for i, document in enumerate(SENTENCES):
        found = decoded(document)
        strip = f'<div data-when="sentence={i}"{" hidden" * (i > 0)}>{_heads(found, i)}</div>'
        panels = "".join(_panel(found, i, number) for number in range(len(found.heads)))
        parts.append(strip + markup.told(panels))
    hint = markup.when("!head", "Choose a start: a blue 1 in the upper row.", still=False, more=' class="touch-hint"')
    return markup.figure("cascade", control, hint + "".join(parts), CAPTION)


def _heads(found: Decoded, sentence: int) -> str:
    """The tags of heads; starts are buttons."""
    columns = []
    for i, token in enumerate(found.tokens):
        start, within = _cell(found.starts[i]), []
        for number, (first, last) in enumerate(found.heads):
            if first <= i <= last:
                within.append(f"head={sentence}-{number}")
            if first == i:
                said = f"start at {token}, token {i + 1}: pair it with its end"
                start = (
                    f'<button type="button" class="touch-cell on" data-set="head" value="{sentence}-{number}" '
                    f'aria-pressed="false" aria-label="{escape(said)}">1</button>'
                )
        mark = f' data-mark="{"|".join(within)}"' if within else ""
        columns.append(_column(token, start, _cell(found.ends[i]), mark))
    return _strip(columns, "tags of heads", group=True)


def _panel(found: Decoded, sentence: int, number: int) -> str:
    """What belongs to one head: how it was paired, and its tails, relation by relation."""
    first, last = found.heads[number]
    head = found.words((first, last))
    lines = [
        f"<p>The start at <b>{escape(found.tokens[first])}</b> goes with the nearest end at or after it, at "
        f"<b>{escape(found.tokens[last])}</b>: the head is <b>{escape(head)}</b>. Its tails:</p>"
    ]
    for name, (starts, ends, pairs) in found.tails[number].items():
        tails = ", ".join(map(found.words, pairs))
        columns = []
        for i, token in enumerate(found.tokens):
            within = ' data-within=""' if any(a <= i <= b for a, b in pairs) else ""
            columns.append(_column(token, _cell(starts[i]), _cell(ends[i]), within))
        label = f"<p><b>{relation_code(name)}</b> ({escape(name)}): {escape(tails)}</p>"
        lines.append(label + _strip(columns, f"tails of {head} under {relation_code(name)}: {tails}", "tail"))
    others = len(SCHEMA.relation_names) - len(found.tails[number])
    lines.append(f"<p>The other {others} relations have no tag for this head.</p>")
    if found.lost:
        names = escape(", ".join(found.lost))
        lines.append(f"<p>No start leads to the annotated head <b>{names}</b>, whose own end is not the nearest.</p>")
    return markup.when(f"sentence={sentence} head={sentence}-{number}", "".join(lines), sentence == 0, "div")


def _strip(columns: list[str], label: str, kind: str = "", group: bool = False) -> str:
    role = "group" if group else "img"
    names = '<span class="touch-token touch-names"><span>&nbsp;</span><span>start</span><span>end</span></span>'
    inner = names + "".join(columns)
    return f'<div class="touch-strip {kind}" role="{role}" aria-label="{escape(label)}">{inner}</div>'


def _column(token: str, start: str, end: str, more: str) -> str:
    return f'<span class="touch-token"{more}><span class="touch-word">{escape(token)}</span>{start}{end}</span>'


def _cell(tag: bool) -> str:
    return '<span class="touch-cell on">1</span>' if tag else '<span class="touch-cell"></span>'
