"""Claims: one process does a run; a dead one's claim is free, and what it left half written goes."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from relex.runs.claims import Claimed, claim, remove_remnants

HOLD = """
import fcntl, pathlib, time
path = pathlib.Path("runs/.claims/abc")
path.parent.mkdir(parents=True)
with open(path, "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(project):
    """Another process that holds the claim on run abc."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_claimed_run_is_refused_and_free_when_its_owner_is_killed(project, holder):
    with pytest.raises(Claimed, match="another process is doing run abc"), claim("abc", wait=False):
        pass
    with claim("other", wait=False):
        pass
    remnants = [project / "runs" / "one" / f".{key}.json.x1y2" for key in ("abc", "abd")]
    for path in remnants:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with claim("abc", wait=False):
        assert [path.exists() for path in remnants] == [False, True]
    assert not list((project / "runs" / ".claims").iterdir())


def test_waiting_for_a_claim(project, holder, capsys):
    threading.Timer(1.0, holder.kill).start()
    began = time.monotonic()
    with claim("abc"):
        assert time.monotonic() - began > 0.5
    assert "waiting for the process that is doing run abc" in capsys.readouterr().err


def test_no_two_have_a_claim_while_others_come_and_go(project):
    """The file of a claim is removed by its owner, so that another may have locked a file that is gone."""
    inside, most = [], []

    def come_and_go():
        for _ in range(100):
            with claim("abc"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 400 and max(most) == 1


def test_remnants_of_killed_processes_go_and_the_work_of_living_ones_stays(project, holder):
    folder = project / "runs" / "one"
    folder.mkdir()
    for key, record in (("abc", True), ("abd", True), ("abe", False)):
        (folder / f"{key}.checkpoint.safetensors").touch()
        if record:
            (folder / f"{key}.json").write_text("{}")
    (project / "runs" / ".claims" / "dead").touch()
    remove_remnants()
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["abc.checkpoint.safetensors", "abc.json", "abd.json", "abe.checkpoint.safetensors"]
    assert [path.name for path in (project / "runs" / ".claims").iterdir()] == ["abc"]
