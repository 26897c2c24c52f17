"""The sections of the admin site's sidebar."""

from functools import cache
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst

#: The models of each section, each with the name of its icon (Material Symbols).
SECTIONS = {
    "Work": {"projects.Project": "workspaces", "projects.ProjectMember": "group_add", "tasks.Task": "task_alt"},
    "Meetings": {
        "meetings.Meeting": "groups_2",
        "meetings.ActionItem": "checklist",
        "meetings.Segment": "notes",
        "meetings.Speaker": "record_voice_over",
        "meetings.EnrolledVoice": "voice_selection",
    },
    "Drawings": {
        "drawings.Document": "architecture",
        "drawings.Component": "electrical_services",
        "drawings.Symbol": "category",
    },
    "People": {"users.User": "person", "users.UserAddress": "home", "auth.Group": "groups"},
    "Access": {"access.Session": "devices", "access.ApiKey": "key"},
    "System": {
        "core.Job": "schedule",
        "meetings.SpeechNode": "dns",
        "meetings.RetentionPolicy": "auto_delete",
        "changes.Change": "history",
    },
}


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sections with the models that the user may see."""
    return [
        {"title": title, "items": items}
        for title, models in SECTIONS.items()
        if (items := [_item(label, icon) for label, icon in models.items() if _may_see(request, label)])
    ]


def _may_see(request: HttpRequest, label: str) -> bool:
    return admin.site.get_model_admin(apps.get_model(label)).has_view_or_change_permission(request)


def _item(label: str, icon: str) -> dict[str, Any]:
    return {"title": capfirst(apps.get_model(label)._meta.verbose_name_plural), "icon": icon, "link": _link(label)}


@cache
def _link(label: str) -> str:
    meta = apps.get_model(label)._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
