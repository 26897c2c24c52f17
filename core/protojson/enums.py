"""Enum values as texts: without their prefix, in lower case, as JSON and query strings show them.

`USER_STATUS_PENDING_VERIFICATION` of `UserStatus` is `pending_verification`. UNSPECIFIED has no text: it means unset.
"""

from collections.abc import Mapping
from functools import cache

from google.protobuf.descriptor import EnumDescriptor


@cache
def names(enum: EnumDescriptor) -> Mapping[int, str]:
    """Number → text, for every value but UNSPECIFIED."""
    prefix = enum.values[0].name.rpartition("UNSPECIFIED")[0]
    return {
        value.number: value.name.removeprefix(prefix).lower()
        for value in enum.values
        if value.name != f"{prefix}UNSPECIFIED"
    }


@cache
def numbers(enum: EnumDescriptor) -> Mapping[str, int]:
    """Text → number, for every value but UNSPECIFIED."""
    return {name: number for number, name in names(enum).items()}


@cache
def unknown_choice(enum: EnumDescriptor) -> str:
    """The sentence that goes with the code `choice`, for a text or a number that the enum does not have.

    A text that is not known is refused by the HTTP door, a number that is not known by the operation: one sentence
    keeps the two equal.
    """
    return f"Choose one of: {', '.join(numbers(enum))}."
