"""Classes of relation: a relation type with one of its pairs of entity types."""

from relex.documents import Schema

RelationClass = tuple[str, str, str]
"""A relation's name, the type of its head and that of its tail."""


def relation_classes(schema: Schema) -> tuple[list[RelationClass], dict[tuple[str, ...], int]]:
    """All classes in the order of the schema, and the number of each; a triple that fits none counts as its relation's
    first, which the name alone finds.
    """
    classes = [(r.name, head, tail) for r in schema.relation_types for head, tail in r.pairs]
    numbers = {c: i for i, c in reversed(list(enumerate(classes)))}
    return classes, numbers | {(name,): i for i, (name, _, _) in reversed(list(enumerate(classes)))}
