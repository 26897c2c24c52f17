"""The command palette of the admin site (Ctrl+K): the few best rows of each kind, by name."""

from collections.abc import Iterator

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from core.db import common_words

#: How many rows of a kind are offered; the search of its list finds the others.
MAX_OF_KIND = 6
MAX_TERM_LENGTH = 100
_KINDS = {
    "tasks.Task": "task_alt",
    "projects.Project": "workspaces",
    "meetings.Meeting": "groups_2",
    "drawings.Document": "architecture",
    "users.User": "person",
}


def found(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return the rows that the user may see and whose texts have words that begin as those of the term."""
    term = term.replace("\0", "").strip()[:MAX_TERM_LENGTH]
    return [result for kind, icon in _KINDS.items() for result in _of_kind(request, kind, icon, term)] if term else []


def _of_kind(request: HttpRequest, kind: str, icon: str, term: str) -> Iterator[SearchResult]:
    model = apps.get_model(kind)
    model_admin = admin.site.get_model_admin(model)
    if not model_admin.has_view_or_change_permission(request):
        return
    rows, _ = model_admin.get_search_results(request, model_admin.get_queryset(request), term)
    for row in common_words.some(rows.order_by(*(model_admin.ordering or ())), MAX_OF_KIND):
        link = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
        yield SearchResult(title=str(row), description=str(model._meta.verbose_name), link=link, icon=icon)
