"""Checks that an actor may change an account."""

from django.core.exceptions import PermissionDenied

from core.actors import Actor
from users import policies
from users.models import User


def check_may_change(actor: Actor, user: User) -> None:
    if not policies.may_change(actor, user):
        raise PermissionDenied("You may not change this user.")


def check_may_take_over(actor: Actor, user: User) -> None:
    if not policies.may_take_over(actor, user):
        raise PermissionDenied(
            "Only a superuser may change the password, e-mail, roles or status of a superuser, or delete one."
        )
