"""Actors: who a call or a job acts as."""

from typing import Any, Protocol


class Actor(Protocol):
    """A user, a part of the system (`core.auth.System`), or an anonymous caller (`core.auth.Anonymous`)."""

    @property
    def pk(self) -> Any:
        """The id, as it stands in the change log; None for an anonymous caller."""

    @property
    def is_authenticated(self) -> bool: ...

    @property
    def is_administrator(self) -> bool: ...

    @property
    def reads_everything(self) -> bool:
        """True for those who may read all users: support, administrators and parts of the system."""
