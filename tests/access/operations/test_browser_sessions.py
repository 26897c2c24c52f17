"""Sessions of browsers: the refresh token is in a cookie. HTTP alone has them, as gRPC has no cookies."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from access.models import RefreshToken, Session
from users.models import User

AUTH = "/api/v1/auth"
COOKIE = "tandem_refresh"
PASSWORD = "correct horse battery"


@pytest.fixture
def ann(ann: User) -> User:
    ann.password = make_password(PASSWORD)
    ann.save(update_fields=["password"])
    return ann


@pytest.fixture
def browser(db: None) -> Client:
    return new_browser()


def new_browser() -> Client:
    return Client(raise_request_exception=False, headers={"host": "localhost", "x-session": "cookie"})


def sign_in(browser: Client, user: User) -> Any:
    return post(browser, "login", data={"email": user.email, "password": PASSWORD})


def refresh(browser: Client, **options: Any) -> Any:
    return post(browser, "refresh", **options)


def post(browser: Client, path: str, **options: Any) -> Any:
    return browser.post(f"{AUTH}/{path}", content_type="application/json", **options)


def me(tokens: Any) -> int:
    return (
        Client()
        .get("/api/v1/users/me", headers={"host": "localhost", "authorization": f"Bearer {tokens['access_token']}"})
        .status_code
    )


def test_the_cookie_has_the_refresh_token_and_no_script_reads_it(browser: Client, ann: User, settings: Any) -> None:
    signed_in = sign_in(browser, ann)
    assert signed_in.status_code == 200 and signed_in.json()["refresh_token"] == "" and me(signed_in.json()) == 200
    assert signed_in.headers["Cache-Control"] == "no-store"
    cookie = signed_in.cookies[COOKIE]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Strict")
    assert (cookie["path"], cookie["domain"], cookie["max-age"]) == (AUTH, "", settings.REFRESH_TOKEN_SECONDS)
    settings.DEBUG = True
    settings.ALLOWED_HOSTS = ["*"]
    assert refresh(browser).cookies[COOKIE]["secure"] == ""
    assert refresh(browser, headers={"host": "127.0.0.1:8000"}).cookies[COOKIE]["secure"] == ""
    assert refresh(browser, headers={"host": "[::1]:8000"}).cookies[COOKIE]["secure"] == ""
    assert refresh(browser, headers={"host": "tandem.example"}).cookies[COOKIE]["secure"] is True
    assert refresh(browser, secure=True).cookies[COOKIE]["secure"] is True


def test_each_use_rotates_and_two_tabs_at_once_get_the_same_successor(browser: Client, ann: User) -> None:
    first = sign_in(browser, ann).cookies[COOKIE].value
    other_tab = new_browser()
    other_tab.cookies[COOKIE] = first
    answers = [refresh(browser), refresh(other_tab)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["refresh_token"] for answer in answers] == ["", ""]
    second = answers[0].cookies[COOKIE].value
    assert first != second == answers[1].cookies[COOKIE].value
    assert [me(answer.json()) for answer in answers] == [200, 200]
    # A body is not needed. One session, which both continue.
    assert other_tab.generic("POST", f"{AUTH}/refresh", content_type="").status_code == 200
    assert Session.objects.filter(user=ann, revoked_at=None).count() == 1


def test_a_stolen_cookie_ends_the_session(browser: Client, ann: User) -> None:
    stolen = sign_in(browser, ann).cookies[COOKIE].value
    refresh(browser)
    refresh(browser)
    thief = new_browser()
    thief.cookies[COOKIE] = stolen
    assert refresh(thief).status_code == 401
    assert refresh(browser).status_code == 401


def test_logout_and_revocation_end_it(browser: Client, ann: User) -> None:
    tokens = sign_in(browser, ann).json()
    out = post(browser, "logout")
    assert (out.status_code, out.content) == (204, b"")
    cookie = out.cookies[COOKIE]
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", 0, AUTH)
    assert me(tokens) == 401
    # Without a session there is nothing to end, and nothing to continue.
    assert post(browser, "logout").status_code == 204
    browser.cookies.clear()
    assert post(browser, "logout").status_code == 204
    refused = refresh(browser)
    assert (refused.status_code, refused.json()["reason"]) == (401, "UNAUTHENTICATED")

    bearer = {"host": "localhost", "authorization": f"Bearer {sign_in(browser, ann).json()['access_token']}"}
    (listed,) = Client().get(f"{AUTH}/sessions", headers=bearer).json()["sessions"]
    assert Client().delete(f"{AUTH}/sessions/{listed['id']}", headers=bearer).status_code == 204
    assert refresh(browser).status_code == 401


def test_the_cookie_counts_only_with_the_header_and_from_pages_of_the_server(browser: Client, ann: User) -> None:
    token = sign_in(browser, ann).cookies[COOKIE].value
    forger = Client(headers={"host": "localhost"})
    forger.cookies[COOKIE] = token
    for path in ("refresh", "logout"):
        without_header = post(forger, path)
        assert (without_header.status_code, without_header.json()["errors"][0]["pointer"]) == (400, "#/refresh_token")
        foreign = post(browser, path, headers={"origin": "https://evil.example"})
        assert foreign.status_code == 403
        assert COOKIE not in foreign.cookies
    assert RefreshToken.objects.get().used_at is None
    wrong = refresh(browser, headers={"x-session": "body"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "#/x-session")
    assert refresh(browser, headers={"origin": "http://localhost"}).status_code == 200


def test_a_token_in_the_body_counts_before_the_cookie(browser: Client, ann: User) -> None:
    sign_in(browser, ann)
    plain = Client(headers={"host": "localhost"})
    answer = sign_in(plain, ann)
    token = answer.json()["refresh_token"]
    assert token and COOKIE not in answer.cookies
    moved = refresh(browser, data={"refresh_token": token})
    assert moved.status_code == 200 and moved.json()["refresh_token"] == ""
    assert RefreshToken.objects.exclude(used_at=None).count() == 1
    assert refresh(browser).status_code == 200
