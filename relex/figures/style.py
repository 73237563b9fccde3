"""How all figures look, and how they are saved."""

import warnings
from collections.abc import Iterable
from importlib import resources
from io import BytesIO
from pathlib import Path

import matplotlib
import matplotlib.style
import pandas as pd
from matplotlib import font_manager
from matplotlib.figure import Figure

from relex.errors import RelexError
from relex.files import project_root

FONT_PACKAGE, FONT_FILE = "pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"


BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#00785A", "#666666"


MARKERS = ((GREY, "s"), (BLUE, "o"), (ORANGE, "D"), (GREEN, "^"))


"""Colour and marker of the sources of a plot, told apart without colour too."""


def font_path() -> Path:
    """The file of Noto Sans SC in the package pylopdf-fonts-zh-cn (OFL); no system font is used.

    Raises a `RelexError` when the package is not installed.
    """
    try:
        path = Path(str(resources.files(FONT_PACKAGE) / FONT_FILE))
    except ModuleNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise RelexError(
            "the Chinese font for figures is not installed; run `pip install pylopdf-fonts-zh-cn==0.1.1` "
            "or `make install`"
        )
    return path


def cut_font(characters: Iterable[str]) -> bytes:
    """Noto Sans SC with these characters alone, a font in WOFF; a `RelexError` as `font_path`."""
    from fontTools import subset

    options = subset.Options(name_IDs=["*"], layout_features=["kern"], hinting=False)
    font = subset.load_font(str(font_path()), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=set(map(ord, characters)))
    cutter.subset(font)
    font.flavor = "woff"
    written = BytesIO()
    font.save(written)
    return written.getvalue()


def use_style() -> None:
    """Make the book's style the default of matplotlib, register the font, and show SVG when in a notebook.

    Tables show their cells whole: pandas would cut the reason of a verdict off after fifty characters.
    """
    pd.set_option("display.max_colwidth", None)
    font_manager.fontManager.addfont(font_path())
    with resources.as_file(resources.files("relex") / "data" / "relex.mplstyle") as path:
        matplotlib.style.use(path)
    try:
        from IPython import get_ipython
    except ModuleNotFoundError:
        return
    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")


def checked(figure: Figure) -> Figure:
    """Draw `figure` and return it; a `RelexError` names the characters that its fonts lack."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.draw_without_rendering()
    missing = [str(w.message) for w in caught if "missing from" in str(w.message) and "Glyph" in str(w.message)]
    if missing:
        raise RelexError(f"a figure lacks glyphs: {'; '.join(missing)}; call use_style() first, or change the text")
    return figure


def save(figure: Figure, name: str) -> Path:
    """Write a figure as SVG beside the executed notebooks, for pages that show it; return its path."""
    path = project_root() / "book" / "executed" / f"{name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    return path
