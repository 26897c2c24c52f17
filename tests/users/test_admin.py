"""Users in the admin site: through the same services, with the same refusals."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from changes.models import Change
from tests.factories import UserFactory
from users.models import Role, Status, User

NO_ADDRESSES = {"addresses-TOTAL_FORMS": 0, "addresses-INITIAL_FORMS": 0}
LIST = "admin:users_user_changelist"


@pytest.fixture
def site(client: Client, administrator: User) -> Client:
    administrator.is_superuser = True
    administrator.save(update_fields=["is_superuser"])
    client.force_login(administrator)
    client.defaults["HTTP_HOST"] = "localhost"
    return client


def form(user: User, **changes: Any) -> dict[str, Any]:
    fields = {
        "email": user.email, "display_name": user.display_name, "first_name": user.first_name,
        "last_name": user.last_name, "status": user.status, "roles": user.roles, "social_links": "{}", **NO_ADDRESSES,
    }  # fmt: skip
    return fields | changes


def change_url(user: User) -> str:
    return reverse("admin:users_user_change", args=[user.pk])


def test_the_list_searches_filters_and_does_not_ask_per_row(
    site: Client, ann: User, django_assert_max_num_queries: Any
) -> None:
    UserFactory.create_batch(30)
    with django_assert_max_num_queries(8):
        page = site.get(reverse(LIST))
    assert page.status_code == 200
    assert "ann@example.com" in site.get(reverse(LIST), {"q": "oth"}).content.decode()
    assert "ann@example.com" not in site.get(reverse(LIST), {"q": "zzz"}).content.decode()
    assert "ann@example.com" not in site.get(reverse(LIST), {"role": Role.ADMIN}).content.decode()
    assert "ann@example.com" in site.get(reverse(LIST), {"status__exact": Status.ACTIVE}).content.decode()


def test_a_change_goes_through_the_service(site: Client, ann: User, administrator: User) -> None:
    response = site.post(change_url(ann), form(ann, first_name=" Anna "))
    assert response.status_code == 302
    ann.refresh_from_db()
    assert (ann.first_name, ann.version, ann.updated_by_id) == ("Anna", 2, administrator.pk)
    change = Change.objects.filter(subject_id=ann.pk).latest("id")
    assert (change.actor, change.changed_fields) == (str(administrator.pk), ["first_name", "updated_by_id"])


def test_a_new_user_goes_through_the_service(site: Client, administrator: User) -> None:
    assert site.get(reverse("admin:users_user_add")).status_code == 200
    response = site.post(
        reverse("admin:users_user_add"),
        {
            "email": "New@example.com",
            "display_name": "New",
            "status": 2,
            "roles": [2],
            "social_links": "{}",
            **NO_ADDRESSES,
        },
    )
    assert response.status_code == 302
    user = User.objects.get(email="new@example.com")
    assert (user.roles, user.created_by_id, user.has_usable_password()) == ([Role.SELLER], administrator.pk, False)


def test_a_service_account_is_made_there(site: Client, administrator: User) -> None:
    new = {
        "email": "report@example.com",
        "display_name": "Report",
        "status": 1,
        "social_links": "{}",
        "is_service": "on",
    }
    response = site.post(reverse("admin:users_user_add"), new | NO_ADDRESSES)
    assert response.status_code == 302
    user = User.objects.get(email="report@example.com")
    assert (user.is_service, user.number, user.status, user.created_by) == (True, None, Status.ACTIVE, administrator)


def test_nobody_becomes_a_service_account(site: Client, ann: User) -> None:
    site.post(change_url(ann), form(ann, first_name="Anna", is_service="on"))
    ann.refresh_from_db()
    assert (ann.first_name, ann.is_service) == ("Anna", False)


def test_bad_input_is_shown_at_its_field(site: Client, ann: User) -> None:
    page = site.post(change_url(ann), form(ann, email="nonsense", avatar_url="javascript:x")).content.decode()
    assert "Enter an e-mail address." in page
    assert "Enter an http or https address." in page


def test_a_taken_email_is_shown_not_raised(site: Client, ann: User, bob: User) -> None:
    response = site.post(change_url(ann), form(ann, email="BOB@example.com"), follow=True)
    assert response.status_code == 200
    assert "already exists" in response.content.decode()


def test_the_last_administrator_stays(site: Client, administrator: User) -> None:
    response = site.post(change_url(administrator), form(administrator, roles=[Role.CUSTOMER]), follow=True)
    assert "last administrator" in response.content.decode()
    administrator.refresh_from_db()
    assert administrator.is_administrator


def test_actions_close_and_open_accounts(site: Client, ann: User, administrator: User) -> None:
    chosen = [str(ann.pk), str(administrator.pk)]
    page = site.post(reverse(LIST), {"action": "deactivate", "_selected_action": chosen}, follow=True).content.decode()
    assert "1 deactivated." in page
    assert "last administrator" in page
    ann.refresh_from_db()
    assert ann.status == Status.DEACTIVATED
    site.post(reverse(LIST), {"action": "reactivate", "_selected_action": [str(ann.pk)]})
    ann.refresh_from_db()
    assert ann.is_active


def test_a_deletion_goes_through_the_service(site: Client, ann: User) -> None:
    site.post(reverse("admin:users_user_delete", args=[ann.pk]), {"post": "yes"})
    assert not User.objects.filter(pk=ann.pk).exists()
    assert all(change.new is None for change in Change.objects.filter(subject_id=ann.pk))


def test_the_history_comes_from_the_change_log(site: Client, ann: User) -> None:
    site.post(change_url(ann), form(ann, first_name="Anna"))
    page = site.get(reverse("admin:users_user_history", args=[ann.pk])).content.decode()
    assert "first_name" in page
    assert "created" in page


def test_staff_without_permission_sees_nothing(client: Client, ann: User) -> None:
    staff = UserFactory(is_staff=True)
    client.force_login(staff)
    for url in (reverse(LIST), change_url(ann), reverse("admin:users_user_history", args=[ann.pk])):
        assert client.get(url, HTTP_HOST="localhost").status_code == 403


def test_a_permission_of_the_site_is_no_permission_of_the_product(client: Client, ann: User) -> None:
    staff = UserFactory(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    client.force_login(staff)
    response = client.post(change_url(ann), form(ann, first_name="Anna"), HTTP_HOST="localhost")
    assert response.status_code == 403
    ann.refresh_from_db()
    assert ann.first_name == "Ann"
