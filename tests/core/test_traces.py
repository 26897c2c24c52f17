"""One trace through all processes, as a receiver of OpenTelemetry's protocol gets it."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.proto", reason="requirements-tracing.txt is optional")

from changes.models import Change
from core.models import Job
from tests.core.test_metrics import start as start
from tests.support import traced_consumer
from tests.support.servers import PATIENCE_SECONDS, ROOT, database_url, running, until
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import load_demo
from tests.support.sound_files import Part, Sound, sound_file, tone
from tests.support.trace_receiver import Span, trace_receiver
from tests.support.worker_process import Worker

pytestmark = [pytest.mark.real_server, pytest.mark.django_db(transaction=True)]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


def upload(http_url: str, recording: bytes) -> None:
    """Upload a recording as a caller that traces."""
    boundary = b"part"
    body = (
        b'--%s\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
        % boundary
    )
    request = urllib.request.Request(
        f"{http_url}/api/v1/meetings/upload",
        body + recording + b"\r\n--%s--\r\n" % boundary,
        {
            "Content-Type": f"multipart/form-data; boundary={boundary.decode()}",
            "traceparent": f"00-{TRACE}-{CALLER}-01",
        },
    )
    urllib.request.urlopen(request, timeout=60).close()


def events_of(url: str) -> Iterator[dict[str, Any]]:
    """Yield the data of a stream's events while it is open."""
    with urllib.request.urlopen(url, timeout=60) as events:
        yield from (json.loads(line[6:]) for line in iter(events.readline, b"") if line.startswith(b"data: "))


@contextmanager
def consumer(*arguments: str, **environment: str) -> Iterator[None]:
    """Run a consumer of the changes that sends traces."""
    command = [sys.executable, "-m", traced_consumer.__name__, *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def test_consumers_of_changes_continue_the_trace_of_the_write(emptied_database: None) -> None:
    load_demo()
    with trace_receiver() as receiver:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        with running(DATABASE_URL=database_url(), **environment) as servers:
            api = f"{servers.http_url}/api/v1"
            initial = events_of(f"{api}/changes/stream?include_initial=true&bookmarks=true")
            cursor = next(event["cursor"] for event in initial if event["kind"] == "snapshot_end")
            with consumer(servers.grpc_address, cursor, **environment):
                traced = {"traceparent": f"00-{TRACE}-{CALLER}-01", "Content-Type": "application/json"}
                request = urllib.request.Request(f"{api}/tasks", b'{"title": "Traced"}', traced)
                urllib.request.urlopen(request, timeout=60).close()
                until(
                    lambda: any(span.service == traced_consumer.SERVICE for span in receiver.of(TRACE)),
                    "the consumer has applied the change",
                )
            change = next(events_of(f"{api}/changes/stream?cursor={cursor}"))
        (call,) = [span for span in receiver.of(TRACE) if span.name == "taskservice.TaskService/CreateTask"]
        (applied,) = [span for span in receiver.of(TRACE) if span.service == traced_consumer.SERVICE]
    assert (call.parent, applied.parent) == (CALLER, call.id)
    assert applied.attributes == {"change.title": "Traced"}
    assert change["traceparent"] == f"00-{TRACE}-{call.id}-01"


def test_one_trace_leads_from_an_upload_to_the_node_and_the_change(
    start: Callable[..., Worker], tmp_path: Path, emptied_database: None
) -> None:
    load_demo()
    with trace_receiver() as receiver:
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "TANDEM_DATA_DIR": str(tmp_path),
        }

        def found(service: str, name: str) -> Span:
            return next(span for span in receiver.of(TRACE) if span.service == service and span.name.startswith(name))

        def has(service: str, name: str) -> bool:
            return any(span.service == service and span.name.startswith(name) for span in receiver.of(TRACE))

        with running(DATABASE_URL=database_url(), **environment) as servers:
            start(**environment)
            upload(servers.http_url, sound_file("wav", Sound([Part(0, tone(2))])))
            until(lambda: has("tandem-node", "speech.v1."), "the node has served a call")
            until(lambda: has("tandem-grpc", "change meeting created"), "the change is passed to streams")
            until(lambda: has("tandem-worker", "meetings."), "the job has ended")
        # Its servers have ended, and sent what was left.
        call = found("tandem-web", "meeting.v1.MeetingService/")
        assert call.parent == CALLER
        statements = [span.attributes.get("db.query.text", "") for span in receiver.of(TRACE) if span.parent == call.id]
        (insert,) = [text for text in statements if text.startswith('INSERT INTO "meetings_meeting"')]
        assert "%s" in insert  # The statement, without its values.
        ids = {span.id: span for span in receiver.of(TRACE)}
        job = found("tandem-worker", "meetings.")
        assert ids[job.parent] == call
        assert ids[found("tandem-node", "speech.v1.").parent].service == "tandem-worker"
        assert ids[found("tandem-grpc", "change meeting created").parent] == call
    assert Job.objects.get(kind=job.name).traceparent == f"00-{TRACE}-{call.id}-01"
    assert (
        Change.objects.filter(subject_type="meeting", operation="created").get().traceparent
        == f"00-{TRACE}-{call.id}-01"
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "Traces are sent by OTLP over http/protobuf, not grpc")],
)
def test_start_is_refused_where_traces_cannot_be_sent(variables: dict[str, str], message: str) -> None:
    environment = (
        os.environ
        | variables
        | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "DJANGO_SETTINGS_MODULE": "tests.server_settings",
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
        }
    )
    command = [sys.executable, "manage.py", "runweb", "--port", "0"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert message in ended.stderr
