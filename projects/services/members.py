"""Write operations on the members of projects.

Each locks the row of the project first, so that two managers who leave at the same time do not leave it without one.
"""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q

from changes.services import acting
from core.actors import Actor
from core.db.saving import save_clean
from core.errors import Conflict
from core.preconditions import ANY_VERSION, ExpectedVersion
from projects import policies, queries
from projects.models import Project, ProjectMember, Role
from projects.services.checks import ARCHIVED, project_to_manage
from users.models import OPEN_ACCOUNT_STATUSES, User
from users.queries import resolve_id


def add_member(actor: Actor, project_id: str, user_id: str, role: int) -> ProjectMember:
    """Add a user to a project.

    Args:
        user_id: as the client wrote it: a user's id, or `me`.
        role: 0 = the client gave none.

    Raises:
        Project.DoesNotExist, PermissionDenied
        ValidationError: on `user_id` (there is no such user with an open account) and `role`.
        AlreadyExists: the user is a member.
        Conflict: the project is archived.
    """
    with acting(actor):
        project, _ = project_to_manage(actor, project_id)
        errors = {}
        wanted = resolve_id(actor, user_id)
        known = User.objects.filter(pk=wanted, status__in=OPEN_ACCOUNT_STATUSES).first() if wanted else None
        if not user_id:
            errors["user_id"] = ValidationError("User is required.", code="required")
        elif known is None:
            errors["user_id"] = ValidationError("There is no such user, or the account is closed.", code="unknown")
        member = ProjectMember(project=project, user=known, added_by_id=actor.pk)
        return save_clean(member, extra_errors=errors, role=role or None)


def update_member(
    actor: Actor, project_id: str, user_id: str, role: int, *, expected_version: ExpectedVersion = ANY_VERSION
) -> ProjectMember:
    """Give a member another role.

    Args:
        user_id: as the client wrote it: a user's id, or `me`.
        role: 0 = the client gave none: nothing is changed.

    Raises:
        Project.DoesNotExist, ProjectMember.DoesNotExist, PermissionDenied, Stale
        Conflict: the project is archived, or the member is its last manager.
    """
    with acting(actor):
        project, _ = project_to_manage(actor, project_id)
        member = _member(actor, project, user_id)
        member.require_version(expected_version)
        if not role:
            return member
        if role != Role.MANAGER:
            _require_another_manager(project, member)
        return save_clean(member, role=role)


def remove_member(
    actor: Actor, project_id: str, user_id: str, *, expected_version: ExpectedVersion = ANY_VERSION
) -> None:
    """Remove a member; each member may remove themselves.

    Args:
        user_id: as the client wrote it: a user's id, or `me`.

    Raises:
        Project.DoesNotExist, ProjectMember.DoesNotExist, PermissionDenied, Stale
        Conflict: the project is archived, or the member is its last manager.
    """
    with acting(actor):
        project, role = queries.get_project_for_update(actor, project_id)
        if not policies.may_remove(actor, role, resolve_id(actor, user_id)):
            raise PermissionDenied("Only managers of the project and administrators may remove other members.")
        if project.is_archived:
            raise Conflict(ARCHIVED)
        member = _member(actor, project, user_id)
        member.require_version(expected_version)
        _require_another_manager(project, member)
        member.delete()


def _member(actor: Actor, project: Project, user_id: str) -> ProjectMember:
    wanted = resolve_id(actor, user_id)
    member = ProjectMember.objects.filter(project=project, user=wanted).first() if wanted else None
    if member is None:
        raise queries.member_not_found(user_id)
    return member


def _require_another_manager(project: Project, member: ProjectMember) -> None:
    others = ProjectMember.objects.filter(~Q(pk=member.pk), project=project, role=Role.MANAGER)
    if member.role == Role.MANAGER and not others.exists():
        raise Conflict("This is the last manager of the project; make another member a manager first.")
