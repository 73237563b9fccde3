"""What pages of the book include: Markdown and a figure, written from published records and printed tables."""

import functools
from pathlib import Path

from relex.book import opening
from relex.book.kept import common_state, once
from relex.book.toc import EXECUTED
from relex.files import project_root, write_text

PAPERS = ("umrc", "cbrrel", "iser", "focused")
"""Papers that have claims, each with a page of them."""

TOUCHED = ("cascade", "masks", "spans", "bootstrap", "counter")
"""Pictures to touch, in the order of the book's chapters."""


def write_claims(root: Path | None = None) -> list[Path]:
    """Write what pages take from records and printed tables into book/executed.

    These are PAPER_claims.md and PAPER_verdicts.md for each paper, NAME_opening.md for each notebook, pages such as
    evidence.md, and the figures of the ledger, the matrix and
    the first page. They are kept when package, records and corpora are as
    they were.
    """
    from relex.reports.openings import pages

    root = root or project_root()
    names = [f"{paper}_{kind}.md" for kind in ("claims", "verdicts") for paper in PAPERS]
    names += map(opening.file_name, pages())
    names += ["cbrrel_memory.md", "evidence.md", "audit.md", "ledger.md", "findings.md", "matrix.md"]
    names += ["ledger_summary.svg", "matrix.svg", "four_systems.svg"]
    paths = [root / EXECUTED / name for name in names]
    once(root / "_build" / "claims.state", common_state(root), paths, lambda: _write_claims(paths))
    return paths


def write_touched(root: Path | None = None) -> list[Path]:
    """Write the pictures to touch, touch_NAME.md, into book/executed; kept as the pages of `write_claims` are."""
    root = root or project_root()
    paths = [root / EXECUTED / f"touch_{name}.md" for name in TOUCHED]
    once(root / "_build" / "touch.state", common_state(root), paths, lambda: _write_touched(paths))
    return paths


def _write_touched(paths: list[Path]) -> None:
    from relex.book.touch import bootstrap, cascade, counter, masks, spans
    from relex.runs.records import published

    pages = (cascade.page(), masks.page(), spans.page(), bootstrap.page(published), counter.page())
    for path, text in zip(paths, pages, strict=True):
        write_text(path, text)


def _write_claims(paths: list[Path]) -> None:
    from relex.experiments import evidence
    from relex.figures.plots import ladder
    from relex.figures.style import save, use_style
    from relex.reports import audit, cascade, claims, landing, ledger_page, matrix, results
    from relex.reports.ledger import ledger
    from relex.reports.openings import pages
    from relex.runs.records import published as read

    published = functools.cache(read)  # several pages read the same records
    entries = ledger(published)
    texts = [claims.claims_page(paper, published) for paper in PAPERS]
    texts += [ledger_page.came_out(paper, entries) for paper in PAPERS]
    texts += [opening.text(page, entries, published) for page in pages()]
    segments = results.where(published("cbrrel_comparison"), corpus="casmed")
    texts += [cascade.memory(segments) + "\n", evidence.page(), audit.page(), ledger_page.page(entries)]
    texts += [landing.findings(entries, published), matrix.page(published)]
    for path, text in zip(paths, texts, strict=False):
        write_text(path, text)
    use_style()
    four = ladder(landing.picture(published), xlabel="macro-F1 of classes (UMRC), F1 of triples (the others)")
    figures = (ledger_page.drawn(entries), matrix.drawn(published), four)
    for path, figure in zip(paths[-len(figures) :], figures, strict=True):
        save(figure, path.stem)
