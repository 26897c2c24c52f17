from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from access.models import ApiKey
from changes.models import Change
from core.auth import authenticate
from users.models import Status, User


def serviceaccount(*arguments: str, administrator: User) -> str:
    out = StringIO()
    call_command("serviceaccount", *arguments, "--as", administrator.email, stdout=out)
    return out.getvalue()


def test_command_creates_the_account_and_its_key(administrator: User) -> None:
    output = serviceaccount("Nightly report", "--scopes", "users:read", "--days", "30", administrator=administrator)
    account = User.objects.get(is_service=True)
    assert (account.display_name, account.email) == ("Nightly report", f"{account.pk}@service.invalid")
    assert (account.number, account.status, account.has_usable_password()) == (None, Status.ACTIVE, False)
    credential = authenticate(f"Bearer {output.split()[-1]}")
    assert (credential.actor, credential.scopes) == (account, {"users:read"})
    key = ApiKey.objects.get()
    assert (key.name, key.created_by) == ("Nightly report", administrator)
    assert key.expires_at
    assert timedelta(days=29) < key.expires_at - timezone.now() <= timedelta(days=30)
    assert Change.objects.get(subject_id=account.pk).actor == str(administrator.pk)


def test_key_may_change_credentials(administrator: User) -> None:
    output = serviceaccount("Leavers", "--scopes", "users:credentials", administrator=administrator)
    assert authenticate(f"Bearer {output.split()[-1]}").scopes == {"users:credentials"}


def test_a_second_key_is_for_the_same_account(administrator: User) -> None:
    for key_name in ("first", "second"):
        serviceaccount("Report", "--scopes", "users:read", "--key-name", key_name, administrator=administrator)
    assert User.objects.filter(is_service=True).count() == 1
    assert list(ApiKey.objects.order_by("created_at").values_list("name", flat=True)) == ["first", "second"]


def test_only_an_administrator_makes_one(ann: User, administrator: User) -> None:
    User.objects.filter(pk=administrator.pk).update(status=Status.BANNED)
    for who in (ann, administrator, User(email="nobody@example.com")):
        with pytest.raises(CommandError, match="not an administrator"):
            serviceaccount("Report", "--scopes", "users:read", administrator=who)


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["Report", "--scopes", "moons:read"], "invalid choice"),
        (["Report"], "--scopes"),
        (["Report", "--scopes", "users:read", "--days", "0"], "future"),
        (["x" * 201, "--scopes", "users:read"], "200"),
    ],
)
def test_invalid_arguments_are_reported(administrator: User, arguments: list[str], output: str) -> None:
    with pytest.raises(CommandError, match=output):
        serviceaccount(*arguments, administrator=administrator)
