"""Conversion of other systems' notations of password hashes to the one that `imported_hashes` reads.

The target is a published notation if one exists: modular crypt format, the PHC string format, and Ory's notations of
Firebase's scrypt and of salted digests.
"""

import base64
import binascii
import re

#: Order of password and salt in the input of a plain digest, in Ory's notation.
PASSWORD_SALT, SALT_PASSWORD = "{PASSWORD}{SALT}", "{SALT}{PASSWORD}"
_DIGEST_BYTES = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
_LDAP = re.compile(r"\{(?P<scheme>[A-Za-z0-9_-]{1,20})\}(?P<rest>.+)", re.DOTALL)
_LDAP_DIGESTS = {
    "SHA": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512",
    "SSHA": "sha1", "SSHA256": "sha256", "SSHA384": "sha384", "SSHA512": "sha512",
}  # fmt: skip
#: LDAP schemes that wrap a hash in another notation.
_LDAP_WRAPPERS = {"CRYPT", "BCRYPT", "ARGON2"}
_LDAP_PBKDF2 = {
    "PBKDF2": "pbkdf2", "PBKDF2-SHA1": "pbkdf2", "PBKDF2-SHA256": "pbkdf2-sha256", "PBKDF2-SHA512": "pbkdf2-sha512",
}  # fmt: skip
#: Numbers of the hash functions in version 3 of ASP.NET Identity's format.
_ASPNET_DIGESTS = {0: "pbkdf2", 1: "pbkdf2-sha256", 2: "pbkdf2-sha512"}
_ASPNET_V2_BYTES, _ASPNET_V2_ROUNDS = 49, 1_000
_ASPNET_HEADER = 13
#: Ory writes the cost of scrypt, where other systems write its logarithm.
_ORY_SCRYPT = re.compile(r"\$scrypt\$ln=(?P<n>\d{3,9}),")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,200}={0,2}")


def canonical(text: str) -> str:
    """Convert a hash to the notation that is stored. A hash in an unknown notation is returned unchanged."""
    if (match := _LDAP.fullmatch(text)) is not None:
        return _from_ldap(match["scheme"].upper(), match["rest"], text)
    if "$" not in text:
        return _from_aspnet(text) or text
    return _from_django(text)


def to_base64(data: bytes) -> str:
    """Return base64 without padding."""
    return base64.b64encode(data).decode().rstrip("=")


def from_base64(text: str) -> bytes | None:
    """Decode base64 with or without padding, also in the alphabets of URLs and passlib (`.` for `+`); else None."""
    text = text.rstrip("=").replace(".", "+").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None


def pbkdf2(digest: str, rounds: int, salt: bytes, hash_value: bytes) -> str:
    """Return the notation of a PBKDF2 hash; `digest` is sha1, sha256 or sha512."""
    name = "pbkdf2" if digest == "sha1" else f"pbkdf2-{digest}"
    return f"${name}${rounds}${to_base64(salt)}${to_base64(hash_value)}"


def salted_digest(digest: str, template: str, salt: bytes, hash_value: bytes) -> str:
    """Return the notation of a single digest of password and salt."""
    return f"${digest}$pf={to_base64(template.encode())}${to_base64(salt)}${to_base64(hash_value)}"


def firebase_scrypt(
    hash_value: bytes, salt: bytes, *, signer_key: bytes, salt_separator: bytes, rounds: int, memory_cost: int
) -> str:
    """Return the notation of a hash by Firebase with its project's parameters."""
    parts = "$".join(to_base64(part) for part in (salt, hash_value, salt_separator, signer_key))
    return f"$firescrypt$ln={memory_cost},r={rounds},p=1${parts}"


def _from_ldap(scheme: str, rest: str, text: str) -> str:
    if scheme in _LDAP_WRAPPERS:
        return rest
    if scheme in _LDAP_PBKDF2 and rest.count("$") == 2:
        return f"${_LDAP_PBKDF2[scheme]}${rest}"
    digest, raw = _LDAP_DIGESTS.get(scheme), from_base64(rest)
    if digest is None or raw is None or len(raw) < _DIGEST_BYTES[digest]:
        return text
    size = _DIGEST_BYTES[digest]
    if not scheme.startswith("SSHA") and len(raw) > size:
        return text
    return salted_digest(digest, PASSWORD_SALT, raw[size:], raw[:size])


def _from_aspnet(text: str) -> str | None:
    """Convert ASP.NET Identity's formats: base64 of bytes that begin with the number of the version."""
    raw = from_base64(text) if _BASE64.fullmatch(text) else None
    if raw is None:
        return None
    if raw[0] == 0 and len(raw) == _ASPNET_V2_BYTES:
        return pbkdf2("sha1", _ASPNET_V2_ROUNDS, raw[1:17], raw[17:])
    if raw[0] != 1 or len(raw) <= _ASPNET_HEADER:
        return None
    digest, rounds, salt_bytes = (int.from_bytes(raw[at : at + 4], "big") for at in (1, 5, 9))
    salt, hash_value = raw[_ASPNET_HEADER : _ASPNET_HEADER + salt_bytes], raw[_ASPNET_HEADER + salt_bytes :]
    if digest not in _ASPNET_DIGESTS or len(salt) != salt_bytes or len(hash_value) < 16:
        return None
    return f"${_ASPNET_DIGESTS[digest]}${rounds}${to_base64(salt)}${to_base64(hash_value)}"


def _from_django(text: str) -> str:
    """Convert a hash in Django's notation; others are returned unchanged."""
    algorithm, *parts = text.split("$")
    match algorithm, parts:
        case "argon2" | "bcrypt", _:
            return "$" + text.removeprefix(f"{algorithm}$").removeprefix("$")
        case "bcrypt_sha256", _:
            return "$bcrypt_sha256$" + text.removeprefix("bcrypt_sha256$").removeprefix("$")
        case "pbkdf2_sha256" | "pbkdf2_sha1", [rounds, salt, hash_value]:
            digest = "-sha256" if algorithm == "pbkdf2_sha256" else ""
            return f"$pbkdf2{digest}${rounds}${to_base64(salt.encode())}${hash_value.rstrip('=')}"
        case "scrypt", [n, salt, r, p, hash_value] if n.isdigit():
            return f"$scrypt$ln={_log2(n)},r={r},p={p}${to_base64(salt.encode())}${hash_value.rstrip('=')}"
    if (match := _ORY_SCRYPT.match(text)) is not None:
        return f"$scrypt$ln={_log2(match['n'])}," + text[match.end() :]
    return text


def _log2(n: str) -> int:
    return int(n[:12]).bit_length() - 1
