"""A node on another machine, over mutual TLS: `grpcs://host:port?ca=FILE&cert=FILE&key=FILE`."""

import datetime
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import grpc
from cryptography import x509
from django.core.exceptions import ImproperlyConfigured

from core.url_credentials import without_credentials
from meetings.speech.client import Connection, SpeechClient
from meetings.speech.node import EngineUnavailable
from tandem import keepalive
from tandem.speech.v1 import speech_pb2

#: Deadline of capability requests and probes. With it, work goes to the next node within five seconds.
ANSWER_SECONDS = 2.0
FORM = "grpcs://host:port?ca=FILE&cert=FILE&key=FILE"


class _Files(NamedTuple):
    ca: Path
    cert: Path
    key: Path


class RemoteNode(SpeechClient):
    """A node that another machine runs.

    Args:
        address: the URL without its scheme.

    Raises:
        ImproperlyConfigured: the URL does not have the form `FORM`.
    """

    restarts_itself = False

    def __init__(self, address: str) -> None:
        url = urlsplit(f"grpcs://{address}")
        given = {name: values[-1] for name, values in parse_qs(url.query).items()}
        try:
            host, port = url.hostname, url.port
        except ValueError:
            host = port = None
        if not host or not port or url.path or url.username or given.keys() != set(_Files._fields):
            raise ImproperlyConfigured(
                f"SPEECH_NODES must list nodes as {FORM}; one is {without_credentials(f'grpcs://{address}')!r}."
            )
        super().__init__(self._connect_node, ANSWER_SECONDS)
        self._host, self._port = host, port
        self._target = url.netloc
        self._files = _Files(**{name: Path(path) for name, path in given.items()})
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._times: tuple[int, ...] = ()

    def engines(self) -> Sequence[speech_pb2.Engine]:
        try:
            return super().engines()
        except EngineUnavailable as exc:
            raise EngineUnavailable(f"The speech node {self._target} cannot be used: {self._refusal() or exc}") from exc

    def give_up(self) -> None:
        """Do nothing: only its own machine can restart it."""

    def close(self) -> None:
        with self._lock:
            if self._connection:
                self._connection.close()
                self._connection = None

    def _connect_node(self) -> Connection:
        """Return the connection; make a new one if the files have changed. Running calls keep the former one."""
        with self._lock:
            try:
                times = tuple(path.stat().st_mtime_ns for path in self._files)
                if self._connection is None or times != self._times:
                    ca, cert, key = (path.read_bytes() for path in self._files)
                    credentials = grpc.ssl_channel_credentials(ca, key, cert)
                    self._connection = Connection(self._target, credentials, keepalive.CLIENT_OPTIONS)
                    self._times = times
            except OSError as exc:
                raise EngineUnavailable(f"{exc.filename} cannot be read: {exc.strerror}.") from exc
            return self._connection

    def _refusal(self) -> str:
        """Return why no connection can be made, as the end of a sentence; empty if one can.

        gRPC reports all failures of a handshake alike, so one is tried with the standard library.
        """
        ca, cert, key = self._files
        try:
            context = ssl.create_default_context(cafile=ca)
            context.load_cert_chain(cert, key, password="")
            expires = x509.load_pem_x509_certificate(cert.read_bytes()).not_valid_after_utc
        except (ssl.SSLError, ValueError):
            return f"{ca}, {cert} and {key} are not an authority, a certificate and its key in PEM."
        except OSError:
            return ""
        if expires <= datetime.datetime.now(datetime.UTC):
            return f"the certificate {cert} has expired on {expires:%Y-%m-%d}."
        context.set_alpn_protocols(["h2"])
        try:
            with (
                socket.create_connection((self._host, self._port), ANSWER_SECONDS) as raw,
                context.wrap_socket(raw, server_hostname=self._host) as connection,
            ):
                # With TLS 1.3 the node checks our certificate after the handshake, and closes the connection silently.
                if not connection.recv(1):
                    return (
                        f"it does not accept {cert}: its --client-ca must be the authority of a client's certificate."
                    )
        except ssl.SSLCertVerificationError as exc:
            return f"its certificate is not valid here: {exc.verify_message.rstrip('.')}."
        except OSError as exc:
            return f"no connection to it can be made ({exc.strerror or exc})."
        return ""
