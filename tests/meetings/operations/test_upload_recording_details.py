"""UploadRecording with fields of the meeting: participants, language, time, vocabulary."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from meetings.models import Meeting, Transcript, Upload
from tests.meetings.operations.test_upload_recording import UPLOAD, upload_failure
from tests.support.factories import MeetingFactory, UserFactory
from tests.support.grpc_transport import GrpcTransport
from tests.support.recordings import a_recording, an_upload
from tests.support.rest_transport import RestTransport
from tests.support.transports import Transport
from tests.support.uploads import Uploader, begun
from users.models import Status as UserStatus
from users.models import User

pytestmark = pytest.mark.usefixtures("folder")

STARTS_AT = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
Violations = dict[str, str]


def over_tus(actor: User, said: dict[str, Any]) -> Violations:
    """Create a tus upload with these fields, and return what is wrong with them."""
    texts = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in said.items()}
    answer = Uploader(actor).create(len(a_recording()), filename="talk.wav", **texts)
    errors = answer.json()["errors"] if answer.content else []
    return {error["pointer"].removeprefix("#/").replace("/", "."): error["code"] for error in errors}


def over(transport: Callable[[], Transport]) -> Callable[[User, dict[str, Any]], Violations]:
    def upload(actor: User, said: dict[str, Any]) -> Violations:
        return upload_failure(transport(), actor, an_upload(**said)).fields

    return upload


def test_meeting_has_what_the_first_call_names(api: Transport, ann: User, bob: User) -> None:
    meeting = api(
        UPLOAD,
        an_upload(
            participants=[str(bob.pk), "me"], language="de", starts_at=STARTS_AT, vocabulary=["Kubernetes", "a, b"]
        ),
        actor=ann,
    ).meeting
    assert list(meeting.participants) == [str(bob.pk), str(ann.pk)]
    assert (meeting.language, meeting.starts_at.ToDatetime(UTC)) == ("de", STARTS_AT)
    assert list(meeting.vocabulary) == ["Kubernetes", "a, b"]
    transcript = Transcript.objects.get()
    assert (transcript.language, transcript.vocabulary) == ("de", ["Kubernetes", "a, b"])
    assert transcript.held_on == STARTS_AT.date()


@pytest.mark.parametrize("vocabulary", ["Kubernetes,  Ada Lovelace", '["Kubernetes", "Ada Lovelace"]'])
def test_meeting_of_a_resumable_upload_has_it_too(ann: User, bob: User, vocabulary: str) -> None:
    said = {"participants": f"{bob.pk},me", "language": "de", "starts_at": "2027-01-31T10:30:00+01:00"}
    _, meeting = begun(Uploader(ann), a_recording(), vocabulary=vocabulary, **said)
    assert meeting.participants == [bob.pk, ann.pk]
    assert (meeting.language, meeting.starts_at) == ("de", STARTS_AT)
    assert meeting.vocabulary == ["Kubernetes", "Ada Lovelace"]


def test_empty_list_in_the_metadata_names_nobody(ann: User) -> None:
    _, meeting = begun(Uploader(ann), a_recording(), participants="", vocabulary="[]")
    assert (meeting.participants, meeting.vocabulary) == ([], [])


@pytest.mark.parametrize("upload", [over_tus, over(RestTransport), over(GrpcTransport)])
@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"participants": ["me", "nobody@example.com"]}, {"participants.1": "unknown"}),
        ({"participants": ["x"], "language": "English"}, {"participants.0": "unknown", "language": "max_length"}),
        ({"participants": ["me", str(uuid4())]}, {"participants.1": "unknown"}),
        ({"participants": ["me", "me"]}, {"participants": "duplicate"}),
        ({"vocabulary": ["Ada", "ADA"]}, {"vocabulary": "duplicate"}),
        ({"vocabulary": ["x" * 101]}, {"vocabulary": "max_length"}),
        ({"replace": "true"}, {"meeting_id": "required"}),
    ],
)  # fmt: skip
def test_same_faults_are_found_each_way(
    upload: Callable[[User, dict[str, Any]], Violations], ann: User, said: dict[str, Any], wrong: Violations
) -> None:
    if upload is not over_tus and "replace" in said:
        said = {"replace": True}
    assert upload(ann, said) == wrong
    assert not Meeting.objects.exists()
    assert not Upload.objects.exists()


@pytest.mark.parametrize(("said", "code"), [({"starts_at": "tomorrow"}, "format"), ({"replace": "yes"}, "type")])
def test_malformed_text_is_rejected(ann: User, said: dict[str, str], code: str) -> None:
    assert over_tus(ann, said) == dict.fromkeys(said, code)


@pytest.mark.parametrize("text", ["[", '{"a": 1}', '["a", 1]', "[" * 5_000])
def test_list_that_is_not_an_array_of_texts_is_rejected(ann: User, text: str) -> None:
    wrong = {} if text.startswith("{") else {"vocabulary": "type"}
    assert over_tus(ann, {"vocabulary": text}) == wrong


@pytest.mark.parametrize("transport", [RestTransport, GrpcTransport])
def test_email_finds_only_whom_the_caller_may_find_by_it(
    transport: Callable[[], Transport], ann: User, administrator: User
) -> None:
    """An answer must not reveal which addresses have an account."""
    ben = UserFactory(email="ben@example.com")
    upload = an_upload(participants=["Ben@Example.com "])
    assert upload_failure(transport(), ann, upload).fields == {"participants.0": "unknown"}
    assert list(transport()(UPLOAD, upload, actor=administrator).meeting.participants) == [str(ben.pk)]
    own = transport()(UPLOAD, an_upload(participants=[ann.email.upper()]), actor=ann).meeting
    assert list(own.participants) == [str(ann.pk)]
    User.objects.filter(pk=ben.pk).update(status=UserStatus.BANNED)
    assert upload_failure(transport(), administrator, upload).fields == {"participants.0": "unknown"}


def test_user_named_twice_is_rejected(api: Transport, administrator: User, ann: User) -> None:
    failed = upload_failure(api, administrator, an_upload(participants=[str(ann.pk), ann.email]))
    assert failed.fields == {"participants": "duplicate"}


def test_existing_meeting_is_changed_by_what_is_set(api: Transport, ann: User, bob: User) -> None:
    meeting = MeetingFactory(owner=ann, title="Weekly", participants=[bob.pk], language="en", vocabulary=["Ada"])
    answer = api(UPLOAD, an_upload(str(meeting.pk), language="de", title="Other"), actor=ann).meeting
    assert (answer.title, answer.language, list(answer.vocabulary)) == ("Weekly", "de", ["Ada"])
    assert list(answer.participants) == [str(bob.pk)]
    assert Transcript.objects.get().language == "de"


def test_existing_meeting_is_changed_when_its_upload_begins(ann: User) -> None:
    meeting = MeetingFactory(owner=ann, language="en")
    begun(Uploader(ann), a_recording(), meeting_id=str(meeting.pk), vocabulary="Ada")
    meeting.refresh_from_db()
    assert (meeting.language, meeting.vocabulary) == ("en", ["Ada"])


def test_participant_who_was_named_before_may_have_a_closed_account(api: Transport, ann: User) -> None:
    closed = UserFactory()
    meeting = MeetingFactory(owner=ann, participants=[closed.pk])
    User.objects.filter(pk=closed.pk).update(status=UserStatus.BANNED)
    answer = api(UPLOAD, an_upload(str(meeting.pk), participants=[str(closed.pk)]), actor=ann).meeting
    assert list(answer.participants) == [str(closed.pk)]


def test_largest_lists_fit_into_a_form(ann: User) -> None:
    vocabulary = [f"{number:0100}" for number in range(500)]
    participants = [str(user.pk) for user in UserFactory.create_batch(3)]
    upload = an_upload(vocabulary=vocabulary, participants=participants)
    assert list(RestTransport()(UPLOAD, upload, actor=ann).meeting.vocabulary) == vocabulary


def test_metadata_without_a_title_or_a_name_makes_an_untitled_meeting(ann: User) -> None:
    for name in ("", " ", "/"):
        answer = GrpcTransport()(UPLOAD, an_upload(filename=name), actor=ann)
        assert answer.meeting.title == "Untitled recording"
    created = Uploader(ann).create(len(a_recording()))
    assert Meeting.objects.get(pk=created.headers["Tandem-Meeting-Id"]).title == "Untitled recording"
