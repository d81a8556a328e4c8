"""A browser without a screen, driven over the W3C's WebDriver protocol by plain HTTP."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 30  # that anything may take
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element, by the protocol
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def programs():
    """The paths of Chromium and its driver; where one is missing it skips, and fails in CI
    but where that says that it has none."""
    folder = os.environ.get("CHROMEWEBDRIVER", "")
    path = os.pathsep.join(filter(None, [os.environ.get("PATH"), folder]))
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    driver = shutil.which("chromedriver", path=path)
    if browser and driver:
        return browser, driver
    reason = "Chromium or its driver is missing: apt-get install chromium chromium-driver"
    if os.environ.get("CI") == "true" and not os.environ.get("TFHASH_WITHOUT_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


class Browser:
    """A window. Elements are named by CSS selectors."""

    def __init__(self, port, session):
        self._port, self._path = port, f"/session/{session}"

    def ask(self, method, path, value=None):
        """What the driver answers."""
        return _ask(self._port, method, self._path + path, value)

    def go(self, address):
        """Opens an address."""
        self.ask("POST", "/url", {"url": address})

    def resize(self, width, height=900):
        """Gives the page a size in pixels, whatever the smallest window is."""
        values = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", values)

    def dark(self, value):
        """Asks for dark colours, or light ones."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if value else "light"}
        self.command("Emulation.setEmulatedMedia", {"features": [feature]})

    def command(self, name, values):
        """A command of Chromium's own protocol."""
        self.ask("POST", "/goog/cdp/execute", {"cmd": name, "params": values})

    def script(self, text, *values):
        """What a script returns."""
        return self.ask("POST", "/execute/sync", {"script": text, "args": list(values)})

    def text(self, selector):
        """The text of an element."""
        return self.script("return document.querySelector(arguments[0]).innerText", selector)

    def texts(self, selector):
        """The texts of all elements."""
        texts = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText)"
        return self.script(texts, selector)

    def _element(self, selector):
        found = self.ask("POST", "/element", {"using": "css selector", "value": selector})
        return f"/element/{found[ELEMENT]}"

    def type(self, selector, text):
        """Types into an element; into a file input, the path of a file."""
        self.ask("POST", self._element(selector) + "/value", {"text": str(text)})

    def click(self, selector):
        """Clicks on an element."""
        self.ask("POST", self._element(selector) + "/click", {})

    def press(self, key):
        """Presses a key where the focus is, such as "\\ue004" for Tab."""
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": actions}]})

    def back(self):
        """Goes back in the history."""
        self.ask("POST", "/back", {})

    def wait(self, text, *values):
        """Waits until a script returns a true value; returns it."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            value = self.script(text, *values)
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"not in {SECONDS} s: {text}")

    def picture(self, path):
        """Writes what the window shows as a PNG."""
        pathlib.Path(path).write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def requested(self):
        """The addresses of all requests since this was last asked."""
        entries = self.ask("POST", "/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        sent = [one["params"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent]

    def complaints(self):
        """What the console has shown since this was last asked."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]


@contextlib.contextmanager
def opened(folder):
    """A `Browser` that keeps what it writes in `folder`."""
    browser, driver = programs()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [driver, f"--port={port}"]
    with open(os.path.join(folder, "driver.log"), "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_it_answers(port)
        options = {
            "binary": browser,
            "args": [*FLAGS, f"--user-data-dir={os.path.join(folder, 'profile')}"],
        }
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        }
        made = _ask(port, "POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        try:
            yield Browser(port, made["sessionId"])
        finally:
            _ask(port, "DELETE", f"/session/{made['sessionId']}")
    finally:
        process.terminate()
        process.wait()


def _until_it_answers(port):
    until = time.monotonic() + SECONDS
    while True:
        try:
            return _ask(port, "GET", "/status")
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _ask(port, method, path, value=None):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as one:
        body = None if method == "GET" else json.dumps(value or {})
        one.request(method, path, body, {"Content-Type": "application/json"})
        answer = json.loads(one.getresponse().read())["value"]
    if isinstance(answer, dict) and "error" in answer:
        raise AssertionError(f"{answer['error']}: {answer['message']}")
    return answer
