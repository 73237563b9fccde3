"""relex: a reproducible study of relation extraction from Chinese medical text."""

__version__ = "0.1.0"


def __getattr__(name: str):
    """`relex.Extractor`, imported when it is asked for: the command line must not wait for torch."""
    if name == "Extractor":
        from relex.use.extractor import Extractor

        return Extractor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
