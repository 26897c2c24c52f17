"""The requests of the viewer in the admin site: what they return, and what they refuse."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from drawings.models import Component, Document, State, Symbol
from projects.models import Project, Role
from tests.jobs import due
from tests.support.drawings import member
from users.models import User


@pytest.fixture
def site(client: Client, administrator: User) -> Client:
    User.objects.filter(pk=administrator.pk).update(is_superuser=True)
    client.force_login(administrator)
    client.defaults["HTTP_HOST"] = "localhost"
    return client


def address(name: str, document: Document, *more: object) -> str:
    return reverse(f"admin:drawings_document_{name}", args=[document.pk, *more])


def post(site: Client, to: str, body: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body)
    return site.post(to, content, content_type="application/json")


def test_page_has_its_components_and_its_image(site: Client, document: Document) -> None:
    page = site.get(address("page", document, 0)).json()
    assert (page["width"], page["height"], page["has_more"]) == (842, 595, False)
    component = Component.objects.filter(document=document, page_number=0).get()
    (shown,) = page["components"]
    assert shown["id"] == str(component.pk) and shown["bbox"] == list(component.box)
    image = site.get(page["address"], {"dpi": 36})
    assert image["Content-Type"] == "image/png" and image["Cache-Control"].startswith("private")
    part = site.get(page["address"], {"dpi": 36, "bbox": "0,0,72,144"})
    assert part.content[16:24] == (36).to_bytes(4) + (72).to_bytes(4)


@pytest.mark.parametrize(
    "query", [{"dpi": "many"}, {"dpi": "5000"}, {"bbox": "1,2,3"}, {"bbox": "a,b,c,d"}, {"bbox": "nan,0,1,1"}]
)
def test_image_of_bad_arguments_is_refused(site: Client, document: Document, query: dict[str, str]) -> None:
    response = site.get(address("image", document, 0), query)
    assert response.status_code == 400 and response.content


def test_page_that_does_not_exist_is_not_found(site: Client, document: Document) -> None:
    assert site.get(address("page", document, 99)).status_code == 404
    assert site.get(address("image", document, 99)).status_code == 404


def test_decision_is_stored_and_can_be_undone(site: Client, document: Document) -> None:
    component = Component.objects.filter(document=document, page_number=0).get()
    wanted = {"component_id": str(component.pk), "state": 2, "version": component.version}
    answer = post(site, address("decide", document), {"decisions": [wanted]}).json()
    component.refresh_from_db()
    assert component.state == State.CONFIRMED and answer["components"][0]["version"] == component.version
    assert post(site, address("decide", document), {"decisions": answer["undo"]}).status_code == 200
    component.refresh_from_db()
    assert component.state == State.PROPOSED
    # The version is that of the first decision.
    stale = post(site, address("decide", document), {"decisions": [wanted]})
    assert stale.status_code in (409, 412) and stale.json()["detail"].endswith(".")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", [], {}, {"decisions": 5}, {"decisions": [{}]},
        {"decisions": [{"component_id": "x", "state": 9, "version": 1}]},
    ],
)  # fmt: skip
def test_bad_body_is_refused(site: Client, document: Document, body: Any) -> None:
    for name in ("decide", "pick"):
        response = post(site, address(name, document), body)
        assert response.status_code == 400 and response.json()["detail"].endswith(".")
    assert not Symbol.objects.exists()


def test_picked_symbol_is_queued_for_its_count(site: Client, document: Document) -> None:
    answer = post(
        site, address("pick", document), {"name": "Box", "page_number": 0, "bbox": [95, 295, 125, 325]}
    ).json()
    symbol = Symbol.objects.get()
    assert (answer["symbol"]["id"], answer["symbol"]["is_counting"], symbol.name) == (str(symbol.pk), True, "Box")
    assert len(due("drawings.count")) == 1
    (shown,) = site.get(address("page", document, 0)).json()["symbols"]
    assert shown["report"] == "Box: counting, 0 %."


def test_box_without_lines_makes_no_symbol(site: Client, document: Document) -> None:
    answer = post(site, address("pick", document), {"name": "Box", "page_number": 0, "bbox": [700, 500, 710, 510]})
    assert answer.status_code == 400 and not Symbol.objects.exists() and not due("drawings.count")


def test_staff_who_may_only_look_decide_nothing(client: Client, document: Document) -> None:
    staff = member(Project.objects.get(pk=document.project_id), Role.VIEWER)
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_document"))
    client.force_login(staff)
    client.defaults["HTTP_HOST"] = "localhost"
    assert client.get(address("page", document, 0)).status_code == 200
    assert 'data-part="confirm"' not in client.get(address("change", document)).content.decode()
    for name in ("decide", "pick"):
        assert post(client, address(name, document), {}).status_code == 403


def test_documents_of_other_projects_are_not_shown(client: Client, document: Document, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    bob.user_permissions.set(Permission.objects.filter(codename__in=["view_document", "change_document"]))
    client.force_login(bob)
    client.defaults["HTTP_HOST"] = "localhost"
    for name, more in (("page", (0,)), ("image", (0,))):
        assert client.get(address(name, document, *more)).status_code == 404
    body = {"name": "Box", "page_number": 0, "bbox": [95, 295, 125, 325]}
    assert post(client, address("pick", document), body).status_code == 404
    assert post(client, address("decide", document), {"decisions": []}).status_code == 404
