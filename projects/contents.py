"""The kinds of rows that lie in projects. The apps above register their models here, in `AppConfig.ready`:

register(Contents(Task, figures=queries.figures_of_project))

The model has a foreign key `project`, which the database clears with the project: ON DELETE SET NULL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models


@dataclass(frozen=True, eq=False)
class Contents:
    """A kind of rows that lie in projects.

    Attributes:
        figures: function that returns the figures of a project by field of project.v1.GetProjectStatsResponse: numbers,
            or numbers by name. All members see everything in a project, so it needs no actor.
        release: function that deletes the rows of a project which is about to be deleted, in the transaction of its
            caller, who has checked the permission; None = the rows stay, without a project.
    """

    model: type[models.Model]
    figures: Callable[[UUID], Mapping[str, int | Mapping[str, int]]]
    release: Callable[[UUID], None] | None = None

    def of(self, project_id: UUID) -> "models.QuerySet[Any]":
        """Return the rows of a project."""
        return self.model._default_manager.filter(project=project_id)


#: In the order of their registration.
registered: list[Contents] = []


def register(contents: Contents) -> None:
    """Add a kind of rows that lie in projects."""
    registered.append(contents)
