"""A browser speaks a recording into the WebSocket, by the script of the documentation; another one watches."""

import http.server
import json
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import pytest

from access.services import create_ticket
from meetings.models import Meeting, Segment, Status
from tests.support.factories import MeetingFactory, UserFactory
from tests.support.servers import ROOT, Servers, database_url, free_port, running, until
from tests.support.worker_process import workers
from users.models import User

CHROMIUM = "chromium"
RECORDING = ROOT / "tests/speech/data/meeting.ogg"
PATIENCE_SECONDS = 60

SPEAKER = """
<script type="module">
const report = (what) => fetch("/report", { method: "POST", body: JSON.stringify(what) });
try {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false } });
  const { id, ticket } = SETTINGS;
  SCRIPT
  socket.addEventListener("message", ({ data }) => report({ by: "speaker", ...JSON.parse(data) }));
  socket.addEventListener("close", ({ code }) => report({ by: "speaker", code }));
  setTimeout(() => {
    recorder.onstop = () => setTimeout(() => socket.send(JSON.stringify({ end: {} })), 500);
    recorder.stop();
  }, 9000);
} catch (error) {
  report({ by: "speaker", failed: `${error}` });
}
</script>
"""
WATCHER = """
<script>
const report = (what) => fetch("/report", { method: "POST", body: JSON.stringify(what) });
const source = new EventSource(SETTINGS.url);
for (const name of ["draft", "transcript", "end"]) {
  source.addEventListener(name, ({ data }) => report({ by: "watcher", name, data: JSON.parse(data) }));
}
source.addEventListener("end", () => source.close());
</script>
"""


class Pages(http.server.ThreadingHTTPServer):
    """Serves the pages, and receives what their scripts report."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Page)
        self.pages: dict[str, str] = {}
        self.reports: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()


class _Page(http.server.BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path)
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write((page or "").encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.reports.put(json.loads(body))

    def log_message(self, *values: Any) -> None:
        """Write no log."""


@contextmanager
def browser(url: str, folder: Path, sound: Path) -> Iterator[None]:
    """Show a page in a browser whose microphone plays a file."""
    process = subprocess.Popen(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", f"--user-data-dir={folder}",
            "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={sound}", "--autoplay-policy=no-user-gesture-required", url,
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        process.wait()


def documented_script(http_url: str) -> str:
    """Return the script of the documentation, for this server."""
    (script,) = re.findall(r"```js\n(.*?)```", (ROOT / "docs/integrate/live.md").read_text(), re.DOTALL)
    assert "wss://tandem.example" in script
    return str(script).replace("wss://tandem.example", http_url.replace("http", "ws", 1))


def microphone(folder: Path) -> Path:
    """Write the recording as the WAV file that a browser's fake microphone takes."""
    path = folder / "microphone.wav"
    with av.open(str(RECORDING)) as source, av.open(str(path), "w") as target:
        stream: Any = target.add_stream("pcm_s16le", rate=48_000)
        stream.layout = "mono"
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        for frame in (*source.decode(audio=0), None):
            for resampled in resampler.resample(frame):
                for packet in stream.encode(resampled):
                    target.mux(packet)
        for packet in stream.encode(None):
            target.mux(packet)
    return path


@pytest.mark.real_server
@pytest.mark.tools(CHROMIUM)
@pytest.mark.django_db(transaction=True)
def test_a_browser_speaks_and_another_one_watches(tmp_path: Path) -> None:
    owner: User = UserFactory()
    listener: User = UserFactory()
    meeting: Meeting = MeetingFactory(owner=owner, participants=[listener.pk], language="en")
    port = free_port()
    pages = Pages(port)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    origin = f"http://localhost:{port}"
    servers: Servers
    with (
        running(DATABASE_URL=database_url(), DEV_AUTH_AS="", CORS_ALLOWED_ORIGINS=origin) as servers,
        workers() as start,
    ):
        start()
        path = f"/api/v1/meetings/{meeting.pk}"
        speaking = {"id": str(meeting.pk), "ticket": create_ticket(owner, f"{path}/audio", session_id=None)}
        ticket = create_ticket(listener, f"{path}/stream", session_id=None)
        watching = {"url": f"{servers.http_url}{path}/stream?ticket={ticket}"}
        script = documented_script(servers.http_url)
        pages.pages = {
            "/speaker": SPEAKER.replace("SETTINGS", json.dumps(speaking)).replace("SCRIPT", script),
            "/watcher": WATCHER.replace("SETTINGS", json.dumps(watching)),
        }
        sound = microphone(tmp_path)
        reports = []
        with (
            browser(f"{origin}/watcher", tmp_path / "watcher", sound),
            browser(f"{origin}/speaker", tmp_path / "speaker", sound),
        ):
            while not any(one.get("name") == "end" for one in reports):
                reports.append(pages.reports.get(timeout=PATIENCE_SECONDS))
                assert not {"failed", "error"} & {name for name, value in reports[-1].items() if value}, reports[-1]
        until(lambda: Meeting.objects.get(pk=meeting.pk).status == Status.COMPLETED, "it is completed")
    pages.shutdown()
    by_speaker = [one for one in reports if one["by"] == "speaker"]
    assert any(one.get("ack") for one in by_speaker)
    assert any(one.get("code") == 1000 for one in by_speaker)
    drafts = [one["data"]["draft"]["text"] for one in reports if one.get("name") == "draft"]
    assert drafts
    text = " ".join(Segment.objects.filter(meeting=meeting).order_by("start_ms").values_list("text", flat=True))
    assert "budget" in text
