"""`manage.py check --deploy` refuses unsafe combinations of settings."""

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from core.checks import TAG
from tests.support.certificates import Authority

SAFE: dict[str, Any] = {
    "DEBUG": False, "DEV_AUTH_AS": "", "GRPC_HOST": "127.0.0.1", "GRPC_TRUSTED_PROXIES": 0, "GRPC_TLS_CERT": "",
    "GRPC_TLS_KEY": "", "GRPC_CLIENT_CA": "", "HTTPS_ONLY": True, "TRUSTED_PROXIES": 1, "HTTP_HOST": "0.0.0.0",
    "PUBLIC_URL": "https://tandem.example.com", "ALLOWED_HOSTS": ["tandem.example.com"],
    "DEFAULT_FROM_EMAIL": "Tandem <tandem@example.com>",
}  # fmt: skip


def errors(**changed: Any) -> list[str]:
    """Return the sentences about these settings, warnings included."""
    with override_settings(**{**SAFE, **changed}):
        return [str(error.msg) for error in run_checks(tags=[TAG], include_deployment_checks=True)]


def test_unsafe_combinations_are_refused_with_a_sentence_each(tmp_path: Path) -> None:
    cert, key = map(str, Authority(tmp_path).issue("localhost"))
    late = Authority(tmp_path).issue("late", ends=timedelta(hours=-1))
    assert errors() == []
    for changed, sentence in (
        ({"DEBUG": True}, "DEBUG=true shows internals"),
        ({"DEV_AUTH_AS": "ann@example.com"}, "DEV_AUTH_AS lets every caller act"),
        ({"GRPC_HOST": "0.0.0.0"}, "GRPC_HOST=0.0.0.0 serves gRPC to other machines without TLS"),
        ({"GRPC_TLS_CERT": cert}, "GRPC_TLS_CERT and GRPC_TLS_KEY belong together"),
        ({"GRPC_CLIENT_CA": cert}, "GRPC_CLIENT_CA has no effect without TLS"),
        ({"GRPC_TLS_CERT": str(late[0]), "GRPC_TLS_KEY": str(late[1])}, "late.pem expired on 2"),
        ({"TRUSTED_PROXIES": 0}, "HTTPS_ONLY=true without TRUSTED_PROXIES redirects every request for ever"),
        ({"HTTPS_ONLY": False}, "PUBLIC_URL is https, but HTTPS_ONLY is false"),
        ({"HTTPS_ONLY": False, "PUBLIC_URL": "http://localhost"}, "HTTP_HOST=0.0.0.0 serves passwords and cookies"),
        (
            {"HTTPS_ONLY": False, "PUBLIC_URL": "http://localhost", "HTTP_HOST": "127.0.0.1"},
            "set HTTPS_ONLY=true behind HTTPS",
        ),
        ({"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS=* accepts any name"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL is empty, so mails carry a token without a link"),
        ({"DEFAULT_FROM_EMAIL": "Tandem <tandem@localhost>"}, "sent as Tandem <tandem@localhost>, which most mail"),
    ):
        (found,) = errors(**changed)
        assert sentence in found
    for allowed in (
        {"GRPC_HOST": "0.0.0.0", "GRPC_TLS_CERT": cert, "GRPC_TLS_KEY": key},
        {"GRPC_HOST": "0.0.0.0", "GRPC_TRUSTED_PROXIES": 1},
    ):
        assert errors(**allowed) == []


def test_the_command_fails_and_only_with_the_option() -> None:
    with override_settings(**{**SAFE, "GRPC_HOST": "::"}):
        call_command("check", stdout=StringIO(), stderr=StringIO())
        with pytest.raises(SystemCheckError, match=r"tandem\.E003"):
            call_command("check", tags=[TAG], deploy=True, stdout=StringIO(), stderr=StringIO())
