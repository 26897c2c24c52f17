"""DecideComponents: what people confirm and reject."""

from changes.models import Change
from drawings.models import Component, Document, State
from projects.models import Role
from projects.models import Status as ProjectStatus
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import (
    DecideComponentsRequest,
    UpdateComponentRequest,
)
from tests.support.components import CONFIRMED, PROPOSED, REJECTED, SERVICE, decide, decision, listed, refused
from tests.support.drawings import member
from tests.support.factories import ComponentFactory
from tests.support.transports import Transport
from users.models import User


def test_decisions_are_one_change_that_can_be_undone(api: Transport, ann: User, labelled: Document) -> None:
    first, second, third = listed(api, ann, labelled.project).components
    decide(api, ann, labelled.project, decision(third, REJECTED))
    answer = decide(
        api, ann, labelled.project,
        decision(first, CONFIRMED, first.version), decision(second, REJECTED), decision(third, REJECTED),
    )  # fmt: skip
    assert [one.state for one in answer.components] == [CONFIRMED, REJECTED, REJECTED]
    assert answer.components[0].decided_by == str(ann.pk)
    assert [(one.component_id, one.state) for one in answer.undo] == [(first.id, PROPOSED), (second.id, PROPOSED)]
    written = Change.objects.filter(subject_type="drawing.component", subject_id__in=[first.id, second.id])
    assert {change.actor for change in written.filter(operation="updated")} == {str(ann.pk)}
    undone = decide(api, ann, labelled.project, *answer.undo)
    assert [one.state for one in undone.components] == [PROPOSED, PROPOSED]
    assert not undone.components[0].decided_by


def test_second_of_two_people_is_refused(api: Transport, ann: User, labelled: Document) -> None:
    other = member(labelled.project)
    first, second, _ = listed(api, ann, labelled.project).components
    decide(api, ann, labelled.project, decision(first, CONFIRMED, first.version))
    request = DecideComponentsRequest(
        project_id=str(labelled.project_id),
        decisions=[decision(second, REJECTED, second.version), decision(first, REJECTED, first.version)],
    )
    failed = api.failure(f"{SERVICE}DecideComponents", request, actor=other)
    assert failed.reason == "STALE" and failed.metadata["current_version"] == str(first.version + 1)
    assert Component.objects.get(pk=second.id).state == State.PROPOSED


def test_invalid_decisions_change_nothing(api: Transport, ann: User, labelled: Document) -> None:
    project = labelled.project
    first = listed(api, ann, project).components[0]
    foreign = ComponentFactory()
    assert "decisions" in refused(api, ann, project).fields
    assert "decisions" in refused(api, ann, project, *[decision(first, CONFIRMED)] * 501).fields
    failed = refused(
        api, ann, project, decision(first, CONFIRMED), decision(first, REJECTED),
        drawing_pb2.ComponentDecision(component_id="x", state=CONFIRMED), decision(first, 0, -1),
    )  # fmt: skip
    assert failed.fields == {
        "decisions.1.component_id": "duplicate", "decisions.2.component_id": "unknown",
        "decisions.3.component_id": "duplicate", "decisions.3.state": "required", "decisions.3.version": "range",
    }  # fmt: skip
    failed = refused(api, ann, project, decision(first, CONFIRMED), drawing_pb2.ComponentDecision(
        component_id=str(foreign.pk), state=CONFIRMED))  # fmt: skip
    assert failed.fields == {"decisions.1.component_id": "unknown"}
    assert not Component.objects.exclude(state=State.PROPOSED).exists()


def test_viewers_and_archived_projects_write_nothing(api: Transport, ann: User, labelled: Document) -> None:
    project, viewer = labelled.project, member(labelled.project, Role.VIEWER)
    first = listed(api, viewer, project).components[0]
    assert refused(api, viewer, project, decision(first, CONFIRMED)).reason == "FORBIDDEN"
    project.status = ProjectStatus.ARCHIVED
    project.save()
    assert refused(api, ann, project, decision(first, CONFIRMED)).reason == "CONFLICT"
    request = UpdateComponentRequest(component_id=first.id, component={"designator": "-K1"})
    assert api.failure(f"{SERVICE}UpdateComponent", request, actor=ann).reason == "CONFLICT"
