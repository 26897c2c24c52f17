from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.exceptions import ImproperlyConfigured


class MeetingsConfig(AppConfig):
    name = "meetings"

    def ready(self) -> None:
        """Has the feed show meetings, and the start look at the nodes that are to work on their recordings."""
        checks.register(_nodes_are_known)
        from changes.feed import subjects
        from meetings import messages, models, policies

        subjects.register(
            subjects.Subject(
                models.Meeting,
                message=lambda meeting, extent: messages.meeting_message(meeting),
                audience=policies.audience,
                groups=policies.groups,
                paths=messages.PATHS,
            )
        )


def _nodes_are_known(**_: Any) -> list[checks.CheckMessage]:
    from meetings.engines.nodes import nodes

    try:
        nodes()
    except ImproperlyConfigured as exc:
        return [checks.Error(str(exc), id="meetings.E001")]
    return []
