"""Rows, credentials and page tokens that exist, for the calls to name."""

import uuid
from dataclasses import dataclass, field
from random import Random
from typing import Any

#: Fields of messages and the models whose rows they name.
_MODELS = {
    "user": "users.User", "task": "tasks.Task", "project": "projects.Project", "meeting": "meetings.Meeting",
    "document": "drawings.Document", "component": "drawings.Component", "symbol": "drawings.Symbol",
    "action_item": "meetings.ActionItem", "speaker": "meetings.Speaker", "segment": "meetings.Segment",
    "address": "users.UserAddress", "session": "access.Session", "key": "access.ApiKey",
}  # fmt: skip
KINDS = tuple(_MODELS)
#: Of callers, whose rows no other call names, or most of them would soon be deactivated.
_DOMAIN = "callers.example.com"
_ROWS = 30
#: Administrators, and half as many users. Some end their own session, or change their roles.
_CALLERS = 8
_TOKENS = 50


@dataclass
class Known:
    """Rows in the database, credentials, and tokens of answers.

    Attributes:
        ids: by the name of what they identify.
        bearers: values of `Authorization` of administrators, users, and an API key.
        tokens: page tokens and cursors from answers.
    """

    ids: dict[str, list[str]] = field(default_factory=dict)
    bearers: tuple[str, ...] = ()
    tokens: list[str] = field(default_factory=list)

    def renew(self, number: int) -> None:
        """Read the latest rows, and make new callers: calls may have deactivated the former ones."""
        from django.apps import apps

        self.bearers = _callers(number)
        for name, label in _MODELS.items():
            rows: Any = apps.get_model(label)._default_manager.order_by("-pk")
            if name == "user":
                rows = rows.exclude(email__endswith=_DOMAIN).exclude(email="admin@example.com")
            elif name in ("session", "key"):
                rows = rows.exclude(user__email__endswith=_DOMAIN)
            self.ids[name] = [str(pk) for pk in rows.values_list("pk", flat=True)[:_ROWS]]

    def id_for(self, field_name: str, rng: Random) -> str:
        """Return the id of a row of the kind that a field names, or sometimes of another kind."""
        of_kind = self.ids.get(field_name.removesuffix("_ids").removesuffix("_id"))
        ids = of_kind if of_kind and rng.random() < 0.9 else self.ids[rng.choice(KINDS)]
        return rng.choice(ids) if ids else str(uuid.UUID(int=rng.getrandbits(128)))

    def note(self, token: str) -> None:
        """Keep a page token or a cursor of an answer."""
        if token and len(self.tokens) < _TOKENS:
            self.tokens.append(token)


def add_rows() -> None:
    """Add a transcribed meeting and a document with a page, which the demo data lack."""
    from django.db import transaction

    from tests.support import factories
    from users.models import User

    owner = User.objects.get(email="admin@example.com")
    with transaction.atomic():
        project = factories.ProjectFactory()
        meeting = factories.TranscribedMeetingFactory(owner=owner)
        for factory in (
            factories.SpeakerFactory, factories.SegmentFactory, factories.SummaryFactory, factories.ActionItemFactory
        ):  # fmt: skip
            factory(meeting=meeting)
        document = factories.DocumentFactory(project=project, uploaded_by=owner)
        factories.PageFactory(document=document)
        factories.ComponentFactory(document=document)
        factories.SymbolFactory(document=document)
        factories.UserAddressFactory(user=owner)


def _callers(number: int) -> tuple[str, ...]:
    from django.conf import settings

    from access.models import Session
    from access.tokens import access_token
    from tests.support import factories

    administrators = [factories.AdministratorFactory(email=f"a{number}-{n}@{_DOMAIN}") for n in range(_CALLERS)]
    users = [factories.UserFactory(email=f"u{number}-{n}@{_DOMAIN}") for n in range(_CALLERS // 2)]
    bearers = [f"Bearer {access_token(Session.objects.create(user=who))}" for who in (*administrators, *users)]
    key = factories.ApiKeyFactory(user=administrators[0], scopes=list(settings.API_KEY_SCOPES))
    return (*bearers, factories.bearer_of(key))
