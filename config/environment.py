"""Typed environment variables: an invalid value raises an error that names its variable."""

import builtins
import logging
import math
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_TRUE, _FALSE = ("true", "on", "ok", "yes", "y", "1"), ("false", "off", "no", "n", "0", "")


class Env(environ.Env):  # type: ignore[misc]  # django-environ has no types.
    """Reads numbers and switches strictly: django-environ reads any other word as false, and `1e3` as 13."""

    def bool(self, var: str, default: Any = environ.Env.NOTSET) -> builtins.bool:
        """Return a switch.

        Raises:
            ImproperlyConfigured: the value is neither true nor false.
        """
        value = self.get_value(var, cast=str, default=default)
        if isinstance(value, bool):
            return value
        word = value.strip().lower()
        if word not in (*_TRUE, *_FALSE):
            raise ImproperlyConfigured(f"{var} must be true or false; it is {value!r}.")
        return word in _TRUE

    def int(self, var: str, default: Any = environ.Env.NOTSET, at_least: builtins.int = 0) -> builtins.int:
        """Return a whole number that is not below `at_least`.

        Raises:
            ImproperlyConfigured: the value is not such a number.
        """
        value = self.get_value(var, cast=str, default=default)
        try:
            number = int(value)
        except ValueError:
            number = at_least - 1
        if number < at_least:
            raise ImproperlyConfigured(f"{var} must be a whole number, {at_least} or more; it is {value!r}.")
        return number

    def float(self, var: str, default: Any = environ.Env.NOTSET) -> builtins.float:
        """Return a finite number from 0 upwards.

        Raises:
            ImproperlyConfigured: the value is not such a number.
        """
        value = self.get_value(var, cast=str, default=default)
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number >= 0):
            raise ImproperlyConfigured(f"{var} must be a number, 0 or more; it is {value!r}.")
        return number


def mail(url: str) -> dict[str, Any]:
    """Return Django's settings of mail for the value of EMAIL_URL.

    Raises:
        ImproperlyConfigured: it is not a URL of a mail server. The value, which may hold a password, is not shown.
    """
    try:
        if urlsplit(url).scheme in environ.Env.EMAIL_SCHEMES:
            config: dict[str, Any] = environ.Env.email_url_config(url)
            return config
    except ValueError:
        pass
    raise ImproperlyConfigured(
        "EMAIL_URL must be smtp://, smtp+tls:// or smtp+ssl:// with user:password@host:port, or consolemail://."
    )


def page_address(var: str, url: str) -> str:
    """Return the address without a slash at its end; empty stays empty.

    Raises:
        ImproperlyConfigured: it is not an absolute http or https address.
    """
    if url and not url.startswith(("http://", "https://")):
        raise ImproperlyConfigured(f"{var} must be an address as https://tandem.example.com; it is {url!r}.")
    return url.rstrip("/")


def log_level(var: str, level: str) -> str:
    """Return the log level in capitals.

    Raises:
        ImproperlyConfigured: the level is unknown.
    """
    if level.upper() not in logging.getLevelNamesMapping():
        raise ImproperlyConfigured(f"{var} must be DEBUG, INFO, WARNING or ERROR; it is {level!r}.")
    return level.upper()
