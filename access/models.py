"""What a session is."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.fields import Id


class Session(models.Model):
    """One row = one login, and the family of refresh tokens that came of it."""

    id = Id()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(default=timezone.now, editable=False)
    address = models.CharField(max_length=64, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.user_id} since {self.created_at:%Y-%m-%d %H:%M}"


class RefreshToken(models.Model):
    """One row = one refresh token, by its hash; the token itself is nowhere."""

    token_hash = models.BinaryField(primary_key=True, max_length=32)
    session = models.ForeignKey(Session, models.CASCADE, related_name="refresh_tokens")
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"of session {self.session_id}, until {self.expires_at:%Y-%m-%d %H:%M}"
