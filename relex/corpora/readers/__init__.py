"""Readers of real corpora: one file each, with all that is known of the corpus in `SPEC` at its end."""
