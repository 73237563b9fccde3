"""`relex show` says what a row is, what of it is not the default, and whether it is recorded."""

import pytest

from relex.errors import RelexError
from relex.experiments import umrc
from relex.experiments.show import show
from relex.runs import records
from relex.runs.run import load_corpus


def test_one_row_has_every_switch_with_its_default(project):
    lines = list(show("encoding_ablation", "qa", "smoke"))
    assert lines[0].startswith("qa, encyclopedia, head classifier, run ") and lines[0].endswith(", not recorded")
    assert "  encoding = 'qa'  (default 'entity2')" in lines and "  weight_decay = 0.01" in lines


def test_all_rows_have_what_is_not_the_default(project):
    lines = list(show("encoding_ablation", profile="smoke"))
    assert sum(", head " in line for line in lines) == len(umrc.ENCODING_ABLATION.configs("smoke"))
    assert "  epochs = 1" in lines and not any("weight_decay" in line for line in lines)


def test_a_recorded_row_says_so(project):
    config = next(c for c in umrc.ENCODING_ABLATION.configs("smoke") if c.row == "majority")
    key = config.key(load_corpus(config).fingerprint)
    empty = {name: kind() for name, kind in records.REQUIRED.items()}
    own = {"experiment": "encoding_ablation", "run": key, "config": config.to_json()}
    records.write_record(empty | own)
    assert next(iter(show("encoding_ablation", "majority", "smoke"))).endswith(f"run {key}, recorded")


def test_unknown_names_are_told():
    with pytest.raises(RelexError, match="there is no experiment 'x'; known are baselines"):
        list(show("x"))
    with pytest.raises(RelexError, match="has no row 'x' in profile smoke; known are majority"):
        list(show("encoding_ablation", "x", "smoke"))
