"""Admin page of the voices that users have enrolled. Deleting one forgets all of that user."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from changes.admin import ChangeLogHistoryMixin
from core.admin.lists import LargeList
from core.admin.writes import ServiceBackedAdmin, actor_of
from meetings.models import EnrolledVoice
from meetings.services import voices
from meetings.timecode import minutes_and_seconds


@admin.register(EnrolledVoice)
class EnrolledVoiceAdmin(ChangeLogHistoryMixin, ServiceBackedAdmin, LargeList):
    list_display = ("user", "spoke", "consented_at", "enrolled_by", "created_at")
    list_select_related: Any = ("user", "enrolled_by")
    ordering = ("-id",)
    fields = ("user", "spoke", "consented_at", "enrolled_by", "meeting_id", "speaker_id", "engine", "id", "version",
              "created_at", "updated_at")  # fmt: skip
    readonly_fields = fields

    @admin.display(description="speaks for")
    def spoke(self, voice: EnrolledVoice) -> str:
        return minutes_and_seconds(voice.speech_ms)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return EnrolledVoice.objects.visible_to(actor_of(request)).defer("encrypted_print")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: EnrolledVoice) -> None:
        voices.forget_speaker(actor_of(request), str(obj.user_id))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[EnrolledVoice]) -> None:
        for user_id in set(queryset.values_list("user_id", flat=True)):
            voices.forget_speaker(actor_of(request), str(user_id))
