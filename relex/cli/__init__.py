"""The command line. What a command needs is imported when it runs, so that `--help` answers at once."""

import os
import sys

import typer

from relex.cli import corpora, own, study
from relex.errors import RelexError, shortened

app = typer.Typer(
    help="Extract relations from Chinese medical text: corpora, experiments, their records, and the book.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
app.add_typer(own.app)
app.add_typer(study.app)
app.add_typer(corpora.app, name="corpora")


def main() -> None:
    """Run the command line; a failure is one sentence on standard error and exit status 2."""
    # A terminal that cannot show Chinese should get escapes, not a traceback.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has enough; what is still buffered has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except RelexError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("", "relex"):
            raise
        _fail(f"the package {error.name!r} is not installed; run `make install`, or pip install 'relex[book]'")
    except (MemoryError, RuntimeError) as error:
        if "home directory" in str(error):
            _fail("a path begins with ~ and the name of nobody here; write the whole path")
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise
        _fail("there is not enough memory for it; take a smaller model, batch_tokens or micro_tokens, or shorter texts")
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"cannot use {error.filename}: {error.strerror}; check the path and its permissions")


def _fail(sentence: str) -> None:
    print(f"relex: {shortened(' '.join(sentence.split()))}", file=sys.stderr)
    sys.exit(2)
