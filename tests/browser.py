"""A headless Chromium that tests can ask: its DevTools protocol over a websocket."""

import base64
import itertools
import json
import subprocess
import time
from contextlib import contextmanager

from relex.book.pdf import find_browser
from relex.errors import RelexError

PATIENCE = 120
"""Seconds that a browser may take to start or to answer."""

ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)  # fmt: skip


def found() -> str:
    """The path of a browser, empty where there is none."""
    try:
        return find_browser()
    except RelexError:
        return ""


class Tab:
    """One page of a browser; `errors` is what its console and its scripts complained of, `requests` what it loaded."""

    def __init__(self, socket):
        self.socket, self.numbers = socket, itertools.count(1)
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Runtime", "Log", "Page", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters):
        """The result of one command of the protocol."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (message := json.loads(self.socket.recv())).get("id") != number:
            self._event(message)
        assert "error" not in message, message
        return message["result"]

    def _event(self, message):
        name, what = message.get("method"), message.get("params", {})
        if name == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(what["exceptionDetails"]))
        elif name == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning", "assert"):
            self.errors.append(json.dumps(what["args"]))
        elif name == "Log.entryAdded":
            self.errors.append(what["entry"]["text"])
        elif name == "Page.javascriptDialogOpening":
            self.errors.append(f"dialog: {what['message']}")
        elif name == "Network.requestWillBeSent":
            url = what["request"]["url"]
            self.requests.append(url[:100] if url.startswith("data:") else url)

    def run(self, script: str):
        """The value of a JavaScript expression, awaited where it is a promise."""
        result = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def open(self, path, ready: str = "true"):
        """Load a file and wait until the expression `ready` holds."""
        self.ask("Page.navigate", url=path.resolve().as_uri())
        end = time.monotonic() + PATIENCE
        while not self.run(f"document.readyState === 'complete' && Boolean({ready})"):
            assert time.monotonic() < end, f"{path} is not ready after {PATIENCE} s: {self.errors}"
            time.sleep(0.05)

    def resize(self, width: int, height: int = 900):
        """Show the page at this size, as a phone does."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)

    def picture(self, path):
        """Save all of the page as a PNG."""
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser(folder):
    """A Tab of a new browser, whose profile lies in `folder`."""
    import websocket

    command = [found(), *ARGUMENTS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    with open(folder / "browser.log", "w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        port = _wait_for(folder / "profile" / "DevToolsActivePort", process)
        socket = websocket.create_connection(_address(port), timeout=PATIENCE, suppress_origin=True)
        try:
            yield Tab(socket)
        finally:
            socket.close()
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for(path, process) -> int:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if path.is_file() and (lines := path.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.05)
    raise AssertionError("the browser does not start")


def _address(port: int) -> str:
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE) as answer:
        return next(tab["webSocketDebuggerUrl"] for tab in json.load(answer) if tab["type"] == "page")
