"""Overload: calls at five times the server's capacity, over gRPC and over REST.

.venv/bin/python -m bench.overload [--seconds N] [--times N] [--only gRPC]

Bars: health answers within 100 ms; the 99th percentile of admitted calls at most doubles; the others are refused at
once, with the time of the next try; afterwards the server's memory is what it was.
"""

import argparse
import multiprocessing
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import psutil

from bench import overload_calls, product, seed
from bench.measuring import cpu_seconds, memory, percentile, print_table, run_parts, share_cores, verdict
from bench.product import Server

GRPC_PORT, HTTP_PORT, METRICS_PORT = 50170, 8170, 8171
#: Callers, so that the budget and the share of one caller are not what limits the calls.
CALLERS = 40
#: Users in the database, and in each answer.
USERS, PAGE_SIZE = 2_000, 100
#: Calls at once that measure the capacity, and what is normal.
AT_ONCE = 16
HEALTH_MS, TIMES_NORMAL, REFUSED_MS, MORE_MEMORY = 100, 2, 100, 1.1
_PROBE_EVERY_SECONDS = 0.1
_NORMAL_SECONDS, _REST_SECONDS = 10, 10


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure servers that get more calls than they can serve.")
    parser.add_argument("--seconds", type=float, default=60, help="length of the overload (%(default)s)")
    parser.add_argument("--times", type=float, default=5, help="calls as multiple of the capacity (%(default)s)")
    parser.add_argument("--only", default="", help="gRPC or REST")
    arguments = parser.parse_args()
    core = share_cores()
    with product.database(None) as data_dir:
        seed.seed(USERS)
        bearers = _bearers()
        log = data_dir / "servers.log"
        run_parts(core, arguments.only, {
            "gRPC": lambda: _over_grpc(core, log, bearers, arguments),
            "REST": lambda: _over_rest(core, log, bearers, arguments),
        })  # fmt: skip


def _bearers() -> list[str]:
    from access.models import Session
    from access.tokens import access_token
    from tests.support.factories import AdministratorFactory

    users = [AdministratorFactory() for _ in range(CALLERS)]
    return [f"Bearer {access_token(Session.objects.create(user=user))}" for user in users]


def _over_grpc(core: int, log: Path, bearers: list[str], arguments: argparse.Namespace) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with (
        product.grpc_server(core, log, GRPC_PORT, METRICS_PORT, 10, ACCESS_TOKEN_SECONDS="86400") as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel)
        plan = overload_calls.Plan("gRPC", server.address, bearers, PAGE_SIZE)
        _measure("gRPC", server, plan, lambda: health.Check(health_pb2.HealthCheckRequest(), timeout=10), arguments)


def _over_rest(core: int, log: Path, bearers: list[str], arguments: argparse.Namespace) -> None:
    with product.http_server(core, log, HTTP_PORT, ACCESS_TOKEN_SECONDS="86400") as server:
        plan = overload_calls.Plan("REST", server.address, bearers, PAGE_SIZE)

        def probe() -> None:
            urllib.request.urlopen(f"{server.address}/health", timeout=10).close()

        _measure("REST", server, plan, probe, arguments)


def _measure(
    name: str, server: Server, plan: overload_calls.Plan, probe: Callable[[], Any], arguments: argparse.Namespace
) -> None:
    _run(plan, 3, rate=0)  # To warm up.
    cpu = cpu_seconds(server.process)
    first = _run(plan, _NORMAL_SECONDS, rate=0)
    if not first.admitted_ms:
        raise SystemExit(f"No call of {name} was admitted before the overload: {dict(first.failed)}.")
    cpu_ms = (cpu_seconds(server.process) - cpu) / len(first.admitted_ms) * 1000
    capacity = len(first.admitted_ms) / first.seconds
    before = memory(server.process)
    with _probing(probe) as (health_ms, failures), _watching_memory(server.process) as peaks:
        busy = _run(plan, arguments.seconds, rate=arguments.times * capacity)
    # The machine's speed changes while this runs, so that what is normal is measured before the overload and after it.
    normal = overload_calls.both(first, _run(plan, _NORMAL_SECONDS, rate=0))
    time.sleep(_REST_SECONDS)
    after = memory(server.process)
    admitted, usual = percentile(busy.admitted_ms, 0.99), percentile(normal.admitted_ms, 0.99)
    refused, prompt = percentile(busy.refused_ms or [0], 0.99), percentile(health_ms, 0.99)
    usually = len(normal.admitted_ms) / normal.seconds
    offered = (len(busy.admitted_ms) + len(busy.refused_ms) + sum(busy.failed.values())) / busy.seconds
    print(f"{name}: {AT_ONCE} calls at once before and after {busy.seconds:.0f} s of overload\n")
    print_table(("", "normal", "overload"), [
        ("calls / s", f"{usually:,.0f}", f"{offered:,.0f}"),
        ("admitted / s", f"{usually:,.0f}", f"{len(busy.admitted_ms) / busy.seconds:,.0f}"),
        ("admitted: p50 ms", f"{percentile(normal.admitted_ms, 0.5):.0f}", f"{percentile(busy.admitted_ms, 0.5):.0f}"),
        ("admitted: p99 ms", f"{usual:.0f}", f"{admitted:.0f}"),
        ("refused: p50 ms", "", f"{percentile(busy.refused_ms or [0], 0.5):.0f}"),
        ("refused: p99 ms", "", f"{refused:.0f}"),
        ("health: p50 ms", "", f"{percentile(health_ms, 0.5):.0f}"),
        ("health: p99 ms", "", f"{prompt:.0f}"),
        ("health: longest ms", "", f"{max(health_ms):.0f}"),
        ("CPU of a call, ms", f"{cpu_ms:.2f}", ""),
        ("CPU of the load", f"{normal.cpu_seconds / normal.seconds:.0%}", f"{busy.cpu_seconds / busy.seconds:.0%}"),
        ("load late: p99 ms", f"{percentile(normal.late_ms, 0.99):.0f}", f"{percentile(busy.late_ms, 0.99):.0f}"),
        ("memory MB", f"{before / 1e6:.0f}", f"{max(peaks) / 1e6:.0f}, then {after / 1e6:.0f}"),
    ])  # fmt: skip
    print()
    print(verdict(prompt <= HEALTH_MS and not failures, f"p99 of health at most {HEALTH_MS} ms, none failed"))
    print(verdict(admitted <= TIMES_NORMAL * usual, f"p99 of admitted calls at most {TIMES_NORMAL} x normal"))
    print(verdict(refused <= REFUSED_MS, f"p99 of refusals at most {REFUSED_MS} ms"))
    print(verdict(not busy.failed, f"no call failed otherwise {dict(busy.failed) or ''}"))
    print(verdict(after <= MORE_MEMORY * before, f"memory afterwards at most {MORE_MEMORY} x"))


def _run(plan: overload_calls.Plan, seconds: float, rate: float) -> overload_calls.Outcome:
    """Make the calls in a process of their own, so that they do not delay the probes."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(overload_calls.run, (plan, seconds, rate, AT_ONCE))


@contextmanager
def _probing(probe: Callable[[], Any]) -> Iterator[tuple[list[float], list[Exception]]]:
    """Check the health again and again; yields how long each check took, and what failed."""
    took, failures, stop = list[float](), list[Exception](), threading.Event()

    def check() -> None:
        while not stop.wait(_PROBE_EVERY_SECONDS):
            begun = time.perf_counter()
            try:
                probe()
            except (OSError, urllib.error.URLError, grpc.RpcError) as exc:
                failures.append(exc)
            took.append((time.perf_counter() - begun) * 1000)

    thread = threading.Thread(target=check)
    thread.start()
    try:
        yield took, failures
    finally:
        stop.set()
        thread.join()


@contextmanager
def _watching_memory(process: psutil.Process) -> Iterator[list[int]]:
    found, stop = [memory(process)], threading.Event()

    def look() -> None:
        while not stop.wait(0.5):
            found.append(memory(process))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    main()
