"""The gRPC service config for clients in any language: which calls they may send again while a server is unavailable.

`tandem.client` has the same policy of its own, because it is installed without the server;
tests/contract/test_service_config.py compares them.
"""

from collections.abc import Iterable
from typing import Any

from core.operations import Operation

RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    # A server that ends resets the streams of calls that it has not begun.
    # A server that is busy refuses calls as RESOURCE_EXHAUSTED, with the time after which to repeat them; those that
    # would fail again soon (a spent budget, a full disk) it marks as not to be repeated.
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"],
}
#: Each failure takes a token and each success returns a tenth; retries stop while half of the tokens are used up.
RETRY_THROTTLING = {"maxTokens": 20, "tokenRatio": 0.1}


def service_config(operations: Iterable[Operation], *, with_keys: bool) -> dict[str, Any]:
    """Return the service config.

    Args:
        with_keys: also retry writes whose answers are kept for an idempotency key: a client that sends one with each
            call may repeat them.
    """
    names = sorted(
        (operation.method.containing_service.full_name, operation.method.name)
        for operation in operations
        if _is_repeatable(operation, with_keys=with_keys)
    )
    return {
        "methodConfig": [
            {
                "name": [{"service": service, "method": method} for service, method in names],
                "retryPolicy": RETRY_POLICY,
            }
        ],
        "retryThrottling": RETRY_THROTTLING,
    }


def _is_repeatable(operation: Operation, *, with_keys: bool) -> bool:
    if operation.takes_stream or operation.answers_stream:
        return False
    return not operation.writes or (with_keys and not operation.secret)
