"""Configs: what is written is read, mistakes are named, and the key changes with all that changes a run."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import relex
from relex import corpora
from relex.errors import RelexError
from relex.heads import OPTIONS, ClassifierOptions
from relex.heads.options import choices
from relex.runs.config import LABELS, Config
from relex.training import TrainingOptions

NAMES = list(Config().to_json())
CHOICES = choices(Config) | choices(TrainingOptions) | choices(ClassifierOptions)
VALUES = {
    str: st.text(max_size=5),
    int: st.integers(1, 99),
    float: st.floats(0.01, 0.99),
    list: st.lists(st.text(), max_size=3),
}


@st.composite
def changes(draw):
    plain = Config().to_json()
    names = draw(st.sets(st.sampled_from([n for n in NAMES if n != "head"])))
    return {n: draw(st.sampled_from(CHOICES[n]) if n in CHOICES else VALUES[type(plain[n])]) for n in sorted(names)}


@given(changes())
def test_json_gives_the_config_back(change):
    config = Config().with_(**change)
    again = Config.from_json(json.loads(json.dumps(config.to_json())))
    assert again == config and again.key("f") == config.key("f")
    assert {k: config.to_json()[k] for k in change} == change


def test_fields_left_out_have_defaults():
    assert Config.from_json({}) == Config()
    assert Config.from_json({"epochs": 2, "pooling": "cls", "seed": 3}) == Config(
        seed=3, training=TrainingOptions(epochs=2), options=ClassifierOptions(pooling="cls")
    )


def test_with_leaves_the_original():
    config = Config()
    changed = config.with_(lr=1, hard_classes=("病因",))
    assert (changed.training.lr, changed.options.hard_classes) == (1.0, ("病因",))
    assert config == Config()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"epoch": 3}, "unknown config key 'epoch'; did you mean 'epochs'?"),
        ({"hard_clases": []}, "did you mean 'hard_classes'?"),
        ({"zzz": 1}, "unknown config key 'zzz'; known are "),
        ({"training": {}}, "unknown config key 'training'"),
        ({"epochs": "4"}, "'epochs' should be int, not str"),
        ({"epochs": 4.0}, "'epochs' should be int, not float"),
        ({"epochs": True}, "'epochs' should be int, not bool"),
        ({"lr": "high"}, "'lr' should be float, not str"),
        ({"lr": True}, "'lr' should be float, not bool"),
        ({"encoder": None}, "'encoder' should be str, not NoneType"),
        ({"hard_classes": "auto"}, "'hard_classes' should be a list of texts, not str"),
        ({"augment": [1]}, "'augment' should be a list of texts"),
        ({"sampler": "even"}, "there is no sampler 'even'; known are length, balanced, priority, curriculum"),
        ({"pooling": 3}, "'pooling' should be str, not int"),
        ({"head": "clasifier"}, "there is no head 'clasifier'; known are classifier"),
        ({"head": ["classifier"]}, "there is no head"),
        ({"head": None}, "there is no head None"),
    ],
    ids=str,
)
def test_mistakes_are_named(value, message):
    with pytest.raises(RelexError) as error:
        Config.from_json(value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"seed": 2**70}, "'seed' is 1,180,591,620,717,411,303,424, but must be at most 9,223,372,036,854,775,807"),
        ({"seed": -(10**5000)}, "'seed' is a number of more than 30 digits, but must be at most 9,"),
        ({"epochs": 10**9}, "'epochs' is 1,000,000,000, but must be at most 10,000"),
        ({"head": "cascade", "lstm_size": 10**12}, "'lstm_size' is 1,000,000,000,000, but must be at most 10,000"),
        ({"head": "cascade", "depth": 9}, "'depth' is 9, but must be at most 8"),
        ({"layers": 10**7}, "'layers' is 10,000,000, but must be at most 10,000"),
        ({"train_limit": 10**10}, "'train_limit' is 10,000,000,000, but"),
        ({"lr": float("nan")}, "'lr' is nan, but must be a finite number"),
        ({"head": "cascade", "threshold": float("inf")}, "'threshold' is inf, but must be a finite number"),
        ({"lr": 10**400}, "'lr' is a number of more than 30 digits"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else ",".join(value),
)
def test_numbers_outside_all_reason_are_one_sentence(value, message):
    with pytest.raises(RelexError) as error:
        Config.from_json(value)
    assert message in str(error.value) and len(str(error.value)) < 200


def test_a_message_does_not_quote_a_whole_text():
    with pytest.raises(RelexError) as error:
        Config.from_json({"head": "x" * 100_000})
    assert len(str(error.value)) < 1300 and str(error.value).startswith("config key 'head': there is no head 'xxx")
    assert "known are classifier" not in str(RelexError("a" * 500 + "b" * 99_000)) and len(str(RelexError("x"))) == 1


def test_a_folder_has_one_key_however_it_is_spelt(corpus_name, monkeypatch):
    folder = Path(corpus_name.removeprefix("jsonl:"))
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("HOME", str(folder.parent))
    spellings = ("own", "./own", "~/own", "../" + folder.parent.name + "/own", str(folder), "own/")
    keys = {Config(corpus=f"jsonl:{one}").key("f") for one in spellings}
    assert len(keys) == 1 and keys != {Config(corpus="jsonl:other").key("f")} and keys != {Config().key("f")}
    loaded = [corpora.load(f"jsonl:{one}") for one in spellings]
    assert {c.name for c in loaded} == {"jsonl:own"} and len({c.fingerprint for c in loaded}) == 1
    monkeypatch.chdir(folder)
    assert corpora.load("jsonl:.").name == "jsonl:own" and {Config(corpus="jsonl:.").key("f")} == keys
    with pytest.raises(RelexError, match="there is no folder ~nobody.there/x"):
        corpora.load("jsonl:~nobody.there/x")


def changed(name):
    """Another value than the default of a field."""
    value = Config().to_json()[name]
    if name in CHOICES:
        return next(other for other in CHOICES[name] if other != value)
    if isinstance(value, list):
        return [*value, "x"]
    if isinstance(value, float):
        return value / 2 or 0.25
    return value + ("x" if isinstance(value, str) else 1)


@pytest.mark.parametrize("name", NAMES)
def test_the_key_follows_every_field_but_the_labels(name):
    plain = Config()
    if name == "head":
        keys = {Config(head=head).key("f") for head in OPTIONS}
        assert len(keys) == len(OPTIONS)
        return
    one = plain.with_(**{name: changed(name)})
    assert one != plain
    assert (one.key("f") == plain.key("f")) == (name in LABELS)


def test_keys_of_all_changes_differ():
    plain = Config()
    names = [n for n in NAMES if n not in (*LABELS, "head")]
    keys = {plain.with_(**{n: changed(n)}).key("f") for n in names}
    assert len(keys | {plain.key("f"), plain.key("g")}) == len(names) + 2


def test_the_published_records_bear_the_keys_of_their_configs():
    """Whatever was added to the config since, a published record must still be found."""
    paths = sorted((Path(relex.__file__).parent.parent / "book" / "results").glob("*/*.json"))
    assert len(paths) >= 50
    for path in paths:
        record = json.loads(path.read_text(encoding="utf-8"))
        assert Config.from_json(record["config"]).key(record["corpus"]["fingerprint"]) == path.stem == record["run"]


def test_saying_a_default_is_leaving_it_out():
    """A switch that is added later, with the default that is as before, must not rename the runs there are."""
    assert Config.from_json(Config().to_json()).key("f") == Config().key("f")
    assert Config().with_(seed=4, epochs=TrainingOptions().epochs).key("f") == Config(seed=4).key("f")


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(TrainingOptions) if f.type in (float, "float")])
def test_whole_numbers_and_fractions_that_are_equal_have_one_key(name):
    one, other = (Config(training=TrainingOptions(**{name: value})) for value in (1, 1.0))
    assert one == other and one.key("f") == other.key("f")


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().seed = 1


@pytest.mark.parametrize("change", [{"epochs": 0}, {"lr": -1.0}, {"lr": 1e30}, {"micro_tokens": -3}, {"seed": -1}])
def test_values_out_of_range_are_named(change):
    with pytest.raises(RelexError, match=next(iter(change))):
        Config.from_json(change)
