"""What the generators write stays as it is, byte for byte: the published records were made on these texts.

A text that is to change takes a new `VERSION` of its generator and new sums here, and its records have to be made anew.
"""

import json

import pytest
from digests import digest
from parts import every

from relex import corpora

SUMS = {
    ("encyclopedia", "{}"): "bbfc9136ee3403bef1e69ef9e5dca91d",
    ("encyclopedia", '{"train": 500, "dev": 100, "test": 50, "seed": 3}'): "1788bcf59765e9b986ca97db59edb26b",
    ("angiography", "{}"): "f414d4cc225f87de2f4416dbee027e58",
    ("angiography", '{"split": "novel"}'): "a649c76360becbd18658a65558963424",
    ("angiography", '{"split": "distinct", "seed": 2, "reports": 60}'): "cc23948af21d4703ba60d9f5596466fd",
    ("angiography", '{"split": "report-unseen", "seed": 3, "reports": 60}'): "dd45060d0f344f48650cfda080277cec",
    ("angiography", '{"unit": "report", "seed": 4, "reports": 60}'): "c55e712b778ed2d9d1c7883af8371a4a",
    ("arteriography", "{}"): "e6c9dd20f81e475aa608808ec4bc07cb",
    ("arteriography", '{"texts": 40, "seed": 5, "test": 0}'): "3bcc1afca3f560dc8ae0e550ce198ffb",
    ("interactions", "{}"): "33418904ad80a0a1440eda3aa6be3b60",
    ("interactions", '{"sentences": 1500, "seed": 6, "test": 0}'): "033584e815cdbc9d777ab6a1b7ca8dc5",
    ("prescriptions", "{}"): "bf00f67abeaebdfaf40b1fd9b62b873d",
    ("prescriptions", '{"texts": 60, "seed": 3}'): "6b242dd8a43c37cf3e3d33e7dee0f587",
}
"""Generator with its options → see `digests`."""


@pytest.mark.parametrize(("name", "options"), SUMS)
def test_the_same_arguments_give_the_same_bytes(name, options):
    assert digest(corpora.CORPORA[name].read(**json.loads(options))) == SUMS[name, options]


MORE = {
    "encyclopedia": ({"train": 40, "dev": 20, "test": 20}, {"train": 50}),
    "angiography": ({"reports": 30}, {"reports": 31}),
    "arteriography": ({"texts": 12, "test": 0}, {"texts": 13}),
    "interactions": ({"sentences": 60, "test": 0}, {"sentences": 61}),
    "prescriptions": ({"texts": 60}, {"texts": 61}),
}
"""Generator → small options, and what asks it for a little more."""


@pytest.mark.parametrize("name", MORE)
def test_same_seed_same_corpus_other_seed_other_corpus(name):
    small, more = MORE[name]
    changes = ({"seed": 3}, {"seed": 3}, {"seed": 4}, more | {"seed": 3})
    one, again, other, larger = (corpora.CORPORA[name].read(**small | change) for change in changes)
    assert one == again
    assert one.train != other.train and one.fingerprint != other.fingerprint
    assert larger.fingerprint != one.fingerprint
    if name in ("arteriography", "interactions"):
        assert {d.text for d in every(one)} <= {d.text for d in every(larger)}
