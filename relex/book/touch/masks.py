"""Focused attention to touch: what both names and [CLS] look at in each layer, by mask and by K."""

from dataclasses import dataclass

import numpy as np

from relex.book.touch import markup
from relex.figures.diagrams.focused import FINDING, PAIR, masks

LAYERS = 4
"""N of the drawing."""
BEGIN = 2
"""K of the drawing as it begins."""

KINDS = {"eq14": "Eq. 14", "eq13": "Eq. 13", "none": "no mask"}
"""Mask of a focused head → what it is called."""

SIZE, LEFT, GAP = 24, 74, 40
"""Units: a cell, the names of rows, and what stands above the rows of one viewer."""

CAPTION = (
    "Turn K up under Eq. 14. At which K does [CLS] stop hearing of anything but the two names, and why not before? "
    "Then do the same under Eq. 13. Each row is a layer, the last on top: coloured or grey are the tokens that are "
    "looked at there, coloured where the layer is focused. The lowest row has the tokens of the text that reach the "
    "viewer through all layers together."
)


@dataclass(frozen=True)
class View:
    """What a row of the last layer looks at: `seen` N×T (bool), the last layer first; `reached` T, through all N."""

    seen: np.ndarray
    reached: np.ndarray


def tokens() -> list[str]:
    """T: [CLS], the characters of the worked sentence, [SEP]."""
    return ["[CLS]", *FINDING.text, "[SEP]"]


def viewers() -> dict[str, int]:
    """Who looks → its token; of an entity the first, for all of its tokens look at the same ones."""
    one, other = (FINDING.entities[i] for i in PAIR)
    names = [f"{FINDING.text[s.start : s.end]} (entity {i})" for i, s in enumerate((one, other), 1)]
    return {names[0]: one.start + 1, names[1]: other.start + 1, "[CLS]": 0}


def view(kind: str, k: int, token: int) -> View:
    """What `token` looks at in each of `LAYERS`, of which the last `k` have the mask `kind`, one of `KINDS`."""
    places = [(s.start + 1, s.end) for s in (FINDING.entities[i] for i in PAIR)]
    drawn = masks(len(tokens()), *places)
    of_layers = [drawn[kind if kind != "none" else "all"]] * k + [drawn["all"]] * (LAYERS - k)
    reached = np.arange(len(tokens())) == token
    for mask in of_layers:
        reached = reached | mask[reached].any(0)
    return View(np.stack([mask[token] for mask in of_layers]), reached)


def page() -> str:
    """The picture, in Markdown."""
    controls = markup.slider("masks", "k", f"Of {LAYERS} layers the last are focused, K =", 0, LAYERS, BEGIN)
    controls = markup.choice("masks", "mask", "Mask", KINDS) + controls
    states = [(kind, k) for kind in KINDS for k in range(LAYERS + 1)]
    first = next(iter(KINDS)), BEGIN
    layers = "".join(
        f'<g data-when="mask={kind} k={k}"{" hidden" * ((kind, k) != first)}>{_state(kind, k)}</g>'
        for kind, k in states
    )
    width, height = LEFT + SIZE * len(tokens()) + 8, 3 * (GAP + SIZE * (LAYERS + 1)) + 30
    label = "For entity 1, entity 2 and [CLS], the tokens that each layer looks at; the sentence below says them"
    said = "".join(markup.when(f"mask={kind} k={k}", _sentence(kind, k), (kind, k) == first) for kind, k in states)
    picture = markup.svg(width, height, _ground() + layers, label) + markup.told(said)
    return markup.figure("masks", controls, picture, CAPTION)


def _top(viewer: int) -> float:
    return GAP + viewer * (GAP + SIZE * (LAYERS + 1) + 8)


def _ground() -> str:
    """Names of rows and columns, and empty cells."""
    drawn = []
    for v, name in enumerate(viewers()):
        top = _top(v)
        drawn.append(markup.text(0, top - 26, f"{name} looks at", f"touch-title c{v}"))
        for i, token in enumerate(tokens()):
            small = "touch-small" if len(token) > 1 else "touch-word"
            drawn.append(markup.text(LEFT + SIZE * (i + 0.5), top - 6, token.strip("[]"), small, "middle"))
        for row in range(LAYERS):
            drawn.append(markup.text(LEFT - 6, top + SIZE * (row + 0.7), f"layer {LAYERS - row}", "touch-small", "end"))
        drawn.append(markup.text(LEFT - 6, top + SIZE * (LAYERS + 0.7) + 4, "reaches it", "touch-small", "end"))
        places = [(i, row) for row in range(LAYERS) for i in range(len(tokens()))]
        drawn.append(f'<path class="touch-empty" d="{markup.cells(places, LEFT, top, SIZE)}"/>')
        last = [(i, 0) for i in range(len(tokens()))]
        drawn.append(f'<path class="touch-empty" d="{markup.cells(last, LEFT, top + SIZE * LAYERS + 4, SIZE)}"/>')
    return "".join(drawn)


def _state(kind: str, k: int) -> str:
    drawn = []
    for v, token in enumerate(viewers().values()):
        found, top = view(kind, k, token), _top(v)
        focused = [(int(i), int(row)) for row, i in np.argwhere(found.seen) if row < k]
        lower = [(int(i), int(row)) for row, i in np.argwhere(found.seen) if row >= k]
        drawn.append(f'<path class="touch-pale" d="{markup.cells(lower, LEFT, top, SIZE)}"/>')
        drawn.append(f'<path class="f{v}" d="{markup.cells(focused, LEFT, top, SIZE)}"/>')
        places = [(int(i), 0) for i in np.flatnonzero(found.reached)]
        drawn.append(f'<path class="f{v}" d="{markup.cells(places, LEFT, top + SIZE * LAYERS + 4, SIZE)}"/>')
    return "".join(drawn)


def _sentence(kind: str, k: int) -> str:
    """What a state shows, in words."""
    found = {name: view(kind, k, token) for name, token in viewers().items()}
    looks = ", ".join(f"{name} {_of_all(one.seen[0])}" for name, one in found.items())
    reach = ", ".join(f"{name} hears of {_of_all(one.reached)}" for name, one in found.items())
    which = {0: "no layer is focused; in every layer", 1: "in the last layer"}.get(k, f"in each of the last {k} layers")
    return f"{KINDS[kind]}, K = {k}: {which}, each looks at so many tokens: {looks}. Through all layers, {reach}."


def _of_all(tokens: np.ndarray) -> str:
    return f"all {len(tokens)}" if tokens.all() else f"{tokens.sum()} of {len(tokens)}"
