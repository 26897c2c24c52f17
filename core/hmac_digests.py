"""Hashes that only this server can make: keyed by SECRET_KEY, and by the keys that were or will be it."""

import hashlib
import hmac

from django.conf import settings


def hmac_digests(data: bytes) -> list[bytes]:
    """HMAC-SHA256 of the data: by SECRET_KEY, which is what new things are made with, then by each of its fallbacks."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [hmac.digest(key.encode(), data, hashlib.sha256) for key in keys]
