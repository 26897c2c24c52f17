from datetime import timedelta
from io import StringIO

from django.core.management import call_command
from django.utils import timezone

from access.models import ApiKey, RefreshToken, Session, StreamTicket
from access.services import create_ticket, issue_refresh_token
from access.tokens import new_secret
from core.db.ids import uuid7
from core.jobs import enqueue
from core.models import Job
from tests.support.factories import ApiKeyFactory
from users.models import MailedToken, TokenPurpose, User
from users.services import mailed_tokens


def test_only_expired_rows_are_deleted(ann: User) -> None:
    kept, expired, fresh = (Session.objects.create(user=ann) for _ in range(3))
    for session in (kept, expired):
        issue_refresh_token(session, new_secret())
    long_ago = timezone.now() - timedelta(days=8)
    Session.objects.exclude(pk=fresh.pk).update(created_at=long_ago)
    RefreshToken.objects.filter(session=expired).update(expires_at=timezone.now())
    out = StringIO()
    call_command("prune", stdout=out)
    assert "1 sessions deleted." in out.getvalue()
    assert set(Session.objects.all()) == {kept, fresh}


def test_expired_tokens_and_old_jobs_are_deleted(ann: User, bob: User) -> None:
    for user in (ann, bob):
        mailed_tokens.issue(user, TokenPurpose.VERIFY_EMAIL, uuid7())
        enqueue("users.send_verification", user_id=str(user.pk))
    MailedToken.objects.filter(user=ann).update(expires_at=timezone.now())
    Job.objects.filter(arguments__user_id=str(ann.pk)).update(ended_at=timezone.now() - timedelta(days=8))
    out = StringIO()
    call_command("prune", stdout=out)
    assert "1 mailed tokens deleted." in out.getvalue()
    assert "1 jobs deleted." in out.getvalue()
    assert MailedToken.objects.get().user == bob
    assert Job.objects.get().arguments == {"user_id": str(bob.pk)}


def test_old_keys_and_tickets_are_deleted(ann: User) -> None:
    now = timezone.now()
    long_ago = now - timedelta(days=31)
    kept = [
        ApiKeyFactory(user=ann),
        ApiKeyFactory(user=ann, revoked_at=now),
        ApiKeyFactory(user=ann, expires_at=now - timedelta(days=29)),
    ]
    ApiKeyFactory(user=ann, revoked_at=long_ago)
    ApiKeyFactory(user=ann, expires_at=long_ago)
    create_ticket(ann, "/api/v1/tasks/stream", session_id=None)
    StreamTicket.objects.update(expires_at=now - timedelta(seconds=1))
    create_ticket(ann, "/api/v1/tasks/stream", session_id=None)
    out = StringIO()
    call_command("prune", stdout=out)
    assert "2 API keys deleted." in out.getvalue()
    assert "1 tickets deleted." in out.getvalue()
    assert set(ApiKey.objects.all()) == set(kept)
    assert StreamTicket.objects.count() == 1
