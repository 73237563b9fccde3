"""Terms for the generated coronary angiography reports, and how often each is drawn.

Tuples begin with what is common. The terms are plausible, not advice: nothing here should guide a diagnosis or a
treatment.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

SKEW = 0.2
"""How much rarer an item is than the one before it: reporters repeat themselves."""
ANY = 0.06
"""Share of draws in which all items are equally likely, so that the rare ones occur at all."""


def common(rng: random.Random, items: Sequence[T], skew: float = SKEW) -> T:
    """One of `items`, the first ones more often."""
    if rng.random() < ANY:
        return rng.choice(items)
    index = 0
    while rng.random() < skew:
        index += 1
    return items[index % len(items)]


def commons(rng: random.Random, items: Sequence[T], number: int, skew: float = SKEW) -> tuple[T, ...]:
    """`number` different items, or all of them, in the order drawn."""
    drawn: dict[T, None] = {}
    while len(drawn) < min(number, len(items)):
        drawn[common(rng, items, skew)] = None
    return tuple(drawn)


VESSELS = {
    "LM": ("左主干", "左冠主干", "LM"),
    "LAD": ("前降支", "左前降支", "LAD"),
    "LCX": ("回旋支", "左旋支", "LCX"),
    "RCA": ("右冠", "右冠状动脉", "RCA"),
}
"""Main vessels and what a reporter may call them; one reporter keeps to one habit (the place in the tuple)."""

PLACES = {
    "LM": ("开口", "体部", "末端", "末段分叉处"),
    "LAD": ("近段", "中段", "远段", "开口", "近中段", "中远段", "对角支分叉处"),
    "LCX": ("远段", "近段", "中段", "开口", "中远段"),
    "RCA": ("中段", "近段", "远段", "开口", "近中段", "第二转折处", "后三叉前"),
}

BRANCHES = {
    "LM": (),
    "LAD": ("第一对角支", "第二对角支", "D1", "D2", "第一间隔支"),
    "LCX": ("第一钝缘支", "第二钝缘支", "OM1", "中间支", "OM2"),
    "RCA": ("后降支", "左室后支", "锐缘支", "PDA", "PLA"),
}

BRANCH_PLACES = ("开口", "近段", "中段", "", "", "")

STENOSES = (
    "狭窄{p}%", "局限性狭窄{p}%", "狭窄约{p}%", "完全闭塞", "弥漫性狭窄{p}%", "{p}%狭窄", "偏心性狭窄{p}%",
    "次全闭塞", "管状狭窄{p}%", "支架内再狭窄{p}%", "长病变最重处{p}%", "管腔缩窄{p}%", "最窄处{p}%",
)  # fmt: skip
"""Narrowings, with `{p}` for a percentage or a range of them."""

TRAITS = (
    "钙化", "重度钙化", "斑块浸润", "内膜不光滑", "扭曲成角", "瘤样扩张", "心肌桥", "溃疡样改变", "串珠样改变",
    "管壁毛糙", "充盈缺损", "对比剂滞留", "收缩期受压", "自发性夹层", "扩张性改变", "血栓负荷重",
)  # fmt: skip

NORMAL = ("管壁光滑", "管腔通畅", "走行自然", "显影良好", "发育正常", "轮廓完整", "充盈均匀", "大致正常")

FLOWS = ("TIMI血流0级", "TIMI血流1级", "TIMI血流2级", "TIMI血流3级", "TIMI3级", "血流缓慢", "血流中断", "前向血流正常")

FLOW_WEIGHTS = (1, 2, 4, 16, 9, 6, 2, 3)

DENIED = (
    "血栓", "夹层", "钙化", "溃疡", "心肌桥", "动脉瘤", "狭窄", "穿孔", "充盈缺损", "痉挛", "侧支循环", "斑块破裂",
)  # fmt: skip
"""Findings that reports deny."""

DOMINANCE = ("右优势型", "左优势型", "均衡型")

EXTENTS = ("单支病变", "双支病变", "三支病变", "三支及左主干病变")
"""By the number of diseased vessels."""

OVERALL = ("冠脉开口位置正常", "冠状动脉粥样硬化", "冠脉钙化影", "开口起源正常", "血管走行迂曲")

OUTCOMES = (
    "残余狭窄{r}%", "残余狭窄小于{r}%", "支架贴壁良好", "支架膨胀满意", "支架位置满意", "残余狭窄0%", "残余狭窄约{r}%",
    "管腔恢复通畅", "病变处管腔扩大", "边缘血流平稳",
)  # fmt: skip

EXAMS = ("冠状动脉造影", "冠脉造影", "选择性冠脉造影", "造影", "多体位造影", "双侧冠脉造影")

REPEATED_EXAMS = ("复查造影", "重复造影", "术后造影", "多角度造影", "再次造影")

IMAGING = ("血管内超声检查", "IVUS", "OCT检查", "光学相干断层成像", "FFR测定", "压力导丝测定")

IMAGING_FINDINGS = (
    "最小管腔面积{a}mm²", "斑块负荷{p}%", "FFR值0.{p}", "脂质斑块", "纤维帽较薄", "环形钙化", "支架梁贴壁不良",
    "参照血管直径{a}mm",
)  # fmt: skip

BOTH_TEST_AND_TREATMENT = ("诊断性血栓抽吸", "硝酸甘油试验", "试验性球囊扩张", "腺苷负荷", "麦角新碱激发后解痉")
"""What a report calls a test and a treatment at once: the source of overlapping entity pairs."""

ARTERIES = ("右桡动脉", "右侧桡动脉", "右股动脉", "左桡动脉", "右侧股动脉", "左侧桡动脉", "右侧远端桡动脉", "右肱动脉")

PUNCTURES = ("穿刺", "Seldinger法穿刺", "穿刺置鞘", "改良Seldinger穿刺")

SHEATHS = ("6F鞘", "6F鞘管", "5F鞘管", "6F动脉鞘", "7F鞘管", "6F血管鞘", "6F薄壁鞘")

ANAESTHETICS = (("利多卡因", ("2ml", "3ml", "5ml", "1ml")), ("2%利多卡因", ("2ml", "3ml", "4ml")))

HEPARINS = (
    ("肝素", ("3000U", "5000U", "2500U", "7000U", "100U/kg")), ("普通肝素", ("3000U", "2000U", "8000U")),
    ("肝素钠", ("3000单位", "4000单位")),
)  # fmt: skip

SPASMOLYTICS = (("硝酸甘油", ("200μg", "100μg", "0.2mg")), ("维拉帕米", ("2.5mg", "1.25mg")))

RESCUE_DRUGS = (
    ("替罗非班", ("10ml", "8ml", "6ml/h")), ("硝普钠", ("100μg", "200μg", "300μg")), ("多巴胺", ("3mg", "2mg", "5mg")),
    ("阿托品", ("0.5mg", "1mg")), ("尼可地尔", ("2mg", "4mg")), ("比伐芦定", ("0.75mg/kg", "15ml")),
    ("腺苷", ("100μg", "60μg")), ("间羟胺", ("0.5mg", "1mg")), ("地西泮", ("5mg", "10mg")),
)  # fmt: skip

CATHETERS = (
    "5F TIG导管", "5F造影导管", "TIG造影导管", "JL4.0导管", "JR4.0导管", "5F JL3.5造影导管", "5F JR4.0造影导管",
    "共用型造影导管", "6F猪尾导管", "5F AL1导管",
)  # fmt: skip

GUIDES = {
    "left": ("6F EBU3.5指引导管", "EBU3.5导引导管", "6F XB3.5指引导管", "7F EBU3.75指引导管", "JL4.0指引导管"),
    "right": ("6F JR4.0指引导管", "SAL1.0指引导管", "6F AL0.75导引导管", "JR3.5指引导管"),
}

OSTIA = {"left": ("左冠开口", "左冠状动脉开口", "左冠口"), "right": ("右冠开口", "右冠状动脉口", "右冠口")}

WIRES = ("工作导丝", "Sion导丝", "亲水导丝", "Runthrough导丝", "BMW导丝", "0.014英寸导丝", "Pilot50导丝", "微导管")

BALLOONS = ("{w}×{l}mm球囊", "{w}×{l}mm预扩球囊", "{w}*{l}mm半顺应性球囊", "{w}×{l}mm切割球囊", "球囊{w}×{l}mm")

POST_BALLOONS = ("{w}×{l}mm非顺应性球囊", "{w}*{l}mm后扩球囊", "{w}×{l}mm高压球囊", "NC球囊{w}×{l}mm")

STENTS = ("{w}×{l}mm支架", "{w}×{l}mm药物支架", "{w}*{l}mm雷帕霉素支架", "{w}×{l}mm依维莫司洗脱支架", "支架{w}×{l}mm")

DRUG_BALLOONS = ("{w}×{l}mm药物球囊", "{w}×{l}mm紫杉醇球囊", "药物涂层球囊{w}×{l}mm")

IDLE_DEVICES = ("临时起搏电极", "IABP", "覆膜支架", "血栓抽吸导管", "旋磨头", "延长导管", "血管闭合器", "双腔微导管")

DILATIONS = ("扩张", "预扩张", "球囊扩张", "PTCA", "反复扩张")

POST_DILATIONS = ("后扩张", "高压后扩", "球囊后扩张", "对吻扩张")

STENTINGS = ("置入术", "植入术", "置入", "释放")
"""Follow the name of a stent and make it a treatment."""

COATINGS = ("药物涂层治疗", "贴附扩张", "药物球囊治疗")

CLOSINGS = ("加压包扎", "压迫止血", "拔鞘", "弹力绷带包扎", "止血器压迫", "缝合器止血", "徒手压迫")

REFUSED = ("冠脉搭桥术", "支架植入术", "旋磨术", "急诊介入治疗", "药物球囊治疗")
