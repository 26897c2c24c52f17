"""Mailed tokens: their derivation and their stored hashes."""

import base64
import hashlib
import hmac
from uuid import UUID

from django.conf import settings


def mailed_token(job_id: UUID) -> str:
    """Return the token in the mail of this job: 256 bits that cannot be derived without SECRET_KEY.

    It is derived instead of random, so that no job has to store it and a mail that is sent again contains the same one.
    """
    # A separate key, so that no other signature with SECRET_KEY can be a token.
    key = hmac.digest(settings.SECRET_KEY.encode(), b"mailed tokens", hashlib.sha256)
    return base64.urlsafe_b64encode(hmac.digest(key, job_id.bytes, hashlib.sha256)).rstrip(b"=").decode()


def hash_of(token: str) -> bytes:
    """Return the hash that is stored. A token is as good as random, so a plain hash suffices."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
