"""TLS of the gRPC port: its certificates, and the metrics about them."""

from pathlib import Path

import grpc
from prometheus_client import Counter, Gauge

from server_certificates import Certificates

CHANGES = Counter(
    "tandem_grpc_certificate_changes", "Changes of the certificate files, by what became of them.", ["outcome"]
)
EXPIRY = Gauge("tandem_grpc_certificate_expiry_timestamp_seconds", "When the certificate in use expires.")


def credentials(cert: str, key: str, client_ca: str = "") -> grpc.ServerCredentials:
    """Return the credentials of the gRPC port, which follow changes of these PEM files.

    Args:
        client_ca: of the authority whose certificates callers must show; empty = they show none.

    Raises:
        CertificateError: the files cannot be used.
    """

    def count(used: bool) -> None:
        CHANGES.labels("used" if used else "refused").inc()
        show_expiry()

    def show_expiry() -> None:
        if files.expires_at is not None:
            EXPIRY.set(files.expires_at.timestamp())

    files = Certificates(Path(cert), Path(key), Path(client_ca) if client_ca else None, count)
    found = files.credentials()
    show_expiry()
    return found
