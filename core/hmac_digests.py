"""HMAC digests keyed by SECRET_KEY and its fallbacks."""

import hashlib
import hmac

from django.conf import settings


def hmac_digests(data: bytes) -> list[bytes]:
    """Return the HMAC-SHA256 digests of the data: by SECRET_KEY, which signs new data, then by each fallback."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [hmac.digest(key.encode(), data, hashlib.sha256) for key in keys]
