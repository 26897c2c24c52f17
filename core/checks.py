"""Checks of `manage.py check --deploy`: combinations of settings that are unsafe in production, a sentence for each."""

from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from core.addresses import is_loopback
from server_certificates import CertificateError, check_authority, check_pair

TAG = "tandem"


@register(TAG, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """Return an error for each unsafe combination, and warnings of what is safe but rarely meant."""
    found: list[CheckMessage] = [
        Error(sentence, id=f"tandem.E{number:03}")
        for number, sentence in [*_development(), *_grpc(), *_certificates(), *_https()]
    ]
    if not settings.HTTPS_ONLY and is_loopback(settings.HTTP_HOST) and not settings.PUBLIC_URL.startswith("https:"):
        sentence = "HTTPS_ONLY is false, so cookies are sent in plain text: set HTTPS_ONLY=true behind HTTPS."
        found.append(CheckWarning(sentence, id="tandem.W011"))
    found += [CheckWarning(sentence, id=f"tandem.W{number:03}") for number, sentence in _mail()]
    return found


def _development() -> Iterator[tuple[int, str]]:
    if settings.DEBUG:
        yield 1, "DEBUG=true shows internals to callers and allows a development identity: unset it in production."
    if settings.DEV_AUTH_AS:
        yield 2, "DEV_AUTH_AS lets every caller act as that user: unset it in production."


def _grpc() -> Iterator[tuple[int, str]]:
    tls = settings.GRPC_TLS_CERT and settings.GRPC_TLS_KEY
    if not (tls or is_loopback(settings.GRPC_HOST) or settings.GRPC_TRUSTED_PROXIES):
        yield (
            3,
            f"GRPC_HOST={settings.GRPC_HOST} serves gRPC to other machines without TLS, credentials included: set "
            "GRPC_TLS_CERT and GRPC_TLS_KEY, or, if proxies or a mesh in front encrypt, GRPC_TRUSTED_PROXIES.",
        )
    if bool(settings.GRPC_TLS_CERT) != bool(settings.GRPC_TLS_KEY):
        yield 4, "GRPC_TLS_CERT and GRPC_TLS_KEY belong together: set both."
    if settings.GRPC_CLIENT_CA and not tls:
        yield 5, "GRPC_CLIENT_CA has no effect without TLS: set GRPC_TLS_CERT and GRPC_TLS_KEY."


def _certificates() -> Iterator[tuple[int, str]]:
    try:
        if settings.GRPC_TLS_CERT and settings.GRPC_TLS_KEY:
            check_pair(Path(settings.GRPC_TLS_CERT), Path(settings.GRPC_TLS_KEY))
        if settings.GRPC_CLIENT_CA:
            check_authority(Path(settings.GRPC_CLIENT_CA))
    except CertificateError as exc:
        yield 6, str(exc)


def _https() -> Iterator[tuple[int, str]]:
    if settings.HTTPS_ONLY:
        if not settings.TRUSTED_PROXIES:
            yield (
                7,
                "HTTPS_ONLY=true without TRUSTED_PROXIES redirects every request for ever, because the server cannot "
                "know that the proxy received HTTPS: set TRUSTED_PROXIES to the number of proxies.",
            )
    elif settings.PUBLIC_URL.startswith("https:"):
        yield 8, "PUBLIC_URL is https, but HTTPS_ONLY is false, so cookies are sent in plain text: set HTTPS_ONLY=true."
    elif not is_loopback(settings.HTTP_HOST):
        yield (
            9,
            f"HTTP_HOST={settings.HTTP_HOST} serves passwords and cookies to other machines in plain text: put a proxy "
            "with HTTPS in front, and set HTTPS_ONLY=true and TRUSTED_PROXIES.",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield 10, "ALLOWED_HOSTS=* accepts any name, which links in pages and mails then carry: list the public names."


def _mail() -> Iterator[tuple[int, str]]:
    if not settings.PUBLIC_URL:
        yield 12, "PUBLIC_URL is empty, so mails carry a token without a link: set it to the address of the web app."
    if parseaddr(settings.DEFAULT_FROM_EMAIL)[1].endswith("@localhost"):
        yield (
            13,
            f"Mails are sent as {settings.DEFAULT_FROM_EMAIL}, which most mail servers refuse: set DEFAULT_FROM_EMAIL, "
            "and EMAIL_URL if this machine has no mail server.",
        )
