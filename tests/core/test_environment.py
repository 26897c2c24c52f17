"""A setting that is mistyped stops the start with a sentence that names it (`config.environment`)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import Env, log_level, mail, names_in, object_storage, page_address
from config.variables import warnings
from tests.contract.test_settings import variables
from tests.support.servers import ROOT


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


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bucket",
        "s3://",
        "s3:///prefix",
        "https://key:secret@bucket",
        "s3://key@bucket",
        "s3://key:secret@b?acl=all",
        "s3://key:sec/ret@bucket",
    ],
)
def test_object_storage_refuses_another_url_without_showing_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^RECORDINGS_STORAGE must be s3://") as refused:
        object_storage("RECORDINGS_STORAGE", url)
    assert "secret" not in str(refused.value)


def test_addresses_of_pages_and_levels() -> None:
    assert page_address("PUBLIC_URL", "") == ""
    assert page_address("PUBLIC_URL", "https://a.example/") == "https://a.example"
    with pytest.raises(ImproperlyConfigured, match="PUBLIC_URL must be an address"):
        page_address("PUBLIC_URL", "a.example")
    assert log_level("LOG_LEVEL", "warning") == "WARNING"
    with pytest.raises(ImproperlyConfigured, match=r"^LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR; it is 'loud'.$"):
        log_level("LOG_LEVEL", "loud")


def test_ports_hosts_files_and_addresses(tmp_path: Path) -> None:
    here = tmp_path / "cert.pem"
    here.touch()
    hosts = "a.example, .b.example,[::1],*"
    env = Env({"PORT": "0", "HOST": "::1", "FILE": str(here), "HOSTS": hosts, "MAIL": "a@b.example"})
    assert (env.port("PORT", default=1), env.listening_host("HOST", default="")) == (0, "::1")
    assert (env.file("FILE"), env.file("OTHER")) == (str(here), "")
    assert env.hosts("HOSTS", default=[]) == ["a.example", ".b.example", "[::1]", "*"]
    assert (env.email("MAIL", default=""), env.email("OTHER", default="")) == ("a@b.example", "")
    assert env.names == {"PORT", "HOST", "FILE", "HOSTS", "MAIL", "OTHER"}


#: Each variable that cannot have every value → a value that does not fit.
MISTYPED = {
    "DEBUG": "maybe",
    "SECRET_KEY": "short",
    "SECRET_KEY_FALLBACKS": "short",
    "LOG_LEVEL": "loud",
    "METRICS_HOST": "127.0.0.1:9481",
    "DATABASE_URL": "postgres://u:p@localhost:abc/x",
    "DATABASE_DIRECT_URL": "postgres://u:p@localhost:abc/x",
    "CHANGES_KEPT_DAYS": "90d",
    "ALLOWED_HOSTS": "https://tandem.example.com",
    "HTTP_HOST": "127.0.0.1:8000",
    "HTTP_PORT": "abc",
    "HTTP_THREADS": "0",
    "TRUSTED_PROXIES": "10.0.0.1",
    "CORS_ALLOWED_ORIGINS": "app.example.com",
    "CORS_ALLOW_CREDENTIALS": "app",
    "RATE_LIMITS": "100,many",
    "HTTPS_ONLY": "ture",
    "GRPC_HOST": "http://localhost",
    "GRPC_PORT": "65536",
    "GRPC_TRUSTED_PROXIES": "yes",
    "GRPC_MAX_WORKERS": "1.5",
    "GRPC_TLS_CERT": "/nowhere/cert.pem",
    "GRPC_TLS_KEY": "/nowhere/key.pem",
    "GRPC_CLIENT_CA": "/nowhere/ca.pem",
    "MAX_STREAMS": "0",
    "ALLOW_SIGNUP": "never",
    "DEV_AUTH_AS": "admin",
    "DEV_AUTH_TOKEN": "anonymous-user",  # Without DEV_AUTH_AS.
    "DEV_AUTH_PUBLISHED_ON_LOOPBACK": "ture",
    "EMAIL_URL": "smpt://mail.example.com",
    "DEFAULT_FROM_EMAIL": "Tandem",
    "PUBLIC_URL": "tandem.example.com",
    "RECORDING_BYTES_PER_USER": "10GB",
    "RECORDINGS_STORAGE": "s3:bucket",
    "REDIS_URL": "localhost:6379",
    "SPEECH_NODES": "embedded",
}
#: Read when the applications start, not with the settings.
KEYS = {"JWT_PRIVATE_KEY": "nonsense", "JWT_PUBLIC_KEYS": "nonsense"}
_LOAD = """
import json, os, sys
from django.core.exceptions import ImproperlyConfigured
found = {}
for name, value in json.loads(sys.argv[1]).items():
    before = dict(os.environ)
    os.environ[name] = value
    try:
        import config.settings
    except ImproperlyConfigured as exc:
        found[name] = str(exc)
    os.environ.clear()
    os.environ.update(before)
    for module in [module for module in sys.modules if module.startswith("config.settings")]:
        del sys.modules[module]
print(json.dumps(found))
"""


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", **environment}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=120
    )


def test_every_mistyped_value_is_refused_by_its_name() -> None:
    assert MISTYPED.keys() | KEYS.keys() | {"TANDEM_DATA_DIR"} == variables().keys()
    done = run("-c", _LOAD, json.dumps(MISTYPED))
    assert done.returncode == 0, done.stderr
    sentences = json.loads(done.stdout)
    assert sentences.keys() == MISTYPED.keys()
    assert [name for name, sentence in sentences.items() if name.removesuffix("_FALLBACKS") not in sentence] == []


@pytest.mark.parametrize(
    ("command", "name", "value", "sentence"),
    [
        ("check", "LOG_LEVEL", "loud", "LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR; it is 'loud'."),
        ("runweb", "HTTP_PORT", "abc", "HTTP_PORT must be a whole number from 0 to 65535; it is 'abc'."),
        ("rungrpc", "GRPC_TLS_CERT", "/a.pem", "GRPC_TLS_CERT must be the path of a file; '/a.pem' is not a file."),
        ("runworker", "DEBUG", "maybe", "DEBUG must be true or false; it is 'maybe'."),
        (
            "runworker", "SPEECH_NODES", "grpcs://a.example",
            "SPEECH_NODES must list nodes as grpcs://host:port?ca=FILE&cert=FILE&key=FILE; one is 'grpcs://a.example'.",
        ),
        (
            "migrate", "DATABASE_URL", "postgres://u:p@localhost:abc/x",
            "DATABASE_URL must be postgres://user:password@host:port/name.",
        ),
    ],
)  # fmt: skip
def test_command_ends_with_the_message_alone(command: str, name: str, value: str, sentence: str) -> None:
    done = run("manage.py", command, **{name: value})
    assert (done.returncode, done.stderr) == (1, f"The settings do not fit: {sentence}\n")


@pytest.mark.parametrize("name", KEYS)
def test_command_ends_with_a_message_about_keys(name: str) -> None:
    done = run("manage.py", "runweb", **{name: KEYS[name]})
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert name in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "code", "sentence"),
    [
        ("HTTP_PORT", "abc", 2, "HTTP_PORT must be a whole number from 1 to 65535; it is 'abc'."),
        ("DEBUG", "maybe", 1, "The settings do not fit: DEBUG must be true or false; it is 'maybe'."),
        (
            "DEV_AUTH_PUBLISHED_ON_LOOPBACK", "ture", 1,
            "The settings do not fit: DEV_AUTH_PUBLISHED_ON_LOOPBACK must be true or false; it is 'ture'.",
        ),
        ("HTTP_THREADS", "many", 1,
         "The settings do not fit: HTTP_THREADS must be a whole number, 1 or more; it is 'many'."),
    ],
)  # fmt: skip
def test_start_script_ends_with_the_message_alone(
    name: str, value: str, code: int, sentence: str, tmp_path: Path
) -> None:
    done = run("-m", "scripts.dev", "--data-dir", str(tmp_path), **{name: value})
    assert (done.returncode, done.stderr) == (code, f"{sentence}\n")


def test_former_variables_and_misspelt_names_are_each_reported() -> None:
    env = Env(
        {"GRPC_GRACE_SECONDS": "5", "LOG_JSON": "", "HTTP_PORT": "8000", "TRUSTED_PROXYS": "1", "REDIS_HOST": "x"}
    )
    env.names.update(("HTTP_PORT", "DATABASE_URL", "TRUSTED_PROXIES", "REDIS_URL"))
    in_file = {"HTTP_PROT", "HTTP_PORT", "HTTP_PROXY", "REDIS_URL", "database_url", "TANDEM_HOST"}
    assert warnings(env, in_file) == [
        "GRPC_GRACE_SECONDS is set, but is no longer read: use the option --grace of rungrpc.",
        "HTTP_PROT in .env is not a variable of Tandem: did you mean HTTP_PORT?",
        "TRUSTED_PROXYS is set, but is not a variable of Tandem: did you mean TRUSTED_PROXIES?",
        "database_url in .env is not a variable of Tandem: did you mean DATABASE_URL?",
    ]
    assert [one for one in warnings(env, {"HTTP_PORT"}) if "no longer" in one] == [], (
        "a process that this one starts repeats the warning"
    )


def test_names_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert names_in(file) == set()
    file.write_text("# HTTP_HOST=x\nHTTP_PROT=1\nexport DEBUG = true\n\n")
    assert names_in(file) == {"HTTP_PROT", "DEBUG"}


def test_a_former_variable_is_one_line_at_the_start() -> None:
    done = run("manage.py", "check", ARGON2_PASSES="3")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "ARGON2_PASSES is set, but is no longer read: it has a fixed value now; remove it." in done.stderr


def test_other_settings_follow_from_variables() -> None:
    script = (
        "import json, config.settings as s; print(json.dumps([s.CSRF_TRUSTED_ORIGINS, s.MAX_STREAMS_PER_CALLER, "
        "s.GRPC_MAX_QUEUE, s.MAX_REQUEST_STREAMS, s.SECURE_HSTS_SECONDS, s.LOG_JSON, s.GRPC_REFLECTION]))"
    )
    done = run(
        "-c", script, DEBUG="false", SECRET_KEY="s" * 32, HTTPS_ONLY="true", MAX_STREAMS="100", GRPC_MAX_WORKERS="3",
        HTTP_THREADS="2", ALLOWED_HOSTS="tandem.example.com,.example.org,*",
    )  # fmt: skip
    origins = ["https://tandem.example.com", "https://*.example.org"]
    assert json.loads(done.stdout) == [origins, 30, 30, 16, 31_536_000, True, False], done.stderr
