"""Notations of password hashes: what other systems write, and the one form that `imported_hashes` reads.

The forms are those that others have published where there are any: modular crypt format, the PHC string format, and
Ory's for Firebase's scrypt and for salted digests.
"""

import base64
import binascii
import re

#: How a plain digest's text is made of password and salt, as Ory writes it.
PASSWORD_SALT, SALT_PASSWORD = "{PASSWORD}{SALT}", "{SALT}{PASSWORD}"
_DIGEST_BYTES = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
_LDAP = re.compile(r"\{(?P<scheme>[A-Za-z0-9_-]{1,20})\}(?P<rest>.+)", re.DOTALL)
_LDAP_DIGESTS = {
    "SHA": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512",
    "SSHA": "sha1", "SSHA256": "sha256", "SSHA384": "sha384", "SSHA512": "sha512",
}  # fmt: skip
#: Schemes whose text is one of the other forms.
_LDAP_WRAPPERS = {"CRYPT", "BCRYPT", "ARGON2"}
_LDAP_PBKDF2 = {
    "PBKDF2": "pbkdf2", "PBKDF2-SHA1": "pbkdf2", "PBKDF2-SHA256": "pbkdf2-sha256", "PBKDF2-SHA512": "pbkdf2-sha512",
}  # fmt: skip
#: Of ASP.NET Identity's version 3: the numbers of its hash functions.
_ASPNET_DIGESTS = {0: "pbkdf2", 1: "pbkdf2-sha256", 2: "pbkdf2-sha512"}
_ASPNET_V2_BYTES, _ASPNET_V2_ROUNDS = 49, 1_000
_ASPNET_HEADER = 13
#: Ory writes scrypt's cost itself where others write its logarithm.
_ORY_SCRYPT = re.compile(r"\$scrypt\$ln=(?P<n>\d{3,9}),")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,200}={0,2}")


def canonical(brought: str) -> str:
    """Return the hash in the form that is stored; one that is of no notation known here, as it is."""
    if (found := _LDAP.fullmatch(brought)) is not None:
        return _from_ldap(found["scheme"].upper(), found["rest"], brought)
    if "$" not in brought:
        return _from_aspnet(brought) or brought
    return _from_django(brought)


def to_base64(data: bytes) -> str:
    """Return base64 without padding."""
    return base64.b64encode(data).decode().rstrip("=")


def from_base64(text: str) -> bytes | None:
    """Read base64 with or without padding, also in URLs' alphabet and passlib's (`.` for `+`); None if it is none."""
    text = text.rstrip("=").replace(".", "+").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None


def pbkdf2(digest: str, rounds: int, salt: bytes, made: bytes) -> str:
    """Return PBKDF2's form; `digest` is sha1, sha256 or sha512."""
    name = "pbkdf2" if digest == "sha1" else f"pbkdf2-{digest}"
    return f"${name}${rounds}${to_base64(salt)}${to_base64(made)}"


def salted_digest(digest: str, template: str, salt: bytes, made: bytes) -> str:
    """Return the form of a digest that is taken once over password and salt."""
    return f"${digest}$pf={to_base64(template.encode())}${to_base64(salt)}${to_base64(made)}"


def firebase_scrypt(
    made: bytes, salt: bytes, *, signer_key: bytes, salt_separator: bytes, rounds: int, memory_cost: int
) -> str:
    """Return the form of a hash that Firebase made with its project's parameters."""
    parts = "$".join(to_base64(part) for part in (salt, made, salt_separator, signer_key))
    return f"$firescrypt$ln={memory_cost},r={rounds},p=1${parts}"


def _from_ldap(scheme: str, rest: str, brought: str) -> str:
    if scheme in _LDAP_WRAPPERS:
        return rest
    if scheme in _LDAP_PBKDF2 and rest.count("$") == 2:
        return f"${_LDAP_PBKDF2[scheme]}${rest}"
    digest, raw = _LDAP_DIGESTS.get(scheme), from_base64(rest)
    if digest is None or raw is None or len(raw) < _DIGEST_BYTES[digest]:
        return brought
    size = _DIGEST_BYTES[digest]
    if not scheme.startswith("SSHA") and len(raw) > size:
        return brought
    return salted_digest(digest, PASSWORD_SALT, raw[size:], raw[:size])


def _from_aspnet(brought: str) -> str | None:
    """ASP.NET Identity's two versions: bytes in base64 that begin with a number of the version."""
    raw = from_base64(brought) if _BASE64.fullmatch(brought) else None
    if raw is None:
        return None
    if raw[0] == 0 and len(raw) == _ASPNET_V2_BYTES:
        return pbkdf2("sha1", _ASPNET_V2_ROUNDS, raw[1:17], raw[17:])
    if raw[0] != 1 or len(raw) <= _ASPNET_HEADER:
        return None
    digest, rounds, salt_bytes = (int.from_bytes(raw[at : at + 4], "big") for at in (1, 5, 9))
    salt, made = raw[_ASPNET_HEADER : _ASPNET_HEADER + salt_bytes], raw[_ASPNET_HEADER + salt_bytes :]
    if digest not in _ASPNET_DIGESTS or len(salt) != salt_bytes or len(made) < 16:
        return None
    return f"${_ASPNET_DIGESTS[digest]}${rounds}${to_base64(salt)}${to_base64(made)}"


def _from_django(brought: str) -> str:
    """Django's own notation, or the hash as it is."""
    algorithm, *parts = brought.split("$")
    match algorithm, parts:
        case "argon2" | "bcrypt", _:
            return "$" + brought.removeprefix(f"{algorithm}$").removeprefix("$")
        case "bcrypt_sha256", _:
            return "$bcrypt_sha256$" + brought.removeprefix("bcrypt_sha256$").removeprefix("$")
        case "pbkdf2_sha256" | "pbkdf2_sha1", [rounds, salt, made]:
            digest = "-sha256" if algorithm == "pbkdf2_sha256" else ""
            return f"$pbkdf2{digest}${rounds}${to_base64(salt.encode())}${made.rstrip('=')}"
        case "scrypt", [n, salt, r, p, made] if n.isdigit():
            return f"$scrypt$ln={_log2(n)},r={r},p={p}${to_base64(salt.encode())}${made.rstrip('=')}"
    if (found := _ORY_SCRYPT.match(brought)) is not None:
        return f"$scrypt$ln={_log2(found['n'])}," + brought[found.end() :]
    return brought


def _log2(n: str) -> int:
    return int(n[:12]).bit_length() - 1
