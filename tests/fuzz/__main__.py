"""Calls every operation with hostile requests over REST, gRPC, gRPC-Web and Connect, and judges each answer."""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from random import Random
from typing import Any

from tests.fuzz.findings import Findings
from tests.fuzz.installation import Installation, installed

_THREADS = 6
#: Callers and known rows are renewed, and the servers asked for their health, after so many cases.
_ROUND = 500


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz.sh",
        description="Call every operation with hostile requests, over all transports. Fails if an answer is INTERNAL, "
        "UNKNOWN or 5xx, or not as it is described, or if a server dies or logs a traceback.",
    )
    parser.add_argument("--cases", type=int, default=20_000, help="calls in all, half of them over REST (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another one makes other calls (%(default)s)")
    parser.add_argument("--only", default="", help="only the transports whose names contain this: REST, gRPC, Web")
    arguments = parser.parse_args()
    with installed() as installation:
        findings = _fuzz(installation, arguments)
        for text in installation.tracebacks():
            findings.fault("a traceback in the log of a server", text)
        if not installation.is_alive():
            findings.fault("a server does not answer health checks", "after the last call")
        print(findings.report())
    sys.exit(1 if findings.faults else 0)


def _fuzz(installation: Installation, arguments: argparse.Namespace) -> Findings:
    from config.rpc import services
    from tests.fuzz import grpc_calls, openapi_calls, web_calls
    from tests.fuzz.known import Known, add_rows

    findings, known = Findings(), Known()
    add_rows()
    operations = [operation for service in services for operation in service.operations]
    servers = installation.servers
    callers: dict[str, Callable[[], Any]] = {
        grpc_calls.TRANSPORT: lambda: grpc_calls.GrpcCaller(servers.grpc_address, operations, known, findings),
        web_calls.TRANSPORT: lambda: web_calls.WebCaller(servers.http_url, operations, known, findings),
    }
    number = count()
    for transport, new_caller in callers.items():
        if arguments.only in transport:
            with _timed(findings, transport):
                _rounds(transport, new_caller, arguments, installation, findings, lambda: known.renew(next(number)))
    if arguments.only in openapi_calls.TRANSPORT:
        known.renew(next(number))
        with _timed(findings, openapi_calls.TRANSPORT):
            openapi_calls.run(
                servers.http_url,
                known.bearers[0],
                arguments.cases // 2,
                arguments.seed,
                installation.log.parent,
                findings,
            )
    return findings


@contextmanager
def _timed(findings: Findings, transport: str) -> Iterator[None]:
    """Print how long the calls over a transport took."""
    began = time.monotonic()
    yield
    print(f"{transport}: {findings.total(transport):,} cases in {time.monotonic() - began:.0f} s", flush=True)


def _rounds(
    transport: str,
    new_caller: Callable[[], Any],
    arguments: argparse.Namespace,
    installation: Installation,
    findings: Findings,
    renew: Callable[[], None],
) -> None:
    """Make a quarter of the calls, spread over threads. The number of a call decides what it sends, not its thread."""
    callers = [new_caller() for _ in range(_THREADS)]
    cases = arguments.cases // 4
    for first in range(0, cases, _ROUND):
        renew()
        numbers = iter(range(first, min(first + _ROUND, cases)))
        lock = threading.Lock()

        def work(caller: Any, numbers: Any = numbers, lock: threading.Lock = lock) -> None:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                case = f"{arguments.seed}/{transport}/{number}"
                caller.call(Random(case), case)

        threads = [threading.Thread(target=work, args=(caller,)) for caller in callers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if not installation.is_alive():
            findings.fault("a server does not answer health checks", f"{transport}, after case {first + _ROUND}")
    for caller in callers:
        caller.close()


if __name__ == "__main__":
    main()
