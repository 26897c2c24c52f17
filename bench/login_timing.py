"""Timing of refused logins by kind of account, to check that it does not reveal whether an account exists.

.venv/bin/python -m bench.login_timing [--tries N]
"""

import argparse
import random
import statistics
import sys
import time

import grpc

from bench import product
from bench.measuring import machine, print_table, share_cores

#: Maximum relative difference of two medians.
BAR = 0.05
UNKNOWN = "unknown"
GRPC_PORT, METRICS_PORT = 50180, 8180
NO_LIMITS = {"LOGINS_PER_ACCOUNT": "1000000000", "LOGINS_PER_ADDRESS": "1000000000"}
HEADS = ("account", "median ms", "from unknown")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how long refused logins take, by kind of account.")
    parser.add_argument("--tries", type=int, default=500, help="with each kind of account (%(default)s)")
    tries = parser.parse_args().tries
    core = share_cores()
    with product.database(None) as data_dir:
        accounts = _accounts()
        log = data_dir / "server.log"
        with (
            product.grpc_server(core, log, GRPC_PORT, METRICS_PORT, workers=2, **NO_LIMITS) as server,
            grpc.insecure_channel(server.address) as channel,
        ):
            print(f"{machine()}; server on core {core}; {tries} tries with each kind\n", flush=True)
            medians = {kind: 1e3 * statistics.median(times) for kind, times in _times(channel, accounts, tries).items()}
    reference = medians[UNKNOWN]
    apart = {kind: median / reference - 1 for kind, median in medians.items()}
    print_table(HEADS, [(kind, f"{medians[kind]:.2f}", f"{apart[kind]:+.2%}") for kind in medians])
    if max(map(abs, apart.values())) > BAR:
        sys.exit(f"The kinds of account differ by more than {BAR:.0%}.")


def _accounts() -> dict[str, tuple[str, str]]:
    """Return, by kind of account, an e-mail and the password to try: the right one if the account may not log in."""
    from django.contrib.auth.hashers import make_password

    from users.models import Status, User

    def account(name: str, **fields: object) -> str:
        user = User(email=f"{name}@example.com", display_name=name, **fields)
        user.save(force_insert=True)
        return user.email

    right = make_password(product.PASSWORD)
    return {
        UNKNOWN: ("nobody@example.com", product.PASSWORD),
        "known, wrong password": (account("known", password=right, status=Status.ACTIVE), "another password"),
        "banned, right password": (account("banned", password=right, status=Status.BANNED), product.PASSWORD),
        "without a password": (account("without", password="!", status=Status.ACTIVE), product.PASSWORD),
        "service account": (account("service", password="!", is_service=True, number=None), product.PASSWORD),
    }


def _times(channel: grpc.Channel, accounts: dict[str, tuple[str, str]], tries: int) -> dict[str, list[float]]:
    """Measure the seconds of each refusal. The order of the kinds is random, so that disturbances affect them alike."""
    from tandem.auth.v1 import auth_pb2, auth_pb2_grpc

    login = auth_pb2_grpc.AuthServiceStub(channel).Login
    times: dict[str, list[float]] = {kind: [] for kind in accounts}
    for number in range(-5, tries):  # The first few, to warm up, are not counted.
        for kind in random.sample(list(accounts), len(accounts)):
            email, password = accounts[kind]
            begun = time.perf_counter()
            try:
                login(auth_pb2.LoginRequest(email=email, password=password))
                sys.exit(f"{kind}: the login was accepted.")
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
            if number >= 0:
                times[kind].append(time.perf_counter() - begun)
    return times


if __name__ == "__main__":
    main()
