from django.apps import AppConfig


class MeetingsConfig(AppConfig):
    name = "meetings"

    def ready(self) -> None:
        """Has the feed show meetings."""
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
