"""A run of the span model on generated sentences, from the config to the record."""

from relex.analysis.attention_mass import MOMENTS
from relex.runs import run as runs
from relex.runs import train
from relex.runs.config import Config
from relex.runs.run import run

SMALL = {
    "head": "span", "corpus": "interactions", "encoder": "random:tiny", "layers": 1, "train_limit": 24,
    "dev_limit": 4, "test_limit": 4, "epochs": 3, "batch_tokens": 400, "lr": 3e-3, "head_lr": 1e-2,
    "precision": "fp32", "profile": "smoke", "row": "span", "negative_spans": 20, "max_width": 3,
}  # fmt: skip


def test_the_record_tells_where_the_fusion_looks(project):
    """Sums and counts of the test part alone, at three moments; nothing of it is in a record without fusion."""
    config = Config.from_json(SMALL | {"fusion": True, "context": "cls"})
    record = run(config, "smoke")
    assert list(record["attention"]) == list(MOMENTS) and "curve" not in record
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
