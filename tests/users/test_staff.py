"""Access to the admin site is given by the command `staff` and in the admin site itself."""

from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from changes.models import Change
from core.auth import System
from core.errors import Conflict, Stale
from core.preconditions import exactly
from tests.support.factories import AdministratorFactory, UserFactory
from users.models import Role, Status, User
from users.services import change_password, deactivate_user, delete_user, reactivate_user, set_staff, update_user


def staff(*arguments: str) -> str:
    out = StringIO()
    call_command("staff", *arguments, stdout=out)
    return out.getvalue()


def test_command(ann: User) -> None:
    Group.objects.create(name="Editors")
    assert "sees nothing there yet" in staff("ANN@example.com")
    assert "what these groups may: Editors." in staff("ann@example.com", "--groups", "Editors")
    ann.refresh_from_db()
    assert (ann.is_staff, ann.is_superuser, [group.name for group in ann.groups.all()]) == (True, False, ["Editors"])
    assert "do everything" in staff("ann@example.com", "--superuser")
    ann.refresh_from_db()
    assert ann.is_superuser and Role.ADMIN in ann.roles
    assert Change.objects.filter(subject_id=ann.pk).latest("id").actor == "staff"
    assert "no longer" in staff("ann@example.com", "--remove")
    ann.refresh_from_db()
    assert (ann.is_staff, ann.is_superuser, ann.groups.count()) == (False, False, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody@example.com"], "No account has the address nobody@example.com."),
        (["ann@example.com", "--groups", "Painters"], "There is no group 'Painters'. The groups are: none."),
        (["ann@example.com", "--remove", "--superuser"], "Give either --remove, or what the user may do."),
        (["report@example.com"], "A service account cannot sign in to the admin site."),
    ],
)
def test_what_the_command_refuses(ann: User, arguments: list[str], message: str) -> None:
    UserFactory(email="report@example.com", is_service=True)
    with pytest.raises(CommandError, match=message):
        staff(*arguments)
    assert not User.objects.filter(is_staff=True).exists()


def test_only_superusers(ann: User, administrator: User) -> None:
    with pytest.raises(PermissionDenied, match="Only a superuser"):
        set_staff(administrator, str(ann.pk), is_staff=True)
    User.objects.filter(pk=ann.pk).update(is_superuser=True, is_staff=True)
    ann.refresh_from_db()
    with pytest.raises(Conflict, match="your own access"):
        set_staff(ann, str(ann.pk), is_staff=False)


def test_other_administrators_do_not_take_over_a_superuser(administrator: User) -> None:
    root = AdministratorFactory(is_superuser=True, is_staff=True)
    service = UserFactory(is_service=True)
    pk, password = str(root.pk), {"current_password": "", "new_password": "brisk-otter-lantern"}
    for actor in (administrator, service):
        for write in (
            partial(update_user, actor, pk, {"email": "mine@example.com"}),
            partial(update_user, actor, pk, {"roles": [Role.CUSTOMER]}),
            partial(update_user, actor, pk, {"status": Status.BANNED}),
            partial(change_password, actor, pk, **password),
            partial(deactivate_user, actor, pk),
            partial(reactivate_user, actor, pk),
            partial(delete_user, actor, pk),
        ):
            with pytest.raises(PermissionDenied, match="Only a superuser may change the password"):
                write()
    assert update_user(administrator, pk, {"email": root.email, "phone": "+4930123456"}).phone == "+4930123456"
    other = AdministratorFactory(is_superuser=True)
    assert update_user(other, pk, {"email": "new@example.com"}).email == "new@example.com"
    change_password(other, pk, **password)
    root.refresh_from_db()
    delete_user(root, pk)


def test_stale_form_does_not_give_groups_back(site: Client, ann: User) -> None:
    editors, readers = Group.objects.create(name="Editors"), Group.objects.create(name="Readers")
    set_staff(System("console"), str(ann.pk), is_staff=True, groups=[editors, readers])
    ann.refresh_from_db()
    opened = ann.version
    removed = set_staff(System("console"), str(ann.pk), groups=[readers])
    change = Change.objects.filter(subject_id=ann.pk).latest("id")
    assert (change.actor, change.reason, removed.is_staff) == ("console", "staff", True)
    assert opened < removed.version == change.subject_version
    form: dict[str, Any] = {
        "email": ann.email, "display_name": ann.display_name, "status": ann.status, "roles": ann.roles,
        "social_links": "{}", "is_staff": "on", "groups": [editors.pk, readers.pk],
    }  # fmt: skip
    address = reverse("admin:users_user_change", args=[ann.pk])
    site.post(address, form | {"opened_version": opened})
    assert list(ann.groups.all()) == [readers]
    site.post(address, form | {"opened_version": removed.version})
    assert ann.groups.count() == 2
    with pytest.raises(Stale):
        set_staff(System("console"), str(ann.pk), groups=[], expected_version=exactly(removed.version))


def test_admin_site(site: Client, ann: User, administrator: User) -> None:
    editors = Group.objects.create(name="Editors")
    address = reverse("admin:users_user_change", args=[ann.pk])
    form: dict[str, Any] = {
        "email": ann.email, "display_name": "Ann Lee", "status": ann.status, "roles": ann.roles, "social_links": "{}",
        "opened_version": ann.version, "is_staff": "on", "groups": [editors.pk],
    }  # fmt: skip
    assert site.post(address, form).status_code == 302
    ann.refresh_from_db()
    assert (ann.display_name, ann.is_staff, list(ann.groups.all())) == ("Ann Lee", True, [editors])
    User.objects.filter(pk=administrator.pk).update(is_superuser=False)
    assert 'name="is_staff"' not in site.get(address).content.decode()
