"""Credentials in URLs of settings, which no message may show."""

import re


def without_credentials(url: str) -> str:
    """Return a URL with `…` in place of what stands before its last `@`, also if that has slashes."""
    return re.sub(r"(?P<begin>^[^/@]*//|^).*@", r"\g<begin>…@", url)
