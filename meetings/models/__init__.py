"""The models of meetings: meetings, transcripts, and findings in transcripts."""

from meetings.models.findings import ActionItem, ActionItemStatus, Speaker, Summary
from meetings.models.meetings import (
    OVER,
    RUNNING,
    LiveFormat,
    Meeting,
    MeetingQuerySet,
    Stage,
    Status,
    Upload,
    takes_part,
)
from meetings.models.nodes import NodeState, SpeechNode
from meetings.models.retention import RetentionPolicy
from meetings.models.transcripts import EditSource, Segment, SegmentEdit, StageRun, Transcript
from meetings.models.voices import EnrolledVoice, mean_print, similarity
from meetings.models.waveforms import Waveform

__all__ = [
    "OVER",
    "RUNNING",
    "ActionItem",
    "ActionItemStatus",
    "EditSource",
    "EnrolledVoice",
    "LiveFormat",
    "Meeting",
    "MeetingQuerySet",
    "NodeState",
    "RetentionPolicy",
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
    "Waveform",
    "mean_print",
    "similarity",
    "takes_part",
]
