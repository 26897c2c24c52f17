"""The limit on the values of a message, as JSON or protobuf. Each value costs time and many times its own bytes."""

from google.protobuf.message import Message

MAX_VALUES = 10_000
TOO_MANY = f"A message may have {MAX_VALUES:,} values, counting those in lists and objects."


def has_too_many_values(message: Message) -> bool:
    """Return whether a message has more than `MAX_VALUES` values. Lists of scalars are counted by their length."""
    return _left(message, MAX_VALUES) < 0


def _left(message: Message, limit: int) -> int:
    for field, value in message.ListFields():
        if not field.is_repeated:
            limit -= 1
            parts = (value,)
        else:
            limit -= len(value)
            parts = value.values() if hasattr(value, "values") else value
        if limit < 0:
            break
        if field.message_type is not None:
            for part in parts:
                if isinstance(part, Message) and (limit := _left(part, limit)) < 0:
                    break
    return limit
