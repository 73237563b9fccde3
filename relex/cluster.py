"""A Ray cluster: started on this machine, or joined."""

import importlib.util
import os
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from relex.errors import RelexError

ANSWER_S = 12.0
"""How long a cluster may take to answer."""


def join(on: str, here: int) -> int:
    """Start a local cluster of `here` CPUs (`ray`) or join one (`ray://HOST:PORT`); how many workers it has room for.

    On a cluster that is joined, that is one for each GPU, or each CPU where there is no GPU. Raises a `RelexError` when
    Ray is not installed, the address is none, or nobody answers there.
    """
    if importlib.util.find_spec("ray") is None:
        raise RelexError("--on needs Ray, which is not installed; pip install 'relex[cluster]'")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray's makers need not know
    import ray

    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if on == "ray":
        try:
            ray.init("local", num_cpus=here, include_dashboard=False, **quiet)
        except Exception as error:  # Ray says with a plain one that its own processes do not start in time
            reason = " ".join(str(error).split())[:200]
            raise RelexError(f"Ray cannot be started here ({reason}); try again, or leave out --on") from None
        return here
    url = urlsplit(on)
    try:
        host, port = url.hostname, url.port
    except ValueError:
        host = port = None
    if url.scheme != "ray" or not host or not port:
        raise RelexError(f"--on is {on!r}, but must be ray for a local cluster, or ray://HOST:PORT")
    _reach(on, host, port, lambda: ray.init(on, **quiet))
    has = ray.cluster_resources()
    return int(has.get("GPU", 0) or has.get("CPU", 0))


def _reach(on: str, host: str, port: int, join: Callable[[], object]) -> None:
    """Join a cluster, or say in time that there is none."""
    try:
        socket.create_connection((host, port), 5).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise RelexError(f"nobody answers at {on} ({reason}); start Ray there, or check the address") from None
    problems: list[BaseException] = []

    def attempt() -> None:
        try:
            join()
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(ANSWER_S - 5)
    if thread.is_alive():
        raise RelexError(f"no Ray answers at {on}, or one too slowly; check the address")
    if problems:
        reason = " ".join(str(problems[0]).split())[:200]
        raise RelexError(f"the cluster at {on} cannot be joined ({reason}); check its versions of Python and Ray")
