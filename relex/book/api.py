"""The API pages: every public name of the package with its signature and docstring, read from the source."""

import ast
import re
from pathlib import Path

from relex.markup import MARKS

ROOMS = {
    "api-models": ("encoders", "samplers", "heads", "training", "reference"),
    "api-runs": ("runs", "queue", "experiments", "reports", "figures"),
    "api-use": ("use", "book", "bench", "cli"),
}
"""Pages and the rooms of the package that stand on them; all else stands on `api`."""


def api_pages(root: Path) -> dict[str, str]:
    """The bodies of the API pages as Markdown, by page: one section a module, in the order of their paths.

    The source is parsed, not imported, so the pages never depend on what is installed.
    """
    pages: dict[str, list[str]] = {"api": []} | {page: [] for page in ROOMS}
    page_of = {room: page for page, rooms in ROOMS.items() for room in rooms}
    for path in sorted((root / "relex").rglob("*.py")):
        pages[page_of.get(path.relative_to(root / "relex").parts[0], "api")].append(_module(path, root))
    return {page: "\n\n".join(filter(None, modules)) for page, modules in pages.items()}


def markdown(docstring: str) -> str:
    """A docstring as Markdown that shows it as written: code spans stay, every other markup character is escaped."""
    pieces = re.split(r"(`[^`\n]+`)", docstring)
    return "".join(p if p.startswith("`") else re.sub(MARKS, r"\\\1", p) for p in pieces)


def _module(path: Path, root: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    entries = [_entry(node) for node in tree.body if _public(node) and not isinstance(node, ast.AnnAssign)]
    docstring = ast.get_docstring(tree)
    if not entries and not docstring:
        return ""
    return "\n\n".join([f"## {name}", markdown(docstring or ""), *entries])


def _entry(node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.FunctionDef):
        return _described(_signature(node), node)
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    fields = [f"    {ast.unparse(n)}" for n in node.body if isinstance(n, ast.AnnAssign) and _public(n)]
    head = "\n".join([f"class {node.name}({bases})" if bases else f"class {node.name}", *fields])
    methods = [_described(f"{node.name}.{_signature(n)}", n) for n in node.body if _public(n) and _documented(n)]
    return "\n\n".join([_described(head, node), *methods])


def _described(code: str, node) -> str:
    return f"```text\n{code}\n```\n\n{markdown(ast.get_docstring(node) or '')}".rstrip()


def _signature(node: ast.FunctionDef) -> str:
    arguments = ast.unparse(node.args)
    for own in ("self", "cls"):
        arguments = re.sub(rf"^{own}(, |$)", "", arguments)
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{node.name}({arguments}){result}"
    if len(line) <= 90:
        return line
    return f"{node.name}(\n    " + re.sub(r", (?=\w+:|\*)", ",\n    ", arguments) + f"\n){result}"


def _public(node) -> bool:
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and not node.target.id.startswith("_")
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")


def _documented(node) -> bool:
    return isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None
