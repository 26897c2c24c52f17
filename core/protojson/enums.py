"""Enum values as texts for JSON and query strings: in lower case and without their prefix.

`USER_STATUS_PENDING_VERIFICATION` of `UserStatus` is `pending_verification`. UNSPECIFIED has no text: it means unset.
"""

from collections.abc import Mapping
from functools import cache

from google.protobuf.descriptor import EnumDescriptor


@cache
def names(enum: EnumDescriptor) -> Mapping[int, str]:
    """Return number → text, for every value except UNSPECIFIED."""
    prefix = enum.values[0].name.rpartition("UNSPECIFIED")[0]
    return {
        value.number: value.name.removeprefix(prefix).lower()
        for value in enum.values
        if value.name != f"{prefix}UNSPECIFIED"
    }


@cache
def numbers(enum: EnumDescriptor) -> Mapping[str, int]:
    """Return text → number, for every value except UNSPECIFIED."""
    return {name: number for number, name in names(enum).items()}


@cache
def unknown_choice(enum: EnumDescriptor) -> str:
    """Return the message of the code `choice`, for a text or a number that the enum does not have.

    The REST transport rejects an unknown text, the operation an unknown number; both use this message.
    """
    return f"Choose one of: {', '.join(numbers(enum))}."
