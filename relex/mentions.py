"""Where a mention stands in a text, for corpora that give strings instead of offsets."""

from collections.abc import Sequence

Occurrence = tuple[int, int]
"""(start, end) in characters, end exclusive."""

Pair = tuple[Occurrence | None, Occurrence | None]
"""Occurrences of a head and a tail; None for a mention that the text does not contain."""

POLICIES = ("nearest", "first", "all")
"""How `align` chooses among occurrences, the usual one first."""


def find_all(text: str, mention: str) -> list[Occurrence]:
    """Occurrences of `mention` as (start, end), left to right, not overlapping each other."""
    found, start = [], text.find(mention)
    while start >= 0 and mention:
        found.append((start, start + len(mention)))
        start = text.find(mention, start + len(mention))
    return found


def whole(text: str, found: list[Occurrence]) -> list[Occurrence]:
    """The occurrences that no letter or digit of the same kind touches (5mg in 25mg); all when there is none.

    Letters of scripts without blanks, such as Chinese, are of no kind: any two of them may be two words.
    """

    def kind(character: str) -> str:
        return "digit" if character.isdecimal() else "letter" if character.isalpha() and character < "\u2e80" else ""

    def alone(place: Occurrence) -> bool:
        edges = ((place[0] - 1, place[0]), (place[1] - 1, place[1]))
        inside = [(a, b) for a, b in edges if a >= 0 and b < len(text)]
        return not any(kind(text[a]) and kind(text[a]) == kind(text[b]) for a, b in inside)

    return [place for place in found if alone(place)] or found


def nearest_pair(heads: list[Occurrence], tails: list[Occurrence]) -> Pair:
    """The head and tail occurrence with the fewest characters between them; overlapping pairs come last.

    A mention without occurrences gives None, and the other one's first occurrence.
    """
    if not heads or not tails:
        return (heads[0] if heads else None), (tails[0] if tails else None)

    def distance(pair):
        (hs, he), (ts, te) = pair
        gap = max(ts - he, hs - te)
        return gap < 0, abs(gap)

    return min(((h, t) for h in heads for t in tails), key=distance)


def align(heads: Sequence[Occurrence], tails: Sequence[Occurrence], policy: str = "nearest") -> list[Pair]:
    """The pairs that stand for a triple of strings whose head and tail occur at `heads` and `tails`; never none.

    `policy`: `nearest`, the one pair with the fewest characters between (`nearest_pair`); `first`, the first
    occurrence of each; `all`, every head with every tail. A mention without occurrences is None in every pair.
    Raises a ValueError for another policy.
    """
    if policy not in POLICIES:
        raise ValueError(f"no policy {policy!r}; known are {', '.join(POLICIES)}")
    if policy == "nearest":
        return [nearest_pair(list(heads), list(tails))]
    if policy == "first":
        heads, tails = heads[:1], tails[:1]
    return [(head, tail) for head in heads or [None] for tail in tails or [None]]
