import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from drawings.models import Document
from projects.models import Role
from projects.models import Status as ProjectStatus
from tandem.drawing.v1 import drawing_pb2
from tests.support.drawings import member, project_of
from tests.support.factories import DocumentFactory, ProjectFactory
from tests.support.transports import Failed, Transport
from users.models import User

SERVICE = "DrawingService/"


def update(api: Transport, actor: User, document: Document, **fields: str) -> drawing_pb2.Document:
    request = drawing_pb2.UpdateDocumentRequest(
        document_id=str(document.pk),
        document=drawing_pb2.Document(**fields),  # type: ignore[arg-type]
        update_mask=FieldMask(paths=list(fields)),
    )
    return api(f"{SERVICE}UpdateDocument", request, actor=actor).document  # type: ignore[no-any-return]


def test_named_fields_are_changed(api: Transport, ann: User) -> None:
    project = project_of(ann)
    before, document = DocumentFactory(project=project), DocumentFactory(project=project, title="Old", revision="A")
    received = update(api, ann, document, revision="B", supersedes=str(before.pk))
    assert (received.title, received.revision, received.supersedes) == ("Old", "B", str(before.pk))
    assert received.version == 2
    assert update(api, ann, document, supersedes="").supersedes == ""


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("title", "", "required"), ("title", "x" * 201, "max_length"), ("revision", "x" * 51, "max_length"),
     ("title", "a\0b", "control"), ("supersedes", "nonsense", "unknown")],
)  # fmt: skip
def test_bad_values_are_named(api: Transport, ann: User, field: str, value: str, code: str) -> None:
    document = DocumentFactory(project=project_of(ann))
    with pytest.raises(Failed) as failed:
        update(api, ann, document, **{field: value})
    assert (failed.value.reason, failed.value.violations[0][0]) == ("INVALID", field)


def test_document_replaces_another_one_of_its_project(api: Transport, ann: User) -> None:
    document, elsewhere = DocumentFactory(project=project_of(ann)), DocumentFactory(project=project_of(ann))
    for wrong in (document, elsewhere):
        with pytest.raises(Failed) as failed:
            update(api, ann, document, supersedes=str(wrong.pk))
        assert failed.value.violations[0][0] == "supersedes"


def test_other_fields_cannot_be_written(api: Transport, ann: User) -> None:
    document = DocumentFactory(project=project_of(ann))
    with pytest.raises(Failed) as failed:
        update(api, ann, document, sha256="0" * 64)
    assert failed.value.reason == "INVALID"


def test_editors_change_documents_of_active_projects(api: Transport, ann: User) -> None:
    document = DocumentFactory(project=project_of(ann, Role.VIEWER))
    with pytest.raises(Failed) as failed:
        update(api, ann, document, title="New")
    assert failed.value.reason == "FORBIDDEN"
    archived = ProjectFactory(status=ProjectStatus.ARCHIVED)
    member(archived, Role.MANAGER, ann)
    with pytest.raises(Failed) as failed:
        update(api, ann, DocumentFactory(project=archived), title="New")
    assert failed.value.reason == "CONFLICT"
