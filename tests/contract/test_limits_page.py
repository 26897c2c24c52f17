"""docs/operate/limits.md states the limits that the code has."""

import re
from importlib import import_module
from typing import Any

from django.conf import settings

from core.limits import costs
from core.rpc.server import channel_options
from tests.support.servers import ROOT
from tests.support.transports import OPERATIONS

OPERATED, INTEGRATED = ROOT / "docs/operate/limits.md", ROOT / "docs/integrate/limits.md"
UNITS = {"": 1, "s": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}


def value_of(text: str) -> int:
    number, _, unit = text.strip().partition(" ")
    return int(number.replace(",", "")) * UNITS[unit]


def held_by(name: str) -> Any:
    if name.startswith("grpc."):
        value = dict(channel_options(shared_port=False))[name]
        return value / 1000 if name.endswith("_ms") else value
    if "." in name:
        module, _, constant = name.rpartition(".")
        return getattr(import_module(module), constant)
    return getattr(settings, name)


def test_page_for_operators_has_the_values_of_the_code() -> None:
    rows = re.findall(r"^\|[^|]*\| ([0-9,]+(?: \w+)?) \| `([\w.]+)` \|", OPERATED.read_text(), re.MULTILINE)
    assert len(rows) > 30
    assert {name: value_of(value) for value, name in rows} == {name: held_by(name) for _, name in rows}


def test_page_for_clients_has_the_costs_of_the_operations() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([0-9]+) \|$", INTEGRATED.read_text(), re.MULTILINE)
    documented = {
        rpc: int(units)
        for kind, units in rows
        for rpc in re.findall(r"\b(?:[A-Z][a-z]+){2,}\b|\b(?:Login|Summarize|Reprocess|Retranscribe)\b", kind)
    }
    by_rpc = {operation.rpc: operation.cost for operation in OPERATIONS.values()}
    assert documented == {rpc: by_rpc[rpc] for rpc in documented}
    costly = {rpc for rpc, cost in by_rpc.items() if cost == costs.JOB}
    assert costly == {rpc for rpc, units in documented.items() if units == costs.JOB} | {"DownloadBillOfMaterials"}
    units = [int(value) for _, value in rows]
    kinds = (costs.READ, costs.SEARCH, costs.WRITE, costs.WATCH, costs.DOWNLOAD, costs.REQUEST_STREAM, costs.UPLOAD)
    assert units == [*kinds, costs.EXPORT, costs.PASSWORD_HASH, costs.JOB]
