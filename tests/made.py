"""Records made by hand, for tables, differences and verdicts: what is in them is known, and nothing was trained."""

import numpy as np

CLASSES = ["病因", "药物治疗", "同义词"]
CONVERGED, RISING = (0.5, 0.8, 0.79), (0.5, 0.6, 0.8)
SUFFIXES = ("", "_string", "_strict", "_ner", "_given", "_kept")


def record(
    row, score=0.8, seed=0, documents=400, history=CONVERGED, head="span", stand_in=False, train=500, unseen=None,
    run="", task="joint", metrics=None, **config,
):  # fmt: skip
    """A trained run that finds a share `score` of the documents, two items in each; the same documents of equal shares.

    `task`: `joint`, or `ner` and `rc` as in focused models. `config` changes the config.
    """
    found = np.where((np.arange(documents) * 37) % documents < round(score * documents), 2, 0)
    tasks = {"ner": ("", "_string", "_strict", "_ner"), "rc": SUFFIXES, "joint": SUFFIXES}[task]
    answers = {"unseen": unseen or "1" * documents}
    for suffix in tasks:
        answers |= {f"{name}{suffix}": " ".join(["2"] * documents) for name in ("gold", "predicted")}
        answers[f"correct{suffix}"] = " ".join(map(str, found))
    own = {
        "head": head, "row": row, "seed": seed, "corpus": "casmed", "split": "shipped", "unit": "", "align": "",
        "profile": "cpu", "encoder": "e", "layers": 6, "epochs": 20, "patience": 3, "lr": 1e-4, "head_lr": 1e-3,
        "batch_tokens": 600, "sampler": "length", "train_limit": 0, "test_limit": 0, "tasks": task,
    } | config  # fmt: skip
    return {
        "experiment": "made", "run": run or f"{row} {seed} {own['split']}", "commit": "", "date": "", "time": {},
        "config": own,
        "corpus": {"name": own["corpus"], "stand_in": stand_in, "fingerprint": "x", "sizes": {"train": train}},
        "metrics": metrics or {}, "counts": {"n": documents, "train_documents": own["train_limit"] or train},
        "history": [{"epoch": i, "score": value} for i, value in enumerate(history)],
        "machine": {"device": "cpu", "cpu": "1 × c"}, "answers": answers,
    }  # fmt: skip


def counted(row, score=0.3, head="dictionary", **changes):
    """A run that learns nothing."""
    made = record(row, score, head=head, **changes)
    for name in ("epochs", "patience", "lr", "head_lr", "batch_tokens", "sampler", "tasks"):
        del made["config"][name]
    for suffix in ("_given", "_kept"):
        for name in ("gold", "predicted", "correct"):
            del made["answers"][name + suffix]
    return made | {"history": []}


def seeds(row, scores, **changes):
    """One run for each score."""
    return [record(row, score, seed, **changes) for seed, score in enumerate(scores)]


def classified(row, predicted, seed=0, gold="001122" * 20, unseen="010101" * 20, head="classifier", **config):
    """A run of classification, of class ids as digits."""
    matrix = np.zeros((3, 3), int)
    for g, p in zip(gold, predicted, strict=True):
        matrix[int(g), int(p)] += 1
    made = record(row, 1.0, seed, documents=len(gold), head=head, **config)
    return made | {
        "metrics": {"accuracy": float(np.trace(matrix) / matrix.sum())},
        "counts": made["counts"] | {"classes": CLASSES, "confusion": matrix.tolist()},
        "answers": {"gold": gold, "predicted": predicted, "unseen": unseen},
    }
