"""A grid of seconds on the sample corpus; as a program, a queue of it: `small_grid.py CORPUS WORKERS [BUDGET]`."""

import sys

from relex.experiments.experiment import Experiment
from relex.runs.config import Config


def rows(profile, corpus):
    """Two rows that train and two that count."""
    common = {"corpus": corpus, "profile": profile}
    tiny = {"encoder": "random:tiny", "layers": 1, "pooling": "cls", "epochs": 4, "batch_tokens": 120}
    tiny["precision"] = "fp32"
    counted = {"encoder": "", "layers": 0}
    return [
        Config.from_json(common | settings)
        for settings in (
            tiny | {"row": "entity2", "encoding": "entity2"},
            counted | {"row": "majority", "head": "majority"},
            tiny | {"row": "basic1", "encoding": "basic1"},
            counted | {"row": "TF-IDF", "head": "tfidf"},
        )
    ]


def experiment(corpus, name="small", rows=rows):
    """Two seeds of what trains: six runs."""
    return Experiment(name, "", "", (), corpus, corpus, {"smoke": 2}, rows)


if __name__ == "__main__":
    from relex.errors import RelexError
    from relex.queue import local
    from relex.queue.grids import run_grids

    local.NICE = 0  # beside other tests its workers would hardly begin
    corpus, workers, *budget = sys.argv[1:]
    try:
        run_grids([experiment(corpus)], "smoke", workers=int(workers), budget=budget[0] if budget else None)
    except RelexError as error:
        sys.exit(f"relex: {error}")
