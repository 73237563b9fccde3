"""README keeps its word: its Python example runs, and its result is that of the published records."""

import re

from relex.experiments import published
from relex.files import project_root
from relex.reports import claims

README = (project_root() / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    tiny = {'"layers": 2': '"layers": 1', '"train_limit": 200': '"train_limit": 8', '"dev_limit": 20': '"dev_limit": 2',
            '"test_limit": 20': '"test_limit": 2', '"epochs": 5': '"epochs": 1'}  # fmt: skip
    for long, short in tiny.items():
        assert long in code
        code = code.replace(long, short)
    exec(compile(code, "README.md", "exec"), {})


def test_the_result_is_that_of_the_records():
    page, prose = claims.claims_page("cbrrel", published), " ".join(README.split())
    for claim in ("all modules together help", "a gate helps where a sum cannot order objects by subject (ours)"):
        recorded = (
            next(line for line in page.splitlines() if line.startswith(f"| {claim} |")).strip("| ").split(" | ")[3]
        )
        assert recorded in prose, f"README's result is another than {recorded}"
