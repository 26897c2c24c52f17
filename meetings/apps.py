from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from google.protobuf.message import Message

if TYPE_CHECKING:
    from changes.feed.subjects import Visibility


class MeetingsConfig(AppConfig):
    name = "meetings"

    def ready(self) -> None:
        """Register meetings with the change feed and with projects. Invalid SPEECH_NODES stop the start."""
        from changes.feed import subjects
        from core.uploads import purposes
        from meetings import messages, models, policies
        from meetings.queries import stats
        from meetings.services.nodes import record
        from meetings.services.resumable import RECORDINGS
        from meetings.speech.pool import listeners, nodes
        from projects import contents

        purposes.register(RECORDINGS)
        nodes()
        listeners.append(record)
        subjects.register(
            subjects.Subject(
                models.Meeting,
                message=lambda meeting, visibility: messages.meeting_message(meeting),
                audience=policies.audience,
                groups=policies.groups,
                paths=messages.PATHS,
                shared_by={"project.member": "project_id"},
                overseers=frozenset((policies.ADMINISTRATORS,)),
                collection="meetings",
                progress=frozenset(("progress",)),
            )
        )
        contents.register(contents.Contents(models.Meeting, figures=stats.figures_of_project))
        for part, message, order in (
            (models.Speaker, messages.speaker_message, ("transcript_version", "place")),
            (models.Segment, messages.segment_message, ("transcript_version", "start_ms")),
            (models.Summary, messages.summary_message, ("transcript_version",)),
            (models.ActionItem, messages.action_item_message, ("transcript_version", "place")),
        ):
            subjects.register(
                subjects.Subject(
                    part,
                    message=_of_row(message),
                    audience=policies.audience_of_part,
                    groups=lambda actor: frozenset(),
                    belongs_to="meeting_id",
                    order=order,
                )
            )

        subjects.register(
            subjects.Subject(
                models.EnrolledVoice,
                message=lambda voice, visibility: messages.voice_message([voice]),
                audience=policies.audience_of_voice,
                groups=lambda actor: frozenset(),
                # No stream is about a user's voice: only the admin site shows its changes.
                belongs_to="user_id",
            )
        )

    def remains(self) -> Iterator[str]:
        """Yield a sentence for each thing that should have been deleted."""
        from meetings.services import retention

        return retention.remains()

    def prune(self) -> dict[str, int]:
        """Delete expired files and rows, and return how many of each kind."""
        from meetings.services import nodes, recordings, retention

        return {
            **{f"{what} whose retention has ended": count for what, count in retention.delete_due().items()},
            "recordings of no meeting": recordings.prune(),
            "speech nodes that are no longer used": nodes.prune(),
        }


def _of_row(message: Callable[[Any], Message]) -> "Callable[[Any, Visibility], Message]":
    return lambda row, visibility: message(row)
