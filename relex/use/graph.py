"""The graph that the entities and relations of many Documents make.

A node is an entity type with a mention, letter for letter: the same mention of the same type is one node wherever it
stands. An edge is a relation from node to node. What a document holds is a *set*: an entity or a relation given twice
counts once, with the higher score. A score that the input does not give is None.
"""

from collections.abc import Hashable, ItemsView, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from relex.documents import Document, Relation, Span, scan_documents
from relex.errors import RelexError
from relex.found import higher, keep_higher

Key = tuple[str, str]
"""What a node is: (entity type, mention)."""


@dataclass(slots=True)
class Node:
    """How many mentions a node has, in how many documents, and the highest of their scores."""

    number: int
    mentions: int = 0
    documents: int = 0
    highest_score: float | None = None


@dataclass(slots=True)
class Edge:
    """The ids of the documents that have a relation, and the scores of all places where they have it."""

    sources: list[str] = field(default_factory=list)
    highest_score: float | None = None
    sum_of_scores: float = 0.0
    scored: int = 0

    @property
    def mean_score(self) -> float | None:
        """The mean over all places that have a score; None when none has."""
        return self.sum_of_scores / self.scored if self.scored else None


@dataclass(slots=True)
class Graph:
    """Nodes by (entity type, mention) and edges by (head, relation, tail), both in order of first appearance."""

    nodes: dict[Key, Node] = field(default_factory=dict)
    edges: dict[tuple[Key, str, Key], Edge] = field(default_factory=dict)
    documents: int = 0

    def add(self, document: Document) -> None:
        """Count the entities and relations of one more document."""
        self.documents += 1
        keys = [(span.type, document.mention(i)) for i, span in enumerate(document.entities)]
        name = dict(zip(document.entities, keys, strict=True))
        here = set()
        for span, score in _each_once(document.entities, document.entities):
            node = self.nodes.setdefault(name[span], Node(len(self.nodes)))
            node.mentions += 1
            node.documents += name[span] not in here
            node.highest_score = higher(node.highest_score, score)
            here.add(name[span])
        here = set()
        for (head, relation, tail), score in _each_once(document.triples(), document.relations):
            key = name[head], relation, name[tail]
            edge = self.edges.setdefault(key, Edge())
            if key not in here:
                edge.sources.append(document.id)
            edge.highest_score = higher(edge.highest_score, score)
            if score is not None:
                edge.sum_of_scores, edge.scored = edge.sum_of_scores + score, edge.scored + 1
            here.add(key)


def read_graph(path: Path) -> Graph:
    """The graph of a JSON-lines file, read one line at a time; raises a `RelexError` for a bad line."""
    graph = Graph()
    for document in scan_documents(path):
        if isinstance(document, RelexError):
            raise document
        graph.add(document)
    if not graph.documents:
        raise RelexError(f"{path} has no documents; it needs at least one")
    return graph


def _each_once(items: Sequence[Hashable], scored: Sequence[Span | Relation]) -> ItemsView:
    """(item, score) of all different items, each with the highest of its scores."""
    best: dict[Hashable, float | None] = {}
    for item, of in zip(items, scored, strict=True):
        keep_higher(best, item, of.score)
    return best.items()
