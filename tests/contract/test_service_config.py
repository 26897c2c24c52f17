"""deploy/service_config*.json: which calls clients in any language may retry, as generated from the operations."""

import json
from io import StringIO

import grpc
import pytest
from django.core.management import call_command

from tandem.client import channel
from tests.support.servers import ROOT


def printed(*options: str) -> str:
    out = StringIO()
    call_command("service_config", *options, stdout=out)
    return out.getvalue()


def methods(text: str) -> set[str]:
    (config,) = json.loads(text)["methodConfig"]
    return {f"/{name['service']}/{name['method']}" for name in config["name"]}


@pytest.mark.parametrize(("file", "options"), [("", ()), ("_with_keys", ("--with-keys",))])
def test_committed_file_is_current(file: str, options: tuple[str, ...]) -> None:
    committed = (ROOT / f"deploy/service_config{file}.json").read_text()
    assert committed == printed(*options), f"run manage.py service_config {' '.join(options)} and commit its output"
    # grpcio reads it.
    grpc.insecure_channel("localhost:1", options=[("grpc.service_config", committed)]).close()


def test_only_reads_are_retried_without_keys() -> None:
    assert methods(printed()) == channel.REPEATABLE - channel.KEYED
    assert "/taskservice.TaskService/CreateTask" not in methods(printed())


def test_the_client_has_the_same_policy() -> None:
    ours, theirs = json.loads(printed("--with-keys")), json.loads(channel.service_config(channel.REPEATABLE))
    assert methods(json.dumps(ours)) == channel.REPEATABLE
    assert ours["retryThrottling"] == theirs["retryThrottling"]
    assert [one["retryPolicy"] for one in ours["methodConfig"]] == [
        one["retryPolicy"] for one in theirs["methodConfig"]
    ]
