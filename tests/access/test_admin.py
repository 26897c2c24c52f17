import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from access.models import ApiKey, Session
from tests.support.factories import ApiKeyFactory, UserFactory
from users.models import User


def test_keys_are_shown_without_their_hashes(site: Client, ann: User) -> None:
    key = ApiKeyFactory(user=ann, name="Nightly report")
    for url in (reverse("admin:access_apikey_changelist"), reverse("admin:access_apikey_change", args=[key.pk])):
        page = site.get(url).content.decode()
        assert "Nightly report" in page
        assert "hash" not in page
        assert bytes(key.secret_hash).hex() not in page


def test_api_keys_can_be_revoked(site: Client, ann: User, bob: User) -> None:
    ended, kept = ApiKeyFactory(user=ann), ApiKeyFactory(user=bob)
    chosen = {"action": "end", "_selected_action": [str(ended.pk)]}
    assert "1 revoked." in site.post(reverse("admin:access_apikey_changelist"), chosen, follow=True).content.decode()
    assert set(ApiKey.objects.filter(revoked_at=None)) == {kept}


def test_sessions_can_be_ended(site: Client, ann: User) -> None:
    ended, kept = Session.objects.create(user=ann), Session.objects.create(user=ann)
    chosen = {"action": "end", "_selected_action": [str(ended.pk)]}
    assert "1 ended." in site.post(reverse("admin:access_session_changelist"), chosen, follow=True).content.decode()
    assert set(Session.objects.filter(revoked_at=None)) == {kept}


@pytest.mark.parametrize("model", ["session", "apikey"])
def test_credentials_cannot_be_created_or_changed(site: Client, ann: User, model: str) -> None:
    row = Session.objects.create(user=ann) if model == "session" else ApiKeyFactory(user=ann)
    assert site.get(reverse(f"admin:access_{model}_add")).status_code == 403
    assert site.post(reverse(f"admin:access_{model}_change", args=[row.pk]), {"name": "x"}).status_code == 403


def test_credentials_can_be_ended_on_the_page_of_their_user(site: Client, ann: User, bob: User) -> None:
    ended, others, kept = (
        Session.objects.create(user=ann),
        Session.objects.create(user=ann),
        Session.objects.create(user=bob),
    )
    key = ApiKeyFactory(user=ann)
    user_page = reverse("admin:users_user_change", args=[ann.pk])
    page = site.get(user_page).content.decode()
    for url in (
        reverse("admin:access_session_end", args=[ended.pk]),
        reverse("admin:access_apikey_end", args=[key.pk]),
    ):
        assert f'href="{url}"' in page
        assert site.get(url).status_code == 200
        assert site.post(url).url == user_page
    assert set(Session.objects.filter(revoked_at=None)) == {others, kept}
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    end_all = reverse("admin:access_session_end_all", args=[ann.pk])
    assert f'href="{end_all}"' in page
    assert "Ann Other" in site.get(end_all).content.decode()
    assert Session.objects.filter(revoked_at=None).count() == 2
    assert site.post(end_all).url == user_page
    assert set(Session.objects.filter(revoked_at=None)) == {kept}


def test_a_user_with_many_has_a_link_to_them(site: Client, ann: User, bob: User) -> None:
    sessions = [Session.objects.create(user=ann) for _ in range(12)]
    Session.objects.create(user=bob)
    page = site.get(reverse("admin:users_user_change", args=[ann.pk])).content.decode()
    url = f"{reverse('admin:access_session_changelist')}?user__id__exact={ann.pk}"
    assert f'href="{url}">All of them</a>' in page
    assert set(site.get(url).context["cl"].result_list) == set(sessions)


def test_credentials_are_found_by_their_user(site: Client, ann: User, bob: User) -> None:
    for user in (ann, bob):
        Session.objects.create(user=user)
        ApiKeyFactory(user=user)
    for model, row in (("session", ann.sessions.get()), ("apikey", ann.api_keys.get())):
        page = site.get(reverse(f"admin:access_{model}_changelist"), {"q": "ann oth"})
        assert list(page.context["cl"].result_list) == [row]
    page = site.get(reverse("admin:access_apikey_changelist"), {"q": str(row.pk)})
    assert list(page.context["cl"].result_list) == [row]


def test_view_permission_does_not_allow_ending(client: Client, ann: User) -> None:
    staff, key = UserFactory(is_staff=True), ApiKeyFactory(user=ann)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_apikey", "view_user"]))
    client.force_login(staff)
    user_page = client.get(reverse("admin:users_user_change", args=[ann.pk]), HTTP_HOST="localhost").content.decode()
    assert "Nightly report" in user_page
    assert "/end" not in user_page
    chosen = {"action": "end", "_selected_action": [str(key.pk)]}
    client.post(reverse("admin:access_apikey_changelist"), chosen, HTTP_HOST="localhost")
    assert ApiKey.objects.filter(revoked_at=None).exists()
