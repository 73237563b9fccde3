"""A Sphinx extension: the directive `quiz`, questions to answer for oneself; an answer unfolds to what is said of it.

    ```{quiz}
    ? A question, of one line or more?
    - An answer that is wrong.
    : Why it is.
    + The answer that is right.
    : Why it is.
    ```

Every answer is a plain `details` box, so keyboard and touch work without a script.
"""

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx_design.shared import create_component

LETTERS = "abcdef"
VERDICTS = {"+": ("right", "Right."), "-": ("wrong", "No.")}
"""Sign of an answer → the class of its box, and the word with which the feedback begins."""


def parsed(lines: list[str]) -> list[dict]:
    """The questions of a quiz: each has `text`, `line` (from 0) and `answers`: sign, text, feedback and line.

    Raises a `ValueError` that says what is wrong: no question at all, a line without a place, a question without one
    right answer, a blank question, answer or feedback.
    """
    questions: list[dict] = []
    told: list[str] = []
    for number, line in enumerate(lines):
        sign, text = line[:1] if line[1:2] in ("", " ") else "", line[2:]
        if sign == "?":
            questions.append({"text": (told := [text]), "line": number, "answers": []})
        elif sign in VERDICTS and questions:
            questions[-1]["answers"].append({"sign": sign, "text": (told := [text]), "feedback": [], "line": number})
        elif sign == ":" and questions and questions[-1]["answers"]:
            told = questions[-1]["answers"][-1]["feedback"]
            told.append(text)
        elif line.startswith("  ") and told:
            told.append(text)
        elif line.strip():
            raise ValueError(f"line {number + 1} of a quiz is no question, answer or feedback: {line!r}")
    if not questions:
        raise ValueError("a quiz has no question; write one behind '? '")
    for number, question in enumerate(questions, 1):
        if wrong := _wrong(question["text"], question["answers"]):
            raise ValueError(f"question {number} of a quiz, {' '.join(question['text']).strip()!r}, {wrong}")
    return questions


def _wrong(text: list[str], answers: list[dict]) -> str:
    """What keeps a question from being whole, else nothing."""
    if not "".join(text).strip():
        return "has no text; write it behind '? '"
    if sum(one["sign"] == "+" for one in answers) != 1 or len(answers) < 2:
        return "needs one right answer and a wrong one"
    if len(answers) > len(LETTERS):
        return f"has {len(answers)} answers; {len(LETTERS)} are the most"
    for letter, one in zip(LETTERS, answers, strict=False):
        if not "".join(one["text"]).strip():
            return f"has a blank answer {letter}; write it behind '{one['sign']} '"
        if not "".join(one["feedback"]).strip():
            return f"has no feedback on answer {letter}; write it in a line behind ': '"
    return ""


class Quiz(SphinxDirective):
    """Questions, numbered, each with its answers as boxes."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """A container with all of them."""
        try:
            questions = parsed(list(self.content))
        except ValueError as error:
            raise self.error(f"{self.env.docname}: {error}") from None
        quiz = nodes.container(classes=["quiz"])
        for number, question in enumerate(questions, 1):
            asked, messages = self.state.inline_text(" ".join(question["text"]), self.lineno + question["line"])
            quiz += [nodes.paragraph("", "", nodes.strong("", f"{number}. "), *asked), *messages]
            quiz += [self._box(letter, one) for letter, one in zip(LETTERS, question["answers"], strict=False)]
        return [quiz]

    def _box(self, letter: str, answer: dict) -> nodes.Element:
        kind, verdict = VERDICTS[answer["sign"]]
        line = self.lineno + answer["line"]
        box = create_component(
            "dropdown", opened=False, type="dropdown", has_title=True, icon=None, chevron=None,
            container_classes=["sd-mb-1", "answer", kind], title_classes=[], body_classes=[],
        )  # fmt: skip
        title, messages = self.state.inline_text(f"{letter}) {' '.join(answer['text'])}", line)
        box += [nodes.rubric("", "", *title), *messages]
        said = [f"**{verdict}** {answer['feedback'][0]}", *answer["feedback"][1:]]
        self.state.nested_parse(StringList(said, self.get_source_info()[0]), self.content_offset + answer["line"], box)
        return box


def setup(app) -> dict:
    """What Sphinx calls."""
    app.add_directive("quiz", Quiz)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
