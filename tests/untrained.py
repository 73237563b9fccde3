"""An untrained model, made so that it finds something."""

from dataclasses import replace

from cases import Case, make

from relex.runs.config import Config
from relex.use.extractor import Extractor


def extractor() -> Extractor:
    """A cascade on a tiny random encoder."""
    head = make(Case("cascade"))
    config = Config.from_json({"head": "cascade", "encoder": "random:tiny", "precision": "fp32"})
    about = {"corpus": {"name": "own", "sizes": {"train": 6, "dev": 1, "test": 1}}, "metrics": {}}
    return Extractor(head, replace(config, options=head.options), about)
