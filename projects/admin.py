"""Admin pages of projects and members. They use the same services as the transports."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from changes.admin import ChangeLogHistoryMixin
from core.admin.inlines import NewestRowsInline
from core.admin.lists import LargeList
from core.admin.writes import ServiceBackedAdmin, actor_of, show_saved
from core.db import search
from core.errors import Failure, problem_of
from projects import contents, queries, services
from projects.messages import WRITABLE
from projects.models import Project, ProjectMember, Status

#: Columns of what lies in a project that its page shows, as far as the model has them.
_SHOWN = ("title", "status", "assigned_to", "owner", "due_date", "starts_at", "updated_at")


class MemberInline(NewestRowsInline):
    model = ProjectMember
    verbose_name_plural = "members"
    listed_at = "admin:projects_projectmember_changelist"
    show_change_link = True
    fields = ("user", "role", "added_by", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user", "added_by")


class ContentsInline(NewestRowsInline):
    """The newest rows of one kind of what lies in a project."""

    fk_name = "project"
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        names = {field.name for field in self.model._meta.fields if field.many_to_one}
        rows = super().get_queryset(request).select_related(*(names & set(self.fields)))
        return rows.defer("search_words") if hasattr(self.model, "search_words") else rows


def inline_of(kind: contents.Contents) -> type[ContentsInline]:
    """Return the inline of a kind of what lies in projects."""
    meta = kind.model._meta
    names = {field.name for field in meta.fields}
    attributes: dict[str, Any] = {
        "model": kind.model,
        "fields": tuple(name for name in _SHOWN if name in names),
        "verbose_name_plural": meta.verbose_name_plural,
    }
    if admin.site.is_registered(kind.model):
        attributes["listed_at"] = f"admin:{meta.app_label}_{meta.model_name}_changelist"
    return type(f"{meta.object_name}Inline", (ContentsInline,), attributes)


@admin.register(Project)
class ProjectAdmin(ChangeLogHistoryMixin, ServiceBackedAdmin, LargeList):
    change_form_outer_before_template = "projects/figures.html"
    list_display = ("name", "number", "client", "status", "created_by", "updated_at")
    list_select_related = ("created_by",)
    list_filter = ("status",)
    lookups = ("status__exact",)
    sortable_by = ("updated_at",)
    search_fields = ("search_words",)
    search_help_text = "Beginnings of words in number, name and client"
    ordering = ("-updated_at", "-id")
    readonly_fields = ("id", "status", "version", "created_at", "created_by", "updated_at")
    fieldsets = (
        (None, {"fields": WRITABLE}),
        ("Record", {"fields": readonly_fields}),
    )
    actions = ("archive", "unarchive")

    class Media:
        css = {"all": ("projects/figures.css",)}

    def get_urls(self) -> list[URLPattern]:
        views = [
            path(f"<uuid:project_id>/{name}/", self.admin_site.admin_view(view), name=f"projects_project_{name}")
            for name, view in (("archive", self.archive_this), ("unarchive", self.unarchive_this))
        ]
        return [*views, *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # A new project has no record.
        return self.fieldsets if obj else self.fieldsets[:-1]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return (MemberInline, *map(inline_of, contents.registered)) if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        return Project.objects.visible_to(actor_of(request)).select_related("created_by").defer("search_words")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Project], search_term: str
    ) -> tuple[QuerySet[Project], bool]:
        query = search.typed(search_term)
        return (queryset.filter(search.matches("search_words", query)) if query else queryset), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        project = self.get_object(request, object_id)
        figures = _figures(request, project, may_change=self.has_change_permission(request)) if project else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "figures": figures})

    def save_model(self, request: HttpRequest, obj: Project, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name in WRITABLE}
        if change:
            saved, _ = services.update_project(
                actor_of(request), str(obj.pk), fields, expected_version=self.opened_version(request)
            )
        else:
            saved, _ = services.create_project(actor_of(request), fields)
        show_saved(obj, saved)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return only the projects. What lies in them may be a million rows."""
        kept = [kind.model._meta.verbose_name_plural for kind in contents.registered if kind.release is None]
        gone = [kind.model._meta.verbose_name_plural for kind in contents.registered if kind.release is not None]
        notes = [
            *([f"with their {', '.join(map(str, gone))}"] if gone else []),
            *([f"but not their {', '.join(map(str, kept))}, which stay without a project"] if kept else []),
        ]
        named = ", ".join([str(self.opts.verbose_name_plural), *notes])
        return [str(project) for project in objs], {named: len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Project) -> None:
        # The page that asks for the confirmation names what is deleted with the project.
        services.delete_project(actor_of(request), str(obj.pk), force=True)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        self.do_to_each(request, queryset, "deleted", lambda actor, pk: services.delete_project(actor, pk, force=True))

    @admin.action(description="Archive the selected projects", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        self.do_to_each(request, queryset, "archived", services.archive_project)

    @admin.action(description="Unarchive the selected projects", permissions=["change"])
    def unarchive(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        self.do_to_each(request, queryset, "unarchived", services.unarchive_project)

    def archive_this(self, request: HttpRequest, project_id: UUID) -> HttpResponse:
        return self._do(request, project_id, services.archive_project, "The project is archived.")

    def unarchive_this(self, request: HttpRequest, project_id: UUID) -> HttpResponse:
        return self._do(request, project_id, services.unarchive_project, "The project is no longer archived.")

    def _do(self, request: HttpRequest, project_id: UUID, service: Callable[..., object], done: str) -> HttpResponse:
        """Call the service for the project, report the outcome, and return to its page."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            service(actor_of(request), str(project_id))
            self.message_user(request, done, messages.SUCCESS)
        except (Failure, ValidationError, PermissionDenied, ObjectDoesNotExist) as exc:
            self.message_user(request, problem_of(exc).message, messages.ERROR)
        return HttpResponseRedirect(reverse("admin:projects_project_change", args=[project_id]))


@admin.register(ProjectMember)
class ProjectMemberAdmin(ChangeLogHistoryMixin, ServiceBackedAdmin, LargeList):
    list_display = ("user", "project", "role", "added_by", "created_at")
    list_select_related = ("user", "project", "added_by")
    list_filter = ("role",)
    lookups = ("role__exact", "project__id__exact", "user__id__exact")
    ordering = ("-id",)
    autocomplete_fields = ("project", "user")
    readonly_fields = ("id", "version", "added_by", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("project", "user", "role")}),
        ("Record", {"fields": readonly_fields}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # A new member has no record.
        return self.fieldsets if obj else self.fieldsets[:-1]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # A membership is that of one user in one project.
        return (*self.readonly_fields, "project", "user") if obj else self.readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProjectMember]:
        return ProjectMember.objects.visible_to(actor_of(request)).defer("project__search_words")

    def save_model(self, request: HttpRequest, obj: ProjectMember, form: Any, change: bool) -> None:
        ids = str(obj.project_id), str(obj.user_id)
        if not change:
            saved = services.add_member(actor_of(request), *ids, form.cleaned_data["role"])
        else:
            saved = services.update_member(
                actor_of(request), *ids, form.cleaned_data["role"], expected_version=self.opened_version(request)
            )
        show_saved(obj, saved)

    def delete_model(self, request: HttpRequest, obj: ProjectMember) -> None:
        services.remove_member(actor_of(request), str(obj.project_id), str(obj.user_id))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ProjectMember]) -> None:
        members = {str(member.pk): (str(member.project_id), str(member.user_id)) for member in queryset}
        self.do_to_each(request, queryset, "removed", lambda actor, pk: services.remove_member(actor, *members[pk]))


def _figures(request: HttpRequest, project: Project, *, may_change: bool) -> dict[str, Any]:
    """Return what the page shows above the form: figures, and links by which something is put into the project."""
    found = queries.get_project_stats(actor_of(request), str(project.pk))
    return {
        "project": project,
        "rows": list(_rows(found.items())),
        "may_change": may_change,
        "additions": [] if project.is_archived else list(_additions(request, project)),
        "is_archived": project.status == Status.ARCHIVED,
    }


def _rows(found: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, str]]:
    for name, figure in found:
        if isinstance(figure, int):
            if name.endswith("_ms"):
                yield "hours recorded", f"{figure / 3_600_000:.1f}" if figure else ""
            else:
                yield name.replace("_", " "), f"{figure:,}" if figure else ""
        else:
            counted = [f"{count:,} {status.replace('_', ' ')}" for status, count in figure.items() if count]
            yield name.removesuffix("_by_status"), ", ".join(counted)


def _additions(request: HttpRequest, project: Project) -> Iterable[tuple[str, str]]:
    addable: list[type[Model]] = [ProjectMember, *(kind.model for kind in contents.registered)]
    for model in addable:
        meta = model._meta
        if admin.site.is_registered(model) and admin.site.get_model_admin(model).has_add_permission(request):
            link = reverse(f"admin:{meta.app_label}_{meta.model_name}_add")
            yield f"Add a {meta.verbose_name}", f"{link}?project={project.pk}"
