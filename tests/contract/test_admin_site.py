"""Every page of the admin site: the number of its queries, and the users that may see it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.urls.converters import IntConverter

from access.models import Session
from changes.models import Change
from changes.services import acting
from config.sidebar import SECTIONS
from core.jobs import enqueue
from meetings.models import Summary, Transcript
from meetings.services import retention
from tests.support.factories import (
    ActionItemFactory,
    AdministratorFactory,
    ApiKeyFactory,
    ComponentFactory,
    EnrolledVoiceFactory,
    PageFactory,
    ProjectMemberFactory,
    SegmentFactory,
    SpeakerFactory,
    SpeechNodeFactory,
    SummaryFactory,
    SymbolFactory,
    TaskFactory,
    TranscribedMeetingFactory,
    TranscriptFactory,
    UserAddressFactory,
    UserFactory,
)
from users.models import User

# Otherwise the URLs do it, at the first request.
admin.autodiscover()

PAGES = ("changelist", "add", "change", "history", "delete")


@pytest.fixture
def site(client: Client, db: None) -> Client:
    client.defaults["HTTP_HOST"] = "localhost"
    return client


def rows_of_every_table(rows: int) -> dict[type[Model], Model]:
    """Create this many rows of each table for one user, and as many for others; return one row of each table."""
    one: User = UserFactory()
    meeting = TranscribedMeetingFactory(owner=one, participants=[one.pk])
    for user in [one] * rows + UserFactory.create_batch(rows):
        key = ApiKeyFactory(user=user, created_by=user)
        session = Session.objects.create(user=user)
        address = UserAddressFactory(user=user, created_by=user)
        member = ProjectMemberFactory(user=user, added_by=user, project__created_by=user)
        task = TaskFactory(created_by=user, assigned_to=user, project=member.project)
        TranscribedMeetingFactory(owner=user, participants=[one.pk])
        TranscriptFactory(meeting=meeting, version=Transcript.objects.filter(meeting=meeting).count() + 1)
        SummaryFactory(meeting=meeting, transcript_version=Summary.objects.filter(meeting=meeting).count() + 1)
        segment = SegmentFactory(meeting=meeting, edited_by=user)
        speaker = SpeakerFactory(meeting=meeting, user=user, suggested_user=user, similarity=0.9)
        voice = EnrolledVoiceFactory(user=user, enrolled_by=user)
        item = ActionItemFactory(meeting=meeting, assigned_to=user, decided_by=user, segment_ids=[segment.pk])
        with acting(user):
            User.objects.filter(pk=one.pk).update(bio=f"By {key.pk}", updated_by=user)
        document = PageFactory(document__uploaded_by=user).document
        symbol = SymbolFactory(document=document, created_by=user)
        component = ComponentFactory(document=document, decided_by=user, symbol_id=symbol.pk)
        job = enqueue("tests.fail", why="hopeless")
        node = SpeechNodeFactory()
        group = Group.objects.create(name=str(key.pk))
    rows_made = (
        one,
        address,
        key,
        session,
        member,
        member.project,
        task,
        meeting,
        segment,
        speaker,
        voice,
        item,
        document,
        component,
        symbol,
        job,
        node,
        retention.policy(),
        group,
        Change.objects.latest("id"),
    )
    return {type(row): row for row in rows_made}


def addresses(row: Model) -> Iterator[tuple[str, str]]:
    """Yield every page of a row and of its table: name and address."""
    for pattern in admin.site.get_model_admin(type(row)).urls:
        if pattern.name:
            converters = pattern.pattern.converters.items()
            arguments = {name: "0" if isinstance(one, IntConverter) else str(row.pk) for name, one in converters}
            yield pattern.name, reverse(f"admin:{pattern.name}", kwargs=arguments)


def queries(site: Client, rows: dict[type[Model], Model]) -> dict[str, tuple[int, int]]:
    """Status and number of queries of each page."""
    counted = {}
    for row in rows.values():
        for name, address in addresses(row):
            if name.endswith(PAGES):
                with CaptureQueriesContext(connection) as captured:
                    status = site.get(address).status_code
                counted[name] = (status, len(captured))
    return counted


def tables() -> list[type[Model]]:
    """Return the models that the site shows."""
    return [model for model in apps.get_models() if admin.site.is_registered(model)]


def test_the_rows_and_the_sidebar_have_every_table(db: None) -> None:
    registered = {model._meta.label for model in tables()}
    assert {model._meta.label for model in rows_of_every_table(1)} == registered
    assert {label for section in SECTIONS.values() for label in section} == registered


def test_number_of_queries_does_not_depend_on_the_number_of_rows(site: Client) -> None:
    site.force_login(AdministratorFactory(is_superuser=True))
    queries(site, rows_of_every_table(1))  # Content types are asked for once.
    few = queries(site, rows_of_every_table(1))
    # Still one page of each list; of changes there is more than one from the first.
    many = queries(site, rows_of_every_table(3))
    assert len(few) >= 5 * len(tables()) - 1
    assert {status for status, _ in few.values()} <= {200, 403, 404}
    assert many == few


def test_counts_are_limited(site: Client) -> None:
    site.force_login(AdministratorFactory(is_superuser=True))
    for model in {type(row) for row in rows_of_every_table(2).values()} - {Group}:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        with CaptureQueriesContext(connection) as captured:
            assert site.get(address).status_code == 200
        counts = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
        assert len(counts) == 1
        assert re.search(r"LIMIT \d+\) subquery$", counts[0])


def test_staff_without_permission_sees_nothing(site: Client) -> None:
    # An administrator of the product, so that it is the site that refuses.
    site.force_login(AdministratorFactory())
    for row in rows_of_every_table(1).values():
        for name, address in addresses(row):
            assert {site.get(address).status_code, site.post(address).status_code} == {403}, name
    page = site.get(reverse("admin:index"))
    assert page.context["app_list"] == page.context["sidebar_navigation"] == []


def test_pages_offer_the_history_of_tables_that_have_one(site: Client) -> None:
    site.force_login(AdministratorFactory(is_superuser=True))
    without = set()
    for model, row in rows_of_every_table(1).items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        history = reverse(f"{name}_history", args=[row.pk])
        offered = history in site.get(reverse(f"{name}_change", args=[row.pk])).content.decode()
        assert site.get(history).status_code == (200 if offered else 404), name
        if not offered:
            without.add(model.__name__)
    assert without == {"ApiKey", "Change", "Job", "RetentionPolicy", "Session", "SpeechNode", "UserAddress"}


def test_only_staff_may_sign_in(site: Client) -> None:
    rows = rows_of_every_table(1)
    site.force_login(UserFactory(is_superuser=True))
    for row in rows.values():
        for name, address in addresses(row):
            response = site.get(address)
            assert (response.status_code, response.url.partition("?")[0]) == (302, reverse("admin:login")), name


def test_view_permission_allows_no_write(site: Client) -> None:
    staff: Any = AdministratorFactory()
    staff.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    site.force_login(staff)
    rows = rows_of_every_table(1)

    def everything() -> list[Any]:
        return [list(model.objects.order_by("pk").values()) for model in tables()]

    before = everything()
    for model, row in rows.items():
        actions = {*("delete_selected",), *(getattr(admin.site.get_model_admin(model), "actions", None) or ())}
        for _, address in addresses(row):
            for action in actions:
                site.post(address, {"action": action, "_selected_action": str(row.pk), "reason": "x", "post": "yes"})
    assert everything() == before
