"""The change log in the admin site: as the history pages of logged models, and as a separate list."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin

from changes.admin.reading import Difference, Reader
from changes.models import Change, Operation
from changes.queries import history
from changes.triggers import subject_type_of
from core.admin.lists import OneColumnOrder, ReadOnlyAdmin
from core.db import ids

PAGE_SIZE = 50
#: How many changes a page shows of a subject whose progress is folded.
MAX_FOLDED = 200
#: How many newer changes a form that is stale is compared with.
MAX_MERGED = 200
#: How many of the newest changes a filter searches. It has no index, because an index would slow down every write.
RECENT_CHANGES = 50_000
_GREATEST_ID = 2**63 - 1


class ChangeLogHistoryMixin(ModelAdmin):
    """Admin of a logged model, whose history pages show the change log."""

    has_history = True
    #: Columns that report progress. Successive changes of nothing else are shown as one.
    progress_fields: frozenset[str] = frozenset()

    def values_at(self, row: Model, version: int) -> Mapping[str, Any] | None:
        """Return the columns that were changed since this version of the row, with their values then.

        Returns:
            None, if there are too many changes, or they were forgotten.
        """
        newer = history(subject_type_of(self.model) or "", row.pk).filter(subject_version__gt=version)
        changes = list(newer[: MAX_MERGED + 1])
        if len(changes) > MAX_MERGED or not all(change.old and change.new for change in changes):
            return None
        # From the newest to the oldest, whose values are those of the version.
        return {name: change.old[name] for change in changes if change.old for name in change.changed_fields}

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Render a page of the subject's changes, newest first; with `before`, those older than that change."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        subject = self.get_object(request, object_id)
        if subject is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        changes = history(subject_type_of(self.model) or "", subject.pk)
        before = _number(request.GET.get("before", ""))
        if before is not None:
            changes = changes.filter(id__lt=before)
        size = MAX_FOLDED if self.progress_fields else PAGE_SIZE
        page = list(changes[: size + 1])
        shown = page[:size]
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {subject}",
            "opts": self.opts,
            "object": subject,
            "headings": ("When", "Version", "What", "Who", "Reason", "Changed", "Request"),
            "entries": _entries(Reader(self.admin_site, request, shown), folded(shown, self.progress_fields)),
            "older": shown[-1].pk if len(page) > size else None,
            "is_first": before is None,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/changes/history.html", context)


class RecentOnly(admin.SimpleListFilter):
    """Filter over the newest `RECENT_CHANGES` changes."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Change]) -> QuerySet[Change]:
        if self.value() is None:
            return queryset
        if self.value() not in [value for value, _ in self.lookup_choices]:
            return queryset.none()
        return _recent(queryset).filter(**{str(self.parameter_name): self.value()})


class SubjectTypeFilter(RecentOnly):
    title = f"subject type (newest {RECENT_CHANGES:,})"
    parameter_name = "subject_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in _subject_types()]


class OperationFilter(RecentOnly):
    title = f"operation (newest {RECENT_CHANGES:,})"
    parameter_name = "operation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Operation.choices)


class ReadableChangeList(OneColumnOrder):
    """Change list whose rows have the `Reader` of the request."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        changes: Any = list(self.result_list)
        reader = Reader(self.model_admin.admin_site, request, changes, with_images=False)
        for change in changes:
            change.reader = reader
        self.result_list = changes


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    """Read-only admin of the change log, which only the database writes."""

    list_display = ("occurred_at", "subject", "operation", "subject_version", "who", "why")
    list_filter = (SubjectTypeFilter, OperationFilter)
    lookups = (SubjectTypeFilter.parameter_name, OperationFilter.parameter_name)
    search_fields = ("subject_id",)
    search_help_text = f"The id of the changed subject, or of a request that made one of the newest {RECENT_CHANGES:,}"
    # Ids are in the order of writing.
    ordering = ("-id",)
    fields = (*list_display, "subject_type", "subject_id", "request_id", "differences")
    readonly_fields = fields

    @admin.display(description="what")
    def subject(self, change: Any) -> str:
        return change.reader.subject(change)

    @admin.display(description="who")
    def who(self, change: Any) -> str:
        return change.reader.who(change)

    @admin.display(description="reason")
    def why(self, change: Any) -> str:
        return change.reader.reason(change)

    @admin.display(description="differences")
    def differences(self, change: Any) -> str:
        return _listed(change.reader.differences(change))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[OneColumnOrder]:
        return ReadableChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Change], search_term: str
    ) -> tuple[QuerySet[Change], bool]:
        if not (term := search_term.strip()):
            return queryset, False
        if (subject_id := ids.parsed(term)) is not None:
            # The index begins with the subject's type.
            of_subject = queryset.filter(subject_type__in=_subject_types(), subject_id=subject_id)
            if of_subject.exists():
                return of_subject, False
        return _recent(queryset).filter(request_id=term), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        change: Any = super().get_object(request, object_id, from_field)
        if change is not None:
            change.reader = Reader(self.admin_site, request, [change])
        return change


def _recent(changes: QuerySet[Change]) -> QuerySet[Change]:
    """Return the newest `RECENT_CHANGES` of these changes, found by their ids."""
    newest = Change.objects.aggregate(newest=Max("id"))["newest"] or 0
    return changes.filter(id__gt=newest - RECENT_CHANGES)


def folded(changes: Sequence[Change], progress_fields: frozenset[str]) -> list[list[Change]]:
    """Return the changes, newest first, with successive ones that only report progress in one group."""
    groups: list[list[Change]] = []
    in_progress = False
    for change in changes:
        is_tick = bool(fields := change.changed_fields) and progress_fields.issuperset(fields)
        if is_tick and in_progress and groups[-1][-1].actor == change.actor:
            groups[-1].append(change)
        else:
            groups.append([change])
        in_progress = is_tick
    return groups


def _entries(reader: Reader, groups: Sequence[Sequence[Change]]) -> list[tuple[object, ...]]:
    return [
        (
            f"{timezone.localtime(group[0].occurred_at):%Y-%m-%d %H:%M:%S}",
            f"{group[-1].subject_version}–{group[0].subject_version}" if len(group) > 1 else group[0].subject_version,
            group[0].get_operation_display(),
            reader.who(group[0]),
            reader.reason(group[0]),
            f"{len(group)} reports of progress" if len(group) > 1 else _listed(reader.differences(group[0])),
            group[0].request_id,
        )
        for group in groups
    ]


def _listed(differences: Sequence[Difference]) -> str:
    return render_to_string("admin/changes/differences.html", {"differences": differences})


def _subject_types() -> list[str]:
    return sorted(filter(None, map(subject_type_of, apps.get_models())))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) <= _GREATEST_ID else None
