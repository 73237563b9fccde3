"""The exceptions and remarks that users see."""

import sys


class RelexError(Exception):
    """A failure the user can do something about.

    The message is one sentence that says what went wrong, where, and what to do.
    The command line prints it without a traceback and exits with status 2.
    """


class DiskFull(RelexError):
    """A file could not be written for want of space: what comes next would fail in the same way."""


_SAID: set[str] = set()


def say_once(sentence: str) -> None:
    """Tell the user something that is no failure, on standard error, once for each process."""
    if sentence not in _SAID:
        _SAID.add(sentence)
        print(f"relex: {sentence}", file=sys.stderr)
