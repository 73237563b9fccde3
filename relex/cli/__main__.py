"""`python -m relex.cli`."""

from relex.cli import main

main()
