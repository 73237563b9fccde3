"""What the cross attention of ISER's fusion looks at: its two matrices for single texts, drawn and to be touched.

The paper shows two sentences so (its Figures 7 and 8); here it is any sentence. What holds for a whole test part is
measured elsewhere: a picture is no evidence.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from relex.analysis.attention_mass import covered
from relex.documents import Document, Span
from relex.errors import RelexError
from relex.figures.style import BLUE, GREY, ORANGE, checked
from relex.heads import SpanModel
from relex.heads.windows import FIRST_CJK
from relex.runs.config import Config
from relex.runs.probes import TRIGGERS
from relex.runs.run import find_model, load_corpus, load_head

MOST = 64
"""Tokens that a view can have; labels of more cannot be read."""
BESIDE = 20
"""Tokens up to which both matrices stand side by side."""

PALE = 4
"""The darkest colour is at least so many even shares, so that attention that looks nowhere is pale."""

ENTITY, TRIGGER = "entity", "trigger word"
COLORS = {ENTITY: BLUE, TRIGGER: ORANGE}
DIRECTIONS = {"by_entity": "entity queries → relation states", "by_relation": "relation queries → entity states"}


def _marked(text: str) -> Document:
    """A Document whose entities are what stands in square brackets."""
    pieces = re.split(r"[\[\]]", text)
    ends = np.cumsum([len(piece) for piece in pieces])
    spans = tuple(Span(int(ends[i - 1]), int(ends[i]), ENTITY) for i in range(1, len(pieces), 2))
    return Document("", "".join(pieces), spans)


EXAMPLES = {
    "zh": (
        _marked("[安宁]片@与[复方止咳露]合用增强镇静作用,禁止与[酒精类制剂]同用"),
        _marked("[克咳]胶囊@[退热灵]减慢本品的代谢,对[利尿散]的疗效无影响"),
    ),
    "en": (
        _marked("[Clara Neumann] , a reporter for the [Harbor Courier] , lives in [Lisbon] ."),
        _marked("The [Northwind Institute] is based in [Aarhus] , [Denmark] ."),
    ),
}
"""Sentences of our own, by language; people, papers and drugs are made up."""


@dataclass(frozen=True, slots=True)
class View:
    """The cross attention over one text of N tokens, special tokens left out.

    `by_entity` N×N: a row is an entity query, a column a relation state; `by_relation` N×N the other way round. Rows
    sum to 1. `tokens` are N strings as they stand in the text, `apart` N says which have a blank behind them, `kinds`
    N is `ENTITY`, `TRIGGER` or empty.
    """

    text: str
    tokens: tuple[str, ...]
    apart: tuple[bool, ...]
    kinds: tuple[str, ...]
    by_entity: np.ndarray = field(repr=False)
    by_relation: np.ndarray = field(repr=False)


@torch.no_grad()
def views(
    head: SpanModel,
    texts: Sequence[Document | str],
    triggers: Callable[[str], Sequence[tuple[int, int]]] = lambda text: (),
) -> list[View]:
    """The cross attention of each text, by a head with fusion.

    The entities to mark are a Document's own, and of a plain text those that the head finds in it; `triggers` gives the
    stretches (start, end) of a text that are trigger words. Raises a `RelexError` for a head without fusion, and for a
    text without tokens or with more than `MOST`.
    """
    if "attention" not in head.probes:
        raise RelexError("this model has no interactive fusion, so no cross attention; take a span model with fusion")
    device = next(head.parameters()).device
    training = head.training
    head.eval()
    try:
        return [_view(head, text, triggers, device) for text in texts]
    finally:
        head.train(training)


def _view(head: SpanModel, text: Document | str, triggers, device: torch.device) -> View:
    document = Document("", text if isinstance(text, str) else text.text)  # without labels: the schema may lack them
    places = np.array(head.encoder.tokenize([document.text])[0].offsets).reshape(-1, 2)
    count, most = len(places), min(MOST, head.encoder.max_length - 2)  # so that one window holds them all
    if not 1 <= count <= most:
        raise RelexError(
            f"the text {_short(document.text)} has {count} tokens, but a view shows 1 to {most}; "
            f"give {'a longer' if count < 1 else 'a shorter'} one"
        )
    batch = {name: value.to(device) for name, value in head.collate([document]).items()}
    entities = head.predict(batch, [document])[0].entities if isinstance(text, str) else text.entities
    shares = [x[0, :count, :count].float().cpu().numpy() for x in head.attention(batch)]
    kinds = np.full(count, "", dtype=object)
    marked = [(TRIGGER, *place) for place in triggers(document.text)]
    marked += [(ENTITY, span.start, span.end) for span in entities if not span.absent]
    for kind, start, end in marked:  # what is both is an entity
        kinds[covered(places, [(start, end)])] = kind
    tokens = tuple(document.text[start:end] for start, end in places)
    apart = (*(places[1:, 0] > places[:-1, 1]).tolist(), False)
    return View(document.text, tokens, apart, tuple(kinds), *shares)


def language(texts: Iterable[str]) -> str:
    """`zh` when a text has Chinese characters, else `en`: a key of `EXAMPLES`."""
    return "zh" if any(c >= FIRST_CJK for text in texts for c in text) else "en"


def kept(records: Iterable[dict]) -> dict[tuple[str, str], dict]:
    """Corpus and row → the first of their records whose weights are on this machine."""
    found: dict[tuple[str, str], dict] = {}
    for record in records:
        key = record["config"]["corpus"], record["config"]["row"]
        if key not in found and find_model(record["run"]):
            found[key] = record
    return found


def of_record(record: dict, texts: Sequence[str] = ()) -> list[View]:
    """The views of `texts` in the language of a record's corpus, or without texts of `EXAMPLES`, by its trained model.

    Trigger words are those of the corpus's lexicon, where it has one. Errors as in `views`.
    """
    config = Config.from_json(record["config"])
    tongue = language(d.text for d in load_corpus(config).test)
    chosen = [text for text in texts if language([text]) == tongue] if texts else EXAMPLES[tongue]
    return views(load_head(record), chosen, TRIGGERS.get(config.corpus, lambda text: ()))


def heat_maps(view: View, title: str = "") -> Figure:
    """Both matrices of a view on one scale; a row asks, a column is looked at, the lowest row is the mean of all.

    Entities and trigger words have a bar of their colour beside them, and their labels have it too.
    """
    count = len(view.tokens)
    rotated = any(len(token) > 2 for token in view.tokens)
    side = float(np.clip(0.19 * count, 2.2, 6.0))
    margin = 1.0 if rotated else 0.5
    if count <= BESIDE:
        figure = Figure(figsize=(2 * (side + margin) + 0.4, side + margin + 1.3), layout="constrained")
        panels = figure.subplots(1, 2)
    else:
        figure = Figure(figsize=(side + margin + 0.4, 2 * (side + margin) + 1.6), layout="constrained")
        panels = figure.subplots(2, 1)
    highest = max(view.by_entity.max(), view.by_relation.max(), PALE / count)
    for axes, (name, words) in zip(panels, DIRECTIONS.items(), strict=True):
        image = _panel(axes, view, getattr(view, name), highest, side, rotated)
        axes.set_title(words, fontsize=11)
    bar = figure.colorbar(image, ax=panels, location="bottom", shrink=0.6, aspect=40, pad=0.02)
    bar.ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0 if highest > 0.08 else 1))
    bar.ax.grid(False)
    bar.ax.axvline(1 / count, color=ORANGE, linewidth=2)
    bar.set_label("share of a row; the line is an even share")
    shown = [kind for kind in COLORS if kind in view.kinds]
    if shown:
        handles = [Rectangle((0, 0), 1, 1, color=COLORS[kind]) for kind in shown]
        figure.legend(handles, shown, loc="outside lower center", ncols=len(shown))
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return checked(figure)


def _panel(axes, view: View, shares: np.ndarray, highest: float, side: float, rotated: bool):
    """One matrix, `side` inches wide, with the mean of its rows below."""
    count = len(view.tokens)
    blank = np.full((1, count), np.nan)
    image = axes.imshow(np.vstack([shares, blank, shares.mean(0)]), vmin=0, vmax=highest, interpolation="none")
    size = float(np.clip(0.8 * 72 * side / count, 5, 10))
    axes.set_xticks(range(count), view.tokens, rotation=90 if rotated else 0, fontsize=size)
    axes.set_yticks([*range(count), count + 1], [*view.tokens, "mean"], fontsize=size)
    axes.tick_params(length=0, pad=7)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        for label, kind in zip(labels, [*view.kinds, ""], strict=False):
            label.set_color(COLORS.get(kind, GREY))
    start, beyond = 0, -0.05 / side  # a twentieth of an inch outside, in parts of the axes
    for kind, run in itertools.groupby(view.kinds):
        stretch = [start - 0.4, (start := start + len(list(run))) - 0.6]
        if kind:
            line = {"color": COLORS[kind], "linewidth": 3, "clip_on": False, "solid_capstyle": "butt"}
            axes.plot(stretch, [beyond] * 2, transform=axes.get_xaxis_transform(), **line)
            axes.plot([beyond] * 2, stretch, transform=axes.get_yaxis_transform(), **line)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(count + 1.5, -0.5))
    return image


def interactive(view: View) -> str:
    """A piece of HTML in which a token shows where it looks: by hover, tap, or focus and arrow keys.

    It brings its style and script, asks the network for nothing, takes the colours of the page around it, and any
    number of such pieces can stand on one page: none has an id.
    """
    template = Environment(loader=PackageLoader("relex", "data"), autoescape=True).get_template("attention.html")
    return template.render(
        view=view,
        chinese=language([view.text]) == "zh",
        tokens=list(zip(view.tokens, view.kinds, view.apart, strict=True)),
        kinds=[kind for kind in COLORS if kind in view.kinds],
        shares=np.rint(10000 * np.stack([view.by_entity, view.by_relation])).astype(int).tolist(),
        pale=PALE,
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 30 else text[:29] + "…")
