"""`%%console`, a cell of a notebook that holds what one would type at a terminal."""

import shlex
import subprocess
from collections.abc import Callable, Mapping

PROMPT = "$ "


class Console:
    """Runs lines behind a prompt: those of `relex` by `command` (which takes the words after it and raises when they
    fail), in this process, so that packages are loaded once; all others in a shell.

    `smaller` replaces words of a line by others before it runs, such as a number of texts in a quick check.
    """

    def __init__(self, command: Callable[[list[str]], object], smaller: Mapping[str, str] | None = None):
        self.command, self.smaller = command, smaller or {}

    def run(self, line: str) -> None:
        """Run one line and print what it prints; raises what a command raises, or `CalledProcessError` of a shell."""
        for words, others in self.smaller.items():
            line = line.replace(words, others)
        name, *arguments = shlex.split(line)
        if name == "relex":
            self.command(arguments)
            return
        done = subprocess.run(line, shell=True, stdout=subprocess.PIPE, check=True)
        print(done.stdout.decode("utf-8"), end="")

    def cell(self, _: str, content: str) -> None:
        """A cell: lines with a prompt, each of which goes on where the next one has no prompt."""
        for command in f"\n{content}".split(f"\n{PROMPT}")[1:]:
            self.run(command.replace("\\\n", " ").strip())

    def register(self) -> None:
        """Make `%%console` known to the notebook that asks for it."""
        from IPython import get_ipython

        get_ipython().register_magic_function(self.cell, "cell", "console")
