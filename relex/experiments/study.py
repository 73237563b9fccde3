"""What the notebook of an experiment begins with: its runs are done, its published records read, both introduced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from relex.experiments import published, run_experiment
from relex.figures.style import use_style
from relex.reports import compare, families, results, rules, tables, words


@dataclass(frozen=True)
class Study:
    """The records of an experiment: `executed`, of this execution of a notebook, and `recorded`, the published ones."""

    executed: list[dict]
    recorded: list[dict]

    @property
    def here(self) -> list[dict]:
        """What this execution adds to the tables: nothing, where it was too short to be evidence beside records."""
        return results.shown(self.executed, self.recorded)

    @property
    def evidence(self) -> list[dict]:
        """What verdicts are drawn from: the published records, or what is here where nothing is published."""
        return self.recorded or self.here

    @property
    def corpora(self) -> list[str]:
        """The corpora that records are of, real ones first."""
        return results.corpora_of([*self.recorded, *self.here])

    def where(self, **wanted) -> "Study":
        """The records whose config has all these values, such as `split="report"`."""
        return Study(results.where(self.executed, **wanted), results.where(self.recorded, **wanted))

    def without(self, corpus: str) -> "Study":
        """The records of all corpora but one."""
        return Study(results.without(self.executed, corpus), results.without(self.recorded, corpus))

    def by_corpus(self) -> dict[str, "Study"]:
        """The records of each corpus, by its name, real corpora first."""
        return {name: self.where(corpus=name) for name in self.corpora}

    def trained(self) -> "Study":
        """The records of trained models."""
        return Study(results.trained(self.executed), results.trained(self.recorded))

    def introduction(self) -> str:
        """What the records are of, and what a reader has to know before any number; Markdown."""
        recorded, executed = tables.provenance(self.recorded), tables.provenance(self.executed)
        said = [f"**Recorded.** {recorded}", f"**This execution.** {executed}", self.caution()]
        return "\n\n".join(filter(None, said))

    def caution(self) -> str:
        """What a reader has to know before any number; empty where the records are all that they should be."""
        return tables.caution(self.evidence)

    def scores(self, metrics: dict[str, str], printed: dict[str, dict[str, float]], part: str = "") -> pd.DataFrame:
        """Metrics of each row: printed, recorded, here (`relex.reports.tables.comparison`)."""
        return tables.comparison(metrics, printed, self.recorded, self.here, part)

    def differences(
        self,
        pairs: Sequence[tuple[str, str]],
        score: compare.Score,
        printed: Mapping[tuple[str, str], float] | None = None,
    ) -> pd.DataFrame:
        """Differences of pairs of rows with their verdicts, those of claims as on every page (`families.settled`)."""
        found = compare.differences(self.evidence, pairs, score, printed)
        return families.settled(found, self.evidence, score)

    def costs(self) -> pd.DataFrame:
        """What a run of each row costs, and the learning rates that it had."""
        told = tables.costs(self.evidence).join(rules.learning_rates(self.evidence))
        return told.rename(index=words.titled, columns={"lr": "rate of the encoder", "head_lr": "rate of the head"})

    def execution(self) -> pd.DataFrame:
        """The runs of this execution, one a line."""
        return tables.execution(self.executed)


def study(name: str, profile: str, corpus: str = "", seeds: int = 0, **options) -> Study:
    """Run an experiment of the given profile and read what is published of it; figures get the style of the book.

    `corpus` and `seeds` as in the parameters of a notebook: empty and 0 are the experiment's own. Other `options` are
    those of `relex.experiments.experiment.run_all`.
    """
    use_style()
    executed = run_experiment(name, profile, corpus=corpus or None, seeds=seeds or None, **options)
    return Study(executed, published(name))


def show(*things) -> None:
    """Display things one below the other: text as Markdown, the rest as it is; nothing for empty text."""
    from IPython.display import Markdown, display  # there in every notebook, and needed nowhere else

    for thing in things:
        if not isinstance(thing, str):
            display(thing)
        elif thing:
            display(Markdown(thing))
