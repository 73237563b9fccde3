"""Shared fixtures: no test reads or writes outside its own temporary folder."""

import pytest
import samples
import torch
from hypothesis import HealthCheck, settings

from relex import encoders
from relex.documents import write_documents
from relex.heads import Classifier, ClassifierOptions
from relex.runs import records

# A busy machine is slow and not wrong.
settings.register_profile("relex", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("relex")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project root as the working folder, with its own cache; records go to its runs/ and book/results/."""
    root = tmp_path / "project"
    (root / "relex").mkdir(parents=True)
    (root / "_toc.yml").touch()
    monkeypatch.chdir(root)
    monkeypatch.setenv("RELEX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(records, "runs_dir", lambda: root / "runs")
    monkeypatch.setattr(records, "results_dir", lambda: root / "book" / "results")
    return root


@pytest.fixture
def corpus_name(tmp_path):
    """The sample corpus as files of one's own; the name that `relex.corpora.load` knows it by."""
    for part in ("train", "dev", "test"):
        write_documents(tmp_path / "own" / f"{part}.jsonl", getattr(samples.CORPUS, part))
    return f"jsonl:{tmp_path / 'own'}"


@pytest.fixture
def style():
    """Figures in the style of the book, whose packages not everybody has."""
    import matplotlib

    from relex.figures.style import use_style

    with matplotlib.rc_context():
        use_style()
        yield


@pytest.fixture(scope="session")
def make_head():
    """Function (schema, seed, dropout, options…) → a Classifier on a tiny random encoder."""

    def make(schema=samples.SCHEMA, seed=0, dropout=0.1, **options):
        encoder = encoders.load("random:tiny", seed=seed, texts=[d.text for d in samples.TRAIN])
        torch.manual_seed(seed)
        head = Classifier(encoder, schema, ClassifierOptions(**options))
        for module in head.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = dropout
        return head

    return make
