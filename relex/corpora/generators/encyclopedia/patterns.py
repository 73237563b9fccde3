"""Clause frames of the generated encyclopedia."""

from dataclasses import dataclass

from relex.corpora.generators.grammar import Words, read


@dataclass(frozen=True, slots=True)
class Frames:
    """The lists of `frames.yaml`, which says what they are and what their slots hold."""

    own: dict[str, Words]
    ambiguous: Words
    dual: Words
    neutral: Words
    follow_ups: Words
    headings: Words
    stand_ins: dict[str, str]


frames = read(Frames, "encyclopedia/frames.yaml")
