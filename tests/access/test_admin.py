from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from access.models import ApiKey, Session
from tests.factories import ApiKeyFactory, UserFactory
from users.models import User


@pytest.fixture
def site(client: Client, administrator: User) -> Client:
    User.objects.filter(pk=administrator.pk).update(is_superuser=True)
    client.force_login(administrator)
    client.defaults["HTTP_HOST"] = "localhost"
    return client


def test_keys_are_shown_without_their_hashes(site: Client, ann: User) -> None:
    key = ApiKeyFactory(user=ann, name="Nightly report")
    for url in (reverse("admin:access_apikey_changelist"), reverse("admin:access_apikey_change", args=[key.pk])):
        page = site.get(url).content.decode()
        assert "Nightly report" in page
        assert "hash" not in page
        assert bytes(key.secret_hash).hex() not in page


def test_keys_are_revoked_there(site: Client, ann: User, bob: User) -> None:
    ended, kept = ApiKeyFactory(user=ann), ApiKeyFactory(user=bob)
    chosen = {"action": "end", "_selected_action": [str(ended.pk)]}
    assert "1 revoked." in site.post(reverse("admin:access_apikey_changelist"), chosen, follow=True).content.decode()
    assert set(ApiKey.objects.filter(revoked_at=None)) == {kept}


def test_sessions_are_ended_there(site: Client, ann: User) -> None:
    ended, kept = Session.objects.create(user=ann), Session.objects.create(user=ann)
    chosen = {"action": "end", "_selected_action": [str(ended.pk)]}
    assert "1 ended." in site.post(reverse("admin:access_session_changelist"), chosen, follow=True).content.decode()
    assert set(Session.objects.filter(revoked_at=None)) == {kept}


@pytest.mark.parametrize("model", ["session", "apikey"])
def test_nothing_is_made_or_changed_there(site: Client, ann: User, model: str) -> None:
    row = Session.objects.create(user=ann) if model == "session" else ApiKeyFactory(user=ann)
    assert site.get(reverse(f"admin:access_{model}_add")).status_code == 403
    assert site.post(reverse(f"admin:access_{model}_change", args=[row.pk]), {"name": "x"}).status_code == 403


@pytest.mark.parametrize("model", ["session", "apikey"])
def test_a_list_takes_as_many_queries_for_many(
    site: Client, model: str, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for user in UserFactory.create_batch(30):
        Session.objects.create(user=user)
        ApiKeyFactory(user=user)
    with django_assert_max_num_queries(6):  # type: ignore[attr-defined]
        assert site.get(reverse(f"admin:access_{model}_changelist")).status_code == 200


@pytest.mark.parametrize("model", ["session", "apikey"])
def test_staff_without_permission_sees_nothing(client: Client, ann: User, model: str) -> None:
    client.force_login(UserFactory(is_staff=True))
    assert client.get(reverse(f"admin:access_{model}_changelist"), HTTP_HOST="localhost").status_code == 403


def test_who_may_look_may_not_end(client: Client, ann: User) -> None:
    staff, key = UserFactory(is_staff=True), ApiKeyFactory(user=ann)
    staff.user_permissions.set(Permission.objects.filter(codename="view_apikey"))
    client.force_login(staff)
    chosen = {"action": "end", "_selected_action": [str(key.pk)]}
    client.post(reverse("admin:access_apikey_changelist"), chosen, HTTP_HOST="localhost")
    assert ApiKey.objects.filter(revoked_at=None).exists()
