"""Clauses of the generated coronary arteriography findings, and how a clause becomes text with entities.

In a pattern `(a/b)` is a choice of words and `{b}` a slot. The first letter of a slot's name is the type of what
stands there: n, b, d, q, l, or d once more as x (denied), q as t (a TIMI grade), b as p (named in passing); a capital
is a slot for words that are no entity. What fills a slot is one word or several in coordination.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from relex.documents import Relation, Span

NEGATION, PART, DEGREE, QUANTIFIER, LOCATION = "Negation", "Body Part", "Degree", "Quantifier", "Location"
NEGATIVE, MODIFIER, POSITION, PERCENTAGE = "Negative", "Modifier", "Position", "Percentage"
TYPES = {
    "n": NEGATION, "b": PART, "p": PART, "d": DEGREE, "x": DEGREE, "q": QUANTIFIER, "t": QUANTIFIER, "l": LOCATION,
}  # fmt: skip
"""First letter of a slot → entity type."""

_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")

SOUND = ("{b}{N}{d}", "{b}{N}均{d}", "{b}(各段/全程/)(均/){N}{d}", "{b}{N}{d}")
AND_SOUND = ("、{N}{d}", "，{N}{d}", "，{N}亦{d}")
DENIES = (
    "，{n}(明显/){D}", "，{n}(明显/确切/){D}", "，(亦/均/){n}{D}", "，{n}{D}及{E}", "，{n}{D}、{E}",
)  # fmt: skip
DENIES_DEGREE = ("，{n}(明显/)(有意义/){x}", "，{n}{x}及{D}", "，{n}(明显/){x}、{D}")
SOLE = ("{b}{n}(明显/){D}", "{b}(均/){n}(明显/){D}", "{b}{n}(明显/){x}", "{b}(各段/全程/){n}{x}、{D}")
"""Nothing of the parts but what they do not have."""
EXCEPT = (
    "{b}中除{p}外(均/){n}(明显/){D}", "{b}除{p}(以外/外)，(余/其余各支){n}(明显/){x}",
    "除{p}外，{b}(均/){n}(明显/){D}",
)  # fmt: skip
"""The part that is left out is told of next."""
SUMMARY = (
    "(以上/上述)(血管/各支)均{n}{D}", "(以上/上述)(血管/各支)均{n}(明显/){x}", "(各支/诸支)均{n}{D}及{E}",
)  # fmt: skip

AFTER = (
    "{b}{l}{d}(约/){q}", "{b}{l}(可见/见/){d}{q}", "{b}(于/){l}(可见/见){d}，(最重/最窄)处{q}", "{b}{l}{d}，程度约{q}",
    "{b}{l}(可见/见){d}，约{q}",
)  # fmt: skip
"""A narrowing with its percentage behind it; `BEFORE`: before it."""
BEFORE = ("{b}{l}(可见/见/){q}{d}", "{b}{l}(约/有){q}{d}", "{b}{l}见(约/){q}的{d}")
TWO_PLACES = ("{b}{l}{d}(分别为/各约/约){q}", "{b}{l}(均可见/均有/均){d}{q}")
"""One degree at several places, with a percentage for each, or one for all."""
SHUT = ("{b}{l}{d}", "{b}自{l}(起/){d}", "{b}{l}呈{d}", "{b}{l}(可见/见){d}改变")
WITH_TRAIT = ("{b}{l}{N}{d}", "{b}{l}{N}(可见/呈/){d}")
MORE_TRAIT = ("伴{N}{d}", "，(伴/并有){N}{d}", "，{N}{d}", "，该处{N}{d}")
SHARED = ("{b}{l}、{c}{m}(均可见/均有/均){d}{q}", "{b}{l}及{c}{m}(均/){d}(约/){q}", "{b}{l}、{c}{m}均(可见/见){q}{d}")
SHARED_PLACE = ("{b}{l}(均/){d}{q}", "{b}(于/){l}(均可见/均有){d}，(最重/最窄)处{q}", "{b}{l}(均可见/均有){q}{d}")
RESPECTIVELY = (
    "{b}{l}、{c}{m}分别(可见/见/){q}{d}和{r}{e}", "{b}{l}、{c}{m}分别(可见/见/为){d}{q}、{e}{r}",
    "{b}{l}和{c}{m}依次(可见/为){d}{q}及{e}{r}",
)  # fmt: skip
"""The first finding belongs to the first part."""
TURNS = (
    "{b}与{c}(均受累/均有病变/病变)，前者{l}{d}{q}，后者{m}{e}{r}",
    "{b}与{c}(均受累/均有病变/病变)，后者{m}{e}{r}，前者{l}{d}{q}",
)  # fmt: skip

GAP = ("，", "，", "，其", "；", "、")
SAME_DEGREE = ("，{l}{q}", "，{l}(为/约){q}", "，{l}亦(达/有){q}")
"""A percentage at another place of a degree that was named before."""
FLOW = ("，(前向/远端/)血流TIMI{t}", "，TIMI血流{t}", "，TIMI{t}", "，(前向/)血流(为/达)TIMI {t}")
PASSING = (
    "，(可见/有)侧支自{p}(供血/逆灌)", "，{p}向其(提供侧支/发出侧支)", "，病变(邻近/紧邻){p}{l}",
    "，(可见/有){p}{l}发出的侧支",
    "，与{p}{l}仅隔数毫米", "，导丝(误入/先入){p}(后撤回/，调整后到位)", "，由{p}逆行显影",
)  # fmt: skip
"""A part that nothing is told of; `{l}` is a place of it."""
REACH = ("，(病变/)累及{l}", "，病变(延伸/延续)至{l}", "，向(下/前)延续至{l}", "，病变(止于/达){l}")
UNSURE = (
    "，{D}不能除外", "，不除外{D}", "，未予处理", "，{D}不能完全除外", "，(建议/拟)(进一步/)评估，不排除{D}",
    "，性质未明", "，无法完全评估",
)  # fmt: skip
"""Words that look like a negation and are none."""
MAYBE = ("，不能除外{N}{d}", "，{N}不除外{d}", "，{N}{d}不能除外")
STENT = (
    "{b}{l}(可见/见)(原/)支架影，{m}{d}", "{b}{l}(原支架/支架)在位，{m}{d}", "{b}{l}(原支架/支架)影，{m}(可见/见){d}",
)  # fmt: skip
TREATED = (
    "{b}{l}以{W}×15mm球囊(8/10/12)atm(扩张/预扩张)(，/后){D}{d}{q}",
    "{b}{l}置入{W}×24mm支架，(12/14/16)atm(扩张/释放)，(术后/复查){d}{q}",
    "{b}{l}(预扩张/球囊扩张)后置入{W}×18mm支架，{d}{q}",
    "于{b}{l}送入{W}×20mm(闭塞病变专用/扩张)球囊，(10/12)atm(扩张/预扩张)，{d}{q}",
)  # fmt: skip
BED = ("，{b}{N}{d}", "，{b}{N}(亦/尚){d}")


@dataclass(slots=True)
class Telling:
    """A text on its way: entities and relations so far, and what the next words can refer to.

    `subject` are the parts that an elided clause is about and `place` where in them,
    `told` all parts that something
    was said of, `narrowing` the last degree that a percentage can go with (or None), `hard` how often what is hard
    occurs.
    """

    rng: random.Random
    text: str = ""
    spans: list[Span] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    subject: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    narrowing: int | None = None
    hard: Counter = field(default_factory=Counter)

    def say(self, pattern: str, **words: str | Sequence[str]) -> dict[str, list[int]]:
        """Add the words of a pattern to the text; returns the numbers of the entities in every slot."""
        while _CHOICE.search(pattern):
            pattern = _CHOICE.sub(lambda m: self.rng.choice(m[1].split("/")), pattern)
        placed: dict[str, list[int]] = {}
        for i, piece in enumerate(_SLOT.split(pattern)):
            if i % 2 == 0:
                self.text += piece
            elif piece[0].isupper():
                self.text += words[piece]
            else:
                placed[piece] = self._mentions(_type(piece), words[piece])
        return placed

    def relate(self, name: str, heads: Sequence[int], tails: Sequence[int]) -> None:
        """Join every head to every tail."""
        self.relations += [Relation(head, tail, name) for head in heads for tail in tails]

    def word(self, entity: int) -> str:
        """The mention of an entity."""
        span = self.spans[entity]
        return self.text[span.start : span.end]

    def about(self, parts: Sequence[int]) -> None:
        """From here on the text is about `parts`."""
        self.subject = list(parts)
        self.told += parts
        self.place, self.narrowing = [], None

    def _mentions(self, entity_type: str, words: str | Sequence[str]) -> list[int]:
        words = [words] if isinstance(words, str) else words
        first = len(self.spans)
        for i, word in enumerate(words):
            if i:
                self.text += self.rng.choice("、、及和") if i == len(words) - 1 else "、"
            if word:
                self.spans.append(Span(len(self.text), len(self.text) + len(word), entity_type))
                self.text += word
        return list(range(first, len(self.spans)))


def _type(slot: str) -> str:
    """c, m, r and e are second ones of b, l, q and d."""
    return TYPES[{"c": "b", "m": "l", "r": "q", "e": "d"}.get(slot[0], slot[0])]
