"""Views of cross attention: the matrices are the fusion's, marks are right, and no text gets out of its place."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import samples
import torch

from relex import encoders
from relex.corpora.generators.interactions import generate as interactions
from relex.documents import Document, Span
from relex.errors import RelexError
from relex.figures import fusion_attention
from relex.figures.fusion_attention import (
    ENTITY,
    EXAMPLES,
    MOST,
    TRIGGER,
    View,
    heat_maps,
    interactive,
    language,
    views,
)
from relex.figures.style import GREY
from relex.heads import SpanModel, SpanOptions
from relex.runs import records
from relex.runs.config import Config
from relex.runs.run import load_head, run

TEXT = "止痛片@与退热贴合用增强 ABC-2 的作用"
DOCUMENT = Document("one", TEXT, (Span(0, 3, "药物"), Span(5, 8, "药物")))
EVIL = """</script><b onload='x'> "&amp; {{tokens}} </div>\\"""


def make(**options):
    encoder = encoders.load("random:tiny", 1, texts=[TEXT, EVIL, "增强禁止"])
    torch.manual_seed(0)
    return SpanModel(encoder, interactions.SCHEMA, SpanOptions(heads=4, max_width=3, **options))


@pytest.fixture(scope="module")
def head():
    return make()


@pytest.fixture(scope="module")
def view(head):
    return views(head, [DOCUMENT], interactions.trigger_spans)[0]


class Page(HTMLParser):
    """Tags with their attributes, and all text outside of style and script."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.text, self.inside = [], [], ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside not in ("style", "script"):
            self.text.append(data)

    def tokens(self):
        return [a["aria-label"] for tag, a in self.tags if tag == "button" and "tabindex" in a]


@torch.no_grad()
def test_matrices_are_those_of_the_fusion(head, view):
    batch = head.eval().collate([DOCUMENT])
    states = head.encoder(batch["input_ids"], batch["attention_mask"])[:, 1:]
    inside = torch.ones(states.shape[:2], dtype=torch.bool)
    inside[:, -1] = False  # [SEP]
    n = len(view.tokens)
    assert n == states.shape[1] - 1
    for ours, theirs in zip((view.by_entity, view.by_relation), head.fusion.attention(states, inside), strict=True):
        assert ours.shape == (n, n)
        assert np.allclose(ours.sum(1), 1, atol=1e-5)
        assert np.allclose(ours, theirs[0, :n, :n], atol=1e-6)
    assert not np.allclose(view.by_entity, view.by_relation, atol=1e-4)


def test_tokens_stand_as_in_the_text(view):
    written = "".join(t + " " * apart for t, apart in zip(view.tokens, view.apart, strict=True))
    assert written == TEXT


def test_marks(view):
    marked = {
        kind: "".join(t for t, k in zip(view.tokens, view.kinds, strict=True) if k == kind) for kind in view.kinds
    }
    assert marked[ENTITY] == "止痛片退热贴" and marked[TRIGGER] == "增强"


def test_a_plain_text_has_the_entities_that_the_head_finds(head):
    found = head.predict(head.collate([Document("", TEXT)]), [Document("", TEXT)])[0]
    assert found.entities  # of a head that was never trained; the test needs some
    assert views(head, [TEXT])[0].kinds == views(head, [found])[0].kinds


def test_a_view_leaves_the_head_as_it_was(head):
    for training in (True, False):
        head.train(training)
        views(head, [TEXT])
        assert head.training is training


def test_without_marks(head, style):
    plain = views(head, [Document("none", "今天没有什么可说")])[0]
    assert set(plain.kinds) == {""}
    assert "Underlined" not in "".join(Page(interactive(plain)).text)
    assert not heat_maps(plain).legends


@pytest.mark.parametrize("text", ["", "  \n", "好" * (MOST + 1), "好" * 3000])
def test_texts_that_cannot_be_shown(head, text):
    with pytest.raises(RelexError, match=rf"a view shows 1 to {MOST}"):
        views(head, [text])


def test_the_longest_text(head, style):
    longest = views(head, [Document("long", "好" * MOST)])[0]
    assert len(longest.tokens) == MOST
    heat_maps(longest)


def test_other_models_are_refused(make_head):
    for other in (make(fusion=False), make_head()):
        with pytest.raises(RelexError, match="no interactive fusion"):
            views(other, [TEXT])


@pytest.mark.parametrize("text", [EVIL, "<script>alert(1)</script>"])
def test_text_stays_text(head, text):
    evil = views(head, [Document("evil", text)])[0]
    page = Page(interactive(evil))
    assert [tag for tag, _ in page.tags].count("script") == 2  # the shares and our own
    assert not any(
        name.startswith("on") or name in ("src", "href") for _, attributes in page.tags for name in attributes
    )
    assert page.tokens() == list(evil.tokens)
    assert page.tags[0][1]["aria-label"] == f"Cross attention of: {text}"
    shown = re.sub(r"\s", "", "".join(page.text))
    assert re.sub(r"\s", "", text) in shown


def test_interactive_has_the_shares_and_what_it_says_of_tokens(view):
    source = interactive(view)
    shares = np.array(json.loads(re.search(r'application/json">(.*?)</script>', source)[1])) / 10000
    assert np.allclose(shares, [view.by_entity, view.by_relation], atol=6e-5)
    page = Page(source)
    marks = [f"{t}, {k}" if k else t for t, k in zip(view.tokens, view.kinds, strict=True)]
    assert page.tokens() == marks
    reachable = [a["tabindex"] for _, a in page.tags if "tabindex" in a]
    assert reachable[0] == "0" and set(reachable[1:]) == {"-1"}  # one stop of Tab, then arrow keys
    pressed = [a["aria-pressed"] for _, a in page.tags if "aria-pressed" in a]
    assert pressed[:2] == ["true", "false"] and set(pressed[2:]) == {"false"}


def test_several_on_a_page(view):
    both = interactive(view) * 2
    ids = [a["id"] for _, a in Page(both).tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert "getElementById" not in both and "http" not in both and "@import" not in both and "url(" not in both


def test_heat_maps_show_every_token(view, style):
    panels = heat_maps(view, "a title").axes[:2]
    for axes, shares in zip(panels, (view.by_entity, view.by_relation), strict=True):
        assert [label.get_text() for label in axes.get_xticklabels()] == list(view.tokens)
        assert [label.get_text() for label in axes.get_yticklabels()] == [*view.tokens, "mean"]
        drawn = np.asarray(axes.images[0].get_array().filled(np.nan))
        assert np.allclose(drawn[: len(shares)], shares) and np.allclose(drawn[-1], shares.mean(0))
        colors = {k: axes.get_xticklabels()[i].get_color() for i, k in enumerate(view.kinds)}
        assert colors == fusion_attention.COLORS | {"": GREY}
    assert panels[0].images[0].get_clim() == panels[1].images[0].get_clim()


def test_heat_maps_of_english(style):
    encoder = encoders.load("random:tiny", 1, texts=[d.text for d in EXAMPLES["en"]])
    head = SpanModel(encoder, interactions.SCHEMA, SpanOptions(heads=4))
    one = views(head, [EXAMPLES["en"][1]])[0]
    labels = heat_maps(one).axes[0].get_xticklabels()
    assert {label.get_rotation() for label in labels} == {90.0 if max(map(len, one.tokens)) > 2 else 0.0}


def test_examples(head):
    for name, documents in EXAMPLES.items():
        assert all(language([d.text]) == name for d in documents)
    assert [EXAMPLES["zh"][0].mention(i) for i in range(3)] == ["安宁", "复方止咳露", "酒精类制剂"]
    shown = views(head, EXAMPLES["zh"])  # whatever types the head knows
    assert "".join(t for t, k in zip(shown[0].tokens, shown[0].kinds, strict=True) if k) == "安宁复方止咳露酒精类制剂"
    assert all(interactions.trigger_spans(d.text) for d in EXAMPLES["zh"])


def test_even_attention_is_pale(style):
    even = np.full((8, 8), 1 / 8)
    flat = View("abcdefgh", tuple("abcdefgh"), (False,) * 8, ("",) * 8, even, even)
    assert heat_maps(flat).axes[0].images[0].get_clim() == (0, 4 / 8)


def test_load_head(project):
    config = Config.from_json({
        "head": "span", "corpus": "interactions", "encoder": "random:tiny", "layers": 1, "epochs": 1, "heads": 2,
        "max_width": 2, "sea_scope": "sentence", "train_limit": 4, "dev_limit": 2, "test_limit": 2,
    })  # fmt: skip
    record = run(config, "tried", keep_model=True)
    shown = views(load_head(record), [samples.TEST[0].text])[0]
    again = views(load_head(record), [samples.TEST[0].text])[0]
    assert np.array_equal(shown.by_entity, again.by_entity)
    absent = record | {"run": "0" * 16}
    assert fusion_attention.kept([absent, record, record | {"seed": 1}]) == {("interactions", ""): record}
    (own,) = fusion_attention.of_record(record, [samples.TEST[0].text, "A sentence in English ."])
    assert np.array_equal(own.by_entity, shown.by_entity) and not fusion_attention.of_record(record, ["Oslo ."])
    assert len(fusion_attention.of_record(record)) == len(fusion_attention.EXAMPLES["zh"])
    path = next(records.runs_dir().glob("*/*.model"))
    (path / "weights.safetensors").write_bytes(b"damaged")
    with pytest.raises(RelexError, match="is not as it was written"):
        load_head(record)
    (path / "relex.json").unlink()
    with pytest.raises(RelexError, match="was not kept"):
        load_head(record)
