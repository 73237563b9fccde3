"""What switches are checked for, when they are made: every failure is one sentence."""

from typing import Literal, get_args, get_origin, get_type_hints

from relex.errors import RelexError


def choices(kind: type) -> dict[str, tuple[str, ...]]:
    """The values of each switch that a dataclass declares as a `Literal`."""
    return {name: get_args(hint) for name, hint in get_type_hints(kind).items() if get_origin(hint) is Literal}


def check_choices(options) -> None:
    """Raise a `RelexError` unless each switch that is declared as a `Literal` has one of its values."""
    for name, known in choices(type(options)).items():
        if getattr(options, name) not in known:
            raise RelexError(f"there is no {name} {getattr(options, name)!r}; known are {', '.join(known)}")


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
