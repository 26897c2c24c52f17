"""A headless Chromium, driven by its DevTools protocol over a pipe."""

import atexit
import base64
import io
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support.tools import path_of

PATIENCE_SECONDS = 30
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
    "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    # No page of the browser's own. One behind the address bar of each window would take half a core all the time.
    "--no-startup-window", "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",
)  # fmt: skip


class Browser:
    """A running browser. Its pages share only the process: each has a profile of its own, as in a new browser."""

    def __init__(self) -> None:
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        self._count, self._rest = 0, b""
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        # The browser reads commands from descriptor 3, and writes to 4.
        script = f'exec "$0" "$@" 3<&{read_commands} 4>&{write_answers}'
        command = [path_of("chromium") or "", *_OPTIONS, f"--user-data-dir={self._profile.name}"]
        self._process = subprocess.Popen(
            ["bash", "-c", script, *command],
            pass_fds=(read_commands, write_answers),
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)

    def write(self, method: str, params: dict[str, Any], session: str = "") -> int:
        """Write a command, and return its number, which its answer has, too."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        return self._count

    def read(self) -> dict[str, Any]:
        """Wait for the next answer or event."""
        while b"\0" not in self._rest:
            received = os.read(self._answers, 1024 * 1024)
            assert received, "Chromium has ended."
            self._rest += received
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
        self._profile.cleanup()


class Page:
    """A page of the browser.

    Attributes:
        errors: what the page reported as errors, and exceptions of its scripts.
    """

    def __init__(self, browser: Browser, profile: str) -> None:
        self._browser = browser
        self._session = ""
        self._file_input = 0
        self.errors: list[str] = []
        target = self.send("Target.createTarget", url="about:blank", browserContextId=profile)["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and return its result."""
        number = self._browser.write(method, params, self._session)
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, or of its promise."""
        options = {"returnByValue": True, "userGesture": True, "awaitPromise": True}
        found = self.send("Runtime.evaluate", expression=expression, **options)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until this expression is true."""
        end = time.monotonic() + seconds
        while not self.value(expression):
            assert time.monotonic() < end, f"never true: {expression} {self.errors}"
            time.sleep(0.05)

    def settle(self) -> None:
        """Wait until what has changed is drawn, and animations are over."""
        self.value("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")

    def press(self, key: str, code: int, modifiers: int = 0) -> None:
        """Press a key. Modifiers: 2 = Ctrl, 8 = Shift."""
        # Enter and Space act by their characters.
        text = {"Enter": "\r", " ": " "}.get(key, "") if not modifiers else ""
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        for kind in (down, {"type": "keyUp"}):
            self.send(
                "Input.dispatchKeyEvent", key=key, code=key, windowsVirtualKeyCode=code, modifiers=modifiers, **kind
            )

    def size(self, width: int, height: int) -> None:
        """Set the size of the screen; a narrow one is a telephone's."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.send("Emulation.setDeviceMetricsOverride", **metrics)

    def picture(self, path: Path) -> None:
        """Write what the page shows as a PNG."""
        drawn = Image.open(io.BytesIO(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])))
        # A palette is a third of the size.
        drawn.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)

    def await_file_chooser(self) -> None:
        """Keep the dialog from opening with which the page asks for a file."""
        self._file_input = 0
        self.send("Page.setInterceptFileChooserDialog", enabled=True)

    def choose_file(self, path: Path) -> None:
        """Choose a file once the page asks for one."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not self._file_input:
            assert time.monotonic() < end, "The page asks for no file."
            self.value("0")
        self.send("DOM.setFileInputFiles", backendNodeId=self._file_input, files=[str(path)])

    def touch(self, kind: str, x: float = 0, y: float = 0) -> None:
        """Touch the screen: `touchStart`, `touchMove` or `touchEnd`."""
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        self.send("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 8) -> None:
        """Drag with the mouse."""
        for step in range(-1, steps + 2):
            kind = {-1: "mousePressed", steps + 1: "mouseReleased"}.get(step, "mouseMoved")
            part = min(max(step, 0), steps) / steps
            place = {"x": start[0] + part * (end[0] - start[0]), "y": start[1] + part * (end[1] - start[1])}
            self.send("Input.dispatchMouseEvent", type=kind, button="left", buttons=1, clickCount=1, **place)

    def press_text(self, character: str) -> None:
        """Press the key of a character."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=character, text=character if kind == "keyDown" else "")

    def _next(self) -> dict[str, Any]:
        answer = self._browser.read()
        if answer.get("sessionId", "") != self._session:
            return {}  # Of the page that the browser had before.
        if answer.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(answer["params"]["exceptionDetails"]))
        if answer.get("method") == "Page.fileChooserOpened":
            self._file_input = answer["params"]["backendNodeId"]
        entry = answer["params"]["entry"] if answer.get("method") == "Log.entryAdded" else {}
        # Browsers ask every site for this icon.
        if entry.get("level") == "error" and not entry.get("url", "").endswith("/favicon.ico"):
            self.errors.append(str(entry))
        return answer


#: Running browsers without a page. A start takes 1.8 s of processor time, a page in a new profile a tenth of that.
_IDLE: list[Browser] = []


@contextmanager
def chromium() -> Iterator[Page]:
    """Open a page with a new profile: no cookies, no cache, nothing stored."""
    browser = _IDLE.pop() if _IDLE else Browser()
    try:
        profile = _result(browser, "Target.createBrowserContext")["browserContextId"]
        yield Page(browser, profile)
        _result(browser, "Target.disposeBrowserContext", browserContextId=profile)
    except BaseException:
        browser.end()
        raise
    _IDLE.append(browser)


def _result(browser: Browser, method: str, **params: Any) -> dict[str, Any]:
    """Send a command that is about no page, and return its result."""
    number = browser.write(method, params)
    while (answer := browser.read()).get("id") != number:
        pass
    result: dict[str, Any] = answer["result"]
    return result


@atexit.register
def _end_idle() -> None:
    while _IDLE:
        _IDLE.pop().end()
