"""A run of the span model on generated sentences, from the config to the record."""

import pytest

from relex.documents import read_documents
from relex.evaluation import extraction
from relex.experiments import run as runs
from relex.experiments.building import THRESHOLDS
from relex.experiments.config import Config
from relex.experiments.run import run
from relex.heads.span import LOST


@pytest.mark.parametrize(
    "switches",
    [{"heads": 2}, {"fusion": False, "context": "cls", "local_context": "encoder_max"}],
    ids=["ISER", "SpERT"],
)
def test_the_record_of_a_span_model(project, switches):
    config = Config.from_json({
        "head": "span", "corpus": "interactions", "encoder": "random:tiny", "layers": 1, "train_limit": 24,
        "dev_limit": 4, "test_limit": 4, "epochs": 3, "batch_tokens": 400, "lr": 3e-3, "head_lr": 1e-2,
        "precision": "fp32", "profile": "smoke", "row": "span", "negative_spans": 20, "max_width": 3, **switches,
    })  # fmt: skip
    record = run(config, "smoke")
    corpus = runs.load_corpus(config)
    predicted = read_documents(project / "runs" / "smoke" / f"{record['run']}.predictions.jsonl")
    gold = {d.text: d for d in corpus.test}
    assert len(predicted) == record["counts"]["n"] == 4 and {d.text for d in predicted} <= gold.keys()
    seen = {d.text for d in (*corpus.train, *corpus.dev)}
    metrics, counts = extraction.evaluate([gold[d.text] for d in predicted], predicted, corpus.schema, seen)
    assert {k: v for k, v in record["metrics"].items() if not k.startswith("dev.")} == pytest.approx(metrics, abs=1e-6)
    assert counts.items() <= record["counts"].items()
    assert {f"{part}.{name}" for part in ("train", "test") for name in LOST} <= record["counts"].keys()
    assert record["counts"]["train_documents"] == 24 and record["counts"]["truncated"] == 0
    assert [point["threshold"] for point in record["curve"]] == list(THRESHOLDS)
    losses = [entry["loss"] for entry in record["history"]]
    assert losses[-1] < losses[0]
    assert {k: record["config"][k] for k in switches} == switches
    assert run(config, "smoke")["run"] == record["run"]
