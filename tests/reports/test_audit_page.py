"""The page of the audit: what it counts, and that its Markdown is whole."""

import json
import re

from relex.audits.audit import audit
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
            assert page.count(report._escaped(finding.computed)) >= 1 and report._escaped(finding.left) in page


def test_json_has_every_field():
    content = json.loads(json.dumps(report.as_json(["iser"])))
    assert len(content["findings"]) == len(audit("iser")[0]) and len(content["leads"]) == 7
    assert content["findings"][0].keys() == {"paper", "table", "cells", "rule", "strength", "computed", "left"}
