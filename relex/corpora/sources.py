"""Where the corpora come from: public GitHub files at a commit, each with its sha256."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One file: `file` is its place in the corpus folder, `path` its place in `repository` (OWNER/NAME) at `commit`.

    `sha256` is that of the stored file. With a `key`, that is only the value under this key of the repository's JSON
    file, whose own sha256 is `whole`.
    """

    file: str
    repository: str
    commit: str
    path: str
    sha256: str
    key: str = ""
    whole: str = ""


def _files(repository: str, commit: str, folder: str, sums: dict[str, str]) -> tuple[Source, ...]:
    """Sources of one repository folder: `sums` maps a file, as it is to be stored, to its sha256.

    `A=B` stores as A what the folder has as B.
    """
    sources = []
    for names, digest in sums.items():
        stored, _, original = names.partition("=")
        sources.append(Source(stored, repository, commit, f"{folder}/{original or stored}", digest))
    return tuple(sources)


SOURCES: dict[str, tuple[Source, ...]] = {
    "umrc10": _files(
        "kiwiwu02/RelationExtraction_Bert_Project", "9b463479c7b64126394bc7a0058a09ebc589d69e", "Code/dataset", {
            "train.jsonl": "d061affff3cfa988848e6b21ad8956d6fc4ebb71e820de16b1fc51c64d1deb6f",
            "val.jsonl": "67a1cac7c5ecaf6a6d4224e2597152e3170299f56ceb926620c4cf99378869fc",
            "test.jsonl": "20b835b35317b117900c163146b11d3ee0039adae4cff32668bad8e91981c8b2",
        },
    ),
    "casmed": _files(
        "Theadmaster/CasRelPyTorch", "32dc164b4be78029f716235444c143876100000f", "data/coronary_angiography", {
            "raw.jsonl": "bce744e5370ed65edf86611eb90dc51af10a5a9d2f900aee7f00802fe818396a",
            "raw_segment.jsonl": "a33fb5743c0860d85b54f80357366d4f5f887b4f983c8ef216b99c058b1c4893",
            "rel.json=rel_more_than_3/rel.json": "905471007a555c06d6fa1e8108e2a3cc908fe8e095c8ab18eab4b88817c5fb9e",
            "shipped_split/train.json=train.json": "1386dad41fb7ade2b0e54e48fc83779a3a06819dbd93320dd921ce37a1ae4b58",
            "shipped_split/dev.json=dev.json": "25caa97169b1430a67fbba3877a211cc46a500d822b999b34d207dc752964950",
            "shipped_split/test.json=test.json": "f9aa535bee53031fa12480f0bfc012e75800d66fb5a883a95cc3c613676bfa74",
        },
    ),
    "duie": (
        *_files("LawsonAbs/duie_py", "723fcfd6fcb5e0c9cf406e7c0815aeedb466dc29", "data", {
            "train_data_5000.json": "9e45957c779d9a0f5d77dc2192ab617441bca7734d1b65bfb771cf28f8103c0e",
        }),
        *_files("ToddLynn/gd_medical_ie", "4a1b119f84afa8fed8ea1e767c1254656004a2f5", "data", {
            "duie_train_4000.json": "9c91d5df93cebc2d2f52a37e61225d033a2acfaef2f055ea4efc310c598f8d9a",
            "duie_dev.json": "b727e74c7b26193ab0b51cb1f82fa6327c097f6fe17a8a38d2e9a4192086e38e",
        }),
        *_files("enria/DuIE", "551908623c5844f4d47e2a33679809ac05cb4270", "IE/data", {
            "duie_schema.json": "9d70dc15016236a9efa27ad0c9009f6774fae2036a3dd13e962060484ba2dfd3",
        }),
    ),
    "cmeie": (
        *_files("Sherlock-coder/CasRel", "967bc6e3443aea419367d7c64d1205cb48de242c", "data", {
            "CMeIE_dev.json": "cd17acdda862a25ba260ff8bcef551f4c86e0aaa762a990990c5de3a0d444d95",
        }),
        *_files("xhw205/GPLinker_torch", "d065bd36eb0b26676db4be17fe88203796eef12d", "datasets", {
            "53_schemas.json": "c1db3686cc3d7e578de2be67cc61e4c7d64ea536f581d36ea42896d6cab6ca10",
        }),
    ),
    "conll04": (
        *(
            Source(
                f"conll04_{part}.json", "btaille/sincere", "dd1c34916ddcdc5ceb2799d64b17e80cdf1a5b31",
                "data/conll04.json", digest, part, "3abe11eb5750e2c37e99a428f5e6c7e3b15f77d66053bca85e21e0772d601119",
            )
            for part, digest in (
                ("train", "65c52d5b6134c72c44277c74c5ecb354bf33aa352fc7b856edf6bda0bb436eea"),
                ("dev", "3965a5110a79671fb74a78c0fd0113c4da6583c3833bd418c1ca414bb491e010"),
                ("test", "347f45cf181b5641d2373248a1af0592954415234f72536835dde1df1b504556"),
            )
        ),
        *_files("YoumiMa/TablERT-CNN", "055333c2b0dfff48fbab8fa73367cc0766c89862", "data/datasets/conll04", {
            "conll04_types.json": "9244d21d2640430f03eda97f59ce3e0a28a766964b1c04683c80656b5e505ad8",
        }),
    ),
}  # fmt: skip
"""Corpus → its files."""

LICENCES = {
    "umrc10": "The authors' repository states no licence for this corpus.",
    "casmed": (
        "The repository states no licence; the reports are anonymised clinical text of unknown consent: "
        "show no sentence of them anywhere."
    ),
    "duie": "DuIE is distributed by its owner under terms of its own; these are copies in others' repositories.",
    "cmeie": "CMeIE is distributed by its owner under terms of its own; these are copies in others' repositories.",
    "conll04": (
        "The repository that holds the sentences is under Apache-2.0, which need not hold for the news texts; the "
        "file of types comes from another one."
    ),
}
"""What is known of a corpus's licence, said before anything is downloaded."""
