"""How much faster two actors of Ray are than one, of one thread each, on a machine that does nothing else:

PYTHONPATH=.:tests python tests/use/ray_speed.py [MODEL [DOCUMENTS [REPEATS]]]

One and two actors take turns. Seconds are those of the whole call, with Ray's start and the loading of the models.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import untrained
from cases import DOCUMENTS

from relex.use import shards

SHARDS = 16


def main(model: str = "", documents: str = "4000", repeats: str = "3") -> None:
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if not model:
            untrained.extractor().save(folder / "model")
        texts = [DOCUMENTS[i % len(DOCUMENTS)].text for i in range(int(documents) // SHARDS)]
        (folder / "texts").mkdir()
        for i in range(SHARDS):
            (folder / "texts" / f"{i}.txt").write_text("\n".join(texts), encoding="utf-8")
        answers = set()
        for turn in range(int(repeats)):
            for count in (1, 2):
                shards._devices = lambda count=count: count
                job = shards.Job(Path(model or folder / "model"), folder / "texts", folder / f"{turn}-{count}")
                began = time.perf_counter()
                shards.predict_folder(job, "ray", say=lambda line: None)
                seconds[count].append(time.perf_counter() - began)
                print(f"{count} actors: {seconds[count][-1]:.1f} s", flush=True)
                answers.add(b"".join(path.read_bytes() for path in sorted(job.out.glob("*.jsonl"))))
    assert len(answers) == 1, "the answers differ"
    print(f"same answers; one actor takes {median(seconds[1]) / median(seconds[2]):.2f} times as long as two")


if __name__ == "__main__":
    main(*sys.argv[1:])
