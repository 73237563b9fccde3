"""relex: a reproducible study of relation extraction from Chinese medical text."""

__version__ = "0.1.0"
