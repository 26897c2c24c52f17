"""The models of meetings: meetings, transcripts, and findings in transcripts."""

from meetings.models.findings import ActionItem, ActionItemStatus, Speaker, Summary
from meetings.models.meetings import OVER, RUNNING, Meeting, MeetingQuerySet, Stage, Status, Upload, takes_part
from meetings.models.nodes import NodeState, SpeechNode
from meetings.models.transcripts import EditSource, Segment, SegmentEdit, StageRun, Transcript

__all__ = [
    "OVER",
    "RUNNING",
    "ActionItem",
    "ActionItemStatus",
    "EditSource",
    "Meeting",
    "MeetingQuerySet",
    "NodeState",
    "Segment",
    "SegmentEdit",
    "Speaker",
    "SpeechNode",
    "Stage",
    "StageRun",
    "Status",
    "Summary",
    "Transcript",
    "Upload",
    "takes_part",
]
