"""Variables that are set in vain: former ones, and misspelt names in `.env`."""

import difflib
import re
from collections.abc import Iterable

from config.environment import Env

_FIXED = "it has a fixed value now; remove it"
_PROCESSORS = "it follows the number of processors; remove it"

#: Former variables, and what to do where one is still set.
REMOVED = {
    "HTTP_GRACE_SECONDS": "use the option --grace of runweb",
    "GRPC_GRACE_SECONDS": "use the option --grace of rungrpc",
    "GRPC_DRAIN_WAIT_SECONDS": "use the option --drain-wait of rungrpc",
    "GRPC_PROCESSES": "use the option --processes of rungrpc",
    "GRPC_METRICS_PORT": "use the option --metrics-port of rungrpc",
    "HTTP_KEEPALIVE_SECONDS": "use the option --keepalive of runweb, if 75 s do not fit your balancer",
    "SPEECH_MODEL_DIR": "name the folder in SPEECH_NODES, as embedded:///srv/model",
    "GRPC_REFLECTION": "use the option --reflection or --no-reflection of rungrpc",
    "WORKER_THREADS": "use the option --threads of runworker",
    "WORKER_SLOW_THREADS": "use the option --slow-threads of runworker",
    "WORKER_GRACE_SECONDS": "use the option --grace of runworker",
    "TRACING": "set OTEL_EXPORTER_OTLP_ENDPOINT instead",
    "LOG_JSON": "it follows DEBUG; remove it",
    "GRPC_MAX_QUEUE": "it follows GRPC_MAX_WORKERS; remove it",
    "MAX_STREAMS_PER_CALLER": "it follows MAX_STREAMS; set that instead",
    "UPLOAD_THREADS": "it follows HTTP_THREADS; set that instead",
    "CSRF_TRUSTED_ORIGINS": "it follows ALLOWED_HOSTS and HTTPS_ONLY; set these instead",
    "HSTS_SECONDS": "it follows HTTPS_ONLY; have the proxy send another Strict-Transport-Security if needed",
    "GRPC_SENDERS": _PROCESSORS,
    "PASSWORD_HASHES_AT_ONCE": _PROCESSORS,
    **dict.fromkeys(
        (
            "DATABASE_STATEMENT_SECONDS",
            "DATABASE_IDLE_TRANSACTION_SECONDS",
            "HTTP_MAX_CONNECTIONS",
            "MAX_CALL_SECONDS",
            "BODY_WAIT_SECONDS",
            "MAX_RECORDING_BYTES",
            "MAX_RECORDING_SECONDS",
            "UPLOADS_PER_USER",
            "UPLOAD_BYTES_PER_USER",
            "DISK_RESERVE_BYTES",
            "SPEECH_SILENCE_SECONDS",
            "SPEECH_BUSY_SECONDS",
            "STREAM_STALL_SECONDS",
            "MAX_REQUEST_STREAMS_PER_CALLER",
            "UPLOAD_IDLE_SECONDS",
            "GRPC_MAX_STREAMS_PER_CONNECTION",
            "GRPC_MESSAGE_WAIT_SECONDS",
            "GRPC_MAX_CONNECTION_AGE_SECONDS",
            "GRPC_MAX_CONNECTION_AGE_GRACE_SECONDS",
            "SIGNUPS_PER_HOUR",
            "ARGON2_MEMORY_KIB",
            "ARGON2_PASSES",
            "JWT_ISSUER",
            "JWT_AUDIENCE",
            "ACCESS_TOKEN_SECONDS",
            "REFRESH_TOKEN_SECONDS",
            "LOGINS_PER_ACCOUNT",
            "LOGINS_PER_ADDRESS",
            "LOGIN_FAILURES_PER_ACCOUNT",
            "MAILS_PER_ACCOUNT",
            "RESETS_PER_ADDRESS",
            "CHANGES_KEPT_ROWS",
            "WATCH_MOST_BEHIND",
            "EMAIL_TIMEOUT_SECONDS",
        ),
        _FIXED,
    ),
}
#: Names that `.env` may hold and the settings do not read: of the start script, and of common libraries.
_OTHERS = re.compile(r"TANDEM_HOST|TEST_DATABASE_URL|\w+_PROXY|PG\w+|OTEL_\w+", re.IGNORECASE)
#: Of names in `.env`, and in the environment, most of which belong to other programs.
_SIMILARITY, _SIMILARITY_IN_ENVIRONMENT = 0.8, 0.88


def warnings(env: Env, in_file: Iterable[str]) -> list[str]:
    """Return one sentence for each variable that is set in vain.

    A former variable is emptied, so that processes that this one starts do not repeat its warning.

    Args:
        env: the reader, after all settings were read.
        in_file: the names that `.env` sets.
    """
    found = [
        f"{name} is set, but is no longer read: {advice}." for name, advice in REMOVED.items() if env.ENVIRON.get(name)
    ]
    env.ENVIRON.update({name: "" for name in REMOVED if env.ENVIRON.get(name)})
    named = set(in_file)
    for name in sorted({*named, *env.ENVIRON} - env.names - REMOVED.keys()):
        place, similarity = ("in .env", _SIMILARITY) if name in named else ("is set, but", _SIMILARITY_IN_ENVIRONMENT)
        similar = difflib.get_close_matches(name.upper(), sorted(env.names), 1, similarity)
        if similar and not _OTHERS.fullmatch(name):
            found.append(f"{name} {place} is not a variable of Tandem: did you mean {similar[0]}?")
    return found
