"""What a training step of each system costs, in times of its encoder alone: the figures beside the matrix of the book.

Every system reads the same generated reports with the same encoder, forward and backward, in turns with that encoder
alone on their tokens. The optimiser is not counted, nor is FGM's second pass, which only CBRRel makes and which about
doubles its step.
"""

import numpy as np
from accelerate.utils import send_to_device

from relex.bench.timing import REPEATS, check_numbers, conditions, interleaved
from relex.corpora.corpus import subsample
from relex.experiments import focused, iser
from relex.experiments.systems import COMPARISON
from relex.heads import HEADS
from relex.runs.config import Config
from relex.runs.run import load_corpus
from relex.runs.train import make_head
from relex.training.trainer import make_accelerator

CORPUS = "angiography"
"""The stand-in for reports, which every machine has."""
FIRST = "CasRel"
"""Reads a text once as it stands, so the tokens of its batch are those that the encoder alone is measured on."""


def configs() -> dict[str, Config]:
    """The trained rows of the matrix on `CORPUS`, by their names."""
    rows = [c for c in COMPARISON.configs("cpu", CORPUS) if c.head in HEADS and c.corpus == CORPUS]
    rows += [iser.config_of("cpu", CORPUS, "ISER"), iser.config_of("cpu", CORPUS, "ISER, residual", **iser.RESIDUAL)]
    rows.append(focused.config_of("cpu", CORPUS, "Focused"))
    return {config.row: config for config in rows}


def measure(
    documents: int = 4, layers: int = 6, encoder: str = "wheel:me5-zh", repeats: int = REPEATS
) -> dict[str, float | str]:
    """Measure a step of so many documents for each system; quantity → value, ready to print.

    Ratios are medians over the turns. Raises a `RelexError` for numbers below one.
    """
    check_numbers(documents, repeats)
    accelerator, rows = make_accelerator("fp32"), configs()
    corpus = load_corpus(rows[FIRST])
    chosen = subsample(corpus.train, documents)

    def built(row: str):
        head = make_head(rows[row].with_(encoder=encoder, layers=layers), corpus).to(accelerator.device).train()
        return head, send_to_device(head.collate(chosen), accelerator.device)

    plain, batch = built(FIRST)
    tokens = batch["input_ids"], batch["attention_mask"]
    found: dict[str, float | str] = conditions(encoder, layers, accelerator)
    found["documents, tokens"] = f"{documents}, {int(tokens[1].sum()):,}"
    for row in rows:
        head, batch = built(row)
        tasks = {
            "encoder": lambda: plain.encoder(*tokens).sum().backward(),
            "system": lambda head=head, batch=batch: head(batch).backward(),
        }
        for task in tasks.values():
            task()
        seconds = interleaved(tasks, repeats, accelerator)
        found[f"{row}: times the encoder"] = float(np.median(np.divide(seconds["system"], seconds["encoder"])))
    return found
