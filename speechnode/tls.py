"""Mutual TLS of a node: its certificate, and the authority of those who may call it. Changed files are read again."""

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import grpc

logger = logging.getLogger(__name__)


class CertificateError(Exception):
    """The files cannot be used; the message is a sentence that states the cause."""


@dataclass(slots=True)
class Certificates:
    """The files of a node's mutual TLS, in PEM.

    Attributes:
        cert: the node's certificate, followed by those between it and its authority.
        key: the private key of the certificate.
        client_ca: certificates of the authorities that sign those of the callers.
    """

    cert: Path
    key: Path
    client_ca: Path
    _known: tuple[int, ...] = field(default=(), init=False)

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that admit only callers with a certificate of the authority.

        Each new connection looks whether the files have changed. Files that do not fit together, as in the middle of a
        change, leave the former ones in use.

        Raises:
            CertificateError: the files cannot be used.
        """
        self._known = self._times()
        return grpc.dynamic_ssl_server_credentials(
            self._read(),
            self._changed,  # type: ignore[arg-type]  # It may return None: nothing has changed.
            require_client_authentication=True,
        )

    def _changed(self) -> grpc.ServerCertificateConfiguration | None:
        try:
            if (times := self._times()) == self._known:
                return None
            self._known = times
            configuration = self._read()
        except CertificateError as exc:
            logger.warning("The former certificates stay in use: %s", exc)
            return None
        logger.info("The certificates were read again.")
        return configuration

    def _times(self) -> tuple[int, ...]:
        try:
            return tuple(path.stat().st_mtime_ns for path in self._paths)
        except OSError as exc:
            raise CertificateError(f"{exc.filename} cannot be read: {exc.strerror}.") from exc

    def _read(self) -> grpc.ServerCertificateConfiguration:
        check_pair(self.cert, self.key)
        check_authority(self.client_ca)
        try:
            cert, key, client_ca = (path.read_bytes() for path in self._paths)
        except OSError as exc:
            raise CertificateError(f"{exc.filename} cannot be read: {exc.strerror}.") from exc
        return grpc.ssl_server_certificate_configuration([(key, cert)], root_certificates=client_ca)

    @property
    def _paths(self) -> tuple[Path, ...]:
        return self.cert, self.key, self.client_ca


def check_pair(cert: Path, key: Path) -> None:
    """Check that a certificate and a key can be read and belong together.

    Raises:
        CertificateError
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError as exc:
        cause = "do not belong together" if exc.reason == "KEY_VALUES_MISMATCH" else "are not a certificate and its key"
        raise CertificateError(f"{cert} and {key} {cause} in PEM.") from exc
    except OSError as exc:
        raise CertificateError(f"{cert} or {key} cannot be read: {exc.strerror}.") from exc


def check_authority(path: Path) -> None:
    """Check that a file contains certificates.

    Raises:
        CertificateError
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except ssl.SSLError as exc:
        raise CertificateError(f"{path} contains no certificates in PEM.") from exc
    except OSError as exc:
        raise CertificateError(f"{path} cannot be read: {exc.strerror}.") from exc
