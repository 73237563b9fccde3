"""What the page of a notebook begins with: its question, its answer, and on what evidence, from the ledger and records.

`data/pages.yaml` says which claims answer which page; their verdicts are those of `relex.reports.ledger` and of
`relex.reports.verdict`, as everywhere. Nothing is decided here.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import resources

import pandas as pd
import yaml

from relex import corpora
from relex.reports import compare, families, ledger_page, overlap, printed, results, span_printed, verdict, words
from relex.reports.families import Published
from relex.reports.ledger import Entry

EVIDENCE = "{doc}`/book/ledger` has the evidence, and the runs that would decide it."
NOTHING = "nothing of it is published in this edition"
LOOK_UPS = ("lookup", "masked_lookup")


@cache
def pages() -> dict[str, dict]:
    """`data/pages.yaml`: page → its question, where that is not its experiment's, and what answers it."""
    return yaml.safe_load(resources.files("relex").joinpath("data/pages.yaml").read_text(encoding="utf-8"))


def opening(page: str, question: str, paper: str, entries: Sequence[Entry], published: Published) -> str:
    """Markdown: the question of a page, its answer, and the corpora and seeds behind it.

    `question` and `paper` are those of the page's experiment; empty where it has none. `entries` are of the ledger.
    """
    content = pages()[page]
    answers = [of_entry(entry) for entry in entries if entry.id in content.get("claims", ())]
    answers += [of_line(paper, *line, published) for line in content.get("lines", {}).items()]
    answers += BESIDE[page](published) if page in BESIDE else []
    end = EVIDENCE if content.get("claims") else ""
    asked = f"**Question.** {content.get('question', question)}"
    if len(answers) == 1:
        return f"{asked}\n\n**Answer.** {answers[0]} {end}".rstrip() + "\n"
    listed = "\n".join(f"* {answer}" for answer in answers)
    return f"{asked}\n\n**Answer.**\n\n{listed}\n\n{end}".rstrip() + "\n"


def of_entry(entry: Entry) -> str:
    """A claim, its verdict, and for each corpus what was measured; where nothing was, why."""
    said = f"*{_first(entry.claim)}*: {verdict.told(entry.verdict._replace(reason=''))}"
    measured = [line for line in entry.evidence if line.measured is not None]
    refuted = entry.verdict.word == verdict.REFUTED
    if refuted or not measured:
        said += f" ({entry.verdict.reason})" if entry.verdict.reason else ""
    if not measured:
        return f"{said}."
    parts = []
    for corpus in dict.fromkeys(line.corpus for line in measured):
        own = [line for line in measured if line.corpus == corpus]
        if len(own) == 1:
            told = ledger_page.measured(own[0]), _seeds({own[0].seeds}), _with_reason(own[0].verdict, own[0].reason)
        else:
            told = _counted([line.verdict for line in own]), _seeds({line.seeds for line in own})
        parts.append(f"{corpora.title(corpus)}: {', '.join(told)}")
    return f"{said}. {'Measured here on' if refuted else 'On'} {'; on '.join(parts)}."


def of_line(paper: str, name: str, says: str, published: Published) -> str:
    """A line of `data/claims.yaml`, and for each corpus of the paper with records its verdict and what was measured."""
    parts = []
    for corpus in families.asked(paper)["corpora"]:
        found = _family(paper, corpus, published)
        if name in found.index:
            line, own = found.loc[name], verdict.of(found.loc[[name]])._replace(reason="")
            told = f"{words.points(line['difference'])} ({words.interval(line)})", _seeds({int(line["seeds"])})
            why = _with_reason(line["verdict"], line["reason"])
            parts.append(f"{verdict.told(own)} on {corpora.title(corpus)}: {', '.join((*told, why))}")
    return f"*{_first(says)}*: {'; '.join(parts) or NOTHING}."


@lru_cache(maxsize=8)
def _family(paper: str, corpus: str, published: Published) -> pd.DataFrame:
    return families.family(paper, corpus, families.records_of(paper, corpus, published))


def _with_reason(found: str, reason: str) -> str:
    """The verdict of a line and why it has none: `within the noise`, `no verdict (one seed)`."""
    return found + (f" ({reason})" if reason else "")


def counting(published: Published) -> list[str]:
    """What the best of the rows has that only count characters."""
    records = published("baselines")
    if not records:
        return [f"{_first(NOTHING)}."]
    scores = {r["config"]["row"]: float(compare.CLASSES.of_runs([r])[0]) for r in records}
    best = max(scores, key=scores.get)
    return [
        f"{best} has {scores[best]:.1%} macro-F1 on the test part of {results.origin(records[0])}, without anything "
        "pretrained."
    ]


def looked_up(published: Published) -> list[str]:
    """F1 of the best look-up of training texts on casmed, split by split."""
    records = results.where(published("cbrrel_comparison"), corpus="casmed")
    parts = []
    for split in results.splits(records):
        own = [r for r in results.where(records, split=split) if r["config"]["head"] in LOOK_UPS]
        scores = {r["config"]["row"]: float(compare.STRING.of_runs([r])[0]) for r in own}
        if scores:
            best = max(scores, key=scores.get)
            parts.append(f"{scores[best]:.1%} on split `{split}` ({best})")
    return [f"F1 of triples that are looked up is {', '.join(parts)}." if parts else f"{_first(NOTHING)}."]


def overlapping(published: Published) -> list[str]:
    """How far apart normal sentences and those that share an entity score, with each system."""
    records = published("cbrrel_overlap")
    if not results.trained(records):
        return [f"The cost of overlap: {NOTHING}."]
    main = results.where(records, split=results.main_split(records))
    told = overlap.costs(main, printed.rows("cbrrel", "overlap_casmed"))
    return [f"{line.removeprefix('- ')}." for line in told.splitlines()]


def printed_tables(published: Published) -> list[str]:
    """Which printed F1 cannot be that of its precision and recall, and where ISER is first; needs no record."""
    missed: pd.DataFrame = span_printed.misses()
    rows = ", ".join(f"{row} ({items}, {table})" for table, row, items in missed.index)
    ranks = [line.removeprefix("- ") for line in span_printed.ranks().splitlines()]
    return [f"F1 that no rounding of the precision and recall beside it gives: {rows or 'none'}.", *ranks]


BESIDE = {
    "corpora": counting, "triple_corpora": looked_up, "cbrrel_overlap": overlapping, "iser_printed": printed_tables,
}  # fmt: skip
"""Page → what answers it beside claims, from published records."""


def _first(text: str) -> str:
    return text[0].upper() + text[1:]


def _counted(verdicts: Sequence[str]) -> str:
    number = Counter(verdict.outcome(one) or one for one in verdicts)
    return f"{len(verdicts)} comparisons, {', '.join(f'{n} {word}' for word, n in number.items())}"


def _seeds(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low} seed{'s' * (low > 1)}" if low == high else f"{low} to {high} seeds"
