"""Generators of stand-ins: made-up corpora in the form of those that are not public or not on this machine."""
