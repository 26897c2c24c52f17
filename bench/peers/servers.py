"""The peers' servers, and how the calls to them are made and checked."""

import json
import re
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from bench import load, product
from bench.cases import PAGE_SIZE, Case
from bench.product import Server

ENVIRONMENTS = product.ROOT / "var/bench/peers"
PORT = 8170
WORKERS = 8
#: The end of an e-mail in a protobuf message. The length of a field may be written as the byte `@`, too.
_EMAIL = re.compile(rb"@[\w.-]*example\.")


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer.

    Attributes:
        name: of its module and of its environment.
        arguments: of Python; `{port}` is replaced.
        ready: the path that a server over HTTP answers.
        environment: if it is another peer's.
        apps: Django's, separated by spaces.
    """

    name: str
    title: str
    arguments: tuple[str, ...]
    speaks_grpc: bool = False
    ready: str = "/users/"
    environment: str = ""
    apps: str = ""


_OPTIONS = ("--port", "{port}", "--workers", str(WORKERS))
PEERS = (
    Peer("plain", "plain grpcio and ORM", ("-m", "bench.peers.plain", *_OPTIONS), speaks_grpc=True),
    Peer("socio", "django-socio-grpc", ("-m", "bench.peers.socio", *_OPTIONS), speaks_grpc=True),
    Peer("drf", "DRF ModelViewSet, gunicorn gthread", (
        "-m", "gunicorn", "--worker-class=gthread", f"--threads={WORKERS}", "--bind=127.0.0.1:{port}",
        "--keep-alive=60", "--no-control-socket", "bench.peers.drf:application",
    )),
    Peer("ninja", "django-ninja, granian", (
        "-m", "granian", "--interface=wsgi", f"--blocking-threads={WORKERS}", "--port={port}", "--no-ws",
        "bench.peers.ninja:application",
    )),
    Peer("fastapi_users", "FastAPI, SQLAlchemy async, asyncpg", (
        "-m", "uvicorn", "--port={port}", "--no-access-log", "--log-level=warning",
        "bench.peers.fastapi_users:application",
    )),
)  # fmt: skip

#: Those that send events: each stream of the first takes a thread.
FEED_PEERS = (
    Peer(
        "watch", "grpcio, a polling thread a stream",
        ("-m", "bench.peers.watch", "--port", "{port}", "--workers", "1000"), speaks_grpc=True, environment="plain",
    ),
    Peer(
        "eventstream", "SSE of django-eventstream, uvicorn",
        (
            "-m", "uvicorn", "--port={port}", "--no-access-log", "--log-level=warning",
            "bench.peers.eventstream:application",
        ),
        ready="/ready/", apps="django_eventstream",
    ),
)  # fmt: skip


@contextmanager
def serving(peer: Peer, core: int, log: Path) -> Iterator[Server]:
    """Run the peer against the product's database."""
    from django.db import connection

    python = ENVIRONMENTS / (peer.environment or peer.name) / "bin/python"
    if not python.exists():
        sys.exit(f"{python} is missing; bench/run.sh makes it.")
    port = PORT + (*PEERS, *FEED_PEERS).index(peer)
    connection.ensure_connection()
    database = connection.connection.info
    address = f"127.0.0.1:{port}" if peer.speaks_grpc else f"http://127.0.0.1:{port}"
    with product.running(
        [argument.format(port=port) for argument in peer.arguments], core, log,
        lambda: product.answers_grpc(address) if peer.speaks_grpc else product.answers_http(address + peer.ready),
        python,
        DJANGO_SETTINGS_MODULE="bench.peers.settings",
        ROOT_URLCONF=f"bench.peers.{peer.name}", PEERS_APPS=peer.apps,
        PEERS_DATABASE_HOST=database.host, PEERS_DATABASE_PORT=str(database.port),
        PEERS_DATABASE_NAME=database.dbname, PEERS_DATABASE_USER=database.user,
    ) as process:  # fmt: skip
        yield Server(process, address)


def get_case(peer: Peer, server: Server, user_id: str) -> Case:
    """Make a case that reads the user, who has a known address."""
    field = b"\x0a" + bytes([len(user_id)]) + user_id.encode()
    return _case(peer, server, "Retrieve", field, f"/users/{user_id}/", user_id)


def list_case(peer: Peer, server: Server, newest_id: str) -> Case:
    """Make a case that reads the newest users."""
    return _case(peer, server, "List", b"", "/users/", newest_id)


def _case(peer: Peer, server: Server, rpc: str, message: bytes, path: str, expected_id: str) -> Case:
    """Make a case. Its check is made by an ordinary client: the answer must be whole and begin with this user."""
    if peer.speaks_grpc:
        method = f"/peers.Users/{rpc}"

        def check() -> None:
            with grpc.insecure_channel(server.address) as channel:
                answer: bytes = channel.unary_unary(method)(message)
            _expect(
                peer, expected_id.encode() in answer and (rpc != "List" or len(_EMAIL.findall(answer)) == PAGE_SIZE)
            )

        return Case(peer.title, server, lambda s: load.h2load(server.address, method, message, {}, s), check)

    url = server.address + path

    def check_http() -> None:
        with urllib.request.urlopen(url, timeout=10) as response:
            answer = json.load(response)
        first, count = (answer[0], len(answer)) if rpc == "List" else (answer, PAGE_SIZE)
        _expect(peer, first["id"] == expected_id and len(first) == 22 and count == PAGE_SIZE)

    return Case(peer.title, server, lambda s: load.wrk(url, {}, s), check_http)


def _expect(peer: Peer, right: bool) -> None:
    if not right:
        raise AssertionError(f"{peer.title}: the answer is not what it must be; nothing was measured.")


def versions() -> dict[str, str]:
    """Return the peers' pinned packages."""
    pins = {}
    for peer in (*PEERS, *FEED_PEERS):
        lines = (
            (product.ROOT / f"bench/peers/requirements/{peer.environment or peer.name}.txt").read_text().splitlines()
        )
        pins |= dict(line.split(" ")[0].split("==") for line in lines if "==" in line and not line.startswith(" "))
    wanted = ("django", "djangorestframework", "gunicorn", "django-ninja", "granian", "fastapi", "sqlalchemy",
              "asyncpg", "uvicorn", "django-socio-grpc", "django-eventstream", "grpcio")  # fmt: skip
    return {name: pins[name] for name in wanted}
