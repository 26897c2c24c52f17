"""The retention policy in the admin site: one row, which cannot be deleted."""

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
    list_display = ("__str__", "recordings_after_success", "recordings_after_days", "transcripts_after_days")
    ordering = ("id",)
    fields = list_display[1:]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionPolicy]:
        """Return the one row, which is created if it is missing."""
        retention.policy()
        return RetentionPolicy.objects.all()

    def save_model(self, request: HttpRequest, obj: RetentionPolicy, form: Any, change: bool) -> None:
        retention.set_policy(actor_of(request), obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
