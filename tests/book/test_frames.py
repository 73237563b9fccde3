"""Each part of the course has its frame, and the questions at its end are whole."""

import re
import subprocess
import sys

import browser
import pytest

from relex.book import chinese, quiz
from relex.book.glossary import is_chinese
from relex.book.toc import page_names
from relex.files import project_root

PARTS = (
    "relation-classification", "cascade-tagging", "span-models", "focused-attention", "tables-of-pairs", "evidence",
)  # fmt: skip


@pytest.fixture(params=PARTS)
def page(request):
    return (project_root() / "book" / f"{request.param}.md").read_text(encoding="utf-8")


def box(page, start):
    """What stands in the fenced box that begins with `start`."""
    return re.search(rf"^```{re.escape(start)}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]


def sentences(text):
    return re.findall(r"[.!?。！？](?=\s|$)|。", text)


def test_the_frame_says_what_is_learned_what_is_needed_and_how_long(page):
    frame = box(page, "{admonition} You will be able to")
    goals = re.findall(r"^\* (?!\*)", frame, re.MULTILINE)
    assert 3 <= len(goals) <= 5
    assert page.index("You will be able to") < page.index("\n## "), "the frame is at the top"
    assert "**You need**" in frame and "**90 minutes**" in frame
    minutes = [int(n) for n in re.findall(r"\*(?:Problem|Picture and equations|Code|Exercise) (\d+)\*", frame)]
    assert minutes == [15, 25, 20, 30]


def test_a_lesson_has_a_cut(page):
    assert ":class: cut" in page.partition("\n## ")[2]
    for label in re.findall(r"\{ref\}`[^`<]+<([\w-]+)>`", box(page, "{admonition} In 90 minutes")):
        pages = "".join(path.read_text(encoding="utf-8") for path in (project_root() / "book").glob("*.md"))
        assert f"\n({label})=\n" in pages or f":label: {label}\n" in pages


def test_chinese_is_folded_at_the_top_and_named_as_such(page):
    told = box(page, "{dropdown} 中文：摘要、目标与术语")
    assert page.index("{dropdown} 中文") < page.index("You will be able to")
    assert ":class-container: language-zh" in told
    summary = re.search(r"\*\*摘要\*\*(.*?)\n\n", told, re.DOTALL)[1]
    assert is_chinese(summary) and 4 <= summary.count("。") + summary.count("？") <= 7
    frame = box(page, "{admonition} You will be able to")
    goals = re.findall(r"^\* ", told, re.MULTILINE)
    assert len(goals) == len(re.findall(r"^\* ", frame, re.MULTILINE)), "as many goals as in English"
    for entry in re.search(r"\*\*术语\*\*\s*(.*)", told, re.DOTALL)[1].replace("·\n", "· ").split(" · "):
        term = re.fullmatch(r"(\S+) ([\w\[\]' -]+)\n?", entry.strip())
        assert term and f"\n{term[2]}\n" in GLOSSARY and f"\n{term[1]}" in GLOSSARY, entry


GLOSSARY = (project_root() / "book" / "glossary.md").read_text(encoding="utf-8")


def test_five_questions_with_feedback_on_each_answer(page):
    questions = quiz.parsed(box(page, "{quiz}").splitlines())
    assert len(questions) == 5
    places = [[a["sign"] for a in one["answers"]].index("+") for one in questions]
    assert len(set(places)) > 1, "the right answer is always at the same place"
    assert page.index("{quiz}") > page.index("{exercise}"), "questions are at the end"


def test_three_sentences_to_take_along(page):
    told = page.partition("**Take with you.**")[2]
    assert told and len(sentences(told.strip())) == 3


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["? Why?", "- So.", ": No.", "- Or so.", ": No."], "one right answer"),
        (["? Why?", "+ So.", ": Yes.", "+ Or so.", ": Yes."], "one right answer"),
        (["? Why?", "+ So.", ": Yes."], "a wrong one"),
        (["? Why?", "+ So.", "- Or so.", ": No."], "no feedback on answer a"),
        (["? Why?", *["- No.", ": No."] * 6, "+ So.", ": Yes."], "has 7 answers; 6 are the most"),
        ([], "a quiz has no question"),
        (["", " "], "a quiz has no question"),
        (["? Why?", "+ So.", ": Yes.", "- ", ": No."], "question 1 of a quiz, 'Why?', has a blank answer b"),
        (["? Why?", "+", ": Yes.", "- Or so.", ": No."], "'Why?', has a blank answer a"),
        (["? Why?", "+ So.", ": Yes.", "- Or so.", ":  ", "  "], "'Why?', has no feedback on answer b"),
        (["? Why?", "+ So.", ": Yes.", "- Or so.", ": No.", "?  "], "question 2 of a quiz, '', has no text"),
        (["Why?"], "line 1 of a quiz"),
        ([": Yes."], "line 1 of a quiz"),
    ],
)
def test_a_quiz_that_is_not_whole_is_refused(lines, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        quiz.parsed(lines)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A page with one question, built by Sphinx."""
    root = tmp_path_factory.mktemp("quiz")
    (root / "conf.py").write_text("extensions = ['myst_parser', 'sphinx_design', 'relex.book.quiz']\n")
    text = "# Page\n\n```{quiz}\n? What is\n  *this*?\n- This.\n: Not\n  that.\n+ `That`.\n: It is.\n```\n"
    (root / "index.md").write_text(text, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-qW", str(root), str(root / "html")], check=True, cwd=project_root()
    )
    return root / "html" / "index.html"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "index: a quiz has no question"),
        ("? Why?\n+ So.\n:\n- Or.\n: No.\n", "index: question 1 of a quiz, 'Why?'"),
    ],
)
def test_a_build_names_the_page_of_a_quiz_that_is_not_whole(tmp_path, text, message):
    (tmp_path / "conf.py").write_text("extensions = ['myst_parser', 'sphinx_design', 'relex.book.quiz']\n")
    (tmp_path / "index.md").write_text(f"# Page\n\n```{{quiz}}\n{text}```\n", encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-qW", str(tmp_path), str(tmp_path / "html")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=project_root())
    assert ran.returncode and message in ran.stderr


def test_an_answer_unfolds_by_keyboard_and_by_touch(built, tmp_path):
    if not browser.found():
        pytest.skip("no Chromium, Chrome or Edge is installed")
    told = """(() => JSON.stringify([...document.querySelectorAll('details.answer')].map(
        one => [one.open, one.classList.contains('right'), one.innerText.replace(/\\s+/g, ' ').trim()])))()"""
    with browser.browser(tmp_path) as tab:
        tab.resize(390, 844)
        tab.ask("Emulation.setTouchEmulationEnabled", enabled=True)
        tab.open(built)
        tab.run("document.querySelector('details.answer.right summary').focus()")
        for kind in ("keyDown", "keyUp"):
            tab.ask("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
        assert tab.run(told) == '[[false,false,"a) This."],[true,true,"b) That. Right. It is."]]'
        place = tab.run("""(() => { const box = document.querySelector('details.answer.wrong summary')
            .getBoundingClientRect(); return [box.x + 9, box.y + 9]; })()""")
        tab.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": place[0], "y": place[1]}])
        tab.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        tab.run("new Promise(done => setTimeout(done, 500))")
        assert tab.run(told).startswith('[[true,false,"a) This. No. Not that."]')


def test_every_page_has_a_title_in_chinese():
    pages = [name.removeprefix("book/") for name in page_names(project_root())]
    assert [name for name in pages if not is_chinese(chinese.titles().get(name, ""))] == []


def test_head_and_report_mean_one_thing():
    book = project_root() / "book"
    prose = {path.stem: spoken(path.read_text(encoding="utf-8")) for path in book.glob("*.md")}
    heads = re.findall(r"(?<!odel )(?<!ttention )\b[Hh]eads?\b.{30}", prose["architecture"].replace("Multi-head", ""))
    assert heads == [], "on this page each head is a model head"
    assert re.findall(r"\b(?:[Tt]he|UMRC) report\b", prose["relation-classification"]) == [], "it is a paper"
    for name, text in prose.items():
        odd = r"(?<!odel )(?<!ttention )\b[Hh]eads?\b(?= (?:names|counts|says|that|of attention|is trained)\b)"
        assert re.findall(odd, text) == [], name


def spoken(page):
    """The prose of a page: without code, in lines of any length."""
    page = re.sub(r"^(`{3,4})(?!\{admonition).*?^\1$", " ", page, flags=re.MULTILINE | re.DOTALL)
    return " ".join(re.sub(r"`[^`]*`|\$[^$]*\$|^> .*$|\([a-z-]+\)=", " ", page, flags=re.MULTILINE).split())
