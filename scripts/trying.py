"""Checks and output for the steps of `try_grpc.py`."""

UNKNOWN_ID = "00000000-0000-7000-8000-000000000000"


class AnswerError(Exception):
    """A response of the server that violates the contract."""


def expect(what: str, actual: object, expected: object) -> None:
    """Raise AnswerError unless both are equal."""
    if actual != expected:
        raise AnswerError(f"{what} should be {expected!r} and is {actual!r}.")


def show(what: str, value: object) -> None:
    print(f"  {what}: {value}")
