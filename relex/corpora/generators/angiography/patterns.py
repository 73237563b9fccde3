"""Clause frames of the generated angiography reports, and how a frame becomes text with entities and relations.

In a frame, `{b}` is a slot for one or more coordinated mentions, `<t:…>` a mention spelt out (slots may stand in it:
then mentions are nested), `{P}` a slot for other words, `(a/b)` a choice of words. The first letter of a key gives the
type of its mentions. Pairs tell the relations: `b>s` joins every b to every s, `b=s` the first to the first and so on.
A key with a second letter n holds what is denied, idle or not given, which stands in no relation.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from relex.corpora.generators.angiography.lexicon import common
from relex.documents import Document, Relation, Span

TYPES = {"s": "症状体征", "b": "身体部位", "t": "治疗方式", "c": "医疗耗材", "d": "用药剂量", "e": "检查检验"}
"""First letter of a key → entity type."""

_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")
_MARK = re.compile(r"<(\w+):|>")
_TEXT_KEY = re.compile(r"(?<=[{<])(\w+)")
_PAIR_KEY = re.compile(r"[a-z]+\d*")


@dataclass(frozen=True, slots=True)
class Frame:
    """Words with slots, and the pairs of keys that stand in a relation."""

    text: str
    pairs: str = ""

    def __add__(self, other: "Frame") -> "Frame":
        return Frame(self.text + other.text, f"{self.pairs} {other.pairs}".strip())


@dataclass(frozen=True, slots=True)
class Clause:
    """A frame and what fills its slots: a tuple of mentions, or a string of other words, perhaps with marks."""

    frame: Frame
    values: dict[str, str | tuple[str, ...]]


def joined(clauses: Sequence[Clause], between: str = "，") -> Clause:
    """One clause out of several; every key gets the number of its clause, from 1, at its end."""
    texts, pairs, values = [], [], {}
    for number, clause in enumerate(clauses, 1):
        suffixed = rf"\g<0>{number}"
        texts.append(_TEXT_KEY.sub(suffixed, clause.frame.text))
        pairs.append(_PAIR_KEY.sub(suffixed, clause.frame.pairs))
        for key, value in clause.values.items():
            values[f"{key}{number}"] = _TEXT_KEY.sub(suffixed, value) if isinstance(value, str) else value
    return Clause(Frame(between.join(texts), " ".join(pairs).strip()), values)


def fill(rng: random.Random, clause: Clause) -> Document:
    """A Document without an id: the words of `clause`, and its relations in order of the pairs."""
    text = _CHOICE.sub(lambda m: common(rng, m[1].split("/")), clause.frame.text)
    text, places = _parse(_SLOT.sub(lambda m: _mentions(rng, m[1], clause.values[m[1]]), text))
    spans = sorted(((start, -end, key, i) for key, found in places.items() for i, (start, end) in enumerate(found)))
    index = {(key, i): n for n, (_, _, key, i) in enumerate(spans)}
    entities = tuple(Span(start, -end, TYPES[key[0]]) for start, end, key, _ in spans)
    relations = {}
    for pair in clause.frame.pairs.split():
        head, sign, tail = re.split("([>=])", pair)
        for i in range(len(places[head])):
            for j in range(len(places[tail])) if sign == ">" else (i,):
                h, t = index[head, i], index[tail, j]
                relations[Relation(h, t, f"{TYPES[head[0]]}_{TYPES[tail[0]]}")] = None
    return Document("", text, entities, tuple(relations))


def _mentions(rng: random.Random, key: str, value: str | tuple[str, ...]) -> str:
    """Marked mentions in coordination, or plain words for a key in capitals."""
    if isinstance(value, str):
        return value
    marked = [f"<{key}:{item}>" for item in value]
    if len(marked) == 1:
        return marked[0]
    return "、".join(marked[:-1]) + common(rng, "、及和") + marked[-1]


def _parse(marked: str) -> tuple[str, dict[str, list[tuple[int, int]]]]:
    """Text without its marks, and under every key where its mentions stand, in order of their ends."""
    text, end, open_marks = "", 0, []
    places: dict[str, list[tuple[int, int]]] = {}
    for mark in _MARK.finditer(marked):
        text += marked[end : mark.start()]
        end = mark.end()
        if mark[1]:
            open_marks.append((mark[1], len(text)))
        else:
            key, start = open_marks.pop()
            places.setdefault(key, []).append((start, len(text)))
    return text + marked[end:], places


ACCESS = (
    Frame(
        "(患者取平卧位，常规消毒铺巾，/消毒铺单后，/取平卧位，)以{R}局部浸润，{b}{t}，留置{c}，(固定并冲洗/回血通畅)",
        "tr=dr b>t t>c",
    ),
    Frame("局麻用{R}，随后(选/取){b}行{t}，置{c}一根", "tr=dr b>t t>c"),
    Frame("{b}周围皮下注射{R}，{t}顺利，送入{c}", "tr=dr b>t t>c"),
    Frame("(患者仰卧，/)予{R}麻醉后{t}{b}，导入{c}", "tr=dr b>t t>c"),
    Frame("{R}浸润满意，{b}{t}一次成功，{c}在位", "tr=dr b>t"),
    Frame("{t}{b}成功，(置入/插入){c}，麻醉药为{R}", "tr=dr b>t t>c"),
    Frame("入路选{b}，{R}麻醉，{t}后将{c}留于该处", "tr=dr b>t t>c c>b"),
    Frame("触及{b}搏动良好，{R}皮下浸润，{t}并插{c}", "tr=dr b>t t>c"),
)

DRUGS = (
    Frame("经鞘(缓慢注入/给予/推注){R}以预防(血栓与痉挛，并冲洗管路/不良反应)", "tr=dr"),
    Frame("鞘内(缓推/注射){R}以(防痉挛/抗凝)", "tr=dr"), Frame("动脉内推注{R}", "tr=dr"),
    Frame("(常规/即刻)给{R}", "tr=dr"), Frame("入鞘后用{R}", "tr=dr"), Frame("予{R}(预防痉挛/抗凝/)", "tr=dr"),
)  # fmt: skip
RESCUE = (
    Frame("(术中血压偏低/心率减慢/患者诉胸闷/前向血流欠佳)，(予/给予/静注){R}(后好转/，症状减轻/)", "tr=dr"),
    Frame("(冠脉内/经指引导管)(注射/分次推注){R}", "tr=dr"), Frame("术中追加{R}，(生命体征平稳/未见不适)", "tr=dr"),
)  # fmt: skip
WITHHELD = (
    Frame("原拟予{W}，因(血小板偏低/血压不高/有出血倾向/家属顾虑)未用"), Frame("备{W}，术中未给"),
    Frame("如(血压下降/再发胸痛/出现慢血流)可予{W}"), Frame("未使用{W}"),
    Frame("{W}(暂缓/停用)，待(复查后/病情明确后)再定"),
)  # fmt: skip
IDLE = (
    Frame("{cn}备台，(未启用/始终未用)"), Frame("未使用{cn}"), Frame("台上备{cn}，(备而未用/本次没有用到)"),
    Frame("{cn}(试送/推送)失败后撤出体外"), Frame("必要时(考虑/可用){cn}"),
)  # fmt: skip
REFUSED = (
    Frame("建议{tn}，(家属拒绝/患者暂不接受/择期再议)"), Frame("未行{tn}"),
    Frame("(患者及家属/家属)不同意{tn}，(予药物保守/改日再议)"),
)  # fmt: skip

EXAMS = (
    Frame("在导丝引导下(送入/交换/更换){c}，(多角度投照/多体位)行{e}，(过程顺利，结果提示/示/显示){s}", "e>c e>s"),
    Frame("{e}(采用/使用){c}，结果(为/示){s}", "e>c e>s"),
    Frame("{c}到位后完成{e}，(见/示){s}", "e>c e>s"),
    Frame("以{c}(多角度投照/多体位投照)完成{e}，{s}", "e>c e>s"),
    Frame("{e}：{s}，所用为{c}", "e>s e>c"),
    Frame("经鞘(引入/送){c}，{e}显示{s}", "e>c e>s"),
    Frame("{e}(示/提示){s}", "e>s"),
)
IMAGING = (
    Frame("对{b}行{e}，(示/提示){s}", "b>e e>s"), Frame("{b}{e}(见/示){s}", "b>e e>s"),
    Frame("进一步{e}评价{b}，(测得/发现){s}", "b>e e>s"), Frame("{e}探查{b}：{s}", "b>e e>s"),
)  # fmt: skip
BOTH = (
    Frame("于{b}行<t:{e}>，(复测/随后){s}", "b>e b>t b>s"), Frame("{b}(经/予)<t:{e}>后{s}", "b>e b>t b>s"),
    Frame("对{b}(施行/加做)<t:{e}>，{s}", "b>e b>t b>s"),
)  # fmt: skip

NORMAL = (
    Frame("{b}(多角度观察/各体位观察)全程{s}", "b>s"), Frame("{b}{s}", "b>s"),
    Frame("{b}(显示/示){s}", "b>s"), Frame("{b}(全程/各段){s}", "b>s"), Frame("{b}造影所见(为/：){s}", "b>s"),
)  # fmt: skip
NORMAL_FLOW = (Frame("，{s2}", "b>s2"), Frame("，(远端/前向){s2}", "b>s2"))

LESION = (
    Frame("{b}{s}", "b>s"), Frame("{b}(可见/见/示/呈){s}", "b>s"), Frame("{b}(有/存在)(一处/){s}", "b>s"),
    Frame("{s}(位于/见于){b}", "b>s"),
)  # fmt: skip
LESION_SHARED = (
    Frame("{b}{s}", "b>s"), Frame("{b}(均见/均示/各见/皆为){s}", "b>s"), Frame("{b}(多处/多发){s}", "b>s"),
    Frame("{s}(累及/见于){b}", "b>s"), Frame("{b}(同样/也)呈{s}", "b>s"),
)  # fmt: skip
RESPECTIVELY = (
    Frame("{b}分别{s}", "b=s"), Frame("{b}(依次/分别)(为/见/呈){s}", "b=s"), Frame("{b}病变，依次为{s}", "b=s"),
)  # fmt: skip
TRAITS = (
    Frame("，伴{s2}", "b>s2"), Frame("，(可见/见/并有){s2}", "b>s2"), Frame("，{s2}", "b>s2"),
    Frame("，(病变处/局部){s2}", "b>s2"), Frame("，合并{s2}", "b>s2"),
)  # fmt: skip
FLOWS = (
    Frame("，{s3}", "b>s3"), Frame("，(其远/远端/前向){s3}", "b>s3"), Frame("，测得{s3}", "b>s3"),
    Frame("，(但/虽如此)远端{s3}", "b>s3"),
)  # fmt: skip
JOINT = (Frame("，(两处/二者/上述部位)(均见/均伴/都有){s9}"), Frame("，(上述病变/以上各处)(伴/并有){s9}"))
"""Words that give what follows to every part before them, which the teller pairs with it."""

DENIED = (
    Frame("，未见{sn}"), Frame("，无{sn}"), Frame("，未见明确{sn}(征象/)"), Frame("，(排除/除外){sn}"),
    Frame("，(不伴/不合并){sn}"), Frame("，没有{sn}"), Frame("，{sn}(未见/阴性)"),
)  # fmt: skip

PREPARATION = (
    Frame("{c}(到达/就位于/置于){b}，{c2}(送至/通过病变达/到达){b2}", "c>b c2>b2"),
    Frame("(更换/选用){c}，置于{b}，再将{c2}送入{b2}", "c>b c2>b2"),
    Frame("沿{c}引{c2}(进入/至){b2}", "c2>b2"),
    Frame("对{b2}行{t}，(选/取){c}、{c2}", "b2>t t>c t>c2"),
    Frame("拟行{t}，{c}到位，{c2}(小心/顺利)通过{b2}", "t>c c2>b2"),
)
BALLOON = (
    Frame("随后(逐级加压/缓慢加压)对{b}(行/作){t}", "b>t"),
    Frame("(以/用/取){c}(对/于/在){b}行{t}", "t>c b>t"),
    Frame("{c}(送至/定位于){b}，{P}atm{t}", "t>c b>t c>b"),
    Frame("{b}(予/行){c}{t}，压力{P}atm", "t>c b>t"),
    Frame("(以/用){c}{P}atm(先后/依次)于{b}{t}", "t>c b>t"),
    Frame("{b}{t}(数次/两次/，效果可)，球囊为{c}", "b>t t>c"),
)
STENT = (
    Frame("(评估直径与长度/测量病变)后{b}(完成/行)<t:支架{T}>", "b>t"),
    Frame("(于/在){b}行<t:{c}{T}>", "t>c b>t"),
    Frame("{b}<t:置入>{c}(一枚/)", "b>t t>c"),
    Frame("{c}(送至/定位于){b}，{P}atm<t:释放>", "c>b t>c b>t"),
    Frame("(随后/继而)<t:植入>{c}，覆盖{b}", "b>t t>c"),
    Frame("{b}<t:支架{T}>，(型号/规格)为{c}", "b>t t>c"),
)
COATED = (
    Frame("{b}行<t:{c}扩张>，(持续60秒/贴壁45秒)", "t>c b>t"), Frame("以{c}对{b}行{t}，{P}atm维持一分钟", "t>c b>t"),
    Frame("{c}(送至/抵达){b}，{t}完成", "t>c b>t c>b"), Frame("{b}(最终/改)行{t}", "b>t"),
)  # fmt: skip
POST = (
    Frame("，(再/继)以{c2}{P2}atm{t2}", "b>t2 t2>c2"), Frame("，{c2}{t2}", "b>t2 t2>c2"),
    Frame("，{t2}(用/取){c2}", "b>t2 t2>c2"), Frame("，并{t2}", "b>t2"),
)  # fmt: skip
SAME_BALLOON = (
    Frame("，(同一球囊/该球囊)又{t3}{b3}", "b3>t3 t3>c"), Frame("，(仍用此球囊/以原球囊)对{b3}{t3}", "b3>t3 t3>c"),
)  # fmt: skip
"""A device named once and used again further on."""

OUTCOME = (
    Frame("经处理后{b}{s}，{s2}", "b>s b>s2"), Frame("{e}(示/提示/见){s}", "e>s"), Frame("{e}(示/见){b}{s}", "b>s e>s"),
    Frame("{e}：{s}，{s2}", "e>s e>s2"), Frame("{e}，{b}(内/处){s}，{s2}", "b>s b>s2 e>s e>s2"),
)  # fmt: skip

CLOSING = (
    Frame("(术毕撤出器械/术后/手术结束)，{b}{t}，(患者无不适返回病房/术中经过顺利)", "b>t"),
    Frame("(撤出/拔除){cn}，{b}(予/行){t}", "b>t"),
    Frame("{b}{t}，(穿刺处无渗血/患者安返病房/术中经过顺利)", "b>t"), Frame("(退出导管/手术顺利)，{b}处{t}", "b>t"),
)  # fmt: skip
