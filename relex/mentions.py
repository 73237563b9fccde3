"""Where a mention stands in a text, for corpora that give strings instead of offsets."""

Occurrence = tuple[int, int]
"""(start, end) in characters, end exclusive."""


def find_all(text: str, mention: str) -> list[Occurrence]:
    """Occurrences of `mention` as (start, end), left to right, not overlapping each other."""
    found, start = [], text.find(mention)
    while start >= 0 and mention:
        found.append((start, start + len(mention)))
        start = text.find(mention, start + len(mention))
    return found


def nearest_pair(heads: list[Occurrence], tails: list[Occurrence]) -> tuple[Occurrence | None, Occurrence | None]:
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
