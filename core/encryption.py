"""Encryption of values at rest, with keys derived from SECRET_KEY and its fallbacks.

A value is encrypted under SECRET_KEY. It can be decrypted as long as the key that encrypted it is SECRET_KEY or one of
SECRET_KEY_FALLBACKS.
"""

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def encrypt(data: bytes, purpose: str) -> str:
    """Return the encrypted data as ASCII text (a Fernet token: AES-128-CBC and HMAC-SHA256).

    Args:
        purpose: what the data are; values of one purpose cannot be decrypted as those of another.
    """
    return _cipher(purpose).encrypt(data).decode()


def decrypt(text: str, purpose: str) -> bytes | None:
    """Return the data; None if the text was encrypted under a key that is no longer known, or was changed."""
    try:
        return _cipher(purpose).decrypt(text)
    except InvalidToken:
        return None


def encrypted_anew(text: str, purpose: str) -> str | None:
    """Return the text encrypted under SECRET_KEY, unchanged if it is already; None if it cannot be decrypted."""
    current = _cipher_of((settings.SECRET_KEY,), purpose)
    try:
        current.decrypt(text)
    except InvalidToken:
        data = decrypt(text, purpose)
        return None if data is None else encrypt(data, purpose)
    return text


def _cipher(purpose: str) -> MultiFernet:
    return _cipher_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS), purpose)


@lru_cache(maxsize=16)
def _cipher_of(secrets: tuple[str, ...], purpose: str) -> MultiFernet:
    keys = (hmac.digest(secret.encode(), f"encryption: {purpose}".encode(), hashlib.sha256) for secret in secrets)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
