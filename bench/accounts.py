"""Accounts: logins and registrations compared with the bare hash, 200 concurrent logins, refreshes, and imports.

.venv/bin/python -m bench.accounts [--seconds N] [--rounds N] [--rows N] [--only TEXT]
"""

import argparse
import os
import secrets
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import grpc

from bench import bulk, load, product
from bench.measuring import (
    Load,
    Window,
    memory,
    percentile,
    print_table,
    run_parts,
    share_cores,
    verdict,
    watch,
)
from bench.product import Server

GRPC_PORT, METRICS_PORT = 50190, 8190
WORKERS = 10
NO_LIMITS = {"LOGINS_PER_ACCOUNT": "1000000000", "LOGINS_PER_ADDRESS": "1000000000"}
#: Share of the bare hash's rate; MiB; concurrent hashes; refreshes per CPU-second; rows per second.
HASH_BAR, MEMORY_BAR_MIB, HASHES_BAR, REFRESH_BAR, IMPORT_BAR = 0.9, 512, 2, 500, 5_000
LOGINS_AT_ONCE = 200
MIB = 1024 * 1024
#: A well-formed hash; its password does not matter.
READY_HASH = "$2b$12$" + "a" * 21 + "." + "a" * 31

# Hashes for a number of seconds; prints the number of hashes, and the CPU seconds used.
_HASHES = """
import sys, time
import django
django.setup()
from argon2 import PasswordHasher
from django.conf import settings
from django.contrib.auth.hashers import make_password
library = PasswordHasher(settings.ARGON2_PASSES, settings.ARGON2_MEMORY_KIB, 1).hash
make = {"library": library, "ours": make_password}[sys.argv[1]]
make("warm up")
count, begun, cpu = 0, time.perf_counter(), time.process_time()
while time.perf_counter() - begun < float(sys.argv[2]):
    make("a password for measurements")
    count += 1
print(count, time.process_time() - cpu)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what accounts cost.")
    parser.add_argument("--seconds", type=float, default=10, help="length of each window (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, whose medians are reported (%(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="how many are imported (%(default)s)")
    parser.add_argument(
        "--only", default="", help="only the parts whose names contain this: hashes, rush, refresh, import"
    )
    arguments = parser.parse_args()
    core = share_cores()
    with product.database(None) as data_dir:
        bench = Bench(core, data_dir)
        run_parts(
            core,
            arguments.only,
            {
                "hashes": lambda: bench.hashes(arguments.seconds, arguments.rounds),
                "rush": bench.rush,
                "refresh": lambda: bench.refresh(arguments.seconds, arguments.rounds),
                "import": lambda: bench.bring_in(arguments.rows),
            },
        )


class Bench:
    """One database; a new server for each measurement, so that one's memory is not the next one's."""

    def __init__(self, core: int, data_dir: Path) -> None:
        self._core = core
        self._log = data_dir / "server.log"
        self._database = product.postgres(data_dir)
        self._emails = add_accounts()

    def hashes(self, seconds: float, rounds: int) -> None:
        """Login, and CreateUser with a password, beside the hash alone: one after the other in each round."""
        bare: dict[str, list[float]] = {"library": [], "ours": []}
        found: dict[str, list[Window]] = {"Login": [], "CreateUser": []}
        with self._server() as server:
            for number in range(-1, rounds):  # The first, to warm up, is not counted.
                for maker, rates in bare.items():
                    if number >= 0:
                        rates.append(self._bare_hashes(maker, seconds))
                for name, windows in found.items():
                    run = self._logins if name == "Login" else self._registrations
                    window = watch(server.process, self._database, lambda run=run: run(server, seconds))
                    if number >= 0:
                        windows.append(window)
        limit, ours = (statistics.median(rates) for rates in bare.values())
        rows = [
            ("bare Argon2id, argon2-cffi", f"{limit:.1f}", "1.00", "", "", ""),
            ("bare Argon2id, ours", f"{ours:.1f}", f"{ours / limit:.2f}", "", "", ""),
        ]
        for name, windows in found.items():
            rate, wall, slow = (
                statistics.median(getattr(window, what) for window in windows)
                for what in ("per_cpu_second", "per_second", "p99_ms")
            )
            note = verdict(rate / limit >= HASH_BAR, f">= {HASH_BAR}")
            rows.append((name, f"{rate:.1f}", f"{rate / limit:.2f}", note, f"{wall:.1f}", f"{slow:,.0f}"))
        print_table(("", "per CPU-s", "x bare", "bar", "per s", "p99 ms"), rows)

    def rush(self) -> None:
        """Log in to all accounts concurrently. The growth of the server's memory shows how many hash concurrently."""
        from django.conf import settings

        # All of them are to wait within the server; as it is deployed it would refuse some at once.
        with self._server(GRPC_MAX_QUEUE=str(LOGINS_AT_ONCE)) as server:
            _at_once(server, self._emails[: 2 * WORKERS])  # Its threads and connections are made.
            # From here on the kernel keeps the peak anew (proc(5)).
            Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
            before = memory(server.process, "VmRSS")
            seconds, failed = _at_once(server, self._emails)
            peak = memory(server.process, "VmHWM")
        hashes = int((peak - before) / (settings.ARGON2_MEMORY_KIB * 1024))
        print_table(
            (f"{len(self._emails)} logins at once", "", "bar"),
            [
                ("all answered after, s", f"{seconds:.1f}", ""),
                ("failed", str(failed), verdict(not failed, "0")),
                ("RSS before, MiB", f"{before / MIB:.0f}", ""),
                ("peak RSS, MiB", f"{peak / MIB:.0f}", verdict(peak < MEMORY_BAR_MIB * MIB, f"< {MEMORY_BAR_MIB}")),
                ("hashes that fit in the difference", str(hashes), verdict(hashes <= HASHES_BAR, f"<= {HASHES_BAR}")),
            ],
        )

    def refresh(self, seconds: float, rounds: int) -> None:
        """RefreshToken, each with the token that the one before gave."""
        with self._server() as server:
            windows = []
            for number in range(-1, rounds):
                window = watch(server.process, self._database, lambda: self._refreshes(server, seconds))
                if number >= 0:
                    windows.append(window)
        rate, wall, database, slow = (
            statistics.median(getattr(window, what) for window in windows)
            for what in ("per_cpu_second", "per_second", "database_us", "p99_ms")
        )
        note = verdict(rate >= REFRESH_BAR, f">= {REFRESH_BAR}")
        print_table(
            ("", "per CPU-s", "bar", "PostgreSQL us", "per s", "p99 ms"),
            [("RefreshToken", f"{rate:,.0f}", note, f"{database:,.0f}", f"{wall:,.0f}", f"{slow:,.0f}")],
        )

    def bring_in(self, count: int) -> None:
        """BulkImportUsers: one stream of rows with an e-mail, names, a ready hash and a key; looked at as it goes."""
        from tandem.user.v1.user_pb2 import BulkImportUsersResponse
        from users.models import User

        with self._server() as server:
            with grpc.insecure_channel(server.address) as channel:
                metadata = self._headers(channel)
            response = bulk.send(
                server, self._database, "/user.v1.UserService/BulkImportUsers", _row, count,
                metadata=metadata, written=User.objects.count, bar=IMPORT_BAR,
            )  # fmt: skip
        answer = BulkImportUsersResponse.FromString(response)
        if (answer.imported, answer.committed_through) != (count, count):
            sys.exit(f"Not all rows were imported: {answer}")

    def _server(self, **environment: str) -> AbstractContextManager[Server]:
        environment = {**NO_LIMITS, **environment}
        return product.grpc_server(self._core, self._log, GRPC_PORT, METRICS_PORT, WORKERS, **environment)

    def _bare_hashes(self, maker: str, seconds: float) -> float:
        """Measure the hashes per CPU-second of a process that does nothing else, on the server's core."""
        done = subprocess.run(
            [sys.executable, "-c", _HASHES, maker, str(seconds)],
            cwd=product.ROOT, check=True, capture_output=True, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {self._core}),
        )  # fmt: skip
        count, cpu = done.stdout.split()
        return int(count) / float(cpu)

    def _logins(self, server: Server, seconds: float) -> Load:
        from tandem.auth.v1.auth_pb2 import LoginRequest

        def message(number: int) -> bytes:
            email = self._emails[number % len(self._emails)]
            return LoginRequest(email=email, password=product.PASSWORD).SerializeToString()

        return load.python_client(server.address, "/auth.v1.AuthService/Login", message, {}, seconds)

    def _registrations(self, server: Server, seconds: float) -> Load:
        from tandem.user.v1.user_pb2 import CreateUserRequest

        batch = secrets.token_hex(4)

        def message(number: int) -> bytes:
            email = f"new-{batch}-{number}@bench.example.com"
            return CreateUserRequest(email=email, password="four words are enough").SerializeToString()

        with grpc.insecure_channel(server.address) as channel:
            headers = dict(self._headers(channel))
        return load.python_client(server.address, "/user.v1.UserService/CreateUser", message, headers, seconds)

    def _refreshes(self, server: Server, seconds: float) -> Load:
        from tandem.auth.v1.auth_pb2 import LoginRequest, RefreshTokenRequest
        from tandem.auth.v1.auth_pb2_grpc import AuthServiceStub

        took: list[float] = []
        with grpc.insecure_channel(server.address) as channel:
            auth = AuthServiceStub(channel)
            callers = self._emails[: load.AT_ONCE]
            tokens = [auth.Login(LoginRequest(email=e, password=product.PASSWORD)).refresh_token for e in callers]
            until = time.monotonic() + seconds

            def work(token: str) -> None:
                while time.monotonic() < until:
                    begun = time.perf_counter()
                    token = auth.RefreshToken(RefreshTokenRequest(refresh_token=token)).refresh_token
                    took.append((time.perf_counter() - begun) * 1000)

            _in_threads([lambda token=token: work(token) for token in tokens])
        return Load(len(took), percentile(took, 0.5), percentile(took, 0.99))

    def _headers(self, channel: grpc.Channel) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {product.access_token(channel, self._emails[0])}"),)


def add_accounts() -> list[str]:
    """Add accounts with the password, the first an administrator's. Returns their e-mails."""
    from django.contrib.auth.hashers import make_password

    from users.models import Role, Status, User

    password = make_password(product.PASSWORD)
    users = [
        User(
            email=f"user{number}@bench.example.com", display_name="User", password=password, status=Status.ACTIVE,
            roles=[Role.CUSTOMER if number else Role.ADMIN],
        )
        for number in range(LOGINS_AT_ONCE)
    ]  # fmt: skip
    return [user.email for user in User.objects.bulk_create(users)]


def _at_once(server: Server, emails: list[str]) -> tuple[float, int]:
    """Log all of them in concurrently. Returns the seconds until the last response, and the number of failures."""
    from tandem.auth.v1.auth_pb2 import LoginRequest
    from tandem.auth.v1.auth_pb2_grpc import AuthServiceStub

    with grpc.insecure_channel(server.address) as channel:
        login = AuthServiceStub(channel).Login
        begun = time.perf_counter()
        calls = [login.future(LoginRequest(email=email, password=product.PASSWORD)) for email in emails]
        failed = sum(call.exception() is not None for call in calls)
        return time.perf_counter() - begun, failed


def _in_threads(work: list[Callable[[], None]]) -> None:
    """Run all functions concurrently. Exits if a call has failed."""
    failed: list[BaseException] = []

    def run(one: Callable[[], None]) -> None:
        try:
            one()
        except grpc.RpcError as exc:
            failed.append(exc)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        sys.exit(f"A call failed: {failed[0]}")


def _row(number: int) -> bytes:
    from tandem.user.v1.user_pb2 import BulkImportUsersRequest

    return BulkImportUsersRequest(
        user={
            "email": f"person{number}@import.example.com", "display_name": f"Person {number}", "first_name": "Person",
            "last_name": f"Number {number}", "email_verified": True,
        },
        password_hash=READY_HASH,
        request_id=f"row-{number}",
    ).SerializeToString()  # fmt: skip


if __name__ == "__main__":
    main()
