"""A worker of the queue: a process of one thread that does one run after another.

It reads a JSON line for each run on its standard input and answers with one on its standard output, so that nothing but
its own death can hurt another worker or the queue. SIGTERM has it stop with a checkpoint, and so has the death of the
queue.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from relex.errors import DiskFull, RelexError
from relex.files import FULL, append_line


def perform(experiment: str, config: dict, stopping: Callable[[], bool], wait: bool = False) -> dict:
    """Do one run and say how it went, under `state`.

    `done`: a record was made, with its `line` of the log; `found`: there was one. `stopped`: there is a checkpoint.
    `claimed`: another process is doing it. `full`: the disk is; `failed`: else. The last two come with an `error`, a
    sentence. `stopping` is asked after each step of training.
    """
    from relex.runs.claims import Claimed
    from relex.runs.config import Config
    from relex.runs.run import run
    from relex.training import Stopped

    def on_progress(share: float) -> None:
        if share < 1 and stopping():
            raise Stopped

    answer, began = {"state": "found"}, time.monotonic()

    def on_done(record: dict) -> None:
        line = log_line(record, time.monotonic() - began)
        answer.update(state="done", line=line)
        append_line(log_path(), line)

    try:
        run(Config.from_json(config), experiment, on_progress, wait=wait, on_done=on_done)
        return answer
    except Stopped:
        return {"state": "stopped"}
    except Claimed:
        return {"state": "claimed"}
    except DiskFull as error:
        return {"state": "full", "error": str(error)}
    except RelexError as error:
        return {"state": "failed", "error": str(error)}
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            return {"state": "full", "error": f"cannot write {error.filename or 'a file'}: {error.strerror}"}
        last = traceback.extract_tb(error.__traceback__)[-1]
        what = " ".join(str(error).split())
        return {"state": "failed", "error": f"{type(error).__name__}: {what} ({last.filename}, line {last.lineno})"}


def log_path():
    """Where a line is written for each run that is done or fails."""
    from relex.runs.records import runs_dir

    return runs_dir() / "queue.log"


def log_line(record: dict, seconds: float) -> str:
    """Date, experiment, row, seed, key, seconds and main score (percent) of a record, with tabs between them."""
    from relex.runs.scoring import SELECTS

    metrics = record["metrics"]
    score = next((f"{name} {100 * metrics[name]:.1f}" for name in SELECTS.values() if name in metrics), "")
    return _line(record["date"], record["experiment"], record["config"], record["run"], f"{seconds:.0f} s", score)


def error_line(experiment: str, config: dict, key: str, error: str) -> str:
    """The same of a run that failed: the error in the place of seconds and score."""
    from relex.runs.records import now

    return _line(now(), experiment, config, key, "failed", error)


def _line(date: str, experiment: str, config: dict, key: str, *rest: str) -> str:
    parts = (date, experiment, config["row"] or config["head"], f"seed {config['seed']}", key, *rest)
    return "\t".join(" ".join(part.split()) for part in parts)


AUTOGROUP = Path("/proc/self/autogroup")
"""Where Linux has the nice value of a session; a worker is a session of its own."""


def main(nice: int) -> None:
    """Answer to the queue until it closes its end; `nice` is added to the priority's number."""
    queue = os.getppid()
    asked = []
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches all; the queue passes it on
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    with suppress(OSError):  # Linux may share time among sessions first; nice values then count within a session alone
        AUTOGROUP.write_text(str(os.nice(nice)))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    import torch

    from relex.runs import records

    torch.set_num_threads(1)
    records.commit()  # of the code that is loaded now
    for line in sys.stdin:
        task = json.loads(line)
        answer = perform(**task, stopping=lambda: bool(asked) or os.getppid() != queue)
        try:
            print(json.dumps(answer), file=answers, flush=True)
        except BrokenPipeError:  # the queue is dead, and all that was to be done is done
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))
