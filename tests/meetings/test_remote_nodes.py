"""Speech nodes on other machines: mutual TLS, and what happens when they are away."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest

from meetings.models import Meeting, NodeState, Segment, SpeechNode, Status
from meetings.speech.node import EngineUnavailable
from meetings.speech.pool import Nodes, nodes_of
from tandem.speech.v1 import speech_pb2, speech_pb2_grpc
from tests.support.pipeline_jobs import RunningJob
from tests.support.remote_nodes import HOST, make_certificates, start_node, url_of
from tests.support.scripts import submitted
from tests.support.servers import until
from tests.support.speech_node import SpeechNode as Process
from users.models import User

SUMMARY = speech_pb2.ENGINE_KIND_SUMMARY
FILE = Path(__file__).parents[1] / "speech" / "data" / "meeting.ogg"
#: An engine that needs no models.
QUICK = ("--engines", "textrank")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of another authority."""
    return make_certificates(tmp_path_factory.mktemp("others"))


@pytest.fixture(scope="module")
def node(certificates: Path) -> Iterator[Process]:
    running = start_node(certificates, *QUICK)
    yield running
    running.close()


def refusal(url: str) -> str:
    nodes = Nodes([url])
    try:
        with pytest.raises(EngineUnavailable) as caught:
            nodes.choose(SUMMARY)
    finally:
        nodes.close()
    return str(caught.value)


def test_node_of_our_authority_is_used(node: Process, certificates: Path) -> None:
    nodes = Nodes([url_of(node, certificates)])
    assert nodes.choose(SUMMARY).engine.name == "textrank"
    nodes.close()


def test_node_of_another_authority_is_refused(node: Process, certificates: Path, others: Path) -> None:
    assert "its certificate is not valid here: " in refusal(url_of(node, certificates, ca=others / "ca.pem"))


def test_worker_of_another_authority_is_refused(node: Process, certificates: Path, others: Path) -> None:
    said = refusal(url_of(node, others, ca=certificates / "ca.pem"))
    assert f"it does not accept {others / 'client.pem'}: its --client-ca must be the authority" in said


def test_worker_with_the_certificate_of_a_node_is_refused(node: Process, certificates: Path) -> None:
    assert f"it does not accept {certificates / HOST}.pem" in refusal(url_of(node, certificates, name=HOST))


def test_worker_without_certificate_is_refused(node: Process, certificates: Path) -> None:
    credentials = grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes())
    with grpc.secure_channel(node.address, credentials) as channel, pytest.raises(grpc.RpcError) as caught:
        stub = speech_pb2_grpc.NodeInfoServiceStub(channel)
        stub.GetCapabilities(speech_pb2.GetCapabilitiesRequest(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_expired_certificates_are_refused(certificates: Path, node: Process, tmp_path: Path) -> None:
    for path in certificates.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    make_certificates(tmp_path, "--renew", "--days", "0")
    assert f"the certificate {tmp_path / 'client.pem'} has expired on 2" in refusal(url_of(node, tmp_path))
    options = ("--tls-cert", f"{tmp_path / HOST}.pem", "--tls-key", f"{tmp_path / HOST}.key", "--client-ca",
               f"{tmp_path / 'ca.pem'}")  # fmt: skip
    with_expired = Process(*options)
    assert with_expired.exit_code() == 1
    with_expired.close()
    assert f"The certificate in {tmp_path / HOST}.pem expired on 2" in "".join(with_expired.stderr)


def test_node_of_another_name_is_refused(certificates: Path, tmp_path: Path) -> None:
    for path in certificates.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    make_certificates(tmp_path, "--node", "gpu2.example.com")
    swapped = start_node(tmp_path, *QUICK, name="gpu2.example.com")
    assert "certificate is not valid for 'localhost'" in refusal(url_of(swapped, certificates))
    swapped.close()


def test_missing_files_are_named(node: Process, certificates: Path, tmp_path: Path) -> None:
    assert f"{tmp_path / 'client.pem'} cannot be read: No such file" in refusal(
        url_of(node, tmp_path, ca=certificates / "ca.pem")
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--tls-cert", "a.pem"], "belong together: give all three"),
        (["--listen", "0.0.0.0:0"], "give --tls-cert, --tls-key and --client-ca"),
        (["--tls-cert", "none", "--tls-key", "none", "--client-ca", "none"], "none cannot be read: No such file"),
        (["--tls-cert", "{0}/ca.pem", "--tls-key", "{0}/client.key", "--client-ca", "{0}/ca.pem"], "do not belong"),
        (
            ["--tls-cert", "{0}/ca.pem", "--tls-key", "{0}/ca.key", "--client-ca", "{0}/ca.key"],
            "no certificates in PEM",
        ),
    ],
)
def test_invalid_files_stop_the_start_with_a_sentence(options: list[str], sentence: str, certificates: Path) -> None:
    running = Process(*(option.format(certificates) for option in options))
    assert running.exit_code() in (1, 2)
    running.close()
    assert sentence in "".join(running.stderr)


def test_changed_certificates_are_used_without_a_restart(others: Path, tmp_path: Path) -> None:
    folder = make_certificates(tmp_path)
    running = start_node(folder, *QUICK)
    nodes = Nodes([url_of(running, folder)])
    nodes.choose(SUMMARY)
    assert "not valid here" in refusal(url_of(running, others))
    # A key alone: the files do not fit together, and the former ones stay in use.
    (folder / f"{HOST}.key").write_bytes((others / f"{HOST}.key").read_bytes())
    nodes.choose(SUMMARY).node.close()
    assert nodes.choose(SUMMARY).node.lives()
    for path in others.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    nodes.choose(SUMMARY).node.close()
    assert nodes.choose(SUMMARY).node.lives()
    nodes.close()
    running.close()
    assert "The former certificates stay in use: " in "".join(running.stderr)


@pytest.mark.usefixtures("folder")
def test_meeting_goes_on_without_its_node(certificates: Path, others: Path, ann: User, settings: Any) -> None:
    first = start_node(certificates)
    untrusted = start_node(others, *QUICK)
    settings.SPEECH_NODES = [url_of(first, certificates), url_of(untrusted, certificates), "embedded://"]
    meeting = submitted(FILE.read_bytes(), owner=ann)
    job = RunningJob()
    until(lambda: Segment.objects.exists(), "the first segment is stored")
    first.process.kill()
    killed = time.monotonic()
    until(lambda: Segment.objects.filter(degraded=True).exists(), "another node goes on")
    assert time.monotonic() - killed <= 30, "5 s is the aim on a machine with nothing else to do"
    until(lambda: Meeting.objects.get(pk=meeting.pk).status == Status.COMPLETED, "the meeting is completed")
    assert job.ended() == "done"
    segments = list(Segment.objects.order_by("start_ms"))
    assert not segments[0].degraded
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(segments))
    assert "preferred speech node could not be reached" in Meeting.objects.get(pk=meeting.pk).notice
    states = dict(SpeechNode.objects.values_list("address", "state"))
    assert states == {
        f"grpcs://{first.address}": NodeState.PASSED_OVER,
        f"grpcs://{untrusted.address}": NodeState.PASSED_OVER,
        "embedded://": NodeState.USED,
    }
    assert "not valid here" in SpeechNode.objects.get(address__contains=untrusted.address).reason
    nodes_of(tuple(settings.SPEECH_NODES)).close()
    untrusted.close()
    first.close()
