"""Settings that have no variable, changed for servers that tests and benchmarks start.

`as_variables` gives such a setting a variable of its own, which only the settings of tests and of benchmarks read.
"""

from collections.abc import Mapping
from typing import Any

from config.environment import Env
from config.variables import REMOVED

_PREFIX = "TEST_SETTING_"
#: Former variables, and settings that never had one.
_NAMES = {*REMOVED, "WEB_METRICS_PORT"}


def as_variables(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that sets them: variables of the server under their names, the rest under ours."""
    return {f"{_PREFIX}{name}" if name in _NAMES else name: value for name, value in settings.items()}


def read(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the environment changes, and what follows from them."""
    env = Env()
    found = {
        name: _typed(env, name, settings[name]) for name in _NAMES if name in settings and _PREFIX + name in env.ENVIRON
    }
    if "UPLOAD_THREADS" in found:
        found["MAX_REQUEST_STREAMS"] = 8 * found["UPLOAD_THREADS"]
    if "LOG_JSON" in found:
        from core.observability.logging import logging_config

        found["LOGGING"] = logging_config(level=settings["LOG_LEVEL"], json=found["LOG_JSON"])
    return found


def _typed(env: Env, name: str, default: object) -> Any:
    name = _PREFIX + name
    match default:
        case bool():
            return env.bool(name)
        case int():
            return env.int(name)
        case float():
            return env.float(name)
        case list():
            return env.list(name)
    return env.str(name)
