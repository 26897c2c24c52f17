"""Writes to rows that exist, for `tests/core/test_preconditions.py`; those of projects and documents."""

from collections.abc import Callable
from typing import Any, NamedTuple

from google.protobuf.field_mask_pb2 import FieldMask

from drawings.models import CountStatus, Status
from projects.models import Role
from tandem.drawing.v1 import drawing_pb2
from tandem.project.v1 import project_pb2
from tests.support.drawings import project_of
from tests.support.factories import ComponentFactory, DocumentFactory, ProjectMemberFactory, SymbolFactory
from users.models import User


class Write(NamedTuple):
    """A write to a row that is there, at version 1.

    Attributes:
        request: what is sent.
        row: what it changes.
    """

    request: Any
    row: Any


def _of_project(make: Callable[[str], Any], status: int = 1) -> Callable[[User], Write]:
    def write(ann: User) -> Write:
        project = ProjectMemberFactory(user=ann, role=Role.MANAGER, project__status=status).project
        return Write(make(str(project.pk)), project)

    return write


def _of_member(request: Any, **fields: Any) -> Callable[[User], Write]:
    def write(ann: User) -> Write:
        project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
        member = ProjectMemberFactory(project=project)
        return Write(request(project_id=str(project.pk), user_id=str(member.user_id), **fields), member)

    return write


PROJECT_WRITES: dict[str, Callable[[User], Write]] = {
    "ProjectService/UpdateProject": _of_project(
        lambda pk: project_pb2.UpdateProjectRequest(project_id=pk, project=project_pb2.Project(name="New"))
    ),
    "ProjectService/DeleteProject": _of_project(lambda pk: project_pb2.DeleteProjectRequest(project_id=pk)),
    "ProjectService/ArchiveProject": _of_project(lambda pk: project_pb2.ArchiveProjectRequest(project_id=pk)),
    "ProjectService/UnarchiveProject": _of_project(
        lambda pk: project_pb2.UnarchiveProjectRequest(project_id=pk), status=2
    ),
    "ProjectService/UpdateMember": _of_member(project_pb2.UpdateMemberRequest, role=project_pb2.PROJECT_ROLE_EDITOR),
    "ProjectService/RemoveMember": _of_member(project_pb2.RemoveMemberRequest),
}


def _of_document(make: Callable[[Any], Any], **fields: Any) -> Callable[[User], Write]:
    def write(ann: User) -> Write:
        # Without a file: deleting one that is missing is no error.
        document = DocumentFactory(project=project_of(ann), **fields)
        return Write(make(document), document)

    return write


def _of_symbol(request: Any, **fields: Any) -> Callable[[User], Write]:
    def write(ann: User) -> Write:
        symbol = SymbolFactory(document__project=project_of(ann), **fields)
        return Write(request(symbol_id=str(symbol.pk)), symbol)

    return write


def _corrected_component(ann: User) -> Write:
    component = ComponentFactory(document__project=project_of(ann))
    request = drawing_pb2.UpdateComponentRequest(
        component_id=str(component.pk),
        component=drawing_pb2.Component(designator="-K2"),
        update_mask=FieldMask(paths=["designator"]),
    )
    return Write(request, component)


#: Writes of documents and of what is found in them, each of one that the caller may change.
DOCUMENT_WRITES: dict[str, Callable[[User], Write]] = {
    "DrawingService/UpdateDocument": _of_document(
        lambda document: drawing_pb2.UpdateDocumentRequest(
            document_id=str(document.pk),
            document=drawing_pb2.Document(title="New"),
            update_mask=FieldMask(paths=["title"]),
        )
    ),
    "DrawingService/DeleteDocument": _of_document(
        lambda document: drawing_pb2.DeleteDocumentRequest(document_id=str(document.pk))
    ),
    "DrawingService/Reprocess": _of_document(
        lambda document: drawing_pb2.ReprocessRequest(document_id=str(document.pk))
    ),
    "DrawingService/CancelProcessing": _of_document(
        lambda document: drawing_pb2.CancelProcessingRequest(document_id=str(document.pk)),
        status=Status.PROCESSING,
    ),
    "DrawingService/UpdateComponent": _corrected_component,
    "DrawingService/DeleteSymbol": _of_symbol(drawing_pb2.DeleteSymbolRequest),
    "DrawingService/CountSymbol": _of_symbol(drawing_pb2.CountSymbolRequest),
    "DrawingService/CancelCount": _of_symbol(drawing_pb2.CancelCountRequest, count_status=CountStatus.QUEUED),
}
