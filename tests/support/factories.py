"""Rows for tests; factory-boy where a test needs many."""

from typing import Any

import factory
from django.utils import timezone

from access.models import ApiKey
from access.tokens import api_key_text, hash_of
from core.db.ids import uuid7
from drawings.models import Component, Document, Method, Page, Symbol
from drawings.models import Status as DocumentStatus
from meetings.models import (
    ActionItem,
    EnrolledVoice,
    Meeting,
    NodeState,
    Segment,
    Speaker,
    SpeechNode,
    Summary,
    Transcript,
)
from meetings.models import Status as MeetingStatus
from projects.models import Project, ProjectMember
from projects.models import Role as ProjectRole
from tasks.models import Task
from users.models import Role, Status, User, UserAddress

SECRET = "a-secret-of-a-key_with-an-underscore"


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"user{n}@example.com")
    display_name = factory.Sequence(lambda n: f"User {n}")
    status = Status.ACTIVE
    roles = [Role.CUSTOMER]
    password = "!"


class AdministratorFactory(UserFactory):
    email = factory.Sequence(lambda n: f"administrator{n}@example.com")
    display_name = "Administrator"
    roles = [Role.ADMIN]
    is_staff = True
    number = None


class SupportFactory(UserFactory):
    display_name = "Support"
    roles = [Role.SUPPORT]


class ServiceFactory(UserFactory):
    display_name = "Service"
    number = None
    is_service = True


class ApiKeyFactory(factory.django.DjangoModelFactory):
    """A key whose secret is `SECRET`; see `bearer_of`."""

    class Meta:
        model = ApiKey

    name = "Nightly report"
    scopes = ["users:read"]
    secret_hash = hash_of(SECRET)


def bearer_of(key: ApiKey) -> str:
    """Return the `Authorization` of a key that `ApiKeyFactory` made."""
    return "Bearer " + api_key_text(key, SECRET)


class UserAddressFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = UserAddress

    label = factory.Sequence(lambda n: f"Home {n}")
    full_name = "Ann Other"
    line1 = "Main Street 1"
    city = "Berlin"
    country_code = "DE"


class ProjectFactory(factory.django.DjangoModelFactory):
    """A project without members; `ProjectMemberFactory` adds one."""

    class Meta:
        model = Project

    name = factory.Sequence(lambda n: f"Project {n}")


class ProjectMemberFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ProjectMember

    project = factory.SubFactory(ProjectFactory)
    user = factory.SubFactory(UserFactory)
    role = ProjectRole.VIEWER


class DocumentFactory(factory.django.DjangoModelFactory):
    """A document without a file; `tests.support.drawings.a_document` stores one."""

    class Meta:
        model = Document

    project = factory.SubFactory(ProjectFactory)
    title = factory.Sequence(lambda n: f"Document {n}")
    size = 1_000
    sha256 = factory.Sequence(lambda n: f"{n:064x}")
    file = "document"
    status = DocumentStatus.READY
    page_count = 1


class PageFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Page

    document = factory.SubFactory(DocumentFactory)
    number = 0
    run = 1
    width, height = 842, 595


class ComponentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Component

    document = factory.SubFactory(DocumentFactory)
    page_number = 0
    designator, prefix, component_class = "-K1", "K", "relay"
    x0, y0, x1, y1 = 100, 100, 120, 110
    method = Method.TEXT


class SymbolFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Symbol

    document = factory.SubFactory(DocumentFactory)
    page_number = 0
    name = factory.Sequence(lambda n: f"Symbol {n}")
    x0, y0, x1, y1 = 95, 295, 125, 325


class TaskFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Task

    title = factory.Sequence(lambda n: f"Task {n}")


class MeetingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Meeting

    title = factory.Sequence(lambda n: f"Meeting {n}")
    owner = factory.SubFactory(UserFactory)


#: The engine in the rows of a transcript.
ENGINE = {"name": "scripted", "version": "1", "model_id": "", "model_sha256": "ab" * 32}


class TranscribedMeetingFactory(MeetingFactory):
    """A meeting that was processed, with its first version; the test adds the segments."""

    class Meta:
        skip_postgeneration_save = True

    status = MeetingStatus.COMPLETED
    progress = 100
    duration_ms = 60_000
    transcript_version = 1
    recording = "recording.wav"
    recording_filename = "recording.wav"
    recording_size = 1_920_000
    transcript = factory.RelatedFactory("tests.support.factories.TranscriptFactory", factory_related_name="meeting")


class TranscriptFactory(factory.django.DjangoModelFactory):
    """A version of a transcript; the test makes it the current one of the meeting."""

    class Meta:
        model = Transcript

    meeting = factory.SubFactory(MeetingFactory)
    version = 1
    recording = "recording.wav"
    recording_sha256 = "cd" * 32
    language = "en"
    spoken_language = "en"
    status = MeetingStatus.COMPLETED


class PartFactory(factory.django.DjangoModelFactory):
    """A part of a version; without `transcript_version`, of the current one of its meeting."""

    class Meta:
        abstract = True

    meeting = factory.SubFactory(TranscribedMeetingFactory)
    transcript_version = factory.SelfAttribute("meeting.transcript_version")


class SpeakerFactory(PartFactory):
    class Meta:
        model = Speaker

    place = factory.Sequence(lambda n: n % 30_000)
    label = factory.LazyAttribute(lambda speaker: f"S{speaker.place + 1}")
    speech_ms = 1_000
    voice_print = [1.0, 0.0]
    engine = ENGINE


def _words(segment: Any) -> list[dict[str, Any]]:
    """Return words of equal length over the whole segment."""
    texts = segment.recognized_text.split()
    each = (segment.end_ms - segment.start_ms) // max(1, len(texts))
    starts = [segment.start_ms + each * place for place in range(len(texts))]
    return [
        {"text": text, "start_ms": start, "end_ms": start + each, "confidence": 0.5}
        for text, start in zip(texts, starts, strict=True)
    ]


class EnrolledVoiceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = EnrolledVoice

    user = factory.SubFactory(UserFactory)
    speaker_id = factory.LazyFunction(uuid7)
    meeting_id = factory.LazyFunction(uuid7)
    speech_ms = 10_000
    voice_print = [1.0, 0.0]
    engine = ENGINE


class SegmentFactory(PartFactory):
    """Two seconds of speech; each follows on the one that was made before it."""

    class Meta:
        model = Segment

    start_ms = factory.Sequence(lambda n: n * 2_000)
    end_ms = factory.LazyAttribute(lambda segment: segment.start_ms + 2_000)
    recognized_text = factory.Sequence(lambda n: f"this was said as number {n}")
    text = factory.SelfAttribute("recognized_text")
    confidence = 0.75
    words = factory.LazyAttribute(_words)
    engine = ENGINE


class SummaryFactory(PartFactory):
    class Meta:
        model = Summary

    overview = factory.List([{"text": "It was about ships.", "segment_ids": []}])
    topics = factory.List([{"text": "ships", "segment_ids": []}])
    decisions = factory.List([{"text": "We build one.", "segment_ids": []}])
    language = "en"
    engine = ENGINE


class SpeechNodeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = SpeechNode

    address = factory.Sequence("grpcs://gpu{}.example.com:50071".format)
    state = NodeState.PASSED_OVER
    reason = "The speech node does not answer."
    engines = factory.List(["moonshine 0.1.0"])
    since = factory.LazyFunction(timezone.now)
    reported_at = factory.LazyFunction(timezone.now)


class ActionItemFactory(PartFactory):
    class Meta:
        model = ActionItem

    place = factory.Sequence(lambda n: n)
    text = factory.Sequence(lambda n: f"send report {n}")
    confidence = 0.8
