"""Sources for identity providers: Auth0, Keycloak, Okta, Google Workspace, Supabase, Ory Kratos."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from core.files.foreign import lookup
from users.management.sources.accounts import ACTIVE, DEACTIVATED, PENDING, SUSPENDED, Account, truth
from users.passwords.hash_notations import PASSWORD_SALT, SALT_PASSWORD, from_base64, pbkdf2, salted_digest, to_base64

_UNCHECKABLE = "password_hash (its scheme cannot be checked)"
AUTH0 = {
    "email": "email", "emailverified": "email_verified", "givenname": "first_name", "familyname": "last_name",
    "name": "", "nickname": "", "username": "", "picture": "avatar_url", "phonenumber": "phone.e164",
    "phoneverified": "phone_verified", "createdat": "audit.created_at", "lastlogin": "last_login_at",
    "locale": "profile.language", "birthdate": "profile.date_of_birth", "gender": "profile.gender",
    "zoneinfo": "profile.timezone", "website": "profile.website", "blocked": "", "passwordhash": "password_hash",
    "custompasswordhash": "", "userid": "", "id": "", "updatedat": "", "tenant": "", "connection": "",
    "passwordsetdate": "", "tmpisunique": "", "lastip": "", "loginscount": "", "lastpasswordreset": "",
}  # fmt: skip
KEYCLOAK = {
    "email": "email", "emailverified": "email_verified", "firstname": "first_name", "lastname": "last_name",
    "createdtimestamp": "audit.created_at", "id": "id", "username": "", "enabled": "", "attributes": "",
    "credentials": "", "notbefore": "", "access": "", "self": "", "origin": "", "totp": "",
    "disableablecredentialtypes": "", "userprofilemetadata": "", "applicationroles": "",
}  # fmt: skip
_KEYCLOAK_ATTRIBUTES = {
    "locale": "profile.language", "phonenumber": "phone.e164", "phone": "phone.e164", "mobile": "phone.e164",
    "phonenumberverified": "phone_verified", "picture": "avatar_url", "zoneinfo": "profile.timezone",
    "birthdate": "profile.date_of_birth", "gender": "profile.gender", "website": "profile.website",
}  # fmt: skip
OKTA = {
    "email": "email", "primaryemail": "email", "login": "", "username": "",
    "firstname": "first_name", "lastname": "last_name", "displayname": "",
    "mobilephone": "phone.e164", "primaryphone": "", "organization": "profile.company",
    "locale": "profile.language", "preferredlanguage": "profile.language", "timezone": "profile.timezone",
    "profileurl": "profile.website", "status": "", "created": "audit.created_at", "lastlogin": "last_login_at",
    "id": "", "userid": "", "credentials": "", "profile": "", "links": "", "activated": "", "statuschanged": "",
    "lastupdated": "", "passwordchanged": "", "type": "",
}  # fmt: skip
_OKTA_STATUS = {
    "staged": PENDING, "provisioned": PENDING, "active": ACTIVE, "recovery": ACTIVE, "passwordexpired": ACTIVE,
    "passwordreset": ACTIVE, "lockedout": ACTIVE, "suspended": SUSPENDED, "deprovisioned": DEACTIVATED,
    "deactivated": DEACTIVATED, "inactive": DEACTIVATED,
}  # fmt: skip
GOOGLE = {
    "emailaddress": "email", "firstname": "first_name", "lastname": "last_name", "password": "", "status": "",
    "passwordhashfunction": "", "lastsignin": "last_login_at", "mobilephone": "", "recoveryphone": "",
    "newprimaryemail": "", "orgunitpath": "",
}  # fmt: skip
SUPABASE = {
    "id": "id", "email": "email", "encryptedpassword": "password_hash", "phone": "",
    "createdat": "audit.created_at", "lastsigninat": "last_login_at", "emailconfirmedat": "", "phoneconfirmedat": "",
    "confirmedat": "", "banneduntil": "", "deletedat": "", "rawusermetadata": "", "instanceid": "", "aud": "",
    "role": "",
    "updatedat": "", "confirmationtoken": "", "recoverytoken": "", "emailchangetokennew": "", "emailchange": "",
    "emailchangetokencurrent": "", "phonechange": "", "phonechangetoken": "", "reauthenticationtoken": "",
    "emailchangeconfirmstatus": "", "confirmationsentat": "", "recoverysentat": "", "invitedat": "",
    "emailchangesentat": "", "phonechangesentat": "", "reauthenticationsentat": "",
}  # fmt: skip
KRATOS = {
    "id": "id", "state": "", "traits": "", "verifiableaddresses": "", "credentials": "", "schemaid": "",
    "schemaurl": "", "createdat": "audit.created_at", "updatedat": "", "statechangedat": "", "recoveryaddresses": "",
}  # fmt: skip


def auth0(values: Mapping[str, Any], account: Account) -> bool:
    account.take_all(values, AUTH0)
    by_name = {name.lower(): value for name, value in values.items()}
    account.name(by_name.get("name"), by_name.get("nickname"), by_name.get("username"))
    if truth(by_name.get("blocked")):
        account.take("status", SUSPENDED)
    custom = values.get("custom_password_hash")
    if isinstance(custom, Mapping):
        _take(account, _auth0_hash(custom))
    return True


def keycloak(values: Mapping[str, Any], account: Account) -> bool:
    if values.get("serviceAccountClientId"):
        account.leave("service accounts")
        return False
    account.take_all(values, KEYCLOAK)
    for name, value in (values.get("attributes") or {}).items():
        path = _KEYCLOAK_ATTRIBUTES.get(name.lower().replace("_", ""))
        if path:
            account.take(path, value[0] if isinstance(value, list) and value else value)
        else:
            account.leave(f"attributes.{name}")
    account.name("", *([values.get("username")] if not values.get("firstName") else []))
    account.take("status", _status(truth(values.get("enabled")) is not False, values.get("emailVerified")))
    for credential in values.get("credentials") or ():
        if credential.get("type") == "password":
            _take(account, _keycloak_hash(credential))
        else:
            account.leave(f"credentials of type {credential.get('type')}")
    return True


def okta(values: Mapping[str, Any], account: Account) -> bool:
    profile = values.get("profile")
    if isinstance(profile, Mapping):
        account.take_all(profile, OKTA)
    else:
        profile = values
    account.take_all(values, OKTA)
    by_name = {name.lower().replace(" ", ""): value for name, value in profile.items()}
    if not account.row["user"].get("email"):
        account.take("email", by_name.get("login") or by_name.get("username"))
    account.name(by_name.get("displayname"))
    status = next((str(value) for name, value in values.items() if name.lower() == "status" and value), "active")
    account.take("status", _OKTA_STATUS.get(status.lower().replace("_", "").replace(" ", ""), ACTIVE))
    password_hash = lookup(values, "credentials.password.hash")
    if isinstance(password_hash, Mapping):
        _take(account, _okta_hash(password_hash))
    return True


def google(values: Mapping[str, Any], account: Account) -> bool:
    values = {name: "" if str(value).lower() == "never logged in" else value for name, value in values.items()}
    account.take_all(values, GOOGLE)
    by_name = {name.partition("[")[0].strip().lower(): value for name, value in values.items()}
    account.take("phone.e164", by_name.get("mobile phone") or by_name.get("recovery phone"))
    if by_name.get("org unit path") not in (None, "", "/"):
        account.leave("Org Unit Path")
    account.name("")
    account.take("status", SUSPENDED if "suspend" in str(by_name.get("status")).lower() else ACTIVE)
    return True


def supabase(values: Mapping[str, Any], account: Account) -> bool:
    if values.get("deleted_at"):
        account.leave("deleted accounts")
        return False
    account.take_all(values, SUPABASE)
    if phone := str(values.get("phone") or ""):
        # Supabase writes E.164 without its plus.
        account.take("phone.e164", f"+{phone.removeprefix('+')}")
    metadata = _json(values.get("raw_user_meta_data"))
    account.name(metadata.get("full_name"), metadata.get("name"))
    account.take("avatar_url", metadata.get("avatar_url"))
    for name in metadata.keys() - {
        "full_name",
        "name",
        "avatar_url",
        "email",
        "email_verified",
        "phone_verified",
        "sub",
    }:
        account.leave(f"raw_user_meta_data.{name}")
    verified = bool(values.get("email_confirmed_at") or values.get("confirmed_at"))
    account.take("email_verified", verified)
    account.take("phone_verified", bool(values.get("phone_confirmed_at")) or None)
    if values.get("banned_until"):
        account.take("status", SUSPENDED)
    return True


def kratos(values: Mapping[str, Any], account: Account) -> bool:
    account.take_all(values, KRATOS)
    traits = values.get("traits") or {}
    account.take("email", traits.get("email"))
    account.take("phone.e164", traits.get("phone"))
    name = traits.get("name")
    if isinstance(name, Mapping):
        account.take("first_name", name.get("first"))
        account.take("last_name", name.get("last"))
    account.name(name)
    for other in traits.keys() - {"email", "phone", "name"}:
        account.leave(f"traits.{other}")
    addresses = values.get("verifiable_addresses") or ()
    verified = any(one.get("value") == traits.get("email") and one.get("verified") for one in addresses)
    account.take("email_verified", verified)
    account.take("status", _status(values.get("state") != "inactive", verified))
    account.take_password(str(lookup(values, "credentials.password.config.hashed_password") or ""))
    return True


def _status(is_open: bool, verified: Any) -> str | None:
    """Return the status of an account; None if it follows from the verified address."""
    if not is_open:
        return DEACTIVATED
    return None if verified else ACTIVE


def _take(account: Account, hash_value: str | None) -> None:
    if hash_value is None:
        account.leave(_UNCHECKABLE)
    else:
        account.take_password(hash_value)


def _json(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    return value if isinstance(value, dict) else {}


def _keycloak_hash(credential: Mapping[str, Any]) -> str | None:
    secret, data = _json(credential.get("secretData")), _json(credential.get("credentialData"))
    # Before version 8, the values were in the credential itself.
    hash_value = from_base64(str(secret.get("value") or credential.get("hashedSaltedValue") or ""))
    salt = from_base64(str(secret.get("salt") or credential.get("salt") or ""))
    algorithm = str(data.get("algorithm") or credential.get("algorithm") or "")
    rounds = data.get("hashIterations") or credential.get("hashIterations") or 0
    if not hash_value or salt is None:
        return None
    if algorithm.startswith("pbkdf2"):
        return pbkdf2(algorithm.removeprefix("pbkdf2").removeprefix("-") or "sha1", rounds, salt, hash_value)
    if algorithm.startswith("argon2"):
        more = data.get("additionalParameters") or {}
        kind, memory, lanes = (lookup(more, name) for name in ("type", "memory", "parallelism"))
        kind, memory, lanes = (value[0] if isinstance(value, list) else value for value in (kind, memory, lanes))
        return f"$argon2{kind or 'id'}$v=19$m={memory},t={rounds},p={lanes}${to_base64(salt)}${to_base64(hash_value)}"
    return None


def _auth0_hash(custom: Mapping[str, Any]) -> str | None:
    """Convert `custom_password_hash`, in the format of Auth0's import."""
    algorithm, hash_value = custom.get("algorithm"), lookup(custom, "hash.value")
    if not isinstance(hash_value, str):
        return None
    if algorithm in ("argon2", "bcrypt", "pbkdf2", "ldap"):
        return hash_value
    raw = _decoded(hash_value, lookup(custom, "hash.encoding"))
    salt = _decoded(lookup(custom, "salt.value") or "", lookup(custom, "salt.encoding") or "utf8")
    if raw is None or salt is None:
        return None
    if algorithm in ("sha1", "sha256", "sha384", "sha512"):
        # The salt precedes the password by default.
        is_suffix = lookup(custom, "salt.position") == "suffix"
        return salted_digest(algorithm, PASSWORD_SALT if is_suffix else SALT_PASSWORD, salt, raw)
    if algorithm == "scrypt":
        n, r, p = (custom.get(name) or 0 for name in ("cost", "blockSize", "parallelization"))
        return f"$scrypt$ln={int(n).bit_length() - 1},r={r},p={p}${to_base64(salt)}${to_base64(raw)}"
    return None


def _okta_hash(password_hash: Mapping[str, Any]) -> str | None:
    """Convert `credentials.password.hash`, in the format of Okta's API."""
    algorithm, value, salt = (
        str(password_hash.get("algorithm")).upper(),
        str(password_hash.get("value") or ""),
        str(password_hash.get("salt") or ""),
    )
    if algorithm == "BCRYPT":
        return f"$2a${int(password_hash.get('workFactor') or 0):02d}${salt}{value}"
    raw, salted = from_base64(value), from_base64(salt)
    if raw is None or salted is None:
        return None
    if algorithm == "PBKDF2":
        digest = {"SHA256_HMAC": "sha256", "SHA512_HMAC": "sha512"}.get(
            str(password_hash.get("digestAlgorithm")).upper()
        )
        return pbkdf2(digest, password_hash.get("iterationCount") or 0, salted, raw) if digest else None
    digest = {"SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}.get(algorithm)
    if digest is None:
        return None
    is_prefix = str(password_hash.get("saltOrder")).upper() == "PREFIX"
    return salted_digest(digest, SALT_PASSWORD if is_prefix else PASSWORD_SALT, salted, raw)


def _decoded(text: str, encoding: Any) -> bytes | None:
    try:
        if encoding == "hex":
            return binascii.unhexlify(text)
        if encoding == "utf8":
            return text.encode()
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
