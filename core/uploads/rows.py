"""The base of the rows of uploads that arrive in pieces."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.db.fields import Id


class ResumableUpload(models.Model):
    """One row = one file that arrives in pieces, and how many of its bytes are on disk."""

    id = Id()
    #: Only this user may resume it.
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    #: The metadata that the client declared.
    filename = models.CharField(max_length=255, blank=True)
    content_type = models.CharField(max_length=255, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    #: `Upload-Metadata` as the client sent it.
    metadata = models.TextField(blank=True)
    #: In bytes; None = the client has not declared it yet.
    length = models.BigIntegerField(null=True)
    #: How many bytes, from the first, are on disk. Bytes of the file beyond them are not counted yet.
    offset = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now, db_index=True)
    #: When the file was taken over, or was refused.
    ended_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.filename} {self.pk}"
