"""What the switches of heads are checked for, when they are made: every failure is one sentence."""

from collections.abc import Sequence

from relex.errors import RelexError


def check_choices(options, **known: Sequence[str]) -> None:
    """Raise a `RelexError` unless each named switch is one of the values that are known for it."""
    for name, values in known.items():
        if getattr(options, name) not in values:
            raise RelexError(f"there is no {name} {getattr(options, name)!r}; known are {', '.join(values)}")


def check_lowest(options, **lowest: float) -> None:
    """Raise a `RelexError` for a switch below the lowest value it can have."""
    for name, bound in lowest.items():
        if getattr(options, name) < bound:
            raise RelexError(f"{name} is {getattr(options, name)}, but must be at least {bound}")


def check_dropout(options) -> None:
    """Raise a `RelexError` unless `dropout` lies in 0 … 1, 1 excluded."""
    if not 0 <= options.dropout < 1:
        raise RelexError(f"dropout is {options.dropout}, but must lie in 0 … 1 (1 excluded)")


def check_threshold(options) -> None:
    """Raise a `RelexError` unless `threshold` lies between 0 and 1, both excluded."""
    if not 0 < options.threshold < 1:
        raise RelexError(f"threshold is {options.threshold}, but must lie between 0 and 1 (both excluded)")
