"""Failures of the node, as its clients receive them."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from meetings.speech.client import Connection, SpeechClient
from meetings.speech.engine_call import EngineCall
from meetings.speech.node import EngineFailed
from speechnode import failures
from speechnode.calls import served
from speechnode.slots import Slots
from tandem.speech.v1 import speech_pb2 as speech
from tandem.speech.v1.speech_pb2_grpc import (
    SummaryServiceServicer,
    SummaryServiceStub,
    add_SummaryServiceServicer_to_server,
)
from tests.support.rpc_failures import failure_of
from tests.support.speech_node import ROOT


class Broken(SummaryServiceServicer):
    """An engine that fails in an unforeseen way."""

    def Summarize(
        self, request: speech.SummarizeRequest, context: grpc.ServicerContext
    ) -> Iterator[speech.SummarizeDown]:
        with served("SummaryService/Summarize", context, Slots(1)):
            yield speech.SummarizeDown(delta="so far")
            raise ValueError("a secret")


@pytest.fixture
def broken_address() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(1))
    add_SummaryServiceServicer_to_server(Broken(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


@pytest.fixture
def broken(broken_address: str) -> Iterator[SummaryServiceStub]:
    with grpc.insecure_channel(broken_address) as channel:
        yield SummaryServiceStub(channel)


def test_unforeseen_error_shows_only_an_id_that_the_log_explains(
    broken: SummaryServiceStub, caplog: pytest.LogCaptureFixture
) -> None:
    failure = failure_of(lambda: list(broken.Summarize(speech.SummarizeRequest(), timeout=30)))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    error_id = re.search(r"error ID (\w{32})", failure.message)
    assert error_id
    assert "secret" not in failure.message
    assert error_id[1] in caplog.text
    assert "a secret" in caplog.text


def test_people_are_not_told_an_error_id(broken_address: str, caplog: pytest.LogCaptureFixture) -> None:
    connection = Connection(broken_address)
    client = SpeechClient(lambda: connection)
    try:
        with pytest.raises(EngineFailed) as failed:
            list(client.summarize(speech.SummarizeRequest(), EngineCall()))
    finally:
        connection.close()
    assert str(failed.value) == "The speech engine failed with an internal error."
    assert "Include error ID" in caplog.text


def test_the_contract_names_every_reason_and_each_has_its_status() -> None:
    shown = re.search(r"with a reason:([\w\s,()/]+)\.", (ROOT / "proto/tandem/speech/v1/speech.proto").read_text())
    assert shown
    documented = set(re.findall(r"\b[A-Z_]{7,}\b", re.sub(r"\(.*?\)", "", shown[1])))
    kinds = [failures.Failure, *failures.Failure.__subclasses__()]
    assert documented == {kind.reason for kind in kinds} - {"CANCELLED"}
    assert all(kind.code in grpc.StatusCode.__members__ for kind in kinds)
