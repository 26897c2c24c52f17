"""Tables of users, their addresses, and the tokens that are mailed to them."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.timezone import now

from changes.triggers import logged
from core.actors import Actor
from core.db import clock
from core.db.collation import sort_key_of
from core.db.fields import EmailAddress, Id, MultiLineField, SingleLineField, WebAddress
from core.db.saving import clean
from core.db.search import words_of
from core.db.versioned import Versioned
from users.fields import (
    PhoneNumberField,
    SocialLinksField,
    validate_country,
    validate_currency,
    validate_language,
    validate_timezone,
)
from users.passwords import hashers


class Status(models.IntegerChoices):
    """Numbers as in user.v1.UserStatus."""

    ACTIVE = 1
    PENDING_VERIFICATION = 2
    DEACTIVATED = 3
    SUSPENDED = 4
    BANNED = 5


class Role(models.IntegerChoices):
    """Numbers as in user.v1.UserRole."""

    CUSTOMER = 1
    SELLER = 2
    ADMIN = 3
    SUPPORT = 4


class AddressType(models.IntegerChoices):
    """Numbers as in user.v1.AddressType."""

    SHIPPING = 1
    BILLING = 2
    BOTH = 3


#: Every preference (paths as in user.v1.UserPreferences) and its default.
PREFERENCES = {
    "email.order_updates": True,
    "email.promotions": False,
    "email.newsletter": False,
    "email.seller_updates": False,
    "email.security_alerts": True,
    "push.enabled": False,
    "push.order_updates": False,
    "push.price_alerts": False,
    "push.messages": False,
    "sms.enabled": False,
    "sms.delivery_updates": False,
    "sms.two_factor_auth": False,
    "privacy.public_profile": True,
    "privacy.show_online_status": True,
    "privacy.searchable": True,
    "privacy.share_activity": False,
}

#: Statuses of accounts that may log in and that other users see.
OPEN_ACCOUNT_STATUSES = (Status.ACTIVE, Status.PENDING_VERIFICATION)


def _newest_by_role() -> list[models.Index]:
    """Return one index for each role. Lists and counts would read a single GIN index of all roles to its end."""
    return [
        models.Index(
            fields=["created_at", "id"],
            name=f"users_newest_{role.name.lower()}",
            condition=models.Q(roles__contains=[role.value]),
        )
        for role in Role
    ]


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, actor: Actor) -> "UserQuerySet":
        """Return the users that this actor may see.

        Actors that may read everything see all users, others see the open accounts and themselves.
        """
        if not actor.is_authenticated:
            return self.none()
        return self if actor.reads_everything else self.visible_to_colleague(actor.pk)

    def visible_to_colleague(self, colleague_id: Any) -> "UserQuerySet":
        return self.filter(models.Q(status__in=OPEN_ACCOUNT_STATUSES) | models.Q(pk=colleague_id))

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an administrator of the product and of the admin site, for Django's `createsuperuser`."""
        user = User(email=email, is_staff=True, is_superuser=True, roles=[Role.ADMIN], number=None, **fields)
        user.display_name = user.display_name or email.partition("@")[0]
        user.status, user.email_verified = Status.ACTIVE, True
        user.set_password(password)
        clean(user)
        user.save(force_insert=True)
        return user


class User(AbstractBaseUser, PermissionsMixin, Versioned):
    """One row = one account, of a person or of a service."""

    already_exists = {"users_email_unique": "User with email {0.email} already exists"}

    id = Id()
    #: The id in ExampleService. Staff and service accounts have no number.
    number = models.IntegerField(
        null=True, blank=True, editable=False, db_default=models.Func(template="nextval('users_number_seq')")
    )
    email = EmailAddress(error_messages={"blank": "Email is required", "null": "Email is required"})
    # Django's field has 128 characters, too few for some imported hashes.
    password = models.CharField(max_length=300)
    display_name = SingleLineField(max_length=200, error_messages={"blank": "Display name is required."})
    first_name = SingleLineField(max_length=100, blank=True, default="")
    last_name = SingleLineField(max_length=100, blank=True, default="")
    phone = PhoneNumberField(blank=True, default="")
    avatar_url = WebAddress(blank=True, default="")
    status = models.PositiveSmallIntegerField(choices=Status, default=Status.PENDING_VERIFICATION)
    roles = ArrayField(models.PositiveSmallIntegerField(choices=Role), default=list, blank=True)
    email_verified = models.BooleanField(default=False)
    phone_verified = models.BooleanField(default=False)
    last_login_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The column of AbstractBaseUser is replaced by the contract's last_login_at.
    last_login = None

    bio = MultiLineField(max_length=1000, blank=True, default="")
    date_of_birth = models.DateField(null=True, blank=True)
    gender = SingleLineField(max_length=50, blank=True, default="")
    language = SingleLineField(max_length=2, blank=True, default="", validators=[validate_language])
    currency = SingleLineField(max_length=3, blank=True, default="", validators=[validate_currency])
    timezone = SingleLineField(max_length=50, blank=True, default="", validators=[validate_timezone])
    company = SingleLineField(max_length=200, blank=True, default="")
    website = WebAddress(blank=True, default="")
    social_links = SocialLinksField(blank=True, default=dict)

    #: The `PREFERENCES` that the user set, by path.
    preferences = models.JSONField(blank=True, default=dict, editable=False)

    created_by = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, editable=False, related_name="+")
    updated_by = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, editable=False, related_name="+")

    #: Credentials created before this are void.
    tokens_valid_from = models.DateTimeField(default=now, editable=False)
    is_staff = models.BooleanField("staff", default=False, help_text="May use the admin site.")
    #: A service account has no password, no sessions and no number. Programs act as it with API keys, as administrators
    #: within the scopes of the key.
    is_service = models.BooleanField("service account", default=False)

    search_words = words_of("first_name", "last_name", "display_name", "email")
    name_words = words_of("first_name", "last_name", "display_name")
    sort_name = sort_key_of("display_name")

    objects = BaseUserManager.from_queryset(UserQuerySet)()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["email"], name="users_email_unique"),
            models.UniqueConstraint(fields=["number"], name="users_number_unique"),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="users_newest"),
            models.Index(fields=["sort_name", "id"], name="users_by_sort_name"),
            models.Index(fields=["last_login_at", "id"], name="users_by_last_login"),
            models.Index(fields=["status", "created_at", "id"], name="users_newest_by_status"),
            *_newest_by_role(),
            models.Index(fields=["created_at", "id"], name="users_newest_staff", condition=models.Q(is_staff=True)),
            models.Index(fields=["created_at", "id"], name="users_newest_service", condition=models.Q(is_service=True)),
            GinIndex(fields=["search_words"], name="users_words"),
            GinIndex(fields=["name_words"], name="users_name_words"),
        ]
        triggers = logged("user", exclude=["password", "search_words", "name_words", "sort_name"])

    def __str__(self) -> str:
        return f"{self.display_name} <{self.email}>"

    def clean(self) -> None:
        self.roles = sorted(set(self.roles)) or [Role.CUSTOMER]
        # In other time zones the next day may have begun already.
        if self.date_of_birth and self.date_of_birth > datetime.now(UTC).date() + timedelta(days=1):
            raise ValidationError(
                {"date_of_birth": ValidationError("The date of birth is in the future.", code="range")}
            )

    def set_password(self, raw_password: str | None) -> None:
        """Set the password and end the sessions, also when Django's own commands call it."""
        super().set_password(raw_password and hashers.normalize_password(raw_password))
        self.tokens_valid_from = self.next_validity()

    def next_validity(self) -> datetime:
        """Return the `tokens_valid_from` that ends all present credentials: now by the database's clock.

        It is always later than the former value, which may lie ahead if that clock was set back. Credentials are never
        created before `tokens_valid_from`, so those created since have that value and must end, too.
        """
        return max(clock.now(), self.tokens_valid_from + timedelta(microseconds=1))

    def check_password(self, raw_password: str | None) -> bool:
        return raw_password is not None and hashers.verify(raw_password, self.password).fits

    def get_session_auth_hash(self) -> str:
        """Return the hash that the admin site's cookie is bound to: of the password and of `tokens_valid_from`."""
        return self._bound_to_validity(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Yield the same hash under each key of `SECRET_KEY_FALLBACKS`."""
        yield from map(self._bound_to_validity, super().get_session_auth_fallback_hash())

    def _bound_to_validity(self, auth_hash: str) -> str:
        since = self.tokens_valid_from.astimezone(UTC).isoformat()
        return hashlib.sha256(f"{auth_hash} {since}".encode()).hexdigest()

    # Django's own login checks `is_active`.
    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.status in OPEN_ACCOUNT_STATUSES

    def get_full_name(self) -> str:
        """Return the name that pages of the admin site address the user by."""
        return str(self.display_name)

    @property
    def named_roles(self) -> list[Role]:
        return [Role(number) for number in self.roles]

    @property
    def is_administrator(self) -> bool:
        """True if this user may do everything. The scopes of its keys limit a service account."""
        return Role.ADMIN in self.roles or self.is_service

    @property
    def reads_everything(self) -> bool:
        """True if this user may read every field of all users."""
        return self.is_administrator or Role.SUPPORT in self.roles


class UserAddress(Versioned):
    """One row = one address of a user, for shipping, billing or both."""

    id = Id()
    user = models.ForeignKey(User, models.CASCADE, related_name="addresses")
    label = SingleLineField(max_length=200, error_messages={"blank": "Label is required."})
    full_name = SingleLineField(max_length=200, error_messages={"blank": "Full name is required."})
    phone = PhoneNumberField(blank=True, default="")
    line1 = SingleLineField(max_length=200, error_messages={"blank": "Line 1 is required."})
    line2 = SingleLineField(max_length=200, blank=True, default="")
    city = SingleLineField(max_length=100, error_messages={"blank": "City is required."})
    state = SingleLineField(max_length=100, blank=True, default="")
    postal_code = SingleLineField(max_length=20, blank=True, default="")
    country_code = SingleLineField(
        max_length=2, validators=[validate_country], error_messages={"blank": "Country is required."}
    )
    type = models.PositiveSmallIntegerField(choices=AddressType, default=AddressType.BOTH)
    is_default_shipping = models.BooleanField(default=False)
    is_default_billing = models.BooleanField(default=False)
    delivery_instructions = MultiLineField(max_length=1000, blank=True, default="")

    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+")
    updated_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+")

    class Meta:
        verbose_name = "address"
        verbose_name_plural = "addresses"
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(is_default_shipping=True), name="users_one_default_shipping"
            ),
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(is_default_billing=True), name="users_one_default_billing"
            ),
        ]
        indexes = [models.Index(fields=["user", "id"], name="users_addresses_of_user")]

    def __str__(self) -> str:
        return f"{self.label}: {self.full_name}, {self.city}"

    def clean(self) -> None:
        errors = {
            name: ValidationError(f"This address is not for {use.label.lower()}.", code="invalid")
            for name, use in DEFAULTS.items()
            if getattr(self, name) and not self.is_for(use)
        }
        if errors:
            raise ValidationError(errors)

    def is_for(self, use: int) -> bool:
        return self.type in (use, AddressType.BOTH)


#: The fields that mark an address as a default, each with its use.
DEFAULTS = {"is_default_shipping": AddressType.SHIPPING, "is_default_billing": AddressType.BILLING}


class TokenPurpose(models.IntegerChoices):
    """Action that a mailed token permits."""

    VERIFY_EMAIL = 1
    RESET_PASSWORD = 2
    CHANGE_EMAIL = 3


class MailedToken(models.Model):
    """One row = the newest token of its purpose that was mailed to a user. Only its hash is stored."""

    #: Id of the job that mails it, so a newer token has a greater id.
    id = models.UUIDField(primary_key=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="mailed_tokens")
    purpose = models.PositiveSmallIntegerField(choices=TokenPurpose)
    token_hash = models.BinaryField(max_length=32, unique=True)
    #: Address to which it was mailed. It is valid only while that is the user's address. For CHANGE_EMAIL, the new
    #: address.
    email = EmailAddress()
    expires_at = models.DateTimeField(db_index=True)
    #: Time at which it was used or revoked.
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "purpose"], name="users_one_mailed_token")]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} of {self.user_id}, until {self.expires_at:%Y-%m-%d %H:%M}"
