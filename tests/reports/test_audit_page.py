"""The page of the audit: what it counts, and that its Markdown is whole."""

import json
import re

from relex.audits.audit import audit
from relex.files import project_root
from relex.markup import escaped
from relex.reports import audit as report


def test_the_summary_adds_up():
    table = report.summary(["umrc", "focused"])
    findings, comparisons = audit("umrc")
    assert table.loc["UMRC"].tolist()[0] == comparisons and table.loc["UMRC"].tolist()[1:] == [
        sum(f.strength == s for f in findings) for s in table.columns[1:]
    ]
    assert (table.loc["all"] == table.iloc[:2].sum()).all()


def test_every_finding_is_on_the_page_with_what_is_left():
    page = report.page()
    assert page.count("```{dropdown}") * 2 == page.count("```")
    rows = [line for line in page.splitlines() if re.match(r"\| \w.*: .* \| (decisive|strong|moderate|weak) \| ", line)]
    assert len(rows) == sum(len(audit(paper)[0]) for paper in ("umrc", "cbrrel", "iser", "focused"))
    assert all(line.count(" | ") == 2 for line in rows)
    for paper in ("umrc", "cbrrel", "iser", "focused"):
        for finding in audit(paper)[0]:
            assert page.count(escaped(finding.computed)) >= 1 and escaped(finding.left) in page


def test_the_chapter_s_code_says_what_its_prose_says(capsys):
    chapter = (project_root() / "book" / "audit.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", chapter, re.DOTALL)
    for block in blocks:
        exec(compile(block, "audit.md", "exec"), {})
    counts, runs, sign, all_four, three, luck = capsys.readouterr().out.splitlines()
    assert counts == "[(48, 52)]" and runs.startswith("[14, ")
    assert sign.split()[0] == "True" and sign.split()[1].startswith("5.7")
    assert all_four.endswith("0.5)") or float(all_four.split(",")[-1].strip(" )")) > 0.1
    assert float(three.split(",")[-1].strip(" )")) < 1e-6
    assert [f"{float(x):.0e}" for x in luck.split()] == ["1e-01", "3e-13"]


def test_json_has_every_field():
    content = json.loads(json.dumps(report.as_json(["iser"])))
    assert len(content["findings"]) == len(audit("iser")[0]) and len(content["leads"]) == 7
    assert content["findings"][0].keys() == {"paper", "table", "cells", "rule", "strength", "computed", "left", "id"}
