"""Documents drawn at random, for properties that every head of extraction has to have."""

import itertools

from hypothesis import strategies as st

from relex.documents import Document, Relation, Span


@st.composite
def documents(draw, schema, characters):
    """Entities anywhere, nested, the same or within words; any relations that fit the schema, also of an entity with
    itself."""
    text = draw(st.text(characters, min_size=1, max_size=14))
    places = [i for i, char in enumerate(text) if not char.isspace()]
    if not places:
        return Document("blank", text)
    border = st.sampled_from(places)
    drawn = draw(st.lists(st.tuples(border, border, st.sampled_from(schema.entity_types)), max_size=6))
    entities = tuple(Span(min(a, b), max(a, b) + 1, kind) for a, b, kind in drawn)
    possible = [
        Relation(i, j, relation.name)
        for (i, head), (j, tail) in itertools.product(enumerate(entities), repeat=2)
        for relation in schema.relation_types
        if (head.type, tail.type) in relation.pairs
    ]
    relations = draw(st.lists(st.sampled_from(possible), max_size=8)) if possible else []
    return Document("drawn", text, entities, tuple(relations))
