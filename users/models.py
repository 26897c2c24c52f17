"""What a user is."""

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
from core.fields import Id, Line, LowerCaseEmail, Prose, WebAddress
from core.models import Versioned, clean
from core.search import words_of
from users.fields import PhoneNumberField, SocialLinksField, is_currency, is_language, is_timezone


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


#: Who may log in, and whom colleagues see.
OPEN = (Status.ACTIVE, Status.PENDING_VERIFICATION)


def _newest_by_role() -> list[models.Index]:
    """One index for each role; a GIN index of them all would be read to its end for every list and every count."""
    return [
        models.Index(
            fields=["created_at", "id"],
            name=f"users_newest_{role.name.lower()}",
            condition=models.Q(roles__contains=[role.value]),
        )
        for role in Role
    ]


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, actor: Any) -> "UserQuerySet":
        """Whom this actor may see: those who may read everything all, others the open accounts and themselves."""
        if not actor.is_authenticated:
            return self.none()
        return self if actor.reads_everything else self.visible_to_colleague(actor.pk)

    def visible_to_colleague(self, colleague_id: Any) -> "UserQuerySet":
        return self.filter(models.Q(status__in=OPEN) | models.Q(pk=colleague_id))

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """For Django's own `createsuperuser`: an administrator of the product and of the admin site."""
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
    #: What ExampleService calls the id. Staff and service accounts have none.
    number = models.IntegerField(
        null=True, blank=True, editable=False, db_default=models.Func(template="nextval('users_number_seq')")
    )
    email = LowerCaseEmail(error_messages={"blank": "Email is required", "null": "Email is required"})
    display_name = Line(max_length=200, error_messages={"blank": "Display name is required."})
    first_name = Line(max_length=100, blank=True, default="")
    last_name = Line(max_length=100, blank=True, default="")
    phone = PhoneNumberField(blank=True, default="")
    avatar_url = WebAddress(blank=True, default="")
    status = models.PositiveSmallIntegerField(choices=Status, default=Status.PENDING_VERIFICATION)
    roles = ArrayField(models.PositiveSmallIntegerField(choices=Role), default=list, blank=True)
    email_verified = models.BooleanField(default=False)
    phone_verified = models.BooleanField(default=False)
    last_login_at = models.DateTimeField(null=True, blank=True, editable=False)
    # AbstractBaseUser's column; ours is the contract's last_login_at.
    last_login = None

    bio = Prose(max_length=1000, blank=True, default="")
    date_of_birth = models.DateField(null=True, blank=True)
    gender = Line(max_length=50, blank=True, default="")
    language = Line(max_length=2, blank=True, default="", validators=[is_language])
    currency = Line(max_length=3, blank=True, default="", validators=[is_currency])
    timezone = Line(max_length=50, blank=True, default="", validators=[is_timezone])
    company = Line(max_length=200, blank=True, default="")
    website = WebAddress(blank=True, default="")
    social_links = SocialLinksField(blank=True, default=dict)

    created_by = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, editable=False, related_name="+")
    updated_by = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, editable=False, related_name="+")

    #: Sessions opened before this are void.
    tokens_valid_from = models.DateTimeField(default=now, editable=False)
    is_staff = models.BooleanField("staff", default=False, help_text="May use the admin site.")
    is_service = models.BooleanField("service account", default=False)

    search_words = words_of("first_name", "last_name", "display_name", "email")
    name_words = words_of("first_name", "last_name", "display_name")

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
            models.Index(fields=["display_name", "id"], name="users_by_display_name"),
            models.Index(fields=["last_login_at", "id"], name="users_by_last_login"),
            models.Index(fields=["status", "created_at", "id"], name="users_newest_by_status"),
            *_newest_by_role(),
            GinIndex(fields=["search_words"], name="users_words"),
            GinIndex(fields=["name_words"], name="users_name_words"),
        ]
        triggers = logged("user", exclude=["password", "search_words", "name_words"])

    def __str__(self) -> str:
        return f"{self.display_name} <{self.email}>"

    def clean(self) -> None:
        self.roles = sorted(set(self.roles)) or [Role.CUSTOMER]
        # Somewhere the day has begun that has not begun here.
        if self.date_of_birth and self.date_of_birth > datetime.now(UTC).date() + timedelta(days=1):
            raise ValidationError(
                {"date_of_birth": ValidationError("The date of birth lies in the future.", code="range")}
            )

    def set_password(self, raw_password: str | None) -> None:
        """A new password ends the sessions, also where Django's own commands set it."""
        super().set_password(raw_password)
        self.tokens_valid_from = now()

    # `is_active` is what Django's own login asks.
    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.status in OPEN

    @property
    def named_roles(self) -> list[Role]:
        return [Role(number) for number in self.roles]

    @property
    def is_administrator(self) -> bool:
        return Role.ADMIN in self.roles

    @property
    def reads_everything(self) -> bool:
        """Whether this user may read everything on everyone."""
        return Role.ADMIN in self.roles or Role.SUPPORT in self.roles
