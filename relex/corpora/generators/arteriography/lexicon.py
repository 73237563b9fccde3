"""Words of the generated coronary arteriography findings."""

from dataclasses import dataclass

from relex.corpora.generators.grammar import Words, read


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The lists of `lexicon.yaml`, which says what they are."""

    normal: dict[str, Words]
    narrow: Words
    closed: Words
    traits: dict[str, Words]
    inside: Words
    in_stent: Words
    residual: Words
    places: Words
    landmarks: dict[str, Words]
    reached: Words
    ostia: tuple[Words, ...]
    beds: Words
    negations: Words
    denied: Words
    denied_degrees: Words
    percents: Words
    bounds: dict[str, tuple[int, int]]
    ranges: Words
    grades: Words
    widths: Words
    openings: Words
    asides: Words


words = read(Lexicon, "arteriography/lexicon.yaml")
