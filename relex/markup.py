"""Names and texts of others in Markdown, so that no sign in them is taken for markup or breaks a table."""

import re

MARKS = r"([\\`*_{}\[\]<>$#|~@^&])"
"""The signs that can begin markup in Markdown, MyST or HTML."""


def escaped(text: str) -> str:
    """A text in which Markdown, MyST and HTML find no markup, on one line."""
    return re.sub(MARKS, r"\\\1", " ".join(text.split()))


def code(name: str) -> str:
    """A name as code in Markdown, whatever signs it has, on one line."""
    name = " ".join(name.split())
    fence = "`"
    while fence in name:
        fence += "`"
    return f"{fence} {name} {fence}" if name[:1] == "`" or name[-1:] == "`" else f"{fence}{name}{fence}"


def table(rows: list[list]) -> str:
    """Rows of cells in Markdown, the first of them the header; cells may have markup, but no border of their own."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", " ".join(str(value).split("\n")))
