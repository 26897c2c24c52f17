from datetime import timedelta
from io import StringIO

from django.core.management import call_command
from django.utils import timezone

from access.models import RefreshToken, Session
from access.services import _issue
from access.tokens import new_refresh_token
from users.models import User


def test_it_deletes_what_is_past_its_time_and_nothing_else(ann: User) -> None:
    kept, expired, fresh = (Session.objects.create(user=ann) for _ in range(3))
    for session in (kept, expired):
        _issue(session, new_refresh_token())
    long_ago = timezone.now() - timedelta(days=8)
    Session.objects.exclude(pk=fresh.pk).update(created_at=long_ago)
    RefreshToken.objects.filter(session=expired).update(expires_at=timezone.now())
    out = StringIO()
    call_command("prune", stdout=out)
    assert "1 sessions deleted." in out.getvalue()
    assert set(Session.objects.all()) == {kept, fresh}
