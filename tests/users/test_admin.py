"""Users in the admin site: through the same services, with the same refusals."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from changes.models import Change
from core.models import Job
from tests.support.factories import UserAddressFactory, UserFactory
from users.models import Role, Status, User, UserAddress

LIST = "admin:users_user_changelist"


def form(user: User, **changes: Any) -> dict[str, Any]:
    fields = {
        "email": user.email, "display_name": user.display_name, "first_name": user.first_name,
        "last_name": user.last_name, "status": user.status, "roles": user.roles, "social_links": "{}",
    }  # fmt: skip
    return fields | changes


def change_url(user: User) -> str:
    return reverse("admin:users_user_change", args=[user.pk])


def test_the_list_searches_filters_and_does_not_ask_per_row(
    site: Client, ann: User, django_assert_max_num_queries: Any
) -> None:
    UserFactory.create_batch(20)
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
        },
    )
    assert response.status_code == 302
    user = User.objects.get(email="new@example.com")
    assert (user.roles, user.created_by_id, user.has_usable_password()) == ([Role.SELLER], administrator.pk, False)


def test_service_account_can_be_created(site: Client, administrator: User) -> None:
    new = {
        "email": "report@example.com",
        "display_name": "Report",
        "status": 1,
        "social_links": "{}",
        "is_service": "on",
    }
    response = site.post(reverse("admin:users_user_add"), new)
    assert response.status_code == 302
    user = User.objects.get(email="report@example.com")
    assert user.is_service
    assert user.number is None
    assert user.status == Status.ACTIVE
    assert user.created_by == administrator


def test_ordinary_account_cannot_become_a_service_account(site: Client, ann: User) -> None:
    site.post(change_url(ann), form(ann, first_name="Anna", is_service="on"))
    ann.refresh_from_db()
    assert (ann.first_name, ann.is_service) == ("Anna", False)


def test_bad_input_is_shown_at_its_field(site: Client, ann: User) -> None:
    page = site.post(change_url(ann), form(ann, email="nonsense", avatar_url="javascript:x")).content.decode()
    assert "Enter an e-mail address." in page
    assert "Enter an http or https address." in page


def test_existing_email_is_a_form_error(site: Client, ann: User, bob: User) -> None:
    response = site.post(change_url(ann), form(ann, email="BOB@example.com"), follow=True)
    assert response.status_code == 200
    assert "already exists" in response.content.decode()


def test_the_own_address_waits_and_anothers_does_not(site: Client, administrator: User, ann: User) -> None:
    before = administrator.email
    page = site.post(change_url(administrator), form(administrator, email="boss@example.com"), follow=True)
    assert "does not change until you confirm the new one" in page.content.decode()
    page = site.post(change_url(ann), form(ann, email="anna@example.com"), follow=True)
    assert "until the new one is confirmed" not in page.content.decode()
    administrator.refresh_from_db()
    ann.refresh_from_db()
    assert (administrator.email, ann.email, ann.email_verified) == (before, "anna@example.com", False)


def test_the_last_administrator_stays(site: Client, administrator: User) -> None:
    response = site.post(change_url(administrator), form(administrator, roles=[Role.CUSTOMER]), follow=True)
    assert "last administrator" in response.content.decode()
    administrator.refresh_from_db()
    assert administrator.is_administrator


def chosen(*users: User, action: str, **more: str) -> dict[str, Any]:
    return {"action": action, "_selected_action": [str(user.pk) for user in users], **more}


def test_closing_accounts_needs_a_reason(site: Client, ann: User) -> None:
    for more in ({}, {"reason": " "}, {"reason": "x" * 1001}):
        page = site.post(reverse(LIST), chosen(ann, action="deactivate", **more))
        assert "Ann Other" in page.content.decode()
        assert ("reason" in page.context["form"].errors) == bool(more)
    ann.refresh_from_db()
    assert ann.is_active


def test_actions_close_and_open_accounts_for_a_reason(site: Client, ann: User, administrator: User) -> None:
    form = chosen(ann, administrator, action="deactivate", reason="left us")
    page = site.post(reverse(LIST), form, follow=True).content.decode()
    assert "1 deactivated." in page
    assert "This is the last administrator" in page
    ann.refresh_from_db()
    assert ann.status == Status.DEACTIVATED
    assert "Ann Other" in site.post(reverse(LIST), chosen(ann, action="reactivate")).content.decode()
    site.post(reverse(LIST), chosen(ann, action="reactivate", reason=""))
    ann.refresh_from_db()
    assert ann.is_active
    newest = Change.objects.filter(subject_id=ann.pk).order_by("-id")
    assert [(change.actor, change.reason) for change in newest[:2]] == [
        (str(administrator.pk), ""),
        (str(administrator.pk), "left us"),
    ]


def test_an_account_is_closed_and_opened_from_its_page(site: Client, ann: User) -> None:
    for verb, other, status in (("deactivate", "reactivate", Status.DEACTIVATED), ("reactivate", "deactivate", 1)):
        User.objects.filter(pk=ann.pk).update(email_verified=True)
        url = reverse(f"admin:users_user_{verb}_this", args=[ann.pk])
        page = site.get(change_url(ann)).content.decode()
        assert url in page
        assert reverse(f"admin:users_user_{other}_this", args=[ann.pk]) not in page
        assert site.get(url).status_code == 200
        assert site.post(url, {"reason": f"{verb} it"}).url == change_url(ann)
        ann.refresh_from_db()
        assert ann.status == status
        assert Change.objects.filter(subject_id=ann.pk).latest("id").reason == f"{verb} it"


def test_an_action_deletes_through_the_service(site: Client, ann: User, administrator: User) -> None:
    form = chosen(ann, administrator, action="delete", reason="asked for it")
    page = site.post(reverse(LIST), form, follow=True).content.decode()
    assert "1 deleted." in page
    assert "This is the last administrator" in page
    assert not User.objects.filter(pk=ann.pk).exists()
    assert Change.objects.filter(subject_id=ann.pk).latest("id").reason == "asked for it"


def test_only_the_newest_addresses_are_shown(site: Client, ann: User) -> None:
    UserAddressFactory.create_batch(13, user=ann)
    page = site.get(change_url(ann)).content.decode()
    assert f'{reverse("admin:users_useraddress_changelist")}?user__id__exact={ann.pk}">All of them</a>' in page
    assert page.count("Main Street 1") == 10


@pytest.mark.parametrize("asked", [{"role": 10**20}, {"role": "x"}, {"status__exact": 10**20}, {"p": 10**20}])
def test_invalid_input_causes_no_internal_error(site: Client, ann: User, asked: dict[str, Any]) -> None:
    assert site.get(reverse(LIST), asked, follow=True).status_code == 200


def test_null_character_in_an_address_is_rejected_with_a_message(site: Client, ann: User) -> None:
    answer = site.get(reverse(LIST), {"q": "\0"})
    assert (answer.status_code, answer.content) == (400, b"The address contains a null character.")


def test_list_shows_last_logins(site: Client, ann: User, bob: User) -> None:
    User.objects.filter(pk=ann.pk).update(last_login_at=timezone.now())
    for asked, found in (("ever", {ann}), ("never", {bob})):
        page = site.get(reverse(LIST), {"logged_in": asked, "role": Role.CUSTOMER})
        assert set(page.context["cl"].result_list) == found


def test_a_deletion_goes_through_the_service(site: Client, ann: User) -> None:
    site.post(reverse("admin:users_user_delete", args=[ann.pk]), {"post": "yes"})
    assert not User.objects.filter(pk=ann.pk).exists()
    assert all(change.new is None for change in Change.objects.filter(subject_id=ann.pk))


def test_the_history_comes_from_the_change_log(site: Client, ann: User) -> None:
    site.post(change_url(ann), form(ann, first_name="Anna"))
    page = site.get(reverse("admin:users_user_history", args=[ann.pk])).content.decode()
    assert "First name" in page
    assert "Created" in page


def test_a_permission_of_the_site_is_no_permission_of_the_product(client: Client, ann: User) -> None:
    staff = UserFactory(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    client.force_login(staff)
    client.defaults["HTTP_HOST"] = "localhost"
    received = client.post(change_url(ann), form(ann, first_name="Anna"), follow=True).content.decode()
    assert "You may not change this user." in received
    ann.refresh_from_db()
    assert ann.first_name == "Ann"


def test_mails_can_be_requested_from_the_list(site: Client, ann: User) -> None:
    waiting = UserFactory(status=Status.PENDING_VERIFICATION)
    for action in ("send_verification", "send_password_reset"):
        chosen = {"action": action, "_selected_action": [str(waiting.pk), str(ann.pk)]}
        assert site.post(reverse(LIST), chosen).status_code == 302
    kinds = list(Job.objects.order_by("kind").values_list("kind", flat=True))
    assert kinds == ["users.send_password_reset"] * 2 + ["users.send_verification"] * 2


def test_addresses_are_written_through_the_services(site: Client, ann: User, administrator: User) -> None:
    fields = {
        "label": "Home", "full_name": "Ann Other", "line1": "Main Street 1", "city": "Berlin", "country_code": "DE",
        "type": 3, "is_default_shipping": "on",
    }  # fmt: skip
    assert site.post(reverse("admin:users_useraddress_add"), {**fields, "user": str(ann.pk)}).status_code == 302
    address = UserAddress.objects.get(user=ann)
    assert (address.label, address.created_by, address.is_default_shipping) == ("Home", administrator, True)
    page = reverse("admin:users_useraddress_change", args=[address.pk])
    assert site.post(page, {**fields, "city": "Bonn"}).status_code == 302
    address.refresh_from_db()
    assert (address.city, address.updated_by, address.version) == ("Bonn", administrator, 2)
    refused = site.post(page, {**fields, "country_code": "XX"})
    assert (refused.status_code, "ISO 3166-1" in refused.content.decode()) == (200, True)
    assert site.post(reverse("admin:users_useraddress_delete", args=[address.pk]), {"post": "yes"}).status_code == 302
    assert not UserAddress.objects.exists()
    # Each is listed in the history of the user.
    ann.refresh_from_db()
    assert ann.version == 4


def test_the_own_password_is_changed_through_the_service(site: Client, administrator: User) -> None:
    administrator.set_password("the password until now")
    administrator.save()
    site.force_login(administrator)
    page = reverse("admin:password_change")
    sent = {"old_password": "no", "new_password1": "another password", "new_password2": "another password"}
    refused = site.post(page, sent)
    assert (refused.status_code, Job.objects.count()) == (200, 0)
    assert site.post(page, {**sent, "old_password": "the password until now"}).status_code == 302
    administrator.refresh_from_db()
    assert administrator.check_password("another password")
    assert [job.kind for job in Job.objects.all()] == ["users.send_password_changed"]
    assert Change.objects.latest("id").actor == str(administrator.pk)


def test_invalid_id_is_reported(site: Client, ann: User) -> None:
    for page, sent, sentence in (
        (reverse(LIST), {"action": "deactivate", "_selected_action": ["zzz"]}, "The selection is not valid"),
        (reverse("admin:users_useraddress_add"), {"user": "zzz", "label": "Home"}, "zzz"),
    ):
        received = site.post(page, sent, follow=True)
        assert (received.status_code, sentence in received.content.decode()) == (200, True)
    ann.refresh_from_db()
    assert ann.status == Status.ACTIVE


def test_a_form_that_is_older_than_the_user_or_the_address_changes_nothing(site: Client, ann: User) -> None:
    address = UserAddressFactory(user=ann, created_by=ann)
    fields = {name: getattr(address, name) for name in ("label", "full_name", "line1", "city", "country_code", "type")}
    for row, mine, theirs in (
        (ann, form(ann, first_name="Anna"), form(ann, first_name="Anne")),
        (address, {**fields, "city": "Bonn"}, {**fields, "city": "Köln"}),
    ):
        page = reverse(f"admin:users_{row._meta.model_name}_change", args=[row.pk])
        row.refresh_from_db()
        opened = str(row.version)
        assert f'name="opened_version" value="{opened}"' in site.get(page).content.decode()
        assert site.post(page, {**mine, "opened_version": opened}).status_code == 302
        received = site.post(page, {**theirs, "opened_version": opened}, follow=True).content.decode()
        assert "It was modified concurrently and is now at version" in received
    ann.refresh_from_db()
    address.refresh_from_db()
    assert (ann.first_name, address.city) == ("Anna", "Bonn")
