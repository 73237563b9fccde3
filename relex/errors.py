"""The exceptions that users see."""


class RelexError(Exception):
    """A failure the user can do something about.

    The message is one sentence that says what went wrong, where, and what to do.
    The command line prints it without a traceback and exits with status 2.
    """


class DiskFull(RelexError):
    """A file could not be written for want of space: what comes next would fail in the same way."""
