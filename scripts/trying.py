"""What the steps of `try_grpc.py` are made of."""

UNKNOWN_ID = "00000000-0000-7000-8000-000000000000"


class AnswerError(Exception):
    """The server answered, but not as the contract says."""


def expect(what: str, actual: object, expected: object) -> None:
    """Raises AnswerError unless both are equal."""
    if actual != expected:
        raise AnswerError(f"{what} should be {expected!r} and is {actual!r}.")


def show(what: str, value: object) -> None:
    print(f"  {what}: {value}")
