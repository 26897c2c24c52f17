"""One trace through all processes, as a receiver of OpenTelemetry's protocol gets it."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("opentelemetry.proto", reason="requirements-tracing.txt is optional")

from changes.models import Change
from core.models import Job
from tests.core.test_metrics import start as start
from tests.support.servers import ROOT, database_url, running, until
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
