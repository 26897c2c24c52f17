"""`WWW-Authenticate` of rejected credentials (RFC 6750, 3)."""

import pytest
from django.test import Client

from tests.support.factories import ApiKeyFactory, bearer_of
from tests.support.http_clients import JSON, client_of
from users.models import User

# Challenges (RFC 6750, 3)


def test_without_a_credential_the_challenge_has_no_error(public: Client) -> None:
    for path in ("/api/v1/users/me", "/api/v1/meetings/x/transcript.json"):
        answer = public.get(path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="tandem"')


@pytest.mark.parametrize("sent", ["Bearer x", "bearer x.y.z", "Bearer tdm_1_2", "Bearer", "Bearer ", "Bearer a b"])
def test_invalid_token_is_named_in_the_challenge(public: Client, sent: str) -> None:
    for path in ("/api/v1/users/me", "/api/v1/meetings/x/transcript.json", "/api/v1/health"):
        answer = public.get(path, headers={"Authorization": sent})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tandem", error="invalid_token"'


def test_invalid_ticket_is_named_in_the_challenge(public: Client) -> None:
    answer = public.get("/api/v1/tasks/stream?ticket=x")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (
        401,
        'Bearer realm="tandem", error="invalid_token"',
    )


def test_credential_of_another_scheme_counts_as_missing(public: Client) -> None:
    answer = public.get("/api/v1/users/me", headers={"Authorization": "Basic YTpi"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="tandem"')


def test_wrong_password_is_not_reported_as_invalid_token(public: Client) -> None:
    login = {"email": "nobody@example.com", "password": "wrong password"}
    answer = public.post("/api/v1/auth/login", login, content_type=JSON)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="tandem"')


def test_challenge_names_the_missing_scope(public: Client, ann: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=ann, scopes=["users:read"]))
    refused = public.get("/api/v1/tasks", headers={"Authorization": bearer})
    assert refused.status_code == 403
    expected = 'Bearer realm="tandem", error="insufficient_scope", scope="tasks:read"'
    assert refused.headers["WWW-Authenticate"] == expected
    refused = public.get("/api/v1/auth/sessions", headers={"Authorization": bearer})
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="tandem", error="insufficient_scope"'


def test_forbidden_user_gets_no_challenge(ann: User, administrator: User) -> None:
    answer = client_of(ann).delete(f"/api/v1/users/{administrator.pk}")
    assert answer.status_code in (403, 404)
    assert "WWW-Authenticate" not in answer.headers
