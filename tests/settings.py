"""The product's settings, for tests: a cluster of their own that need not survive a crash, cheap password hashes."""

import os

# The .env file and the environment of a developer must not change the settings of the tests.
for name in (
    "DEBUG",
    "DEV_AUTH_AS",
    "DEV_AUTH_TOKEN",
    "ALLOW_SIGNUP",
    "JWT_PRIVATE_KEY",
    "JWT_PUBLIC_KEYS",
    "SECRET_KEY_FALLBACKS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "HTTPS_ONLY",
    "RATE_LIMITS",
    "REDIS_URL",
    "CORS_ALLOWED_ORIGINS",
    "EMAIL_URL",
    "PUBLIC_URL",
):
    os.environ[name] = ""
os.environ |= {
    "DEBUG": "false",
    "ALLOW_SIGNUP": "true",
    "HTTPS_ONLY": "false",
    # All tests call from one address.
    "RATE_LIMITS": "off",
    "SECRET_KEY": "for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "LOG_LEVEL": "WARNING",
}

from config.settings import *
from config.settings import BASE_DIR, INSTALLED_APPS, SPEECH_SCHEMES, STORAGES
from core.db.configuration import configuration

DATABASES = {"default": configuration(os.environ.get("TEST_DATABASE_URL"), BASE_DIR / "var" / "test", durable=False)}
INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.emptying"]
DATA_DIR = BASE_DIR / "var" / "test"
for name in ("recordings", "documents"):
    STORAGES[name]["OPTIONS"]["location"] = DATA_DIR / "media" / name  # type: ignore[index]
# pytest shows what is logged; the product's handlers would write between its lines.
LOGGING_CONFIG = None
# Files are served from their sources; they are not collected.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
STATIC_ROOT = None
ARGON2_MEMORY_KIB = 64
WEB_METRICS_PORT = GRPC_METRICS_PORT = WORKER_METRICS_PORT = NODE_METRICS_PORT = 0
METRICS_ON_HTTP_PORT = True
SPEECH_NODES = ["embedded://"]
SPEECH_SCHEMES = {
    **SPEECH_SCHEMES,
    "script": "tests.support.scripted_speech.ScriptedNode",
    "remote-script": "tests.support.scripted_speech.RemoteScriptedNode",
}
