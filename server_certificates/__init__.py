"""The certificates of a gRPC server: its own, and the authority of those who may call it. Changed files are read again.

Independent of the product, so that the speech node uses it too.
"""

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

logger = logging.getLogger(__name__)

#: What identifies the content of a file, or nothing if it cannot be read.
_Stamp = tuple[int, int, int] | None


class CertificateError(Exception):
    """The files cannot be used; the message is a sentence that states the cause."""


@dataclass(slots=True)
class Certificates:
    """The files of a server's TLS, in PEM.

    Attributes:
        cert: the server's certificate, followed by those between it and its authority.
        key: the private key of the certificate.
        client_ca: certificates of the authorities that sign those of the callers; None = callers show none.
        on_change: called with whether the changed files are used, on a thread of grpcio.
        expires_at: when the certificate in use expires; None before it is read.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None
    on_change: Callable[[bool], None] | None = None
    expires_at: datetime | None = field(default=None, init=False)
    _known: tuple[_Stamp, ...] = field(default=(), init=False)

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials of the server. With a `client_ca`, only callers with a certificate of it are admitted.

        Each new connection looks whether the files have changed. Files that cannot be used, as in the middle of a
        change, leave the former ones in use.

        Raises:
            CertificateError: the files cannot be used.
        """
        self._known = self._stamps()
        return grpc.dynamic_ssl_server_credentials(
            self._read(),
            self._changed,  # type: ignore[arg-type]  # It may return None: nothing has changed.
            require_client_authentication=self.client_ca is not None,
        )

    def _changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the configuration of changed files. Runs on threads of grpcio for each handshake: it only reads files.

        An unusable change is reported once, not for each connection.
        """
        if (stamps := self._stamps()) == self._known:
            return None
        self._known = stamps
        try:
            configuration = self._read()
        except CertificateError as exc:
            logger.warning("The former certificates stay in use: %s", exc)
            self._report(used=False)
            return None
        logger.info("The certificates were read again.")
        self._report(used=True)
        return configuration

    def _report(self, *, used: bool) -> None:
        if self.on_change is not None:
            self.on_change(used)

    def _stamps(self) -> tuple[_Stamp, ...]:
        return tuple(map(_stamp, self._paths))

    def _read(self) -> grpc.ServerCertificateConfiguration:
        expires_at = check_pair(self.cert, self.key)
        if self.client_ca is not None:
            check_authority(self.client_ca)
        try:
            cert, key, *client_ca = (path.read_bytes() for path in self._paths)
        except OSError as exc:
            raise CertificateError(f"{exc.filename} cannot be read: {exc.strerror}.") from exc
        self.expires_at = expires_at
        return grpc.ssl_server_certificate_configuration([(key, cert)], client_ca[0] if client_ca else None)

    @property
    def _paths(self) -> tuple[Path, ...]:
        own = (self.cert, self.key)
        return own if self.client_ca is None else (*own, self.client_ca)


def check_pair(cert: Path, key: Path) -> datetime:
    """Check that a certificate and a key can be read, belong together, and are valid now. Returns when it expires.

    Raises:
        CertificateError
    """
    for path in (cert, key):
        _require_readable(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError as exc:
        mismatch = exc.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")
        cause = "do not belong together" if mismatch else "are not a certificate and its key"
        raise CertificateError(f"{cert} and {key} {cause} in PEM.") from exc
    certificate = x509.load_pem_x509_certificates(cert.read_bytes())[0]
    if not isinstance(certificate.public_key(), rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise CertificateError(f"The key of {cert} is neither RSA nor ECDSA; gRPC supports no other.")
    _require_valid_now(cert, [certificate])
    return certificate.not_valid_after_utc


def check_authority(path: Path) -> None:
    """Check that a file contains certificates, of which one is valid now.

    Raises:
        CertificateError
    """
    _require_readable(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except ssl.SSLError as exc:
        raise CertificateError(f"{path} contains no certificates in PEM.") from exc
    _require_valid_now(path, x509.load_pem_x509_certificates(path.read_bytes()))


def _require_readable(path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as exc:
        raise CertificateError(f"{path} cannot be read: {exc.strerror}.") from exc


def _require_valid_now(path: Path, certificates: list[x509.Certificate]) -> None:
    now = datetime.now(UTC)
    if all(certificate.not_valid_after_utc < now for certificate in certificates):
        latest = max(certificate.not_valid_after_utc for certificate in certificates)
        raise CertificateError(f"The certificate in {path} expired on {latest:%Y-%m-%d}.")
    if all(certificate.not_valid_before_utc > now for certificate in certificates):
        first = min(certificate.not_valid_before_utc for certificate in certificates)
        raise CertificateError(f"The certificate in {path} is not valid before {first:%Y-%m-%d}.")


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
