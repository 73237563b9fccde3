"""A small corpus of our own sentences: four classes, an absent mention, test sentences seen in training."""

from relex.corpora import Corpus
from relex.documents import ABSENT, Document, Relation, Span, infer_schema

FACTS = (
    ("感冒", "复方感冒灵", "受凉", "鼻塞", "伤风"),
    ("哮喘", "沙丁胺醇", "花粉", "胸闷", "喘症"),
    ("痛风", "秋水仙碱", "嘌呤过多", "脚趾剧痛", "历节病"),
    ("胃炎", "奥美拉唑", "长期饮酒", "上腹隐痛", "胃脘痛"),
    ("湿疹", "炉甘石洗剂", "皮肤干燥", "瘙痒", "湿毒疮"),
    ("贫血", "硫酸亚铁", "缺铁", "乏力", "血虚"),
)
"""Disease, drug, cause, symptom, other name."""

CLASSES = ("药物治疗", "病因", "临床表现", "同义词")
FRAMES = (
    ("{0}的人可以服用{1}，几天后会好转。", "{0}多半是{1}引起的。", "{0}发作时往往感到{1}。", "{0}又叫{1}。"),
    ("大夫给{0}的人开了{1}。", "有了{1}，就容易得{0}。", "如果{1}，先想想是不是{0}。", "老人把{0}称作{1}，意思一样。"),
)


def span(text, mention, entity_type="entity"):
    start = text.find(mention)
    if start < 0:
        return Span(ABSENT, ABSENT, entity_type, mention)
    return Span(start, start + len(mention), entity_type)


def document(text, head, tail, label=CLASSES[0], name="one"):
    """A document whose head and tail are the first occurrences of two strings, or absent."""
    return Document(name, text, (span(text, head), span(text, tail)), (Relation(0, 1, label),))


def sentences(frames, facts, part):
    return tuple(
        document(frame.format(fact[0], tail), fact[0], tail, label, f"{part}-{i}-{j}")
        for i, fact in enumerate(facts)
        for j, (frame, label, tail) in enumerate(zip(frames, CLASSES, fact[1:], strict=True))
    )


ABSENT_ONE = document("此病多半是劳累引起的。", "subject_placeholder", "劳累", "病因", "absent")
TRAIN = (*sentences(FRAMES[0], FACTS, "train"), ABSENT_ONE)
DEV = sentences(FRAMES[1], FACTS[:3], "dev")
TEST = (*sentences(FRAMES[1], FACTS[3:], "test"), *sentences(FRAMES[0], FACTS[:1], "seen"))
SCHEMA = infer_schema(TRAIN)
CORPUS = Corpus("samples", SCHEMA, TRAIN, DEV, TEST, fingerprint="0123456789abcdef")
