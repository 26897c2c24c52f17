"""Retention policies in the admin site: that of the installation, which cannot be deleted, and those of projects."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin.lists import LargeList
from core.admin.writes import ServiceBackedAdmin, actor_of
from meetings.models import RetentionPolicy
from meetings.services import retention


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(ServiceBackedAdmin, LargeList):
    list_display = ("__str__", "after_success", "recordings_after_days", "transcripts_after_days")
    list_select_related = ("project",)
    ordering = ("id",)
    fields = ("project", "recordings_after_success", *list_display[2:])
    autocomplete_fields = ("project",)

    @admin.display(description="recordings once processed", boolean=True)
    def after_success(self, policy: RetentionPolicy) -> bool:
        return policy.recordings_after_success

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionPolicy]:
        """Return all policies. That of the installation is created if it is missing."""
        retention.policy()
        return RetentionPolicy.objects.all()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj is None or obj.project_id else self.fields[1:]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("project",) if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        labels = {
            "recordings_after_success": "Delete recordings once they are processed",
            "recordings_after_days": "Delete recordings after days",
            "transcripts_after_days": "Delete transcripts after days",
        }
        help_texts = {
            "recordings_after_success": "On: a recording is deleted as soon as its meeting is completed. Its "
            "transcript stays, but no one can listen to it or have it transcribed again.",
            "recordings_after_days": "Days since the upload. Empty: recordings are kept.",
            "transcripts_after_days": "Days since the upload of the recording. Empty: transcripts are kept.",
        }
        form = super().get_form(request, obj, change, labels=labels, help_texts=help_texts, **kwargs)
        if "project" in form.base_fields:
            # The policy without a project is there already.
            form.base_fields["project"].required = True
        return form

    def save_model(self, request: HttpRequest, obj: RetentionPolicy, form: Any, change: bool) -> None:
        retention.set_policy(actor_of(request), obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_of_installation = obj is not None and obj.project_id is None
        return not is_of_installation and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: RetentionPolicy) -> None:
        retention.delete_policy(actor_of(request), obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RetentionPolicy]) -> None:
        for rules in queryset:
            retention.delete_policy(actor_of(request), rules)
