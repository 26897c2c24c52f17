"""Timing of RequestPasswordReset, to check that it does not reveal whether an address has an account.

.venv/bin/python -m bench.reset_timing [--tries N]

Measures both servers as they are deployed, beside a worker whose mails are discarded. The tries are in random order, so
that disturbances of the machine, including the worker's jobs, affect both kinds alike.
"""

import argparse
import http.client
import json
import os
import random
import statistics
import sys
import time
import urllib.parse
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import grpc
import psutil

from bench import product
from bench.measuring import machine, percentile, print_table, share_cores

#: Maximum relative difference of the medians.
BAR = 0.05
WARM_UP = 50
HTTP_PORT, GRPC_PORT, METRICS_PORT = 8185, 50185, 8186
#: Limits high enough not to matter; they are the same for both kinds.
ENVIRONMENT = {"RESETS_PER_ADDRESS": "1000000", "MAILS_PER_ACCOUNT": "1000000", "EMAIL_URL": "dummymail://"}

Ask = Callable[[str], None]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure whether password resets reveal which accounts exist.")
    parser.add_argument("--tries", type=int, default=500, help="of each kind, over each transport (%(default)s)")
    tries: int = parser.parse_args().tries
    core = share_cores()
    with product.database(None) as data_dir, ExitStack() as stack:
        _make_accounts(tries)
        log = data_dir / "servers.log"
        web = stack.enter_context(product.http_server(core, log, HTTP_PORT, **ENVIRONMENT))
        rpc = stack.enter_context(product.grpc_server(core, log, GRPC_PORT, METRICS_PORT, 4, **ENVIRONMENT))
        stack.enter_context(_worker(log))
        print(f"{machine()}\n", flush=True)
        transports = {"REST": _over_http(web.address, stack), "gRPC": _over_grpc(rpc.address, stack)}
        found = {name: _measure(ask, tries) for name, ask in transports.items()}
        mails = _wait_for_jobs()
    sys.exit(_print(found, tries, mails))


def _worker(log: Path) -> AbstractContextManager[psutil.Process]:
    cores = sorted(os.sched_getaffinity(0))
    return product.running(
        ["manage.py", "runworker"], cores[0], log, lambda: "Running jobs" in log.read_text(), **ENVIRONMENT
    )


def _make_accounts(count: int) -> None:
    from users.models import Status, User

    User.objects.bulk_create([
        User(email=_known(number), display_name=f"User {number}", status=Status.ACTIVE, roles=[1], password="!")
        for number in range(count)
    ])  # fmt: skip


def _known(number: int) -> str:
    return f"user{number:06}@example.com"


def _unknown(number: int) -> str:
    return f"none{number:06}@example.com"


def _measure(ask: Ask, tries: int) -> dict[str, list[float]]:
    """Measure the milliseconds of each try, by kind. Each address is used once."""
    for number in range(WARM_UP):
        ask(f"warm{number:06}@example.com")
    plan = [("known", _known(number)) for number in range(tries)]
    plan += [("unknown", _unknown(number)) for number in range(tries)]
    random.shuffle(plan)
    found: dict[str, list[float]] = {"known": [], "unknown": []}
    for kind, email in plan:
        began = time.perf_counter()
        ask(email)
        found[kind].append((time.perf_counter() - began) * 1000)
    return found


def _over_http(url: str, stack: ExitStack) -> Ask:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)
    stack.callback(connection.close)

    def ask(email: str) -> None:
        content = json.dumps({"email": email})
        connection.request("POST", "/api/v1/password-resets", content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if (body := json.load(answer)).get("sent") is not True:
            sys.exit(f"Unexpected response of the server: {body}.")

    return ask


def _over_grpc(address: str, stack: ExitStack) -> Ask:
    from tandem.user.v1 import user_pb2, user_pb2_grpc

    stub = user_pb2_grpc.UserServiceStub(stack.enter_context(grpc.insecure_channel(address)))

    def ask(email: str) -> None:
        stub.RequestPasswordReset(user_pb2.RequestPasswordResetRequest(email=email), timeout=30)

    return ask


def _wait_for_jobs() -> int:
    """Wait until the worker has done all jobs. Returns the number of mailed tokens."""
    from core.models import Job
    from users.models import MailedToken

    deadline = time.monotonic() + product.PATIENCE_SECONDS
    while Job.objects.filter(ended_at=None).exists():
        if time.monotonic() > deadline:
            sys.exit("The worker did not finish its jobs in time.")
        time.sleep(0.1)
    return MailedToken.objects.count()


def _print(found: dict[str, dict[str, list[float]]], tries: int, mails: int) -> int:
    rows = []
    worst = 0.0
    for transport, times in found.items():
        medians = {kind: statistics.median(values) for kind, values in times.items()}
        difference = abs(medians["known"] - medians["unknown"]) / medians["unknown"]
        worst = max(worst, difference)
        for kind, values in times.items():
            note = f"{difference:.2%}" if kind == "known" else ""
            cells = (f"{medians[kind]:.3f}", f"{percentile(values, 0.1):.3f}", f"{percentile(values, 0.9):.3f}", note)
            rows.append((f"{transport}, {kind} account", *cells))
    print(f"RequestPasswordReset, {tries} tries of each kind over each transport; {mails} accounts were mailed:\n")
    print_table(("", "median ms", "p10 ms", "p90 ms", "difference of medians"), rows)
    print(f"\nBar: less than {BAR:.0%}. {'Kept' if worst < BAR else 'MISSED'}.")
    return int(worst >= BAR)


if __name__ == "__main__":
    main()
