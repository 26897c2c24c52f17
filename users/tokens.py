"""Tokens that are mailed: what they are, and what is kept of them."""

import base64
import hashlib
import hmac
from uuid import UUID

from django.conf import settings


def mailed_token(job_id: UUID) -> str:
    """The token in the mail of this job: 256 bits that nobody can tell without SECRET_KEY.

    Derived, not drawn: no row of a job need hold it, and a mail that is sent again carries the same one.
    """
    # A key of its own, so that no other signature of SECRET_KEY is ever a token.
    key = hmac.digest(settings.SECRET_KEY.encode(), b"mailed tokens", hashlib.sha256)
    return base64.urlsafe_b64encode(hmac.digest(key, job_id.bytes, hashlib.sha256)).rstrip(b"=").decode()


def hash_of(token: str) -> bytes:
    """What is stored. A token is as good as random, so a plain hash suffices."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
