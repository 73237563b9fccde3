"""Terms of the generated coronary angiography reports; lists begin with what is common."""

from dataclasses import dataclass

from relex.corpora.generators.grammar import Words, read


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The lists of `lexicon.yaml`, which says what they are."""

    vessels: dict[str, Words]
    places: dict[str, Words]
    branches: dict[str, Words]
    branch_places: Words
    stenoses: Words
    traits: Words
    normal: Words
    flows: dict[str, int]
    denied: Words
    dominance: Words
    extents: Words
    overall: Words
    outcomes: Words
    exams: Words
    repeated_exams: Words
    imaging: Words
    imaging_findings: Words
    both_test_and_treatment: Words
    arteries: Words
    punctures: Words
    sheaths: Words
    anaesthetics: dict[str, Words]
    heparins: dict[str, Words]
    spasmolytics: dict[str, Words]
    rescue_drugs: dict[str, Words]
    catheters: Words
    guides: dict[str, Words]
    ostia: dict[str, Words]
    wires: Words
    balloons: Words
    post_balloons: Words
    stents: Words
    drug_balloons: Words
    idle_devices: Words
    dilations: Words
    post_dilations: Words
    stentings: Words
    coatings: Words
    closings: Words
    refused: Words


words = read(Lexicon, "angiography/lexicon.yaml")
