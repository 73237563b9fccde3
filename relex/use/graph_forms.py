"""A graph as tables, GraphML, Turtle or Cypher.

Whatever stands in a mention, type or id survives in each form, quotes, line ends and control characters too, but for

* GraphML: the characters that XML cannot hold (most control characters, U+FFFE, U+FFFF) become U+FFFD, �.
* Cypher: in labels and relationship types, control characters become U+FFFD too, for Neo4j refuses some, and a
  backslash becomes ＼ (U+FF3C), for Neo4j takes one with u0060 for a backtick and the end of the name; an empty name
  becomes _. The properties `type` and `relation` hold what was there.
"""

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from relex.errors import RelexError
from relex.files import check_output, write_text
from relex.use.graph import Graph, read_graph


def write_graph(source: Path, form: str, out: Path) -> Graph:
    """Write the graph of the Documents of a JSON-lines file in one of `FORMS`, and return it.

    `out` is a file, for csv a folder; an old file is overwritten whole or not at all. Raises a `RelexError` for an
    unknown form, for a bad line, and for an output that is the input or not of the kind that the form needs.
    """
    if form not in FORMS:
        raise RelexError(f"there is no form {form!r} of a graph; known are {', '.join(FORMS)}")
    if form == "csv" and out.exists() and not out.is_dir():
        raise RelexError(f"{out} is a file, and csv needs a folder for its two tables; choose another place")
    if form != "csv" and out.is_dir():
        raise RelexError(f"{out} is a folder, and {form} is one file; add a file name")
    parts = {out / name: make for name, make in FORMS[form].items()}
    for path in parts:
        check_output(path, source)
    graph = read_graph(source)
    for path, make in parts.items():
        write_text(path, "".join(make(graph)))
    return graph


def csv_nodes(graph: Graph) -> Iterator[str]:
    """The table of nodes; `id` counts them from 0."""
    header = ("id", "type", "mention", "mentions", "documents", "highest_score")
    rows = (
        (node.number, kind, mention, node.mentions, node.documents, node.highest_score)
        for (kind, mention), node in graph.nodes.items()
    )
    yield from _table(header, rows)


def csv_edges(graph: Graph) -> Iterator[str]:
    """The table of edges; `head` and `tail` are ids of nodes, `sources` the documents' ids as a JSON array."""
    header = ("head", "relation", "tail", "documents", "highest_score", "mean_score", "sources")
    rows = (
        (graph.nodes[head].number, name, graph.nodes[tail].number, len(edge.sources), edge.highest_score,
         edge.mean_score, json.dumps(edge.sources, ensure_ascii=False))
        for (head, name, tail), edge in graph.edges.items()
    )  # fmt: skip
    yield from _table(header, rows)


def graphml(graph: Graph) -> Iterator[str]:
    """Nodes n0, n1 … and edges e0, e1 … with typed attributes; `sources` is a JSON array of ids, as a string."""
    types = {
        "node": {"type": "string", "mention": "string", "mentions": "long", "documents": "long",
                 "highest_score": "double"},
        "edge": {"relation": "string", "documents": "long", "highest_score": "double", "mean_score": "double",
                 "sources": "string"},
    }  # fmt: skip

    def data(what: str, *values) -> str:
        filled = ((name, value) for name, value in zip(types[what], values, strict=True) if value is not None)
        return "".join(f'<data key="{what}_{name}">{_xml(str(value))}</data>' for name, value in filled)

    yield '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    for what, names in types.items():
        for name, kind in names.items():
            yield f'<key id="{what}_{name}" for="{what}" attr.name="{name}" attr.type="{kind}"/>\n'
    yield '<graph edgedefault="directed">\n'
    for (kind, mention), node in graph.nodes.items():
        values = data("node", kind, mention, node.mentions, node.documents, node.highest_score)
        yield f'<node id="n{node.number}">{values}</node>\n'
    for i, ((head, name, tail), edge) in enumerate(graph.edges.items()):
        ends = f'source="n{graph.nodes[head].number}" target="n{graph.nodes[tail].number}"'
        sources = json.dumps(edge.sources, ensure_ascii=False)
        values = data("edge", name, len(edge.sources), edge.highest_score, edge.mean_score, sources)
        yield f'<edge id="e{i}" {ends}>{values}</edge>\n'
    yield "</graph>\n</graphml>\n"


def turtle(graph: Graph) -> Iterator[str]:
    """Each edge as a triple, and again as an `rdf:Statement`, a blank node, with its scores and sources.

    IRIs, percent-encoded, are `urn:relex:entity:TYPE:MENTION`, `urn:relex:relation:NAME` and, the class of an entity,
    `urn:relex:type:TYPE`.
    """
    yield "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .\n"
    yield "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
    yield "@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n@prefix relex: <urn:relex:> .\n\n"
    for (kind, mention), node in graph.nodes.items():
        yield f"{_iri('entity', kind, mention)} a {_iri('type', kind)} ; rdfs:label {_literal(mention)} ; "
        yield f"relex:mentions {node.mentions} ; relex:documents {node.documents}"
        yield f"{_double('highestScore', node.highest_score)} .\n"
    for (head, name, tail), edge in graph.edges.items():
        triple = _iri("entity", *head), _iri("relation", name), _iri("entity", *tail)
        yield f"{' '.join(triple)} .\n[] a rdf:Statement ; "
        yield "rdf:subject {} ; rdf:predicate {} ; rdf:object {} ; ".format(*triple)
        yield f"relex:documents {len(edge.sources)}{_double('highestScore', edge.highest_score)}"
        yield f"{_double('meanScore', edge.mean_score)} ; relex:source {', '.join(map(_literal, edge.sources))} .\n"


BATCH = 500
"""Rows of one Cypher statement."""


def cypher(graph: Graph) -> Iterator[str]:
    """Statements for `cypher-shell` (Neo4j 4.4 or newer) that give the same graph however often they are run.

    A node has the labels `Entity` and its type, an edge its relation as relationship type. Where the database has a
    node or an edge already, its counts, scores and sources become those of this graph.
    """
    yield "CREATE CONSTRAINT relex_entity IF NOT EXISTS FOR (n:Entity) REQUIRE (n.type, n.mention) IS UNIQUE;\n"
    nodes, edges = defaultdict(list), defaultdict(list)
    for (kind, mention), node in graph.nodes.items():
        values = {"mentions": node.mentions, "documents": node.documents, "highest_score": node.highest_score}
        nodes[kind].append({"type": kind, "mention": mention, "values": values})
    for (head, name, tail), edge in graph.edges.items():
        edges[name].append({
            "head_type": head[0], "head": head[1], "relation": name, "tail_type": tail[0], "tail": tail[1],
            "values": {"documents": len(edge.sources), "highest_score": edge.highest_score,
                       "mean_score": edge.mean_score, "sources": edge.sources},
        })  # fmt: skip
    for kind, rows in nodes.items():
        merge = f"MERGE (n:Entity {{type: row.type, mention: row.mention}}) SET n:{_label(kind)}, n += row.values"
        yield from _statements(rows, merge)
    for name, rows in edges.items():
        merge = (
            "MATCH (h:Entity {type: row.head_type, mention: row.head})\n"
            "MATCH (t:Entity {type: row.tail_type, mention: row.tail})\n"
            f"MERGE (h)-[r:{_label(name)} {{relation: row.relation}}]->(t) SET r += row.values"
        )
        yield from _statements(rows, merge)


FORMS: dict[str, dict[str, Callable[[Graph], Iterator[str]]]] = {
    "csv": {"nodes.csv": csv_nodes, "edges.csv": csv_edges},
    "graphml": {"": graphml},
    "turtle": {"": turtle},
    "cypher": {"": cypher},
}
"""The forms by name: what each file holds; a file without a name is the output itself."""


def _table(header: tuple, rows: Iterator[tuple]) -> Iterator[str]:
    # Lines end as RFC 4180 says: Python's writer would not quote a lone carriage return beside other line ends.
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([header, *rows])
    yield stream.getvalue()


def _xml(text: str) -> str:
    held = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    return escape(held, {"\r": "&#13;"})  # a bare one would be read as \n


def _iri(*parts: str) -> str:
    return f"<urn:relex:{':'.join(quote(part, safe='') for part in parts)}>"


def _literal(text: str) -> str:
    """A string in Turtle and in Cypher, on one line."""
    short = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    escaped = re.sub('[\\\\"\x00-\x1f\x7f-\x9f\u2028\u2029]', lambda c: short.get(c[0], f"\\u{ord(c[0]):04X}"), text)
    return f'"{escaped}"'


def _double(name: str, value: float | None) -> str:
    return "" if value is None else f' ; relex:{name} "{value}"^^xsd:double'


def _statements(rows: list[dict], merge: str) -> Iterator[str]:
    for start in range(0, len(rows), BATCH):
        yield f"UNWIND {_cypher(rows[start : start + BATCH])} AS row\n{merge};\n"


def _label(name: str) -> str:
    held = re.sub("[\x00-\x1f\x7f-\x9f]", "\ufffd", name or "_")
    return "`" + held.replace("\\", "＼").replace("`", "``") + "`"


def _cypher(value) -> str:
    """A value of strings, numbers, None, lists and dictionaries as a Cypher literal."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_cypher(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",\n".join(map(_cypher, value)) + "]"
    if value is None:
        return "null"
    return _literal(value) if isinstance(value, str) else str(value)
