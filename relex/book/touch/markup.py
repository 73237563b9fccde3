"""The parts of a picture that a reader can touch: a figure, its controls, and what depends on them.

Python writes all that a picture can show; `book/_static/touch.js` only chooses. A figure has values with names, set by
its controls. An element with `data-when` is shown where these values are as it says, one with `data-mark` then gets the
class `marked`, and one with `data-from="NAME=3"` has the class `off` while the value is lower than 3. A condition is
`NAME=VALUE`, or `NAME` for any value; all of those between blanks have to hold, of those between `|` one. Without
JavaScript there are no controls, and what is shown is what was written without `hidden`.
"""

from collections.abc import Mapping, Sequence
from html import escape


def figure(name: str, controls: str, picture: str, caption: str) -> str:
    """Markdown of one picture: its controls, what they change, and a caption (HTML) that asks the reader something."""
    html = (
        f'<figure class="touch" id="touch-{name}">\n<div class="touch-controls">{controls}</div>\n'
        f"{picture}\n<figcaption>{caption}</figcaption>\n</figure>"
    )
    return f"```{{raw}} html\n{html}\n```\n"


def slider(figure: str, name: str, label: str, low: int, high: int, value: int) -> str:
    """A control that sets `name` to a whole number from `low` to `high`; it begins at `value`."""
    own = f"touch-{figure}-{name}"
    return (
        f'<span class="touch-slider"><label for="{own}">{escape(label)}</label> <output for="{own}">{value}</output>'
        f'<input type="range" id="{own}" data-set="{name}" min="{low}" max="{high}" step="1" value="{value}"></span>'
    )


def choice(figure: str, name: str, legend: str, options: Mapping[str, str]) -> str:
    """A control that sets `name` to one of `options`, value → label; it begins with the first."""
    first = next(iter(options))
    buttons = "".join(
        f'<label><input type="radio" name="touch-{figure}-{name}" data-set="{name}" value="{escape(value)}"'
        f"{' checked' * (value == first)}> {escape(label)}</label>"
        for value, label in options.items()
    )
    return f'<fieldset class="touch-choice"><legend>{escape(legend)}</legend>{buttons}</fieldset>'


def when(condition: str, inner: str, still: bool = False, tag: str = "p", more: str = "") -> str:
    """An element that is shown on a `condition`; `still` says whether it is part of the picture without JavaScript."""
    return f'<{tag} data-when="{condition}"{more}{"" if still else " hidden"}>{inner}</{tag}>'


def told(lines: str) -> str:
    """What is read out when it changes."""
    return f'<div class="touch-said" aria-live="polite">{lines}</div>'


def bold(words: str) -> str:
    """A sentence of Markdown, in which nothing but `**` is markup, as HTML."""
    return "".join(f"<b>{escape(p)}</b>" if i % 2 else escape(p) for i, p in enumerate(words.split("**")))


def svg(width: float, height: float, inner: str, label: str, widest: float = 0) -> str:
    """A drawing in units of its own, as wide as its column and at most `widest` pixels (by default a unit is one).

    `label` is what it shows, in words.
    """
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}" '
        f'style="max-width:{widest or width:g}px">{inner}</svg>'
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "") -> str:
    """Words of a drawing, with a class and, if not at their start, `middle` or `end` at x."""
    of_kind = f' class="{kind}"' if kind else ""
    at = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:g}" y="{y:g}"{of_kind}{at}>{escape(words)}</text>'


def cells(places: Sequence[tuple[int, int]], left: float, top: float, size: float, gap: float = 1) -> str:
    """The shape of squares at (column, row), for the `d` of one path."""
    side = size - gap
    return "".join(
        f"M{left + column * size:g} {top + row * size:g}h{side:g}v{side:g}h-{side:g}z" for column, row in places
    )
