"""Graphs: counts by hand, and what other programs read of each form."""

import csv
import json
import random
import re
import sys

import networkx
import pytest
import rdflib
from rdflib.namespace import RDF, RDFS

from relex import cli
from relex.errors import RelexError
from relex.use.graph import read_graph
from relex.use.graph_forms import FORMS, write_graph

RELEX = rdflib.Namespace("urn:relex:")
HOSTILE = (
    'a "quoted" \'word\'', "two\nlines\r\nand\ra\ttab", "back\\slash\\u0027\\", "$dollar {curly} ${both}", "`tick``s`",
    "甲药（片）", "دواء \u202e reversed", "nul\x00 bell\x07 del\x7f nel\x85 sep\u2028", "</data><x>&amp;]]>", "=1+1,;",
    "😀", "\ufffe\uffff", "a b%20c/d?e#f:g", "'; MATCH (n) DETACH DELETE n; //",
)  # fmt: skip
UNSAFE_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def found(name, *triples, text="", entities=()):
    """A line: triples of (type, mention), relation, (type, mention), score; `text` is that of the mentions in a row."""
    spans, relations = [], []
    for kind, mention, *score in entities:
        spans.append({"start": len(text), "end": len(text + mention), "type": kind} | _score(*score))
        text += mention
    for head, relation, tail, *score in triples:
        relations.append({"head": len(spans), "tail": len(spans) + 1, "type": relation} | _score(*score))
        for kind, mention, *own in (head, tail):
            spans.append({"start": len(text), "end": len(text + mention), "type": kind} | _score(*own))
            text += mention
    return {"id": name, "text": text, "entities": spans, "relations": relations, "note": {"of": "another program"}}


def _score(score=None):
    return {} if score is None else {"score": score}


def write(path, lines):
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


DRUG, OTHER, ILLNESS = ("drug", "zorb"), ("drug", "mip"), ("illness", "quell")
LINES = [
    found("1", (DRUG, "treats", (*ILLNESS, 0.5), 0.9), (DRUG, "treats", ILLNESS, 0.5), entities=[(*OTHER, 0.25)]),
    found("2", (DRUG, "treats", (*ILLNESS, 0.75), 0.4), (ILLNESS, "needs", DRUG)),
    found("3", (DRUG, "causes", ILLNESS, 1)),
]


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "found.jsonl", LINES)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """Every hostile text as type, mention, relation and id, each with the next."""
    lines = [
        found(text, ((text, text), text, (other, other), 0.5))
        for text, other in zip(HOSTILE, HOSTILE[1:] + HOSTILE[:1], strict=True)
    ]
    return write(tmp_path_factory.mktemp("hostile") / "found.jsonl", lines)


@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """10,000 documents of made-up words, and what must come out: nodes, edges and their documents."""
    rng = random.Random(0)
    words = ["".join(rng.choice(["ka", "lo", "mi", "zu", "pe", "药"]) for _ in range(3)) for _ in range(50)]
    lines, nodes, edges = [], set(), {}
    for i in range(10_000):
        head, tail = ("drug", rng.choice(words)), ("illness", rng.choice(words))
        name = rng.choice(["treats", "causes"])
        lines.append(found(f"d{i}", (head, name, tail, round(rng.random(), 3))))
        nodes |= {head, tail}
        edges.setdefault((head, name, tail), []).append(f"d{i}")
    return write(tmp_path_factory.mktemp("many") / "found.jsonl", lines), nodes, edges


def written(source, form, folder):
    out = folder / f"out.{form}"
    write_graph(source, form, out)
    return out


def tables(folder):
    for name in ("nodes.csv", "edges.csv"):
        with open(folder / name, encoding="utf-8", newline="") as stream:
            yield list(csv.DictReader(stream))


def loaded(path):
    return networkx.read_graphml(path, force_multigraph=True)


def test_counts_by_hand(source):
    graph = read_graph(source)
    told = {key: (node.mentions, node.documents, node.highest_score) for key, node in graph.nodes.items()}
    assert told == {OTHER: (1, 1, 0.25), DRUG: (5, 3, None), ILLNESS: (5, 3, 0.75)}
    edges = {key: (edge.sources, edge.highest_score, edge.mean_score) for key, edge in graph.edges.items()}
    assert edges == {
        (DRUG, "treats", ILLNESS): (["1", "2"], 0.9, pytest.approx(0.6)),
        (ILLNESS, "needs", DRUG): (["2"], None, None),
        (DRUG, "causes", ILLNESS): (["3"], 1.0, 1.0),
    }
    assert graph.documents == 3


def test_what_a_document_holds_twice_counts_once(tmp_path):
    line = found("1", (DRUG, "treats", (*ILLNESS, 0.5), 0.5))
    line["entities"].append(line["entities"][1] | {"score": 0.75})
    line["relations"] += [{"head": 0, "tail": 2, "type": "treats", "score": 0.75}, {**line["relations"][0]}]
    line["entities"].append({"start": -1, "end": -1, "type": "drug", "mention": "zorb"})
    graph = read_graph(write(tmp_path / "found.jsonl", [line]))
    assert {key: (node.mentions, node.highest_score) for key, node in graph.nodes.items()} == {
        DRUG: (2, None), ILLNESS: (1, 0.75),
    }  # fmt: skip
    (edge,) = graph.edges.values()
    assert (edge.highest_score, edge.mean_score, edge.sources) == (0.75, 0.75, ["1"])


def test_tables(source, tmp_path):
    nodes, edges = tables(written(source, "csv", tmp_path))
    assert nodes[1] == {
        "id": "1", "type": "drug", "mention": "zorb", "mentions": "5", "documents": "3", "highest_score": "",
    }  # fmt: skip
    assert [(edge["head"], edge["relation"], edge["tail"]) for edge in edges] == [
        ("1", "treats", "2"), ("2", "needs", "1"), ("1", "causes", "2"),
    ]  # fmt: skip
    assert json.loads(edges[0]["sources"]) == ["1", "2"] and float(edges[0]["mean_score"]) == pytest.approx(0.6)
    assert edges[1]["highest_score"] == edges[1]["mean_score"] == ""


def test_graphml_has_types_and_parallel_edges(source, tmp_path):
    graph = networkx.read_graphml(written(source, "graphml", tmp_path))
    assert graph.is_multigraph() and graph.is_directed()
    assert graph.nodes["n2"] == {
        "type": "illness", "mention": "quell", "mentions": 5, "documents": 3, "highest_score": 0.75,
    }  # fmt: skip
    assert graph.nodes["n1"] == {"type": "drug", "mention": "zorb", "mentions": 5, "documents": 3}
    assert {edge["relation"]: edge["documents"] for edge in graph["n1"]["n2"].values()} == {"treats": 2, "causes": 1}
    assert graph["n2"]["n1"]["e1"] == {"relation": "needs", "documents": 1, "sources": '["2"]'}


def test_turtle_has_statements_with_scores_and_sources(source, tmp_path):
    graph = rdflib.Graph().parse(written(source, "turtle", tmp_path))
    head, tail = RELEX["entity:drug:zorb"], RELEX["entity:illness:quell"]
    assert (head, RELEX["relation:treats"], tail) in graph and (head, RDF.type, RELEX["type:drug"]) in graph
    (statement,) = graph.subjects(RDF.predicate, RELEX["relation:treats"])
    assert graph.value(statement, RDF.type) == RDF.Statement
    assert (graph.value(statement, RDF.subject), graph.value(statement, RDF.object)) == (head, tail)
    assert graph.value(statement, RELEX.documents).toPython() == 2
    assert graph.value(statement, RELEX.highestScore).toPython() == 0.9
    assert {str(x) for x in graph.objects(statement, RELEX.source)} == {"1", "2"}
    (unscored,) = graph.subjects(RDF.predicate, RELEX["relation:needs"])
    assert graph.value(unscored, RELEX.meanScore) is None


def test_cypher_by_the_letter(source, tmp_path):
    text = written(source, "cypher", tmp_path).read_text(encoding="utf-8")
    assert (
        text
        == (
            "CREATE CONSTRAINT relex_entity IF NOT EXISTS FOR (n:Entity) REQUIRE (n.type, n.mention) IS UNIQUE;\n"
            'UNWIND [{type: "drug", mention: "mip", values: {mentions: 1, documents: 1, highest_score: 0.25}},\n'
            '{type: "drug", mention: "zorb", values: {mentions: 5, documents: 3, highest_score: null}}] AS row\n'
            "MERGE (n:Entity {type: row.type, mention: row.mention}) SET n:`drug`, n += row.values;\n"
        )
        + text[text.index('UNWIND [{type: "illness"') :]
    )
    assert text.endswith(
        'UNWIND [{head_type: "drug", head: "zorb", relation: "causes", tail_type: "illness", tail: "quell", '
        'values: {documents: 1, highest_score: 1.0, mean_score: 1.0, sources: ["3"]}}] AS row\n'
        "MATCH (h:Entity {type: row.head_type, mention: row.head})\n"
        "MATCH (t:Entity {type: row.tail_type, mention: row.tail})\n"
        "MERGE (h)-[r:`causes` {relation: row.relation}]->(t) SET r += row.values;\n"
    )


def test_ten_thousand_documents(many, tmp_path):
    source, nodes, edges = many
    graph = loaded(written(source, "graphml", tmp_path))
    assert {(n["type"], n["mention"]) for n in graph.nodes.values()} == nodes
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (len(nodes), len(edges))
    assert sum(edge["documents"] for *_, edge in graph.edges(data=True)) == 10_000
    assert sum(node["mentions"] for node in graph.nodes.values()) == 20_000
    triples = rdflib.Graph().parse(written(source, "turtle", tmp_path))
    assert sum(1 for _ in triples.triples((None, RELEX["relation:treats"], None))) == sum(
        k[1] == "treats" for k in edges
    )
    assert len(triples) == 4 * len(nodes) + (1 + 4 + 3) * len(edges) + 10_000
    _, rows = tables(written(source, "csv", tmp_path))
    assert [json.loads(row["sources"]) for row in rows] == list(edges.values())


# Hostile text


def test_hostile_text_in_tables(hostile, tmp_path):
    nodes, edges = tables(written(hostile, "csv", tmp_path))
    assert [row["mention"] for row in nodes] == [row["type"] for row in nodes] == list(HOSTILE)
    assert [row["relation"] for row in edges] == [json.loads(row["sources"])[0] for row in edges] == list(HOSTILE)


def test_hostile_text_in_graphml(hostile, tmp_path):
    held = [UNSAFE_IN_XML.sub("\ufffd", text) for text in HOSTILE]
    graph = loaded(written(hostile, "graphml", tmp_path))
    assert [node["mention"] for node in graph.nodes.values()] == held
    edges = [edge for *_, edge in graph.edges(data=True)]
    assert [edge["relation"] for edge in edges] == held
    sources = [json.loads(edge["sources"])[0] for edge in edges]  # JSON spells control characters in ASCII
    assert sources == [re.sub("[\ufffe\uffff]", "\ufffd", text) for text in HOSTILE]


def test_hostile_text_in_turtle(hostile, tmp_path):
    graph = rdflib.Graph().parse(written(hostile, "turtle", tmp_path))
    assert {str(x) for x in graph.objects(None, RDFS.label)} == set(HOSTILE)
    assert {str(x) for x in graph.objects(None, RELEX.source)} == set(HOSTILE)
    assert len(set(graph.objects(None, RDF.predicate))) == len(set(graph.subjects(RDFS.label))) == len(HOSTILE)
    assert len(graph) == len(HOSTILE) * (4 + 1 + 4 + 3 + 1)


def test_hostile_text_in_cypher(hostile, tmp_path):
    text = written(hostile, "cypher", tmp_path).read_text(encoding="utf-8")
    string = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
    rest = re.sub(r"`(?:[^`\\\x00-\x1f]|``)*`", "NAME", re.sub(string, "STRING", text))
    # Without strings and names, what is left is the same few statements, whatever the text was.
    node = "UNWIND [{type: STRING, mention: STRING, values: {mentions: 2, documents: 2, highest_score: null}}] AS row\n"
    assert (
        rest.count(node) == rest.count("AS row\nMATCH (h") == len(HOSTILE) and rest.count(";") == 2 * len(HOSTILE) + 1
    )
    assert not re.search(r"[`\"\\$]|DETACH", rest)
    mentions = re.findall(rf"^UNWIND \[{{type: ({string}), mention: ({string})", text, re.MULTILINE)
    assert [(json.loads(a), json.loads(b)) for a, b in mentions] == [(word, word) for word in HOSTILE]
    assert "SET n:`＼`" not in text and "SET n:`back＼slash＼u0027＼`" in text and "SET n:```tick````s```" in text


def test_an_empty_type_has_a_label(tmp_path):
    out = written(write(tmp_path / "found.jsonl", [found("1", (("", "zorb"), "", DRUG))]), "cypher", tmp_path)
    assert "SET n:`_`" in out.read_text(encoding="utf-8") and "[r:`_` {" in out.read_text(encoding="utf-8")


# What does not work: one sentence each


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ('{"id": "x", "text": "a", "entities": []}', "field 'relations' is missing"),
        (json.dumps(LINES[0]), "id '1' occurs twice"),
        *(
            (
                json.dumps(found("x", (DRUG, "treats", ILLNESS, score))),
                f"the score '{score}' is no number from 0 to 1",
            )
            for score in (1.5, -1, float("nan"), float("inf"), True, "0.5", [])
        ),
        (json.dumps(found("x", entities=[("drug", "zorb", 2)])), "the score '2' is no number from 0 to 1"),
    ],
)
def test_a_bad_line(source, tmp_path, line, reason):
    with open(source, "a", encoding="utf-8") as stream:
        stream.write(line)
    (tmp_path / "old.ttl").write_text("old")
    with pytest.raises(RelexError, match="found.jsonl, line 4: .*; correct or remove the line") as error:
        write_graph(source, "turtle", tmp_path / "old.ttl")
    assert reason in str(error.value)
    assert (tmp_path / "old.ttl").read_text() == "old"


def test_places_that_make_no_sense(source, tmp_path):
    before = source.read_bytes()
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "folder").mkdir()
    for form, out, reason in (
        ("dot", tmp_path / "x", "no form 'dot' of a graph; known are csv, graphml, turtle, cypher"),
        ("turtle", source, "is the file to be read"),
        ("turtle", tmp_path / "folder" / ".." / "link", "is the file to be read"),
        ("graphml", tmp_path / "folder", "is a folder, and graphml is one file"),
        ("csv", source, "is a file, and csv needs a folder"),
        ("csv", source / "below", "cannot write"),
    ):
        with pytest.raises(RelexError, match=reason):
            write_graph(source, form, out)
    nodes = write(tmp_path / "folder" / "nodes.csv", LINES)
    with pytest.raises(RelexError, match="is the file to be read"):
        write_graph(nodes, "csv", tmp_path / "folder")
    assert source.read_bytes() == before == nodes.read_bytes()


def test_no_file_and_no_documents(tmp_path):
    with pytest.raises(RelexError, match="cannot read .*none.jsonl"):
        read_graph(tmp_path / "none.jsonl")
    with pytest.raises(RelexError, match="has no documents"):
        read_graph(write(tmp_path / "empty.jsonl", []))


def relex(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["relex", "graph", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    return exit_.value.code or 0


def test_the_command(source, tmp_path, monkeypatch, capsys):
    for form in FORMS:
        out = tmp_path / f"graph.{form}"
        assert relex(monkeypatch, source, "--to", form, out) == 0
        assert capsys.readouterr().out == f"{out}: 3 nodes, 3 edges of 3 documents\n"
    assert relex(monkeypatch, source, "--to", "dot", tmp_path / "x") == 2
    assert capsys.readouterr().err.startswith("relex: there is no form 'dot' of a graph")
