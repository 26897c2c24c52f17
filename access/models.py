"""Tables of sessions, refresh tokens, API keys and stream tickets."""

import re

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from core.db.fields import Id, SingleLineField


def validate_certificate_uri(value: str) -> None:
    """Reject what is not an absolute URI, as `spiffe://example.com/report`."""
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*:[\x21-\x7e]+", value):
        raise ValidationError("Give a URI of printable ASCII, such as spiffe://example.com/report.", code="url")


class Session(models.Model):
    """One row = one login and its family of refresh tokens."""

    id = Id()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(default=timezone.now, editable=False)
    address = models.CharField(max_length=64, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.user_id} since {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        """True if its tokens are accepted. The expiry of each token is checked with the token."""
        user = self.user
        # A service account has no sessions; those from before it became one are void.
        may_log_in = user.is_active and not user.is_service
        return may_log_in and self.revoked_at is None and self.created_at >= user.tokens_valid_from


class RefreshToken(models.Model):
    """One row = one refresh token. Only its hash is stored."""

    token_hash = models.BinaryField(primary_key=True, max_length=32)
    session = models.ForeignKey(Session, models.CASCADE, related_name="refresh_tokens")
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"of session {self.session_id}, until {self.expires_at:%Y-%m-%d %H:%M}"


class ApiKey(models.Model):
    """One row = one program's credential, acting as its user within its scopes. Only its hash is stored.

    With a `certificate_uri` the credential is a client certificate that names this URI; its secret is not used.
    """

    id = Id()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys")
    name = SingleLineField(max_length=100, error_messages={"blank": "Name is required."})
    scopes = ArrayField(models.CharField(max_length=50), error_messages={"blank": "Give it at least one scope."})
    secret_hash = models.BinaryField(max_length=32)
    #: A URI among the subject alternative names of the client's certificate; empty = the credential is the secret.
    certificate_uri = SingleLineField(max_length=500, blank=True, default="", validators=[validate_certificate_uri])
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(
                fields=["certificate_uri"],
                condition=models.Q(revoked_at=None) & ~models.Q(certificate_uri=""),
                name="access_one_key_per_certificate",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user_id}"

    def clean(self) -> None:
        message = f"Choose from {', '.join(settings.API_KEY_SCOPES)}."
        errors = {
            f"scopes.{index}": ValidationError(message, code="choice")
            for index, scope in enumerate(self.scopes)
            if scope not in settings.API_KEY_SCOPES
        }
        if self.expires_at and self.expires_at <= timezone.now():
            errors["expires_at"] = ValidationError("Choose a time in the future.", code="range")
        if errors:
            raise ValidationError(errors)
        self.scopes = sorted(set(self.scopes))

    @property
    def is_good(self) -> bool:
        """True if the key is accepted."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        is_void = expired or self.revoked_at is not None or self.created_at < self.user.tokens_valid_from
        return self.user.is_active and not is_void


class StreamTicket(models.Model):
    """One row = one ticket, of which only the hash is stored. Redeeming it deletes the row, unless it is for a file."""

    ticket_hash = models.BinaryField(primary_key=True, max_length=32)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    #: The session that requested it; None for the development identity.
    session = models.ForeignKey(Session, models.CASCADE, null=True, related_name="+")
    path = models.CharField(max_length=300)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"for {self.path}, until {self.expires_at:%Y-%m-%d %H:%M:%S}"
