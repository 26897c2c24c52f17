#!/usr/bin/env python3
"""Call the operations on users and tasks of a running server over gRPC, and check the responses.

Needs only `grpcio` and the package `tandem`, and deletes what it creates. The calls need an administrator: by --token,
by --email and --password, or by a development server that accepts calls without credentials.
"""

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

# Run from a checkout, without `pip install .`, the package lies beside this directory.
sys.path.append(str(Path(__file__).resolve().parents[1]))

if find_spec("grpc") is None and __name__ == "__main__":
    # Continue in the checkout's environment, unless this Python has one of its own.
    python = Path(__file__).resolve().parents[1] / ".venv/bin/python"
    if not python.exists() or sys.prefix != sys.base_prefix:
        sys.exit("This Python has no grpcio: use .venv/bin/python, which scripts/start_grpc_dev.sh makes.")
    os.execv(python, [str(python), *sys.argv])

import grpc

from scripts.account_steps import account_steps
from scripts.task_steps import remove_tasks, task_steps
from scripts.user_steps import last_steps, sign_in, user_steps
from scripts.walk import AnswerError, Walk
from tandem.client import Client, NotFound, TandemError
from tandem.user.v1 import user_pb2


def clean_up(walk: Walk) -> list[str]:
    """Delete the remaining objects of a walk. Returns a message for each that could not be deleted."""
    left = remove_tasks(walk)
    for email in walk.emails:
        try:
            user = walk.call(walk.users.GetUserByEmail, user_pb2.GetUserByEmailRequest(email=email)).user
            walk.call(walk.users.DeleteUser, user_pb2.DeleteUserRequest(user_id=user.id))
        except NotFound:
            continue
        except TandemError as error:
            left.append(f"{email} could not be deleted: {error}")
    return left


def passed(rpc: str, step: Callable[[], None]) -> bool:
    """Run one step, and print its result. Returns whether it passed."""
    print(f"=== Testing {rpc} ===")
    try:
        step()
    except AnswerError as fault:
        print(f"✗ {rpc} failed: {fault}\n")
    except TandemError as error:
        print(f"✗ {rpc} failed: {error}\n")
    else:
        print(f"✓ {rpc} passed\n")
        return True
    return False


def take(walk: Walk) -> int:
    """Run every step, even after failures, and clean up. Returns the number of failures."""
    steps = [*user_steps(walk), *account_steps(walk), *task_steps(walk), *last_steps(walk)]
    try:
        failures = [passed(rpc, step) for rpc, step in steps].count(False)
    finally:
        left = clean_up(walk)
        for sentence in left:
            print(f"✗ {sentence}")
    return failures + len(left)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="localhost", help="the server's host (default: %(default)s)")
    port = int(os.environ.get("GRPC_PORT") or 50051)
    parser.add_argument("--port", type=int, default=port, help="its gRPC port (GRPC_PORT, %(default)s)")
    parser.add_argument("--token", help="an access token or API key to call with")
    parser.add_argument("--email", help="sign in as this user, with --password")
    parser.add_argument("--password")
    parser.add_argument("--timeout", type=float, default=5, help="seconds for each call (default: %(default)s)")
    parsed = parser.parse_args(arguments)
    if (parsed.email is None) != (parsed.password is None):
        parser.error("--email and --password go together.")
    if parsed.email and parsed.token:
        parser.error("Call with --token, or sign in with --email and --password.")
    return parsed


def run(arguments: argparse.Namespace) -> int:
    """Connect, and run the walk. Returns the exit code."""
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    who = {"token": arguments.token, "email": arguments.email, "password": arguments.password}
    with Client(f"{host}:{arguments.port}", timeout=arguments.timeout, **who) as client:
        try:
            grpc.channel_ready_future(client.channel).result(timeout=arguments.timeout)
        except grpc.FutureTimeoutError:
            print(
                f"No gRPC server answers at {host}:{arguments.port};"
                " start one, scripts/start_grpc_dev.sh, or name its port with --port.",
                file=sys.stderr,
            )
            return 1
        walk = Walk(client, arguments.timeout)
        if arguments.email and not passed("Login", partial(sign_in, walk)):
            return 1
        failures = take(walk)
    print(f"✗ {failures} failed." if failures else "✓ All tests completed!")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(run(parse()))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
