"""The speech nodes in the admin site: read-only."""

from django.contrib import admin

from core.admin.lists import ReadOnlyAdmin
from meetings.models import SpeechNode


@admin.register(SpeechNode)
class SpeechNodeAdmin(ReadOnlyAdmin):
    list_display = ("address", "state", "since", "reason", "offered", "reported_at")
    ordering = ("address",)

    @admin.display(description="engines")
    def offered(self, node: SpeechNode) -> str:
        return ", ".join(node.engines)
