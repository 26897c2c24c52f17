"""Certificates for tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class Authority:
    """A certificate authority whose files are in `folder`.

    Attributes:
        path: its own certificate.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Test authority")
        self.path = folder / "authority.pem"
        self.path.write_bytes(self._signed(self._name, self._key, authority=True).public_bytes(Encoding.PEM))

    def issue(self, host: str, *, uri: str = "", ends: timedelta = timedelta(hours=1)) -> tuple[Path, Path]:
        """Return a certificate for this name, and its key.

        Args:
            uri: another subject alternative name.
            ends: when it expires, from now.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(_name(host), key, authority=False, host=host, uri=uri, ends=ends)
        cert_path, key_path = self._folder / f"{host}.pem", self._folder / f"{host}.key"
        cert_path.write_bytes(certificate.public_bytes(Encoding.PEM))
        key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return cert_path, key_path

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        authority: bool,
        host: str = "",
        uri: str = "",
        ends: timedelta = timedelta(hours=1),
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=2))
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if host:
            names = [x509.DNSName(host), *([x509.UniformResourceIdentifier(uri)] if uri else [])]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
