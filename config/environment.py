"""Typed environment variables: an invalid value raises an error that names its variable."""

import builtins
import ipaddress
import logging
import math
import re
from collections.abc import MutableMapping
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from core.url_credentials import without_credentials

_NAME = re.compile(r"[\w-]+(\.[\w-]+)*\.?")
_TRUE, _FALSE = ("true", "on", "ok", "yes", "y", "1"), ("false", "off", "no", "n", "0", "")


class Env(environ.Env):  # type: ignore[misc]  # django-environ has no types.
    """Reads numbers and switches strictly: django-environ reads any other word as false, and `1e3` as 13.

    Args:
        variables: the environment to read; by default the environment of this process.

    Attributes:
        names: of the variables that were read so far.
    """

    def __init__(self, variables: MutableMapping[builtins.str, builtins.str] | None = None) -> None:
        super().__init__()
        self.names: set[builtins.str] = set()
        if variables is not None:
            self.ENVIRON = variables

    def get_value(self, var: builtins.str, *args: Any, **options: Any) -> Any:
        self.names.add(var)
        return super().get_value(var, *args, **options)

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

    def int(
        self,
        var: builtins.str,
        default: Any = environ.Env.NOTSET,
        at_least: builtins.int = 0,
        at_most: builtins.int | None = None,
    ) -> builtins.int:
        """Return a whole number from `at_least` to `at_most`.

        Raises:
            ImproperlyConfigured: the value is not such a number.
        """
        value = self.get_value(var, cast=str, default=default)
        try:
            number = int(value)
        except ValueError:
            number = at_least - 1
        if number < at_least or (at_most is not None and number > at_most):
            expected = f", {at_least} or more" if at_most is None else f" from {at_least} to {at_most}"
            raise ImproperlyConfigured(f"{var} must be a whole number{expected}; it is {value!r}.")
        return number

    def port(self, var: builtins.str, default: builtins.int) -> builtins.int:
        """Return a port; 0 means any free one.

        Raises:
            ImproperlyConfigured: the value is not a port.
        """
        return self.int(var, default=default, at_most=65_535)

    def listening_host(self, var: builtins.str, default: builtins.str) -> builtins.str:
        """Return the address or the name of the interface to listen on.

        Raises:
            ImproperlyConfigured: the value is neither, such as one with a port.
        """
        value: builtins.str = self.get_value(var, cast=str, default=default)
        if not _is_host(value):
            raise ImproperlyConfigured(f"{var} must be an address or a name without a port; it is {value!r}.")
        return value

    def hosts(self, var: builtins.str, default: builtins.list[builtins.str]) -> builtins.list[builtins.str]:
        """Return the names of hosts, as ALLOWED_HOSTS lists them.

        Raises:
            ImproperlyConfigured: an entry is not a name, such as a URL or a name with a port.
        """
        hosts: builtins.list[builtins.str] = self.list(var, default=default)
        for host in hosts:
            if host.strip() != "*" and not _is_host(host.strip().removeprefix(".")):
                raise ImproperlyConfigured(
                    f"{var} must list names without scheme and port, as tandem.example.com; one is {host!r}."
                )
        return [host.strip() for host in hosts]

    def file(self, var: builtins.str) -> builtins.str:
        """Return the path of a file; empty stays empty.

        Raises:
            ImproperlyConfigured: there is no such file.
        """
        value: builtins.str = self.get_value(var, cast=str, default="")
        if value and not Path(value).is_file():
            raise ImproperlyConfigured(f"{var} must be the path of a file; {value!r} is not a file.")
        return value

    def email(self, var: builtins.str, default: builtins.str) -> builtins.str:
        """Return an e-mail address, with or without a name; empty stays empty.

        Raises:
            ImproperlyConfigured: the value is not an e-mail address.
        """
        value: builtins.str = self.get_value(var, cast=str, default=default)
        try:
            if value:
                validate_email(parseaddr(value)[1])
        except ValidationError:
            raise ImproperlyConfigured(f"{var} must be an e-mail address; it is {value!r}.") from None
        return value

    def urls(self, var: builtins.str, default: builtins.list[builtins.str]) -> builtins.list[builtins.str]:
        """Return URLs, of which there must be one at least.

        Raises:
            ImproperlyConfigured: there is none, or one has no scheme.
        """
        found: builtins.list[builtins.str] = self.list(var, default=default)
        if not found or not all(re.match(r"[a-z][a-z+]*://", url) for url in found):
            raise ImproperlyConfigured(
                f"{var} must list URLs, as embedded://; it is {','.join(map(without_credentials, found))!r}."
            )
        return found

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


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:
        return bool(_NAME.fullmatch(text))
    return True


def names_in(path: Path) -> set[str]:
    """Return the names of the variables that an `.env` file sets; none without such a file."""
    if not path.is_file():
        return set()
    return set(re.findall(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", path.read_text(), re.MULTILINE))


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


def object_storage(var: str, url: str) -> dict[str, Any]:
    """Return an entry of STORAGES for s3://KEY:SECRET@BUCKET/PREFIX?endpoint=URL&region=NAME.

    Without a key, the client of S3 looks for one as usual: AWS_ACCESS_KEY_ID, its configuration, the machine's role.

    Raises:
        ImproperlyConfigured: the URL is invalid, or the client of S3 is not installed. The value, which may hold a
            secret, is not shown.
    """
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    if (
        parts.scheme != "s3"
        or not parts.hostname
        or bool(parts.username) != bool(parts.password)
        or (options.keys() - {"endpoint", "region"})
        or "@" in parts.path  # A secret with a slash that is not escaped
    ):
        raise ImproperlyConfigured(
            f"{var} must be s3://KEY:SECRET@BUCKET/PREFIX?endpoint=URL&region=NAME, or empty; write / in KEY or SECRET "
            "as %2F."
        )
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ImproperlyConfigured(f"{var} needs the client of S3: install requirements-s3.txt, too.")
    given = {
        "bucket_name": parts.netloc.rpartition("@")[2],
        "location": parts.path.strip("/"),
        "access_key": unquote(parts.username or ""),
        "secret_key": unquote(parts.password or ""),
        "endpoint_url": options.get("endpoint", [""])[-1],
        "region_name": options.get("region", [""])[-1],
    }
    return {
        "BACKEND": "core.files.object_storage.ObjectStorage",
        "OPTIONS": {name: value for name, value in given.items() if value},
    }


def inner_folder(storage: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the storage of a folder within an object storage. The outer one does not list the files of the folder."""
    options = storage["OPTIONS"]
    location = "/".join(filter(None, (options.get("location", ""), name)))
    return {**storage, "OPTIONS": {**options, "location": location}}


def cache(var: str, url: str) -> dict[str, Any]:
    """Return an entry of CACHES for redis://HOST:PORT/NUMBER; for an empty URL, a cache in the memory of the process.

    Raises:
        ImproperlyConfigured: the URL is invalid, or the client of Redis is not installed. The value, which may hold a
            password, is not in the message.
    """
    if not url:
        # A result has at most 2 MB (`core.cached_results`).
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 64}}
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured(f"{var} must be redis://HOST:PORT/NUMBER, or rediss:// for TLS.")
    if find_spec("redis") is None:
        raise ImproperlyConfigured(f"{var} needs the client of Redis: install requirements-redis.txt, too.")
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "tandem",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }


def rate_limits(var: str, text: str) -> tuple[int, int, int]:
    """Return the limits on calls: without credentials, of a user, of a peer. 0 = without limit; `off` = all without.

    Raises:
        ImproperlyConfigured: the value is neither `off` nor three whole numbers.
    """
    if text == "off":
        return 0, 0, 0
    if not re.fullmatch(r" *[0-9]{1,9} *(, *[0-9]{1,9} *){2}", text):
        raise ImproperlyConfigured(f"{var} must be off, or three numbers as in 100,6000,60000.")
    anonymous, user, peer = map(int, text.split(","))
    return anonymous, user, peer


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
