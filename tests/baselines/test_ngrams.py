import pytest
from samples import document

from relex.baselines import ngrams
from relex.documents import Document
from relex.errors import RelexError
from relex.evaluation.classification import evaluate, labels

DISEASES = ("头痛", "发热", "咳嗽", "失眠", "腹泻", "哮喘")
DRUGS = ("阿司匹林", "布洛芬", "止咳糖浆", "褪黑素", "蒙脱石散", "沙丁胺醇")


def corpus():
    """The mentions alone say nothing: only the words between them separate the two relations."""
    found = []
    for disease in DISEASES:
        for drug in DRUGS:
            found.append(document(f"研究显示{drug}能够治疗{disease}。", drug, disease, "treats"))
            found.append(document(f"研究显示{drug}可能引起{disease}。", drug, disease, "causes"))
    return found


@pytest.mark.parametrize("features", [f for f in ngrams.FEATURES if "sentence" in f])
def test_learns_what_the_sentence_says(features):
    train, test = corpus()[:48], corpus()[48:]
    predicted = ngrams.tfidf(features, train)(test)
    metrics, _ = evaluate(test, predicted, ("treats", "causes"), [d.text for d in train])
    assert metrics["unseen.accuracy"] == 1
    assert [d.entities for d in predicted] == [d.entities for d in test]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # there is nothing to learn
def test_pair_sees_the_mentions_only():
    train = [*corpus(), *(d for d in corpus() if labels([d]) == ["treats"])]
    assert set(labels(ngrams.tfidf("pair", train)(corpus()))) == {"treats"}
    moved = [document(f"{drug}与{disease}无关。", drug, disease, "causes") for drug, disease in [("布洛芬", "发热")]]
    assert labels(ngrams.tfidf("pair", train)(moved)) == ["treats"]


def test_between_tells_the_order():
    text = "很久以前有人在书里写道，阿司匹林能够缓解头痛，这是今天的医生和病人都还记得的一件很有名的往事。"
    forward = document(text, "阿司匹林", "头痛", "treats")
    back = document(text, "头痛", "阿司匹林", "treats")
    start = text.index("阿司匹林") - ngrams.BEFORE
    window = text[start : text.index("头痛") + ngrams.AFTER]
    assert ngrams.between(forward) == "<" + window
    assert ngrams.between(back) == ">" + window


def test_between_without_mentions():
    text = "患者昨夜发热。"
    assert ngrams.between(document(text, "发热", "某药", "treats")) == text
    assert ngrams.between(document(text, "某病", "某药", "treats")) == ""


def test_gold_of_the_test_part_is_not_used_and_repeats_agree():
    train, test = corpus()[:40], corpus()[40:]
    blind = [Document(d.id, d.text, d.entities) for d in test]
    found = ngrams.tfidf("pair+sentence+between", train)(blind)
    assert found == ngrams.tfidf("pair+sentence+between", train)(test)


def test_majority():
    train = [*corpus(), document("布洛芬可以治疗牙痛。", "布洛芬", "牙痛", "treats")]
    assert set(labels(ngrams.majority(train)(corpus()))) == {"treats"}
    with pytest.raises(RelexError, match="no training documents"):
        ngrams.majority([])(corpus())


def test_errors_say_what_is_wrong():
    with pytest.raises(RelexError, match="unknown feature set 'words'"):
        ngrams.tfidf("words", corpus())(corpus())
    with pytest.raises(RelexError, match="hold 1 relations"):
        ngrams.tfidf("pair", corpus()[:1])(corpus())
    lonely = [document("甲乙", "甲", "乙", "treats"), document("丙丁", "丙", "丁", "causes")]
    with pytest.raises(RelexError, match="cannot learn from 2 documents"):
        ngrams.tfidf("pair", lonely)(corpus())
    assert ngrams.tfidf("pair", corpus())([]) == []
