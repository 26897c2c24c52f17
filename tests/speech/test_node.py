"""The node as a process: how it starts, what it refuses, how it ends."""

import os
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from speechnode.catalog import OFFERS
from tandem.speech.v1 import speech_pb2 as speech
from tests.support.rpc_failures import failure_of
from tests.support.servers import free_port, until
from tests.support.speech_node import ROOT, SpeechNode, Talk, ended, seconds_of, sent

PCM = speech.AUDIO_FORMAT_PCM_S16LE_16K
SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING
StartNode = Callable[..., SpeechNode]


def health(node: SpeechNode, service: str = "") -> int:
    return int(node.health.Check(HealthCheckRequest(service=service), timeout=5).status)


def capabilities(node: SpeechNode) -> speech.GetCapabilitiesResponse:
    return node.info.GetCapabilities(speech.GetCapabilitiesRequest(), timeout=5)


class Open:
    """A Transcribe call that is being served, and waits for audio."""

    def __init__(self, node: SpeechNode) -> None:
        self.talk = Talk(speech.AsrUp(start=speech.AsrStart(format=PCM)))
        self.answers = node.asr.Transcribe(self.talk)
        assert next(self.answers).HasField("accepted")

    def finish(self) -> speech.AsrDown:
        self.talk.end()
        return list(self.answers)[-1]

    def cancel(self) -> None:
        self.answers.cancel()
        self.talk.end()


def test_node_serves_before_its_engines_are_loaded(start_node: StartNode) -> None:
    node = start_node()
    assert health(node) == SERVING
    engines = capabilities(node).engines
    # Of two engines for one task, the first.
    assert {engine.name for engine in engines} == set(OFFERS) - {"pocketsphinx"}
    assert not any(engine.loaded for engine in engines)


def test_metrics_count_calls_and_free_streams(start_node: StartNode) -> None:
    port = free_port()
    node = start_node("--metrics-port", str(port), "--max-streams", "2")

    def value(name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)

    call = Open(node)
    assert (value("speechnode_streams"), value("speechnode_free_streams")) == (2, 1)
    call.cancel()
    labels = '{code="CANCELLED",operation="AsrService/Transcribe"}'
    until(lambda: value(f"speechnode_calls_total{labels}") == 1, "the call is counted")
    assert value("speechnode_free_streams") == 2
    assert {line["service"] for line in node.logged()} == {"tandem-node"}


def test_socket_is_accessible_to_its_user_only(start_node: StartNode, tmp_path: Path) -> None:
    path = tmp_path / "node.sock"
    node = start_node("--listen", f"unix:{path}")
    assert node.address == f"unix:{path}"
    assert health(node) == SERVING
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # One that was killed leaves its socket, and must not be in the way of the next.
    node.process.kill()
    node.exit_code()
    assert path.exists()
    assert health(start_node("--listen", f"unix:{path}")) == SERVING


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "speechnode", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_unusable_address_is_reported(node: SpeechNode, start_node: StartNode, tmp_path: Path) -> None:
    on_socket = start_node("--listen", f"unix:{tmp_path}/node.sock")
    no_socket = tmp_path / "file"
    no_socket.write_text("precious")
    for address, text in [
        (node.address, "in use"),
        (on_socket.address, "in use"),
        (f"unix:{no_socket}", "not a socket"),
        (f"unix:{tmp_path}/no/folder", "folder"),
        (f"unix:{tmp_path}/{'x' * 100}", "too long"),
        ("0.0.0.0:50071", "--tls-cert"),
        ("127.0.0.1:port", "invalid"),
    ]:
        failed = run("--listen", address)
        assert failed.returncode == 1
        # grpcio prints its own lines before.
        assert text in failed.stderr.splitlines()[-1]
        assert "Traceback" not in failed.stderr
    assert no_socket.read_text() == "precious"
    assert health(on_socket) == SERVING


def test_help_names_every_engine_and_a_wrong_one_is_refused() -> None:
    received = run("--help").stdout
    assert all(name in received for name in OFFERS)
    wrong = run("--engines", "textrank,oracle")
    assert wrong.returncode == 2
    assert "oracle" in wrong.stderr
    assert run("--max-streams", "0").returncode == 2


def test_missing_capabilities_are_reported(start_node: StartNode) -> None:
    node = start_node("--engines", "textrank")
    assert [engine.kind for engine in capabilities(node).engines] == [speech.ENGINE_KIND_SUMMARY]
    assert health(node, "speech.v1.SummaryService") == health(node, "speech.v1.NodeInfoService") == SERVING
    assert health(node, "speech.v1.AsrService") == health(node, "speech.v1.SpeakerService") == NOT_SERVING
    start = speech.AudioStart(format=PCM)
    for call in (
        lambda: list(node.asr.Transcribe(sent(speech.AsrStart(format=PCM), b""))),
        lambda: list(node.speakers.Diarize(sent(start, b""))),
        lambda: node.speakers.Embed(sent(start, b"")),
    ):
        failure = failure_of(call)
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_MISSING")


def test_a_full_node_refuses_at_once_and_still_answers(start_node: StartNode) -> None:
    node = start_node("--max-streams", "2")
    one, other = Open(node), Open(node)
    assert (capabilities(node).max_streams, capabilities(node).free_streams) == (2, 0)
    for call in (
        lambda: list(node.asr.Transcribe(sent(speech.AsrStart(format=PCM), b""))),
        lambda: list(node.summaries.Summarize(speech.SummarizeRequest())),
    ):
        failure = failure_of(call)
        assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "NO_FREE_STREAM")
    assert health(node) == health(node, "speech.v1.AsrService") == SERVING
    one.cancel()
    until(lambda: capabilities(node).free_streams == 1, "its place is free", 1)
    assert other.finish().HasField("done")
    assert capabilities(node).free_streams == 2


def test_health_has_threads_of_its_own(start_node: StartNode) -> None:
    node = start_node("--max-streams", "1")
    # Unary calls whose message never comes: each holds a thread, until there is none left.
    half_open = node.channel().stream_unary(
        "/speech.v1.NodeInfoService/GetCapabilities",
        request_serializer=speech.GetCapabilitiesRequest.SerializeToString,
        response_deserializer=speech.GetCapabilitiesResponse.FromString,
    )
    talks = [Talk() for _ in range(10)]
    calls = [half_open.future(talk) for talk in talks]

    def all_threads_are_held() -> bool:
        try:
            node.info.GetCapabilities(speech.GetCapabilitiesRequest(), timeout=1)
        except grpc.RpcError:
            return True
        return False

    until(all_threads_are_held, "all threads are held")
    assert health(node) == SERVING
    for call, talk in zip(calls, talks, strict=True):
        call.cancel()
        talk.end()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_signal_lets_calls_finish_and_rejects_new_ones(start_node: StartNode, signum: int) -> None:
    node = start_node()
    running = Open(node)
    node.process.send_signal(signum)
    until(lambda: health(node) == NOT_SERVING, "health says so")
    failure = failure_of(lambda: list(node.asr.Transcribe(sent(speech.AsrStart(format=PCM), b""))))
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
    assert capabilities(node).free_streams == 0
    assert running.finish().HasField("done")
    assert node.exit_code() == 0


def test_calls_beyond_the_grace_are_cut(start_node: StartNode) -> None:
    node = start_node("--grace", "0.5")
    running = Open(node)
    node.process.terminate()
    assert failure_of(lambda: list(running.answers)).code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    running.talk.end()
    assert node.exit_code() == 1
    assert any("cut" in line["message"] for line in node.logged())


def test_a_second_signal_ends_at_once(start_node: StartNode, meeting_pcm: bytes) -> None:
    node = start_node()
    talk = Talk(*sent(speech.AsrStart(format=PCM), meeting_pcm))
    answers = node.asr.Transcribe(talk)
    next(answer for answer in answers if answer.HasField("segment"))
    (engine,) = node.engine_processes()
    node.process.terminate()
    until(lambda: health(node) == NOT_SERVING, "it drains")
    node.process.terminate()
    assert seconds_of(node.exit_code) < 3
    assert node.exit_code() == 128 + signal.SIGTERM
    assert ended(engine.pid)
    talk.end()


def test_node_ends_with_its_parent(start_node: StartNode, meeting_pcm: bytes) -> None:
    node = start_node("--end-with-stdin")
    list(node.asr.Transcribe(sent(speech.AsrStart(format=PCM), meeting_pcm[: 32 * 3000])))
    (engine,) = node.engine_processes()
    # As the kernel does when the parent is gone.
    assert node.process.stdin
    node.process.stdin.close()
    assert seconds_of(node.exit_code) < 3
    until(lambda: ended(engine.pid), "its engine ends too", 3)


def test_kill_leaves_no_process(start_node: StartNode, meeting_pcm: bytes) -> None:
    node = start_node()
    list(node.asr.Transcribe(sent(speech.AsrStart(format=PCM), meeting_pcm[: 32 * 3000])))
    (engine,) = node.engine_processes()
    os.kill(node.process.pid, signal.SIGKILL)
    node.exit_code()
    until(lambda: ended(engine.pid), "its engine ends too", 5)


def test_two_are_served_side_by_side(node: SpeechNode, meeting_pcm: bytes) -> None:
    part = meeting_pcm[: 32 * 5500]
    alone = list(node.asr.Transcribe(sent(speech.AsrStart(format=PCM), part)))
    calls = [node.asr.Transcribe(sent(speech.AsrStart(format=PCM), part)) for _ in range(3)]
    texts = [[answer.segment.text for answer in call if answer.HasField("segment")] for call in calls]
    assert texts == [[answer.segment.text for answer in alone if answer.HasField("segment")]] * 3
