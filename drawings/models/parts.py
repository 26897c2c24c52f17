"""Base model of the rows that belong to a document."""

from typing import Any

from django.conf import settings
from django.db import models

from core.actors import Actor
from core.db.fields import Id
from core.db.versioned import Versioned
from drawings.models.documents import Document


class PartQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> "PartQuerySet":
        """Return the rows of all documents that the actor may see."""
        if actor.is_authenticated and actor.is_administrator:
            return self
        return self.filter(document__in=Document.objects.visible_to(actor))


def of_document() -> Any:
    """Return a foreign key to the document. The database deletes the row with it: ON DELETE CASCADE, as the migration
    states that adds the table.
    """
    return models.ForeignKey(Document, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)


def of_user() -> Any:
    """Return a foreign key to a user. The database clears it with the user: ON DELETE SET NULL, as the migration states
    that adds the table.
    """
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False
    )


class DocumentChild(Versioned):
    """Base of the rows that belong to a document, and are in the change log."""

    id = Id()
    document = of_document()

    objects = PartQuerySet.as_manager()

    class Meta:
        abstract = True
