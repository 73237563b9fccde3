"""The exceptions and remarks that users see."""

import sys

LONGEST = 1200
"""Characters of a message at the most."""


def shortened(message: str) -> str:
    """The message without its middle, where it is too long to be read."""
    return message if len(message) <= LONGEST else f"{message[: LONGEST - 220]} … {message[-200:]}"


class RelexError(Exception):
    """A failure the user can do something about.

    The message is one sentence that says what went wrong, where, and what to do.
    The command line prints it without a traceback and exits with status 2. Of one that quotes a whole text or a long
    number the middle is left out.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(shortened(message))


class DiskFull(RelexError):
    """A file could not be written for want of space: what comes next would fail in the same way."""


_SAID: set[str] = set()


def say_once(sentence: str) -> None:
    """Tell the user something that is no failure, on standard error, once for each process."""
    if sentence not in _SAID:
        _SAID.add(sentence)
        print(f"relex: {sentence}", file=sys.stderr)
