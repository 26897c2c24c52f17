import hashlib

import pytest

from changes.models import Change
from core.errors import Cancelled
from drawings.models import Document, Status
from drawings.services.uploads import UploadMetadata, upload_document
from projects.models import ProjectMember, Role
from projects.models import Status as ProjectStatus
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import UploadDocumentRequest
from tests.jobs import due
from tests.support.drawings import a_document, a_pdf, an_upload, member, project_of, stored
from tests.support.factories import ProjectFactory
from tests.support.transports import Failed, Transport
from users.models import User

UPLOAD = "DrawingService/UploadDocument"


def upload_failure(api: Transport, actor: User, upload: list[UploadDocumentRequest]) -> Failed:
    """Upload a document that is rejected, and return the failure, which leaves nothing behind."""
    before = [list(Document.objects.values()), stored()]
    failed = api.failure(UPLOAD, upload, actor=actor)
    assert [list(Document.objects.values()), stored()] == before
    return failed


def test_document_is_stored_and_queued(api: Transport, ann: User) -> None:
    project = project_of(ann)
    content = a_pdf()
    answer = api.answer(UPLOAD, an_upload(project, content, revision=" B "), actor=ann)
    received = answer.message.document
    assert (received.project_id, received.title, received.revision) == (str(project.pk), "cabinet.pdf", "B")
    assert (received.file_name, received.size) == ("cabinet.pdf", len(content))
    assert received.sha256 == hashlib.sha256(content).hexdigest()
    assert (received.status, received.uploaded_by) == (drawing_pb2.DOCUMENT_STATUS_QUEUED, str(ann.pk))
    assert (received.version, answer.version, received.duplicate) == (1, 1, False)
    (file,) = stored()
    assert file.read_bytes() == content
    assert file.stat().st_mode & 0o777 == 0o600
    assert Change.objects.filter(subject_id=received.id).latest("id").actor == str(ann.pk)
    assert len(due("drawings.process")) == 1


def test_same_content_in_the_project_is_the_same_document(api: Transport, ann: User) -> None:
    project, other = project_of(ann), project_of(ann)
    first = api(UPLOAD, an_upload(project), actor=ann).document
    again = api(UPLOAD, an_upload(project, filename="copy.pdf", title="Copy"), actor=ann).document
    assert (again.id, again.title, again.duplicate) == (first.id, "cabinet.pdf", True)
    assert not api(UPLOAD, an_upload(other), actor=ann).document.duplicate
    assert (len(stored()), len(due("drawings.process"))) == (2, 2)


def test_title_and_predecessor_are_those_of_the_form(api: Transport, ann: User) -> None:
    project = project_of(ann)
    before = a_document(project, ann, ("A",))
    received = api(UPLOAD, an_upload(project, title="Ground floor", supersedes=str(before.pk)), actor=ann).document
    assert (received.title, received.supersedes) == ("Ground floor", str(before.pk))
    elsewhere = a_document(project_of(ann), ann)
    for wrong in (str(elsewhere.pk), "nonsense"):
        failed = upload_failure(api, ann, an_upload(project, a_pdf(("C",)), supersedes=wrong))
        assert (failed.reason, failed.violations[0][0]) == ("INVALID", "supersedes")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a ZIP", b"\xff\xd8\xff\xe0 a JPEG named .pdf", b"\0" * 5000])
def test_other_files_are_refused(api: Transport, ann: User, content: bytes) -> None:
    failed = upload_failure(api, ann, an_upload(project_of(ann), content))
    assert failed.reason == "UNSUPPORTED_MEDIA_TYPE"


def test_declared_size_and_checksum_must_be_those_of_the_file(api: Transport, ann: User) -> None:
    project = project_of(ann)
    for wrong, field in (({"size": 5}, "size"), ({"sha256": "0" * 64}, "sha256"), ({"sha256": "x"}, "sha256")):
        failed = upload_failure(api, ann, an_upload(project, **wrong))
        assert (failed.reason, failed.violations[0][0]) == ("INVALID", field)


def test_limit_of_a_document(api: Transport, ann: User, settings: object) -> None:
    settings.MAX_DOCUMENT_BYTES = 1_000  # type: ignore[attr-defined]
    for size in (len(a_pdf()), 0):
        failed = upload_failure(api, ann, an_upload(project_of(ann), size=size))
        assert (failed.reason, failed.message) == ("TOO_LARGE", "A document has at most 1,000 bytes. Split it.")


def test_quota_of_a_user(api: Transport, ann: User, settings: object) -> None:
    project = project_of(ann)
    settings.DOCUMENT_BYTES_PER_USER = len(a_pdf()) + 100  # type: ignore[attr-defined]
    api(UPLOAD, an_upload(project), actor=ann)
    assert upload_failure(api, ann, an_upload(project, a_pdf(("B",)))).reason == "QUOTA_EXCEEDED"


def test_editors_upload(api: Transport, ann: User, bob: User, administrator: User) -> None:
    project = project_of(ann, Role.VIEWER)
    assert upload_failure(api, ann, an_upload(project)).reason == "FORBIDDEN"
    assert upload_failure(api, bob, an_upload(project)).reason == "NOT_FOUND"
    for unknown in ("", "nonsense", "00000000-0000-7000-8000-000000000000"):
        failed = upload_failure(api, ann, an_upload(project, project_id=unknown))
        assert failed.reason in ("NOT_FOUND", "INVALID"), unknown
    assert api(UPLOAD, an_upload(project), actor=administrator).document.id


def test_archived_project_takes_no_document(api: Transport, ann: User) -> None:
    project = ProjectFactory(status=ProjectStatus.ARCHIVED)
    member(project, Role.MANAGER, ann)
    assert upload_failure(api, ann, an_upload(project)).reason == "CONFLICT"


def test_member_who_is_removed_during_the_upload_is_refused_at_its_end(db: None, ann: User) -> None:
    project, content = project_of(ann), a_pdf()

    def chunks() -> object:
        yield content[:100]
        ProjectMember.objects.all().delete()
        yield content[100:]

    metadata = UploadMetadata(project_id=str(project.pk), filename="a.pdf")
    with pytest.raises(project.DoesNotExist):
        upload_document(ann, metadata, chunks())  # type: ignore[arg-type]
    assert (stored(), Document.objects.count()) == ([], 0)


def test_interrupted_upload_leaves_nothing(db: None, ann: User) -> None:
    def chunks() -> object:
        yield a_pdf()[:100]
        raise Cancelled("gone")

    with pytest.raises(Cancelled):
        upload_document(ann, UploadMetadata(project_id=str(project_of(ann).pk)), chunks())  # type: ignore[arg-type]
    assert (stored(), Document.objects.count()) == ([], 0)


def test_states_are_the_contracts() -> None:
    names = drawing_pb2.DocumentStatus.items()
    assert {name.removeprefix("DOCUMENT_STATUS_"): number for name, number in names if number} == {
        status.name: status.value for status in Status
    }
