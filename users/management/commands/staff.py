"""`manage.py staff`: lets a user sign in to the admin site."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from core.auth import System
from core.errors import Failure
from users.models import User
from users.services import set_staff


class Command(BaseCommand):
    """Makes a user staff with the service of the admin site. The change log names this command as the actor."""

    help = "Let the user with this e-mail address sign in to the admin site, or end their access."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="e-mail address of the account")
        parser.add_argument(
            "--superuser", action="store_true", help="may do everything there; gets the role ADMIN, too"
        )
        parser.add_argument("--groups", nargs="+", metavar="GROUP", help="may do what these groups may, and no more")
        parser.add_argument("--remove", action="store_true", help="may no longer sign in there")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["remove"] and (options["superuser"] or options["groups"]):
            raise CommandError("Give either --remove, or what the user may do.")
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"No account has the address {options['email']}.")
        groups = [] if options["remove"] else _groups(options["groups"])
        is_superuser = options["superuser"] or (user.is_superuser and groups is None)
        try:
            user = set_staff(
                System("staff"), str(user.pk), is_staff=not options["remove"], groups=groups,
                is_superuser=is_superuser and not options["remove"],
            )  # fmt: skip
        except ValidationError as exc:
            raise CommandError(" ".join(exc.messages)) from exc
        except Failure as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(_sentence(user))
        if user.is_staff and not user.has_usable_password():
            self.stdout.write(f"They have no password yet: manage.py changepassword {user.email}")


def _groups(names: list[str] | None) -> list[Group] | None:
    if names is None:
        return None
    found = {group.name: group for group in Group.objects.filter(name__in=names)}
    if missing := [name for name in names if name not in found]:
        known = ", ".join(Group.objects.order_by("name").values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no group {missing[0]!r}. The groups are: {known}.")
    return [found[name] for name in names]


def _sentence(user: User) -> str:
    if not user.is_staff:
        return f"{user.email} may no longer sign in to the admin site."
    if user.is_superuser:
        return f"{user.email} may sign in to the admin site, and do everything there."
    if names := ", ".join(user.groups.order_by("name").values_list("name", flat=True)):
        return f"{user.email} may sign in to the admin site, and do there what these groups may: {names}."
    return f"{user.email} may sign in to the admin site, but sees nothing there yet. Give --superuser or --groups."
