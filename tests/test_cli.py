"""The command line: what it prints, and that every bad input is one sentence and a status that is not 0."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from relex import cli
from relex.errors import RelexError
from relex.runs import records

REPOSITORY = Path(cli.__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A folder that counts as the project, so that records and corpora of this machine stay out of the tests."""
    (tmp_path / "relex").mkdir()
    (tmp_path / "_toc.yml").write_text("root: book/index\n")
    (tmp_path / "corpora").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RELEX_CORPORA", str(tmp_path / "corpora"))
    return tmp_path


@pytest.fixture
def relex(monkeypatch, capsys):
    """Run a command in this process: (exit status, standard output, standard error)."""

    def run(*arguments):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["relex", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        return (exit_.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture
def fails(relex):
    """Run a command that must fail with one sentence; returns the sentence."""

    def run(*arguments):
        code, _, error = relex(*arguments)
        # training and its progress bar may have written lines of their own before
        sentence = error.splitlines()[-1]
        assert code == 2 and sentence.startswith("relex: "), error
        assert "Traceback" not in error
        return sentence.removeprefix("relex: ")

    return run


def subprocess_of(*arguments, **options):
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | options.pop("env", {})
    return subprocess.Popen(
        [sys.executable, "-m", "relex.cli", *map(str, arguments)], env=environment, text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def document(name, relation="治疗"):
    start = len(name) + 4
    return {
        "id": name, "text": f"甲药{name}可治乙病。",
        "entities": [{"start": start, "end": start + 2, "type": "病"}, {"start": 0, "end": 2, "type": "药"}],
        "relations": [{"head": 0, "tail": 1, "type": relation}],
    }  # fmt: skip


def write_jsonl(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def own(project):
    """A tiny corpus of two relation types as `jsonl:` folder."""
    for part, count in (("train", 8), ("dev", 4), ("test", 4)):
        rows = [document(f"{part}{i}", ("治疗", "无效")[i % 2]) for i in range(count)]
        write_jsonl(project / "own" / f"{part}.jsonl", rows)
    return project / "own"


@pytest.fixture
def config(project, own):
    """Write a config of seconds, with changes; returns its path."""

    def write(**changes):
        value = {"corpus": f"jsonl:{own}", "encoder": "random:tiny", "layers": 1, "epochs": 1, "profile": "smoke"}
        path = project / "config.json"
        path.write_text(json.dumps(value | changes), encoding="utf-8")
        return path

    return write


# What works


def test_help_and_list_do_not_wait_for_torch():
    code = (
        "import sys; from relex import cli; sys.argv = ['relex', 'corpora', 'list']\n"
        "try: cli.main()\nexcept SystemExit as e: assert not e.code\nassert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8",
                            env=os.environ | {"PYTHONPATH": str(REPOSITORY)})  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = {line.split()[0]: line for line in result.stdout.splitlines()[1:]}
    assert all(f"relex corpora fetch {name}" in lines[name] for name in ("umrc10", "casmed", "duie", "cmeie"))
    stand_in = lines["encyclopedia"]
    assert "stand-in" in stand_in and "7,000 / 2,000 / 1,000" in stand_in


def test_run_config_then_predict_with_the_kept_model(relex, config, own, project):
    code, out, _ = relex("run", "--config", config(), "--keep-models")
    assert code == 0
    (path,) = (project / "runs" / "own").glob("*[0-9a-f].json")
    record = json.loads(path.read_text(encoding="utf-8"))
    header, row, note, where = out.strip().splitlines()[-4:]
    assert header.split() == ["row", "seeds", "accuracy", "macro_f1", "unseen.accuracy"]
    assert row.split()[1:3] == ["1", f"{100 * record['metrics']['accuracy']:.1f}"]
    assert where == f"record: {path}"

    code, out, _ = relex("predict", path.stem, own / "test.jsonl", project / "labelled.jsonl")
    assert code == 0 and "4 documents" in out
    labelled = (project / "labelled.jsonl").read_text(encoding="utf-8").splitlines()
    of_the_run = path.with_name(f"{path.stem}.predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert labelled == of_the_run, "the loaded model should answer as it did in its run"


def test_extraction_predicts_anew_whatever_the_input_holds(relex, fails, config, own, project):
    assert relex("run", "--config", config(head="cascade", bilstm=False, attention=False), "--keep-models")[0] == 0
    (path,) = (project / "runs" / "own").glob("*[0-9a-f].json")
    rows = [document(f"test{i}") for i in range(2)]
    bare = [{"id": row["id"], "text": row["text"]} for row in rows]
    answers = []
    for name, given in (("full", rows), ("bare", bare)):
        source, out = write_jsonl(project / f"{name}.jsonl", given), project / f"{name}.out.jsonl"
        assert relex("predict", path.stem, source, out)[0] == 0
        answers.append(out.read_text(encoding="utf-8"))
    assert answers[0] == answers[1] and len(answers[0].splitlines()) == 2
    bad = write_jsonl(project / "bad.jsonl", [*bare, {"id": "x"}])
    assert "bad.jsonl, line 3: field 'text' is missing" in fails(
        "predict", path.stem, bad, project / "out.jsonl", "--strict"
    )


def test_run_prints_the_metrics_of_its_task(relex, fails, config, own):
    code, out, _ = relex("run", "--config", config(head="lookup"))
    header, row, _, where = out.strip().splitlines()[-4:]
    # no word of the test part is in the training part
    assert header.split()[2:] == ["triples.offset.f1", "triples.string.f1", "unseen.triples.string.f1"]
    assert code == 0 and row.split() == ["–", "1", "0.0", "0.0", "0.0"]
    assert "only counts and has no model" in fails("predict", Path(where).stem, own / "test.jsonl", "out.jsonl")


def test_publish_copies_the_records_of_one_profile(relex, fails, config, project, monkeypatch):
    monkeypatch.setattr(records, "commit", lambda: "0" * 40)
    assert relex("run", "--config", config())[0] == 0
    assert "no records of profile 'full' here, only of smoke" in fails("publish", "own")
    code, out, _ = relex("publish", "own", "--profile", "smoke")
    assert code == 0 and out.startswith("1 records published")
    (published,) = (project / "book" / "results" / "own").glob("*.json")
    assert published.read_bytes() == (project / "runs" / "own" / published.name).read_bytes()


def small(name):
    """An experiment of two runs that only count."""
    from relex.experiments.experiment import Experiment
    from relex.runs.config import Config

    def rows(profile, corpus):
        settings = {"corpus": "encyclopedia", "profile": profile, "encoder": "", "layers": 0, "train_limit": 50}
        return [Config.from_json(settings | {"head": head, "row": head}) for head in ("majority", "tfidf")]

    return Experiment(name, "", "", (), "encyclopedia", "encyclopedia", {"smoke": 1}, rows)


def test_all_that_is_missing_is_listed_run_and_published(relex, fails, project, monkeypatch):
    monkeypatch.setattr("relex.experiments.EXPERIMENTS", {name: small(name) for name in ("one", "two")})
    monkeypatch.setattr("relex.experiments.QUEUE", (("two", None),))
    code, out, _ = relex("run", "--all", "--profile", "smoke", "--workers", 1, "--list")
    assert code == 0 and [line.split()[:3] for line in out.splitlines()[1:4]] == [
        ["two", "2", "2"], ["one", "2", "2"], ["all", "4", "4"],
    ]  # fmt: skip
    assert not (project / "runs").exists()
    code, out, _ = relex("run", "--all", "--profile", "smoke", "--workers", 1, "--budget", "10m")
    assert code == 0 and out.splitlines()[-1] == "runs done: 2, left: 0"
    log = [line.split("\t") for line in (project / "runs" / "queue.log").read_text(encoding="utf-8").splitlines()]
    assert [line[1:4] for line in log] == [["two", "majority", "seed 0"], ["two", "tfidf", "seed 0"]]
    assert len(list((project / "runs").glob("*/*.json"))) == 4, "the other experiment has the same runs"
    assert "runs" not in relex("run", "--all", "--profile", "smoke", "--workers", 1)[1].splitlines()[-1]
    assert "4 records were not published (one 2, two 2)" in fails("publish", "--all", "--profile", "smoke")
    for path in (project / "runs").glob("*/*.json"):
        path.write_text(json.dumps(json.loads(path.read_bytes()) | {"commit": "0" * 40}))
    code, out, _ = relex("publish", "--all", "--profile", "smoke")
    assert code == 0 and out.startswith("4 records published to ")
    assert len(list((project / "book" / "results").glob("*/*.json"))) == 4


def test_a_queue_that_is_interrupted_says_so_by_its_status(relex, monkeypatch):
    from relex.queue.backlog import Outcome

    for name, status in (("SIGINT", 130), ("SIGTERM", 143), ("the budget", 0)):
        monkeypatch.setattr("relex.queue.grids.run_grids", lambda *a, name=name, **k: Outcome(stopped_by=name))
        assert relex("run", "--all")[0] == status


def test_doctor(relex, monkeypatch):
    monkeypatch.setattr("relex.doctor.speed", lambda: 4321.0)
    code, out, _ = relex("doctor")
    assert code == 0 and out.startswith("CPU: ") and "speed: 4,321 tokens a second" in out


def test_run_an_experiment_prints_a_line_a_row(relex, monkeypatch):
    # two seeds of one row and one of another, without training
    def record(row, seed, accuracy):
        metrics = {"accuracy": accuracy, "macro_f1": accuracy, "unseen.accuracy": accuracy}
        return {"experiment": "demo", "run": f"{row}{seed}", "config": {"row": row, "seed": seed}, "metrics": metrics,
                "counts": {}, "corpus": {"name": "encyclopedia", "stand_in": True}}  # fmt: skip

    asked = []
    monkeypatch.setattr(
        "relex.experiments.run_experiment",
        lambda *a, **k: asked.append((a, k)) or [record("a", 0, 0.5), record("乙", 0, 0.25), record("a", 1, 0.7)],
    )
    code, out, _ = relex("run", "demo", "--profile", "smoke", "--seeds", 2)
    assert code == 0 and "60.0 ± 14.1" in out and "generated stand-in" in out
    assert [line.split()[:2] for line in out.splitlines()[1:3]] == [["a", "2"], ["乙", "1"]]
    assert asked == [(("demo", "smoke"), {"corpus": None, "seeds": 2, "keep_models": False})]


def test_splits_are_printed_apart(relex, monkeypatch):
    def record(split, accuracy):
        return {"experiment": "demo", "run": split, "config": {"row": "a", "seed": 0, "split": split},
                "metrics": {"accuracy": accuracy}, "counts": {},
                "corpus": {"name": "casmed", "stand_in": False}}  # fmt: skip

    monkeypatch.setattr(
        "relex.experiments.run_experiment", lambda *a, **k: [record("report", 0.5), record("distinct", 0.25)]
    )
    lines = [line.split() for line in relex("run", "demo")[1].splitlines()]
    assert [line[2] for line in lines if line[:1] == ["a"]] == ["50.0", "25.0"]
    assert [line[-1] for line in lines if line[:1] == ["percent,"]] == ["report)", "distinct)"]


def test_bench_prints_speeds_and_ratios(relex):
    code, out, _ = relex("bench", "classifier", "--documents", 6, "--layers", 1, "--encoder", "random:tiny")
    values = dict(line.split(": ", 1) if line.count(": ") == 1 else line.rsplit(": ", 1) for line in out.splitlines())
    assert code == 0 and values["documents"] == "6"
    for task in ("training", "inference"):
        assert float(values[f"{task}: documents/s"].replace(",", "")) > 0
        assert 0 <= float(values[f"{task}: % of time outside the encoder"]) <= 100
        assert float(values[f"{task}: times as fast as the plain version"]) > 0
    assert float(values["padding, length-bucketed: %"]) < float(values["padding, to 300 tokens: %"])


def test_plain_version_of_the_benchmark_gives_the_same_answers(own):
    from relex.bench.classifier import Bucketed, Plain
    from relex.runs.config import Config
    from relex.runs.run import load_corpus
    from relex.runs.train import make_head
    from relex.training import Trainer

    settings = {"corpus": f"jsonl:{own}", "encoder": "random:tiny", "layers": 2, "epochs": 1, "precision": "fp32"}
    config = Config.from_json(settings)
    corpus = load_corpus(config)
    trainer = Trainer(make_head(config, corpus), config.training, seed=0)
    ours, plain = Bucketed(trainer, corpus.train), Plain(trainer, corpus.train)
    ours.train()
    assert sorted(plain.label(), key=lambda d: d.id) == sorted(ours.label(), key=lambda d: d.id)


# What does not: one sentence each


def test_missing_corpus(fails):
    assert "corpus 'umrc10' is not in" in fails("corpora", "check", "umrc10")
    assert "no folder or file elsewhere" in fails("corpora", "check", "elsewhere")
    assert "corpus 'angiography' is generated by this package" in fails("corpora", "check", "angiography")
    assert "no corpus 'nothing'" in fails("run", "encoding_ablation", "--profile", "smoke", "--corpus", "nothing")


def test_check_prints_every_problem_and_fails_with_one_sentence(relex, own):
    known = json.dumps(document("y", "其他"))
    (own / "dev.jsonl").write_text('{"id": \n{"id": "x"}\n' + known + "\n", encoding="utf-8")
    (own / "test.jsonl").write_text("", encoding="utf-8")
    code, out, error = relex("corpora", "check", own)
    lines = out.splitlines()
    assert code == 2 and error.count("\n") == 1 and "problems: 3" in error
    assert [f"dev.jsonl, line {n}" in line for n, line in enumerate(lines[:2], 1)] == [True] * 2
    assert "test.jsonl has no documents" in lines[2] and "dev.jsonl: relations of unseen names" in lines[3]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "dev.jsonl, line 1: not JSON"),
        ('{"id": "x", "entities": [], "relations": []}', "dev.jsonl, line 1: field 'text' is missing"),
        ("", "empty dev part"),
    ],
)
def test_run_on_a_bad_corpus(fails, own, config, content, reason):
    (own / "dev.jsonl").write_text(content, encoding="utf-8")
    assert reason in fails("run", "--config", config())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epoch": 3}, "unknown config key 'epoch'; did you mean 'epochs'?"),
        ({"epochs": "3"}, "config key 'epochs' should be int, not str"),
        ({"head": 7}, "expected a JSON object of config keys"),
        ({"head": "tagger"}, "there is no head 'tagger'"),
        ({"encoder": "dir:/nowhere/model"}, "/nowhere/model has no config.json"),
        ({"encoder": "random:huge"}, "there is no encoder 'random:huge'"),
        ({"layers": 9}, "layers=9 is not possible"),
        ({"corpus": "jsonl:/nowhere"}, "there is no folder /nowhere"),
    ],
)
def test_bad_config(fails, config, changes, reason):
    assert reason in fails("run", "--config", config(**changes))


def test_bad_config_file(fails, project):
    assert "cannot use" in fails("run", "--config", project / "none.json")
    for content in ("[1]", "{", "\xff"):
        (project / "config.json").write_bytes(content.encode("latin-1"))
        assert "config.json: " in fails("run", "--config", project / "config.json")


def test_options_that_contradict_each_other(fails, config):
    assert "give the name of an experiment" in fails("run")
    assert "give the name of an experiment" in fails("run", "encoding_ablation", "--config", config())
    assert "do not go with --config" in fails("run", "--seeds", 2, "--config", config())
    for option in (("--workers", 2), ("--budget", "5m"), ("--on", "ray"), ("--list",)):
        assert "go with --all alone" in fails("run", "encoding_ablation", *option)
    for option in ("encoding_ablation",), ("--seeds", 2), ("--corpus", "umrc10"), ("--keep-models",):
        assert "--all takes --profile, --workers" in fails("run", "--all", *option)
    assert "give the name of an experiment, or --all" in fails("publish")
    assert "give the name of an experiment, or --all" in fails("publish", "one", "--all")


def test_numbers_and_places_that_make_no_sense(fails):
    assert "--workers is 0, but must be from 1 to" in fails("run", "--all", "--workers", 0)
    assert "--workers is 100000" in fails("run", "--all", "--workers", 100000)
    assert "--budget is 'soon', but must be a time such as 150m" in fails("run", "--all", "--budget", "soon")
    assert "--budget is '0m'" in fails("run", "--all", "--budget", "0m")
    assert "must be ray for a local cluster, or ray://HOST:PORT" in fails("run", "--all", "--on", "dask://here:1")
    assert "nobody answers at ray://127.0.0.1:9" in fails("run", "--all", "--on", "ray://127.0.0.1:9")
    assert "no profile 'huge'; known are smoke" in fails("run", "--all", "--profile", "huge")


def test_unknown_names(fails):
    assert "no experiment 'other'; known are " in fails("run", "other")
    assert "no profile 'huge'; known are smoke" in fails("run", "encoding_ablation", "--profile", "huge")
    assert "no profile 'huge'" in fails("book", "--profile", "huge")
    assert "no benchmark of 'other'" in fails("bench", "other")
    assert "no corpus 'other' to fetch" in fails("corpora", "fetch", "other")
    assert "no format 'other'" in fails("corpora", "convert", "other", "a", "b")
    assert "no records in" in fails("publish", "other")
    assert "other is no model folder and no run" in fails(
        "predict", "other", write_jsonl(Path("in.jsonl"), [document("a")]), "out.jsonl"
    )


def test_a_book_that_is_not_built_cannot_be_printed(fails):
    assert "index.html is not there; build the book with `make book` first" in fails("pdf")


def test_damaged_record_is_set_aside_and_said(relex, fails, config, project):
    relex("run", "--config", config())
    (path,) = (project / "runs" / "own").glob("*[0-9a-f].json")
    path.write_text('{"experiment": "own"', encoding="utf-8")
    assert "1 damaged records were set aside" in fails("publish", "own", "--profile", "smoke")
    assert not path.exists() and path.with_suffix(".json.damaged").exists()
    assert not (project / "book").exists()


def test_predict_without_a_model_or_with_bad_input(relex, fails, config, own, project):
    relex("run", "--config", config())
    (path,) = (project / "runs" / "own").glob("*[0-9a-f].json")
    good, out = own / "test.jsonl", project / "out.jsonl"
    assert "was not kept" in fails("predict", path.stem, good, out)
    relex("run", "--config", config(), "--keep-models")
    weights = path.with_name(f"{path.stem}.model") / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + b"x")
    assert "is not as it was written" in fails("predict", path.stem, good, out)
    weights.write_bytes(content)
    bad = write_jsonl(project / "bad.jsonl", [document("a"), document("b") | {"entities": [], "relations": []}])
    assert "bad.jsonl, line 2: it has 0 entities" in fails("predict", path.stem, bad, out, "--strict")
    assert "cannot read" in fails("predict", path.stem, project / "none.jsonl", out)
    assert "has no documents" in fails("predict", path.stem, write_jsonl(project / "empty.jsonl", []), out)
    assert not out.exists()


def test_result_that_cannot_be_written(fails, own, project):
    source = write_jsonl(project / "a.jsonl", [{"text": "甲药可治乙病。", "spo_list": []}])
    assert "cannot write" in fails("corpora", "convert", "duie", source, project / "a.jsonl" / "out.jsonl")


def test_a_missing_package_is_named(fails, monkeypatch):
    def absent(*args, **options):
        raise ModuleNotFoundError("No module named 'papermill'", name="papermill")

    monkeypatch.setattr("relex.book.build.make_book", absent)
    assert "package 'papermill' is not installed" in fails("book")


def test_a_fault_of_our_own_keeps_its_traceback(monkeypatch):
    def broken():
        raise KeyError("x")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(KeyError):
        cli.main()


def test_a_sentence_stays_on_one_line(monkeypatch, relex):
    def broken():
        raise RelexError("first\n  second")

    monkeypatch.setattr(cli, "app", broken)
    assert relex() == (2, "", "relex: first second\n")


# What needs no run


def test_audit_prints_findings_and_json(relex, fails):
    status, out, _ = relex("audit", "focused")
    assert status == 0 and "Focused attention, Table III" in out
    assert out.splitlines()[-1].split()[:2] == ["all", "80"]
    status, out, _ = relex("audit", "focused", "--json")
    content = json.loads(out)
    assert status == 0 and content["comparisons"] == {"focused": 80} and len(content["findings"]) < 80
    assert "there is no paper 'nix'" in fails("audit", "nix")


# The process itself


def test_process_prints_one_line_and_ends_with_2():
    process = subprocess_of("corpora", "check", "没有", env={"LC_ALL": "C", "PYTHONUTF8": "0"})
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert error.startswith("relex: there is no folder or file") and error.count("\n") == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_nobody_reads_is_no_error(own, unbuffered):
    read, write = os.pipe()
    os.close(read)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "relex.cli", "corpora", "check", str(own)]
    process = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, env=environment)
    os.close(write)
    assert process.returncode == 1 and process.stderr == b""


def test_interrupt_ends_quietly(project):
    os.mkfifo(project / "pipe.jsonl")  # reading it waits until somebody writes
    heeded = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores it
    command = ("corpora", "convert", "duie", project / "pipe.jsonl", project / "out.jsonl")
    process = subprocess_of(*command, preexec_fn=heeded)
    waiting = os.open(project / "pipe.jsonl", os.O_WRONLY)  # returns once the process reads
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    os.close(waiting)
    assert process.returncode == 130 and error == ""


def test_records_of_these_tests_stay_in_their_folder(project):
    assert records.runs_dir() == project / "runs"


def test_the_ledger_prints_every_claim_with_its_verdict(relex):
    code, out, _ = relex("ledger")
    assert code == 0 and out.splitlines()[0].split()[:3] == ["paper", "claim", "verdict"]
    assert "untested here" in out and "refuted by the paper's own figures" in out and "stands" not in out
    code, out, _ = relex("ledger", "--json")
    entries = json.loads(out)
    assert code == 0 and len(entries) >= 24
    assert all({"paper", "claim", "verdict", "reason", "rule", "printed", "evidence"} <= e.keys() for e in entries)


def test_no_sentence_quotes_a_whole_text(fails, tmp_path):
    long = "x" * 100_000
    for command in (
        ("predict", long, "a.txt", "b.jsonl"), ("graph", long, tmp_path / "o", "--to", "csv"), ("run", long),
        ("corpora", "check", long),
        ("publish", long), ("run", "--config", long), ("train", long, "--out", tmp_path / "m"),
    ):  # fmt: skip
        assert len(fails(*command)) < 1300


def test_paths_that_lead_nowhere_and_memory_that_is_not_there(fails, tmp_path, monkeypatch):
    assert fails("train", "~nobody.there/x", "--out", tmp_path / "m").startswith("a path begins with ~")
    assert (
        fails("publish", tmp_path)
        == f"{str(tmp_path)!r} is no name of an experiment; `relex run` has those that there are"
    )

    def allocate(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr("relex.use.data.read", allocate)
    assert fails("train", tmp_path, "--out", tmp_path / "m").startswith("there is not enough memory for it; take")
