"""Admin pages of drawings. They use the same services as the transports."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from changes.admin import ChangeLogHistoryMixin
from core.admin.filters import DayRangeFilter, PickerFilter
from core.admin.inlines import NewestRowsInline
from core.admin.lists import LargeList
from core.admin.writes import ServiceBackedAdmin, actor_of, show_saved
from core.db import search
from drawings import services
from drawings.admin.parts import ComponentAdmin as ComponentAdmin
from drawings.admin.parts import SymbolAdmin as SymbolAdmin
from drawings.admin.viewer import ViewerPage
from drawings.messages import WRITABLE
from drawings.models import Document, Page
from drawings.services import processing, uploads
from drawings.services.uploads import UploadMetadata
from projects.models import Project
from projects.models import Status as ProjectStatus

#: Projects that the form of a new document offers, the most recently changed first.
MAX_PROJECTS = 200


class PageInline(NewestRowsInline):
    model = Page
    fk_name = "document"
    verbose_name_plural = "pages"
    fields = ("number", "kind", "sheet_number", "sheet_title", "word_count", "drawing_count", "image_count",
              "failure_reason")  # fmt: skip


class UploadForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new document: its project, its file and its fields. The service checks their rules."""

    into = forms.ChoiceField(label="Project", widget=UnfoldAdminSelectWidget)
    file_to_send = forms.FileField(label="PDF file", widget=UnfoldAdminFileFieldWidget)
    title = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget, help_text="Empty = the file's name.")

    class Meta:
        model = Document
        fields = ("title", "revision", "supersedes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["into"].choices = self.projects  # type: ignore[attr-defined]

    def _post_clean(self) -> None:
        """Skip the model's validation: the service makes the row."""


@admin.register(Document)
class DocumentAdmin(ViewerPage, ChangeLogHistoryMixin, ServiceBackedAdmin, LargeList):
    list_display = ("title", "revision", "status", "done", "page_count", "project", "uploaded_by", "created_at")
    list_select_related = ("project", "uploaded_by")
    list_filter = ("status", ("project", PickerFilter), ("created_at", DayRangeFilter))
    list_filter_submit = True
    lookups = ("status__exact", "project__id__exact", "created_at_from", "created_at_to")
    search_fields = ("search_words",)
    search_help_text = "Beginnings of words in the title"
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("supersedes",)
    fieldsets = (
        (None, {"fields": WRITABLE}),
        ("Progress", {"fields": ("status", "done", "failure_reason", "page_count", "run")}),
        ("File", {"fields": ("project", "file_name", "file_size", "sha256", "metadata", "uploaded_by")}),
        ("Record", {"fields": ("id", "version", "created_at", "updated_at")}),
    )
    readonly_fields = tuple(name for _, options in fieldsets[1:] for name in options["fields"])
    progress_fields = frozenset(("progress",))
    inlines = (PageInline,)
    actions = ("reprocess", "cancel")

    @admin.display(description="progress")
    def done(self, document: Document) -> str:
        return format_html('<progress value="{0}" max="100"></progress> {0}&nbsp;%', document.progress)

    @admin.display(description="size")
    def file_size(self, document: Document) -> str:
        return str(filesizeformat(document.size))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else ((None, {"fields": ("into", "file_to_send", *WRITABLE)}),)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        projects = Project.objects.visible_to(actor_of(request)).filter(status=ProjectStatus.ACTIVE)
        recent = projects.defer("search_words").order_by("-updated_at", "-id")[:MAX_PROJECTS]
        choices = [(str(project.pk), str(project)) for project in recent]
        kwargs["form"] = type("UploadForm", (UploadForm,), {"projects": choices})
        return super().get_form(request, obj, change, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"into": request.GET.get("project", "")}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return Document.objects.visible_to(actor_of(request)).defer("search_words")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Document], search_term: str
    ) -> tuple[QuerySet[Document], bool]:
        query = search.typed(search_term)
        return (queryset.filter(search.matches("search_words", query)) if query else queryset), False

    @admin.action(description="Process the selected documents once more", permissions=["change"])
    def reprocess(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self.do_to_each(request, queryset, "queued", processing.reprocess)

    @admin.action(description="Cancel the processing of the selected documents", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self.do_to_each(request, queryset, "cancelled", processing.cancel_processing)

    def save_model(self, request: HttpRequest, obj: Document, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name in WRITABLE}
        if "supersedes" in fields:
            fields["supersedes"] = str(fields["supersedes"].pk) if fields["supersedes"] else ""
        if change:
            saved = services.update_document(
                actor_of(request), str(obj.pk), fields, expected_version=self.opened_version(request)
            )
        else:
            file = form.cleaned_data["file_to_send"]
            metadata = UploadMetadata(project_id=form.cleaned_data["into"], filename=file.name, **fields)
            saved = uploads.upload_document(actor_of(request), metadata, file.chunks()).document
        show_saved(obj, saved)

    def delete_model(self, request: HttpRequest, obj: Document) -> None:
        services.delete_document(actor_of(request), str(obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self.do_to_each(request, queryset, "deleted", services.delete_document)
