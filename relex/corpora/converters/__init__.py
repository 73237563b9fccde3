"""Data of one's own in the forms that annotation tools, shared tasks and papers use, read into Documents."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from relex.corpora.converters import brat, texts, words
from relex.corpora.converters.draft import UNITS, shown
from relex.documents import Document, first_error_raised, rows, scan, write_documents
from relex.errors import RelexError
from relex.files import check_output


def _documents(row: dict, stem: str, number: int, counts: Counter) -> Document:
    return Document.from_json(row)


ROWS: dict[str, tuple[Callable[[dict, str, int, Counter], Document], tuple[str, ...]]] = {
    "documents": (_documents, ("id", "text", "entities[start end type]")),
    "doccano": (texts.doccano, ("text", "entities[start_offset]|label|labels")),
    "spo": (texts.spo, ("text", "spo_list")),
    "tplinker": (texts.tplinker, ("text", "relation_list")),
    "triples": (texts.triple_list, ("text", "triple_list")),
    "nyt": (texts.mentions, ("sentText", "relationMentions")),
    "spert": (words.spert, ("tokens|text", "entities[start end type]")),
    "gliner": (words.gliner, ("tokenized_text", "ner")),
    "pure": (words.pure, ("sentences", "ner")),
}
"""Form → reader of a row, and the fields that tell it; `a|b` is one of two, `a[b c]` a list whose items have b and c.

The first form whose fields a row has is its form, so what asks for more stands before what asks for less.
"""

OTHER_NAMES = {"cmeie": "spo", "duie": "spo", "webnlg": "triples", "dygie": "pure"}
"""Names under which users look for a form → the form."""

FORMATS = (*ROWS, *OTHER_NAMES, "brat", "conll")


def form_of(path: Path) -> str:
    """The form of a file or folder, told by its first row; a `RelexError` names the known ones when it is none."""
    if path.is_dir():
        return "brat"
    try:
        first = next((value for _, value in rows(path) if isinstance(value, dict)), None)
    except RecursionError:
        first = None
    if first is not None:
        for form, (_, told) in ROWS.items():
            if all(any(_has(first, one) for one in wanted.split("|")) for wanted in told):
                return form
        if isinstance(first.get("text"), str) and not any(isinstance(v, list | dict) for v in first.values()):
            return "spo"  # a text without labels
    elif path.is_file() and (lines := _sentences(path)) and all(len(line.split()) > 1 for line in lines[0][1]):
        return "conll"
    raise RelexError(f"{path} is of no known form; known are {', '.join(FORMATS)}, so name one or convert the file")


def _has(row: dict, wanted: str) -> bool:
    name, _, keys = wanted.rstrip("]").partition("[")
    if not keys or name not in row:
        return name in row
    items = row[name] if isinstance(row[name], list) else [None]
    return all(isinstance(item, dict) and all(key in item for key in keys.split()) for item in items)


def read(path: Path, form: str = "", offsets: str = "") -> tuple[str, tuple[Document, ...], Counter]:
    """The form of a file or folder, its Documents, and counts of entries that had to be changed or left out.

    An empty `form` is recognised by the content (`form_of`). `offsets` is for doccano, see `draft.UNITS`. Raises a
    `RelexError` that names file and line of an entry that cannot be used, an id that comes twice included.
    """
    if form and form not in FORMATS:
        raise RelexError(f"there is no format {shown(form)}; known are {', '.join(FORMATS)}")
    if offsets and offsets not in UNITS:
        raise RelexError(f"offsets cannot count {shown(offsets)}; known are {', '.join(UNITS)}")
    form = form or form_of(path)
    if offsets and form != "doccano":
        raise RelexError(f"{form} defines its own offsets; {offsets} is for doccano alone")
    counts: Counter = Counter()
    if form == "brat":
        documents = tuple(brat.read(path, counts))
    elif form == "conll":
        documents = tuple(_conll(path, counts))
    else:
        parse = ROWS[OTHER_NAMES.get(form, form)][0]
        if offsets:
            parse = partial(parse, unit=offsets)
        found = scan(path, lambda number, row: parse(row, path.stem, number, counts), arrays=True)
        documents = first_error_raised(found)
    if not documents:
        raise RelexError(f"{path} has no documents; it needs at least one")
    return form, documents, +counts


def convert(form: str, path: Path, out: Path, offsets: str = "") -> tuple[int, Counter]:
    """Write what `path` holds in format `form` to `out` as Documents, one a line; the number of them and the counts.

    Raises a `RelexError` that names file and line for what cannot be used; `out` is then left as it was.
    """
    check_output(out, path)
    _, documents, counts = read(path, "" if form == "auto" else form, offsets)
    write_documents(out, documents)
    return len(documents), counts


def _conll(path: Path, counts: Counter):
    for order, (number, lines) in enumerate(_sentences(path), 1):
        try:
            yield words.conll(lines, path.stem, order, counts)
        except RelexError as error:
            raise RelexError(f"{path}, sentence at line {number}: {error}; correct or remove it") from None


def _sentences(path: Path) -> list[tuple[int, list[str]]]:
    """(number of its first line, its lines) of every sentence; blank lines and -DOCSTART- stand between sentences."""
    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except OSError as error:
        raise RelexError(f"cannot read {path}: {error.strerror}; check the path") from None
    except UnicodeDecodeError:
        raise RelexError(f"{path}: not UTF-8; convert the file") from None
    found: list[tuple[int, list[str]]] = []
    apart = True
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("-DOCSTART-"):
            apart = True
            continue
        if apart:
            found.append((number, []))
        found[-1][1].append(line.rstrip("\r"))
        apart = False
    return found
