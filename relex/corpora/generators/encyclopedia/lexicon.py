"""Medical terms of the generated encyclopedia."""

from dataclasses import dataclass

from relex.corpora.generators.grammar import Words, read


@dataclass(frozen=True, slots=True)
class Disease:
    """A disease and its terms, each field a tuple of mentions; `consequences` are other conditions it leads to."""

    name: str
    synonyms: Words
    symptoms: Words
    drugs: Words
    causes: Words
    consequences: Words
    subtypes: Words
    labs: Words
    care: Words
    imaging: Words

    @property
    def names(self) -> Words:
        """The name and its synonyms."""
        return (self.name, *self.synonyms)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The lists of `lexicon.yaml`, which says what they are."""

    symptoms: Words
    triggers: Words
    shared_tests: Words
    shared_therapy: Words
    ages: Words
    shares: Words
    periods: Words
    diseases: tuple[Disease, ...]


words = read(Lexicon, "encyclopedia/lexicon.yaml")
