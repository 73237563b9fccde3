"""A run of the span model on generated sentences, from the config to the record."""

import pytest

from relex.analysis.attention_mass import MOMENTS
from relex.documents import read_documents
from relex.evaluation import extraction
from relex.heads.span.spans import LOST
from relex.runs import run as runs
from relex.runs import train
from relex.runs.config import Config
from relex.runs.run import run

SMALL = {
    "head": "span", "corpus": "interactions", "encoder": "random:tiny", "layers": 1, "train_limit": 24,
    "dev_limit": 4, "test_limit": 4, "epochs": 3, "batch_tokens": 400, "lr": 3e-3, "head_lr": 1e-2,
    "precision": "fp32", "profile": "smoke", "row": "span", "negative_spans": 20, "max_width": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    "switches",
    [{"heads": 2}, {"fusion": False, "context": "cls", "local_context": "encoder_max"}],
    ids=["ISER", "SpERT"],
)
def test_the_record_of_a_span_model(project, switches):
    config = Config.from_json(SMALL | switches)
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
    assert "curve" not in record
    losses = [entry["loss"] for entry in record["history"]]
    assert losses[-1] < losses[0]
    assert {k: record["config"][k] for k in switches} == switches
    assert run(config, "smoke")["run"] == record["run"]


def test_the_record_tells_where_the_fusion_looks(project):
    """Sums and counts of the test part alone, at three moments; nothing of it is in a record without fusion."""
    config = Config.from_json(SMALL | {"fusion": True, "context": "cls"})
    record = run(config, "smoke")
    assert list(record["attention"]) == list(MOMENTS)
    test = train.parts(config, runs.load_corpus(config))[2]
    for lines in record["attention"].values():
        assert [(line["queries"], line["targets"]) for line in lines] == [
            (q, t) for q in ("entity", "relation") for t in ("entities", "triggers")
        ]
        assert all(0 < line["mass"] < 1 and line["low"] <= line["difference"] <= line["high"] for line in lines)
        assert lines[0]["documents"] == len([d for d in test if d.entities])
        assert lines[0]["shuffled"] == lines[2]["shuffled"]
    assert len({lines[0]["mass"] for lines in record["attention"].values()}) == 3
    assert "attention" not in run(config.with_(fusion=False), "smoke")
