"""A walk through the operations of a running server: its client, its checks and its output.

The steps are in `scripts.user_steps`, `scripts.account_steps` and `scripts.task_steps`.
"""

import copy
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tandem.client import Client, TandemError
from tandem.common.v1 import common_pb2
from tandem.example.v1 import example_pb2, example_pb2_grpc
from tandem.user.v1 import user_pb2

PAGE_SIZE = 2
MAX_PAGES = 100
UNKNOWN_ID = "00000000-0000-7000-8000-000000000000"


class AnswerError(Exception):
    """A response of the server that violates the contract."""


def expect(what: str, actual: object, expected: object) -> None:
    """Raise AnswerError unless both are equal."""
    if actual != expected:
        raise AnswerError(f"{what} should be {expected!r} and is {actual!r}.")


def show(what: str, value: object) -> None:
    print(f"  {what}: {value}")


@dataclass
class Walk:
    """One walk: each step calls one rpc and checks its responses; later steps use the results of earlier ones.

    Attributes:
        timeout: seconds for each call, and for expected events of streams.
        mark: a word that only this walk's users have.
        user: the user that the steps work on, as the server last returned it.
        emails: of the users that this walk has created.
        task_ids: of the tasks that this walk has created.
    """

    client: Client
    timeout: float
    mark: str = field(default_factory=lambda: f"w{secrets.token_hex(5)}")
    user: user_pb2.User = field(default_factory=user_pb2.User)
    example: example_pb2.User = field(default_factory=example_pb2.User)
    emails: list[str] = field(default_factory=list)
    task_ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.users = self.client.users
        self.tasks = self.client.tasks
        self.examples = example_pb2_grpc.ExampleServiceStub(self.client.channel)

    def call(self, rpc: Callable[..., Any], request: Any, *metadata: tuple[str, str]) -> Any:
        return rpc(request, metadata=metadata)

    def refused(
        self, kind: type[TandemError], rpc: Callable[..., Any], request: Any, *metadata: tuple[str, str]
    ) -> str:
        """Make a call that must fail with this error. Returns the error's text."""
        try:
            self.call(rpc, request, *metadata)
        except kind as error:
            return str(error)
        raise AnswerError(f"A call that must be refused as {kind.reason} was accepted: {type(request).__name__}.")

    def create_user(self, request: user_pb2.CreateUserRequest) -> user_pb2.User:
        user: user_pb2.User = self.call(self.users.CreateUser, request).user
        self.emails.append(request.email.lower())
        return user

    def pages(self, rpc: Callable[..., Any], request: Any) -> Iterator[Any]:
        """Read a list page by page, and check the rules common to all lists."""
        token = ""
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            page_request = copy.deepcopy(request)
            page_request.pagination.MergeFrom(common_pb2.PaginationRequest(page_size=PAGE_SIZE, page_token=token))
            page = self.call(rpc, page_request)
            token = page.pagination.next_page_token
            ids = {user.id for user in page.users}
            expect("a page has no more users than asked for", len(page.users) <= PAGE_SIZE, True)
            expect("the users on more than one page", ids & seen, set())
            expect("has_more", page.pagination.has_more, bool(token))
            yield page
            if not token:
                return
            seen |= ids
