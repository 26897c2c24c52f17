"""Conversion of users to messages of the contracts, and of messages to fields."""

import datetime
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError

from changes.feed.subjects import Visibility
from core.actors import Actor
from core.conversions import checked_numbers, read_fields, read_timestamp, set_timestamp
from core.errors import invalid
from core.field_paths import rename_fields
from core.protojson.enums import names, unknown_choice
from tandem.common.v1 import common_pb2
from tandem.example.v1 import example_pb2
from tandem.user.v1 import user_pb2
from users import policies
from users.fields import e164, phone_parts
from users.models import PREFERENCES, AddressType, User, UserAddress

PROFILE = (
    "bio", "date_of_birth", "gender", "language", "currency", "timezone", "company", "website", "social_links",
)  # fmt: skip
#: Paths that a mask of UpdateUser may name. Only administrators may write roles and status.
WRITABLE = (
    "email", "display_name", "first_name", "last_name", "phone", "avatar_url", "status", "roles",
    *(f"profile.{name}" for name in PROFILE),
)  # fmt: skip
#: Fields that an import reads besides the profile and `audit.created_at`.
_IMPORTED = frozenset(
    ("id", "email", "display_name", "first_name", "last_name", "phone", "avatar_url", "status", "roles",
     "email_verified", "phone_verified", "last_login_at")
)  # fmt: skip
#: Fields of an address in the message itself, those in its postal part, and the paths that a mask may name.
ADDRESS = ("label", "full_name", "type", "is_default_shipping", "is_default_billing", "delivery_instructions")
POSTAL = tuple(common_pb2.Address.DESCRIPTOR.fields_by_name)
WRITABLE_OF_ADDRESS = (*ADDRESS, "phone", *(f"address.{name}" for name in POSTAL))
#: Fields of a user that every signed-in caller sees.
PARTIAL = ("id", "display_name", "first_name", "last_name", "avatar_url", "status")
#: Field of the model → path in the message, where they differ.
PATHS = {name: f"profile.{name}" for name in PROFILE}
IMPORT_PATHS = {name: f"user.{name}" for name in (*_IMPORTED, "audit.created_at")} | {
    name: f"user.{path}" for name, path in PATHS.items()
}
ADDRESS_PATHS = {name: f"address.{name}" for name in POSTAL}

#: Message of VerifyEmail, by whether a mail is sent; and of RequestPasswordReset, which is the same for every address.
VERIFY_EMAIL = {
    True: "A mail with a token will be sent.",
    False: "No mail is sent: the e-mail address is already verified, or the account is closed.",
}
RESET_REQUESTED = "If this e-mail address has an account, a mail with a token will be sent to it."


def user_message(user: User, actor: Actor) -> user_pb2.User:
    """Return the message of a user, reduced to what this actor may see."""
    return user_message_to(user, Visibility.WHOLE if policies.may_read_everything(actor, user) else Visibility.PART)


def reduced_user(message: user_pb2.User) -> user_pb2.User:
    """Reduce the whole message of a user to the fields that every signed-in caller sees."""
    return user_pb2.User(**{name: getattr(message, name) for name in PARTIAL})


def user_message_to(user: User, extent: Visibility) -> user_pb2.User:
    """Return the message of a user at this visibility."""
    message = user_pb2.User(
        id=str(user.id),
        display_name=user.display_name,
        first_name=user.first_name,
        last_name=user.last_name,
        avatar_url=user.avatar_url,
        status=user.status,  # type: ignore[arg-type]
    )
    if extent is not Visibility.WHOLE:
        return message
    message.email = user.email
    message.roles.extend(user.roles)  # type: ignore[arg-type]
    message.email_verified = user.email_verified
    message.phone_verified = user.phone_verified
    if user.phone:
        _fill_phone(message.phone, user.phone)
    _fill_profile(message.profile, user)
    _fill_audit(message.audit, user)
    if user.last_login_at:
        set_timestamp(message.last_login_at, user.last_login_at)
    return message


def example_user_message(user: User, actor: Actor) -> example_pb2.User:
    """Return the message of a user in ExampleService, reduced to what this actor may see."""
    message = example_pb2.User(id=user.number or 0, name=user.display_name)
    if policies.may_read_everything(actor, user):
        message.email = user.email
        message.created_at = int(user.created_at.timestamp())
        message.updated_at = int(user.updated_at.timestamp())
    return message


def address_message(address: UserAddress) -> user_pb2.UserAddress:
    """Return the message of an address, for callers that may read all of its user."""
    message = user_pb2.UserAddress(
        id=str(address.pk),
        user_id=str(address.user_id),
        address=common_pb2.Address(**{name: getattr(address, name) for name in POSTAL}),
        **{name: getattr(address, name) for name in ADDRESS},
    )
    if address.phone:
        _fill_phone(message.phone, address.phone)
    _fill_audit(message.audit, address)
    return message


def address_fields(address: user_pb2.UserAddress, paths: Iterable[str]) -> dict[str, Any]:
    """Convert these paths of the message to fields of the model.

    Raises:
        ValidationError: with every field that cannot be read.
    """
    paths = list(paths)
    fields = read_fields(address, [path for path in paths if "." not in path], _READ)
    postal = {path.partition(".")[2] for path in paths if "." in path}
    return fields | {name: getattr(address.address, name) for name in postal}


def read_address_type(message: Any, name: str = "type") -> int:
    """Read an AddressType; UNSPECIFIED is 0.

    Raises:
        ValidationError: the number is unknown.
    """
    number: int = getattr(message, name)
    return checked_numbers(user_pb2.AddressType.DESCRIPTOR, [number], name)[0] if number else 0


def preferences_message(user: User) -> user_pb2.UserPreferences:
    """Return the message of all preferences of a user, with defaults for those that are not set."""
    message = user_pb2.UserPreferences()
    for path, value in {**PREFERENCES, **user.preferences}.items():
        part, _, name = path.partition(".")
        setattr(getattr(message, part), name, value)
        getattr(message, part).SetInParent()
    return message


def preference_fields(preferences: user_pb2.UserPreferences, paths: Iterable[str]) -> dict[str, bool]:
    """Return the values of these paths of the message, by path."""
    return {path: attrgetter(path)(preferences) for path in paths}


def new_user_fields(request: user_pb2.CreateUserRequest) -> dict[str, Any]:
    """Convert the request to the arguments of `create_user`.

    Raises:
        ValidationError: with every field that cannot be read.
    """
    names = ("email", "password", "first_name", "last_name", "display_name", "phone", "roles")
    return read_fields(request, names, _READ)


def imported_fields(request: user_pb2.BulkImportUsersRequest) -> dict[str, Any]:
    """Convert a row to the values of `import_users`: the `password_hash`, and the fields of the user that are set.

    Raises:
        ValidationError: with every field that cannot be read.
    """
    with rename_fields(IMPORT_PATHS):
        return _user_in_row(request.user) | {"password_hash": request.password_hash}


def _user_in_row(user: user_pb2.User) -> dict[str, Any]:
    names = [field.name for field, _ in user.ListFields() if field.name in _IMPORTED]
    fields = read_fields(user, names, _READ)
    if user.HasField("profile"):
        fields |= read_fields(user.profile, [field.name for field, _ in user.profile.ListFields()], _READ)
    if user.audit.HasField("created_at"):
        fields["created_at"] = read_timestamp(user.audit, "created_at", "audit.created_at")
    return fields


def imported_row(user: User, actor: Actor, password_hash: str = "") -> user_pb2.BulkImportUsersRequest:
    """Return the row that imports this user elsewhere. It is the inverse of `imported_fields`."""
    row = user_pb2.BulkImportUsersRequest(user=user_message(user, actor), password_hash=password_hash)
    if user.phone:
        row.user.phone.CopyFrom(common_pb2.PhoneNumber(e164=user.phone))
    row.user.ClearField("audit")
    set_timestamp(row.user.audit.created_at, user.created_at)
    return row


def user_fields(user: user_pb2.User, paths: Iterable[str]) -> dict[str, Any]:
    """Convert these paths of the message to fields of the model.

    Raises:
        ValidationError: with every field that cannot be read.
    """
    paths = list(paths)
    fields = read_fields(user, [path for path in paths if "." not in path], _READ)
    return fields | profile_fields(user.profile, [path.partition(".")[2] for path in paths if "." in path])


def profile_fields(profile: user_pb2.UserProfile, names: Iterable[str]) -> dict[str, Any]:
    """Convert these fields of the profile to fields of the model, like `user_fields`."""
    return read_fields(profile, names, _READ)


def _read_phone(message: Any, name: str) -> str:
    """Read a telephone number from either of its forms as E.164; empty if it is unset."""
    phone: common_pb2.PhoneNumber = message.phone
    country_code = phone.country_code and f"+{phone.country_code.removeprefix('+')}"
    from_parts = country_code + phone.national_number
    try:
        if phone.e164 and from_parts and e164(from_parts) != e164(phone.e164):
            raise ValidationError("The parts and e164 are different numbers; send only one of them.", code="phone")
        return e164(phone.e164 or from_parts) if phone.e164 or from_parts else ""
    except ValidationError as exc:
        raise ValidationError({name: exc.error_list}) from exc


def _read_date(message: Any, name: str) -> datetime.date | None:
    if not message.HasField(name):
        return None
    day: common_pb2.Date = getattr(message, name)
    try:
        return datetime.date(day.year, day.month, day.day)
    except ValueError as exc:
        raise invalid(name, "date", "Enter a valid date with year, month and day.") from exc


def _read_status(message: Any, name: str) -> int:
    number: int = getattr(message, name)
    if number == 0:
        raise invalid(name, "required", "Status is required.")
    if number not in names(user_pb2.UserStatus.DESCRIPTOR):
        raise invalid(name, "choice", unknown_choice(user_pb2.UserStatus.DESCRIPTOR))
    return number


def _read_roles(message: Any, name: str) -> Sequence[int]:
    return checked_numbers(user_pb2.UserRole.DESCRIPTOR, message.roles, name)


_READ: dict[str, Callable[[Any, str], Any]] = {
    "phone": _read_phone,
    "date_of_birth": _read_date,
    "status": _read_status,
    "roles": _read_roles,
    "type": lambda message, name: read_address_type(message, name) or AddressType.BOTH,
    "last_login_at": read_timestamp,
    "social_links": lambda message, name: dict(message.social_links),
}


def _fill_phone(message: common_pb2.PhoneNumber, number: str) -> None:
    message.e164 = number
    message.country_code, message.national_number = phone_parts(number)


def _fill_profile(message: user_pb2.UserProfile, user: User) -> None:
    message.bio = user.bio
    if user.date_of_birth:
        day = user.date_of_birth
        message.date_of_birth.CopyFrom(common_pb2.Date(year=day.year, month=day.month, day=day.day))
    message.gender = user.gender
    message.language = user.language
    message.currency = user.currency
    message.timezone = user.timezone
    message.company = user.company
    message.website = user.website
    if user.social_links:
        message.social_links.update(user.social_links)
    message.SetInParent()


def _fill_audit(message: common_pb2.AuditInfo, row: User | UserAddress) -> None:
    set_timestamp(message.created_at, row.created_at)
    set_timestamp(message.updated_at, row.updated_at)
    message.created_by = str(row.created_by_id or "")
    message.updated_by = str(row.updated_by_id or "")
    message.version = row.version
