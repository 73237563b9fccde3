"""Slides of a chapter, taken out of its built page: its own sentences, pictures, equations, code and tables.

A deck is `book/slides/PAGE.yaml`: which pieces of the page stand on which slide. A sentence is named by its first
words, equations left out; so a deck whose sentence has left the page is an error and never shows an old text. reveal.js
moves the slides.
"""

import html
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import yaml

from relex.errors import RelexError
from relex.files import write_text

FOLDER = "book/slides"
"""Folder, relative to the project, with a file for each deck."""
MOST = 10
"""Slides of a deck, its title included."""
REVEAL = ("reset.css", "reveal.css", "reveal.js")
"""What decks need of reveal.js; the package sphinx-revealjs brings it."""
BELOW = {"table": "table", "quote": "blockquote", "claims": "ul"}
"""What a slide can show as the first of its kind below a label; of claims, what stands in brackets is left out."""
KINDS = ("figure", "equation", "exercise", "code", *BELOW)
"""What a slide can show: the first three by their labels, code by words of its caption."""
KEYS = ("title", "say", "show", "ask", "page")
"""What a slide of a deck may have."""
END = re.compile(r"(?<=[.!?])(?<!Eq\.)(?<!al\.)\s+(?=[A-Z\"“(\[]|$)")
"""Where a sentence ends inside a paragraph."""
REASON = re.compile(r"(</em>: [^(,<]*?)\s*[(,].*?(?=</p>)", re.DOTALL)
"""What stands behind the verdict of a claim."""
STRAIGHT = str.maketrans("‘’“”", "''\"\"")
"""The quotes that sources have, for those that pages have."""

LINKS = '</h1>\n<p class="slides">{links}</p>'
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: slides</title>
<link rel="stylesheet" href="../_static/reveal/reset.css">
<link rel="stylesheet" href="../_static/reveal/reveal.css">
<link rel="stylesheet" href="../_static/slides.css">
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
<script src="../_static/reveal/reveal.js"></script>
<script src="../_static/slides.js"></script>
</body>
</html>
"""


def deck_names(root: Path) -> list[str]:
    """The pages that have slides, such as `cascade-tagging`, in the order of their names."""
    return sorted(path.stem for path in (root / FOLDER).glob("*.yaml"))


def deck_path(built: Path, name: str) -> Path:
    """The slides of a page in the folder of the built book."""
    return built / "book" / f"{name}-slides.html"


def read_deck(root: Path, name: str) -> dict:
    """A deck: `about`, a line under the title; `lesson`, a notebook or nothing; `slides`.

    Each slide has a `title`, and may have `say` (first words of sentences), `show` (pairs of a kind and a name), `ask`
    (a question to the room, in words of ours) and `page`, where its pieces are of another page.

    Raises a `RelexError` for a file that is no deck, for a kind that is unknown and for more than `MOST` slides.
    """
    path = root / FOLDER / f"{name}.yaml"
    try:
        deck = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RelexError(f"{path} is not YAML ({' '.join(str(error).split())[:200]}); correct it") from None
    if not (isinstance(deck, dict) and isinstance(deck.get("about"), str) and isinstance(deck.get("slides"), list)):
        raise RelexError(f"{path} is no deck; it needs a line `about` and a list `slides`")
    for number, slide in enumerate(deck["slides"], 1):
        if wrong := _wrong(slide):
            raise RelexError(f"{path}, slide {number}: {wrong}")
    unknown = {kind for slide in deck["slides"] for kind, _ in shown(slide)} - {*KINDS}
    if unknown:
        raise RelexError(f"{path} shows {', '.join(sorted(unknown))}; a slide can show {', '.join(KINDS)}")
    if len(deck["slides"]) >= MOST:
        raise RelexError(f"{path} has {len(deck['slides'])} slides and a title; {MOST} are the most")
    return deck


def _wrong(slide) -> str:
    """What keeps an entry of a deck from being a slide, else nothing."""
    if not isinstance(slide, dict) or not isinstance(slide.get("title"), str):
        return "a slide needs a title, in quotes if it is a number"
    if unknown := slide.keys() - KEYS:
        return f"a slide has no {', '.join(sorted(map(str, unknown)))}; it has {', '.join(KEYS)}"
    say, show = slide.get("say", []), slide.get("show", [])
    if not (isinstance(say, list) and all(isinstance(words, str) and words.strip() for words in say)):
        return "`say` is a list of first words of sentences"
    if not (isinstance(show, list) and all(isinstance(pair, dict) for pair in show)):
        return "`show` is a list of pairs, a kind and a name"
    if "page" in slide and not (isinstance(slide["page"], str) and slide["page"].strip()):
        return "`page` is the name of a page, such as cascade-tagging"
    return ""


def shown(slide: dict) -> list[tuple[str, str]]:
    """What a slide shows: pairs of a kind and a name."""
    return [pair for entry in slide.get("show", []) for pair in entry.items()]


def place(root: Path, built: Path) -> list[Path]:
    """Write the slides of all decks beside their pages in the folder `built`, and the files they load.

    Returns the paths of the decks.

    Below its title each of these pages, which have to be newly built, gets links to its slides and its lesson.
    Raises a `RelexError` that names deck and piece when a page has no such sentence, figure, equation, code or table.
    """
    names = deck_names(root)
    if names:
        _copy_reveal(built / "_static" / "reveal")
    read = cache(lambda name: Pieces.read(name, built))
    for name in names:
        write_text(deck_path(built, name), slides(name, read_deck(root, name), read, built))
    for name in names:
        page = built / "book" / f"{name}.html"
        links = " · ".join([f'<a href="{name}-slides.html">Slides</a>', *_lesson(read_deck(root, name), built)])
        write_text(page, page.read_text(encoding="utf-8").replace("</h1>", LINKS.format(links=links), 1))
    return [deck_path(built, name) for name in names]


def slides(name: str, deck: dict, read: Callable[[str], "Pieces"], built: Path) -> str:
    """The HTML of a deck; `read` gives the pieces of a page by its name."""
    try:
        own = read(name)
    except LookupError as error:
        raise RelexError(f"{FOLDER}/{name}.yaml: {error.args[0]}, and the deck that name") from None
    parts = [_first(own, deck, built)]
    for slide in deck["slides"]:
        try:
            parts.append(_slide(slide, read(slide["page"]) if "page" in slide else own))
        except LookupError as error:
            raise RelexError(f"{FOLDER}/{name}.yaml, slide {slide['title']!r}: {error.args[0]}") from None
    return PAGE.format(title=html.escape(own.title), slides="\n".join(parts))


class Pieces:
    """What slides can take out of the HTML of the page `name`; what is missing is a `LookupError`."""

    def __init__(self, name: str, page: str):
        from bs4 import BeautifulSoup

        soup = BeautifulSoup(page, "html.parser")
        self.name, self.article = name, soup.find("article") or soup
        for useless in self.article.select(".headerlink, .eqno, .copybtn"):
            useless.decompose()
        for link in self.article.select('a[href^="#"]'):
            link["href"] = f"{name}.html{link['href']}"
        self.title = self.article.find("h1").get_text().strip()
        self.sentences = list(_sentences(self.article))

    @classmethod
    def read(cls, name: str, built: Path) -> "Pieces":
        """Those of a page in the folder of the built book."""
        path = built / "book" / f"{name}.html"
        if not path.is_file():
            raise LookupError(f"the book has no built page {name!r}; give the name of one that _toc.yml lists")
        return cls(name, path.read_text(encoding="utf-8"))

    def sentence(self, beginning: str) -> str:
        """The HTML of the first sentence that begins so."""
        wanted = " ".join(beginning.split())
        for text, markup in self.sentences:
            if text.startswith(wanted):
                return re.sub(r":$", ".", markup)
        raise LookupError(f"{self.name} has no sentence that begins {wanted!r}")

    def piece(self, kind: str, name: str) -> str:
        """The HTML of what has this kind (one of `KINDS`) and this name."""
        found = self._found(kind, name)
        if found is None:
            raise LookupError(f"{self.name} has no {kind} {name!r}")
        if kind == "figure":
            picture = found.find("img")
            if picture is None:
                raise LookupError(f"{self.name} has no picture in figure {name!r}")
            return f'<figure><img src="{picture["src"]}" alt="{html.escape(picture.get("alt", ""))}"></figure>'
        # reveal.js would take a section inside a slide for a slide
        text = re.sub(r'\sid="[^"]*"', "", found.decode_contents() if kind == "exercise" else str(found))
        return REASON.sub(r"\1.", text) if kind == "claims" else text

    def _found(self, kind: str, name: str):
        if kind == "code":
            captions = self.article.select(".code-block-caption")
            return next((one.parent.find("pre") for one in captions if name in _text(one)), None)
        label = self.article.find(id=f"equation-{name}" if kind == "equation" else name)
        if label is None or kind in ("equation", "figure"):
            return label
        return label.find("section") if kind == "exercise" else label.find_next(BELOW[kind])


def _sentences(article) -> Iterator[tuple[str, str]]:
    """Text and HTML of each sentence. A piece of markup, such as a link, never ends a sentence inside itself."""
    from bs4 import BeautifulSoup, NavigableString

    for paragraph in article.select("p, .caption-text"):
        pieces: list[str] = [""]
        for child in paragraph.children:
            if isinstance(child, NavigableString):
                first, *others = END.split(str(child))
                pieces[-1] += html.escape(first, quote=False)
                pieces += [html.escape(other, quote=False) for other in others]
            else:
                pieces[-1] += str(child)
        for markup in filter(str.strip, pieces):
            sentence = BeautifulSoup(markup, "html.parser")
            for equation in sentence.select(".math"):
                equation.decompose()
            yield _text(sentence), markup.strip()


def _text(element) -> str:
    return " ".join(element.get_text().split()).translate(STRAIGHT)


def _first(page: Pieces, deck: dict, built: Path) -> str:
    """The title, and what the page says its readers will be able to do."""
    links = [f'<a href="{page.name}.html">The chapter</a>', *_lesson(deck, built)]
    goals = page.article.select_one(".frame ul")
    goals = f'<div class="said"><p>You will be able to</p>{goals}</div>' if goals else ""
    return (
        f'<section class="first"><div class="parts"><h1>{html.escape(page.title)}</h1>'
        f"<p>{html.escape(deck['about'])}</p>{goals}<p>{' · '.join(links)}</p></div></section>"
    )


def _lesson(deck: dict, built: Path) -> list[str]:
    """The link to the lesson of a deck, from a page in the folder `book`; nothing where no lesson is built."""
    lesson = deck.get("lesson")
    there = lesson and (built / "book" / "executed" / f"{lesson}.html").is_file()
    return [f'<a href="executed/{lesson}.html">The lesson</a>'] if there else []


def _slide(slide: dict, pieces: Pieces) -> str:
    show = "".join(f'<div class="{kind}">{pieces.piece(kind, name)}</div>' for kind, name in shown(slide))
    say = "".join(f"<li>{pieces.sentence(words)}</li>" for words in slide.get("say", []))
    said = f"<ul>{say}</ul>" * bool(say) + f'<p class="ask">{html.escape(slide.get("ask", ""))}</p>' * ("ask" in slide)
    parts = f'<div class="shown">{show}</div>' * bool(show) + f'<div class="said">{said}</div>' * bool(said)
    return f'<section><h2>{html.escape(slide["title"])}</h2><div class="parts">{parts}</div></section>'


def _copy_reveal(folder: Path) -> None:
    try:
        source = files("sphinx_revealjs") / "_static" / "revealjs" / "dist"
    except ModuleNotFoundError:
        raise RelexError("slides need reveal.js; `pip install sphinx-revealjs` brings it") from None
    folder.mkdir(parents=True, exist_ok=True)
    for name in REVEAL:
        with as_file(source / name) as path:
            shutil.copyfile(path, folder / name)
