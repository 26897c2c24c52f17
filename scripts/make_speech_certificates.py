"""Make the certificates of speech nodes on other machines: an authority, one for each node, and one for the workers.

    .venv/bin/python scripts/make_speech_certificates.py FOLDER --node gpu1.example.com --node 10.0.0.7

FOLDER gets `ca.pem` and `ca.key`, `client.pem` and `client.key`, and `NODE.pem` and `NODE.key` for each node. What is
there stays, so that further nodes are added later; `--renew` makes the certificates of the workers and of the named
nodes anew, by the same authority. `ca.key` signs certificates: keep it away from all servers.
"""

import argparse
import ipaddress
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS, CA_DAYS = 365, 3650


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="make_speech_certificates.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="is created if it does not exist")
    parser.add_argument("--node", action="append", default=[], metavar="HOST", help="name or IP address of a node")
    parser.add_argument("--days", type=int, default=DAYS, help="how long certificates are valid (default: %(default)s)")
    parser.add_argument("--renew", action="store_true", help="replace the certificates of workers and named nodes")
    given = parser.parse_args(arguments)
    if unusable := [host for host in given.node if host in ("ca", "client") or not host.strip() or "/" in host]:
        parser.error(f"--node: {unusable[0]!r} is not the name of a machine")
    given.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        authority = _authority(given.folder)
        for name, host in [("client", ""), *((host, host) for host in given.node)]:
            path = given.folder / f"{name}.pem"
            if given.renew or not path.exists():
                _issue(authority, path, host, given.days)
    except (OSError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Return the authority of the folder, which is made if there is none."""
    cert_path, key_path = folder / "ca.pem", folder / "ca.key"
    if cert_path.exists():
        key = load_pem_private_key(key_path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_path} is not a key of this command.")
        return x509.load_pem_x509_certificate(cert_path.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tandem speech nodes")])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(name, name, key, key, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(cert_path, key_path, certificate, key)
    return certificate, key


def _issue(authority: tuple[x509.Certificate, ec.EllipticCurvePrivateKey], path: Path, host: str, days: int) -> None:
    """Write a certificate and its key: for the node of this host, or for the workers if it is empty."""
    ca, ca_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (host or "Tandem worker")[:64])])
    # A certificate of a node is none for a worker: who takes over a node cannot use the others.
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if host else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(subject, ca.subject, key, ca_key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
    _write(path, path.with_name(f"{path.stem}.key"), builder.sign(ca_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: int,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # The clocks of two machines may differ.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(cert_path: Path, key_path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """Write a key, readable for this user only, and its certificate. Both replace their files at once."""
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for path, content, mode in ((key_path, secret, 0o600), (cert_path, certificate.public_bytes(Encoding.PEM), 0o644)):
        part = path.with_name(f".{path.name}.part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        part.replace(path)
        print(path)


if __name__ == "__main__":
    sys.exit(main())
