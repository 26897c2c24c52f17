"""A setting that is mistyped stops the start with a sentence that names it (`config.environment`)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import Env, log_level, mail, page_address

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("text", ["abc", "", "-1", "1.5"])
def test_int_refuses_what_is_no_whole_number(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGS", text)
    with pytest.raises(ImproperlyConfigured, match=f"^THINGS must be a whole number, 0 or more; it is '{text}'.$"):
        Env().int("THINGS", default=3)


@pytest.mark.parametrize("text", ["abc", "", "-1", "60s", "nan", "inf", "1,5"])
def test_float_refuses_what_is_no_number(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGS", text)
    with pytest.raises(ImproperlyConfigured, match=f"^THINGS must be a number, 0 or more; it is '{text}'.$"):
        Env().float("THINGS", default=3)


@pytest.mark.parametrize("text", ["ture", "maybe", "2"])
def test_bool_refuses_what_is_neither_true_nor_false(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGS", text)
    with pytest.raises(ImproperlyConfigured, match=f"^THINGS must be true or false; it is '{text}'.$"):
        Env().bool("THINGS", default=False)


def test_values_that_fit_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THINGS", raising=False)
    env = Env()
    assert (env.int("THINGS", default=3), env.float("THINGS", default=4)) == (3, 4.0)
    assert env.bool("THINGS", default=True)
    monkeypatch.setenv("THINGS", "1")
    assert (env.int("THINGS", default=3), env.float("THINGS", default=4)) == (1, 1.0)
    assert env.bool("THINGS", default=False)
    monkeypatch.setenv("THINGS", "1e3")
    assert env.float("THINGS", default=4) == 1000.0
    for text, value in (("True", True), ("on", True), ("FALSE", False), ("off", False), ("", False)):
        monkeypatch.setenv("THINGS", text)
        assert env.bool("THINGS", default=not value) is value


@pytest.mark.parametrize("url", ["smpt://h", "localhost", "smtp://user:secret@h:x", ""])
def test_mail_refuses_another_url_without_showing_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^EMAIL_URL must be smtp://") as refused:
        mail(url)
    assert "secret" not in str(refused.value)


def test_addresses_of_pages_and_levels() -> None:
    assert page_address("PUBLIC_URL", "") == ""
    assert page_address("PUBLIC_URL", "https://a.example/") == "https://a.example"
    with pytest.raises(ImproperlyConfigured, match="PUBLIC_URL must be an address"):
        page_address("PUBLIC_URL", "a.example")
    assert log_level("LOG_LEVEL", "warning") == "WARNING"
    with pytest.raises(ImproperlyConfigured, match=r"^LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR; it is 'loud'.$"):
        log_level("LOG_LEVEL", "loud")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HTTP_THREADS", "abc", "HTTP_THREADS must be a whole number, 1 or more; it is 'abc'."),
        ("GRPC_MAX_WORKERS", "0", "GRPC_MAX_WORKERS must be a whole number, 1 or more; it is '0'."),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR; it is 'loud'."),
        (
            "DATABASE_URL",
            "postgres://u:p@localhost:abc/x",
            "DATABASE_URL must be postgres://user:password@host:port/name.",
        ),
    ],
)
def test_command_ends_with_the_sentence_alone(name: str, value: str, sentence: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, f"The settings do not fit: {sentence}\n")
