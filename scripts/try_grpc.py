#!/usr/bin/env python3
"""Call the operations on users and tasks of a running server over gRPC, and check the responses.

Needs only `grpcio` and the package `tandem`, and deletes what it creates. The calls need an administrator: by --token,
by --email and --password, or by a development server that accepts calls without credentials.
"""

import argparse
import copy
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Run from a checkout, without `pip install .`, the package lies beside this directory.
sys.path.append(str(Path(__file__).resolve().parents[1]))

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from scripts.account_steps import account_steps
from scripts.task_steps import remove_tasks, task_steps
from scripts.trying import UNKNOWN_ID, AnswerError, expect, show
from tandem.auth.v1 import auth_pb2
from tandem.client import AlreadyExists, Client, Invalid, NotFound, Stale, TandemError
from tandem.common.v1 import common_pb2
from tandem.example.v1 import example_pb2, example_pb2_grpc
from tandem.user.v1 import user_pb2

PAGE_SIZE = 2
MAX_PAGES = 100


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

    def sign_in(self) -> None:
        # The client logs in when it is first used.
        sessions = self.call(self.client.auth.ListSessions, auth_pb2.ListSessionsRequest()).sessions
        show("open sessions", len(sessions))
        expect("the sessions that this call is of", [session.current for session in sessions].count(True), 1)

    def health_check(self) -> None:
        health = self.call(self.users.HealthCheck, Empty())
        show("status", common_pb2.HealthStatus.Name(health.status))
        show("version", health.version)
        show("components", {name: common_pb2.HealthStatus.Name(state) for name, state in health.components.items()})
        expect("status", health.status, common_pb2.HEALTH_STATUS_HEALTHY)
        expect("the database's state", health.components.get("database"), common_pb2.HEALTH_STATUS_HEALTHY)
        expect("checked_at is set", health.HasField("checked_at"), True)

    def create_user(self) -> None:
        request = user_pb2.CreateUserRequest(
            email=f"Try-{self.mark}@Example.com",
            password=secrets.token_urlsafe(24),
            first_name="Tess",
            phone=common_pb2.PhoneNumber(e164="+14155552671"),
        )
        self.user = self._create(request)
        self._show_user()
        expect("email", self.user.email, request.email.lower())
        expect("display_name", self.user.display_name, f"Try-{self.mark}")
        expect("status", self.user.status, user_pb2.USER_STATUS_PENDING_VERIFICATION)
        expect("roles", list(self.user.roles), [user_pb2.USER_ROLE_CUSTOMER])
        expect("phone", (self.user.phone.country_code, self.user.phone.national_number), ("+1", "4155552671"))
        expect("version", self.user.audit.version, 1)
        again = user_pb2.CreateUserRequest(email=request.email.upper(), password=request.password)
        self.refused(AlreadyExists, self.users.CreateUser, again)
        # Two more, so that a list of this walk's users has more than one page.
        for number in (2, 3):
            self._create(user_pb2.CreateUserRequest(email=f"try-{self.mark}-{number}@example.com"))

    def get_user(self) -> None:
        found = self.call(self.users.GetUser, user_pb2.GetUserRequest(user_id=self.user.id)).user
        show("user_id", found.id)
        expect("the user", found, self.user)
        unknown = user_pb2.GetUserRequest(user_id=UNKNOWN_ID)
        message = self.refused(NotFound, self.users.GetUser, unknown)
        expect("the refusal names the id", f"User not found: {UNKNOWN_ID}" in message, True)

    def get_user_by_email(self) -> None:
        request = user_pb2.GetUserByEmailRequest(email=self.user.email.upper())
        found = self.call(self.users.GetUserByEmail, request).user
        show("email", found.email)
        expect("the user", found, self.user)
        unknown = user_pb2.GetUserByEmailRequest(email=f"nobody-{self.mark}@example.com")
        self.refused(NotFound, self.users.GetUserByEmail, unknown)

    def update_user(self) -> None:
        before = self.user
        request = user_pb2.UpdateUserRequest(
            user_id=before.id,
            user=user_pb2.User(first_name="Theodora", last_name=f"Walker{self.mark}"),
            update_mask=FieldMask(paths=["first_name", "last_name"]),
        )
        self.user = self.call(self.users.UpdateUser, request, ("if-match", str(before.audit.version))).user
        self._show_user()
        expect("first_name", self.user.first_name, "Theodora")
        expect("display_name", self.user.display_name, before.display_name)
        expect("version", self.user.audit.version, before.audit.version + 1)
        # Repeating the call would overwrite a version that the caller has not read.
        self.refused(Stale, self.users.UpdateUser, request, ("if-match", str(before.audit.version)))
        request.update_mask.paths[:] = ["shoe_size"]
        message = self.refused(Invalid, self.users.UpdateUser, request)
        expect("the refusal names the path", "shoe_size" in message, True)

    def update_user_profile(self) -> None:
        before = self.user
        birthday = common_pb2.Date(year=1990, month=2, day=3)
        profile = user_pb2.UserProfile(bio="Walks.", language="en", timezone="Europe/Berlin", date_of_birth=birthday)
        request = user_pb2.UpdateUserProfileRequest(user_id=before.id, profile=profile)
        self.user = self.call(self.users.UpdateUserProfile, request).user
        show("bio", self.user.profile.bio)
        show("version", self.user.audit.version)
        expect("profile", self.user.profile, profile)
        expect("version", self.user.audit.version, before.audit.version + 1)

    def verify_email(self) -> None:
        answer = self.call(self.users.VerifyEmail, user_pb2.VerifyEmailRequest(user_id=self.user.id))
        show("message", answer.message)
        expect("sent", answer.sent, True)
        self.refused(NotFound, self.users.VerifyEmail, user_pb2.VerifyEmailRequest(user_id=UNKNOWN_ID))

    def confirm_email_verification(self) -> None:
        # The valid token is in a mail.
        wrong = user_pb2.ConfirmEmailVerificationRequest(token=secrets.token_urlsafe(32))
        message = self.refused(Invalid, self.users.ConfirmEmailVerification, wrong)
        show("a wrong token", "refused")
        expect("the refusal names the token", "token: " in message, True)

    def request_password_reset(self) -> None:
        known, unknown = (
            self.call(self.users.RequestPasswordReset, user_pb2.RequestPasswordResetRequest(email=email))
            for email in (self.user.email, f"nobody-{self.mark}@example.com")
        )
        show("message", known.message)
        expect("sent", known.sent, True)
        expect("the answer for an address without an account", unknown, known)

    def reset_password(self) -> None:
        wrong = user_pb2.ResetPasswordRequest(token=secrets.token_urlsafe(32), new_password=secrets.token_urlsafe(24))
        message = self.refused(Invalid, self.users.ResetPassword, wrong)
        show("a wrong token", "refused")
        expect("the refusal names the token", "token: " in message, True)

    def list_users(self) -> None:
        seen: list[user_pb2.User] = []
        ours: list[str] = []
        for page in self._pages(self.users.ListUsers, user_pb2.ListUsersRequest()):
            seen += page.users
            # Other clients may create users concurrently, but not with these addresses.
            ours += [user.email for user in page.users if user.email in self.emails]
            if len(ours) == len(self.emails):
                break
        show("users read", len(seen))
        times = [user.audit.created_at.ToNanoseconds() for user in seen]
        expect("created_at, newest first", times, sorted(times, reverse=True))
        expect("this walk's users, newest first", ours, self.emails[::-1])
        negative = user_pb2.ListUsersRequest(pagination=common_pb2.PaginationRequest(page_size=-1))
        self.refused(Invalid, self.users.ListUsers, negative)

    def search_users(self) -> None:
        request = user_pb2.SearchUsersRequest(query=self.mark.upper())
        pages = list(self._pages(self.users.SearchUsers, request))
        found = [user.email for page in pages for user in page.users]
        show("found", ", ".join(found))
        expect("the users found, newest first", found, self.emails[::-1])
        expect("total_count", pages[0].pagination.total_count, len(found))
        by_name = user_pb2.SearchUsersRequest(query=f"walker{self.mark[:-1]}")
        expect("the users found by name", list(self.call(self.users.SearchUsers, by_name).users), [self.user])
        request.statuses.append(user_pb2.USER_STATUS_BANNED)
        expect("the banned users found", list(self.call(self.users.SearchUsers, request).users), [])

    def deactivate_user(self) -> None:
        # The account steps have changed the user.
        before = self.call(self.users.GetUser, user_pb2.GetUserRequest(user_id=self.user.id)).user
        request = user_pb2.DeactivateUserRequest(user_id=before.id, reason="A walk through the operations.")
        self.user = self.call(self.users.DeactivateUser, request).user
        self._show_user()
        expect("status", self.user.status, user_pb2.USER_STATUS_DEACTIVATED)
        expect("version", self.user.audit.version, before.audit.version + 1)

    def reactivate_user(self) -> None:
        before = self.user
        request = user_pb2.ReactivateUserRequest(user_id=before.id)
        self.user = self.call(self.users.ReactivateUser, request).user
        self._show_user()
        # The user's e-mail address was never verified.
        expect("status", self.user.status, user_pb2.USER_STATUS_PENDING_VERIFICATION)
        expect("version", self.user.audit.version, before.audit.version + 1)

    def delete_user(self) -> None:
        request = user_pb2.DeleteUserRequest(user_id=self.user.id, reason="A walk through the operations.")
        self.call(self.users.DeleteUser, request)
        show("user_id", request.user_id)
        self.refused(NotFound, self.users.GetUser, user_pb2.GetUserRequest(user_id=self.user.id))
        self.refused(NotFound, self.users.DeleteUser, request)

    def create_example(self) -> None:
        request = example_pb2.CreateUserRequest(name="Exa Walker", email=f"example-{self.mark}@example.com")
        self.example = self.call(self.examples.CreateUser, request).user
        self.emails.append(request.email)
        show("id", self.example.id)
        expect("name and email", (self.example.name, self.example.email), (request.name, request.email))
        expect("the id counts from 1", self.example.id > 0, True)
        expect("updated_at is not before created_at", 0 < self.example.created_at <= self.example.updated_at, True)
        self.refused(AlreadyExists, self.examples.CreateUser, request)
        nameless = example_pb2.CreateUserRequest(email=f"nameless-{self.mark}@example.com")
        self.refused(Invalid, self.examples.CreateUser, nameless)

    def get_example(self) -> None:
        found = self.call(self.examples.GetUser, example_pb2.GetUserRequest(user_id=self.example.id)).user
        show("id", found.id)
        expect("the user", found, self.example)
        message = self.refused(NotFound, self.examples.GetUser, example_pb2.GetUserRequest(user_id=0))
        expect("the refusal names the number", "User with ID 0 not found" in message, True)

    def list_examples(self) -> None:
        total = self.call(self.examples.ListUsers, example_pb2.ListUsersRequest(page=1, page_size=1)).total_count
        show("total_count", total)
        last = example_pb2.ListUsersRequest(page=max(1, -(-total // PAGE_SIZE)), page_size=PAGE_SIZE)
        users = list(self.call(self.examples.ListUsers, last).users)
        expect("the last page is in order of id", [user.id for user in users], sorted(user.id for user in users))
        expect("the last user", users[-1:], [self.example])
        past_the_end = example_pb2.ListUsersRequest(page=total + 1, page_size=PAGE_SIZE)
        expect("the users past the end", list(self.call(self.examples.ListUsers, past_the_end).users), [])

    def clean_up(self) -> list[str]:
        """Delete the remaining objects of this walk. Returns a message for each that could not be deleted."""
        left = remove_tasks(self)
        for email in self.emails:
            try:
                user = self.call(self.users.GetUserByEmail, user_pb2.GetUserByEmailRequest(email=email)).user
                self.call(self.users.DeleteUser, user_pb2.DeleteUserRequest(user_id=user.id))
            except NotFound:
                continue
            except TandemError as error:
                left.append(f"{email} could not be deleted: {error}")
        return left

    def _create(self, request: user_pb2.CreateUserRequest) -> user_pb2.User:
        user: user_pb2.User = self.call(self.users.CreateUser, request).user
        self.emails.append(request.email.lower())
        return user

    def _pages(self, rpc: Callable[..., Any], request: Any) -> Iterator[Any]:
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

    def _show_user(self) -> None:
        show("id", self.user.id)
        show("name", f"{self.user.first_name} {self.user.last_name} <{self.user.email}>")
        show("status", user_pb2.UserStatus.Name(self.user.status))
        show("version", self.user.audit.version)


def steps(walk: Walk) -> list[tuple[str, Callable[[], None]]]:
    """Return the steps of the walk in order, each with the rpc that it tests."""
    return [
        ("HealthCheck", walk.health_check),
        ("CreateUser", walk.create_user),
        ("GetUser", walk.get_user),
        ("GetUserByEmail", walk.get_user_by_email),
        ("UpdateUser", walk.update_user),
        ("UpdateUserProfile", walk.update_user_profile),
        ("VerifyEmail", walk.verify_email),
        ("ConfirmEmailVerification", walk.confirm_email_verification),
        ("RequestPasswordReset", walk.request_password_reset),
        ("ResetPassword", walk.reset_password),
        ("ListUsers", walk.list_users),
        ("SearchUsers", walk.search_users),
        *account_steps(walk),
        *task_steps(walk),
        ("DeactivateUser", walk.deactivate_user),
        ("ReactivateUser", walk.reactivate_user),
        ("DeleteUser", walk.delete_user),
        ("ExampleService.CreateUser", walk.create_example),
        ("ExampleService.GetUser", walk.get_example),
        ("ExampleService.ListUsers", walk.list_examples),
    ]


def passed(rpc: str, step: Callable[[], None]) -> bool:
    """Run one step, and print its result. Returns whether it passed."""
    print(f"=== Testing {rpc} ===")
    try:
        step()
    except AnswerError as fault:
        print(f"✗ {rpc} failed: {fault}\n")
    except TandemError as error:
        print(f"✗ {rpc} failed: {error}\n")
    else:
        print(f"✓ {rpc} passed\n")
        return True
    return False


def take(walk: Walk) -> int:
    """Run every step, even after failures, and clean up. Returns the number of failures."""
    try:
        failures = [passed(rpc, step) for rpc, step in steps(walk)].count(False)
    finally:
        left = walk.clean_up()
        for sentence in left:
            print(f"✗ {sentence}")
    return failures + len(left)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="localhost", help="the server's host (default: %(default)s)")
    port = int(os.environ.get("GRPC_PORT") or 50051)
    parser.add_argument("--port", type=int, default=port, help="its gRPC port (GRPC_PORT, %(default)s)")
    parser.add_argument("--token", help="an access token or API key to call with")
    parser.add_argument("--email", help="sign in as this user, with --password")
    parser.add_argument("--password")
    parser.add_argument("--timeout", type=float, default=5, help="seconds for each call (default: %(default)s)")
    parsed = parser.parse_args(arguments)
    if (parsed.email is None) != (parsed.password is None):
        parser.error("--email and --password go together.")
    if parsed.email and parsed.token:
        parser.error("Call with --token, or sign in with --email and --password.")
    return parsed


def run(arguments: argparse.Namespace) -> int:
    """Connect, and run the walk. Returns the exit code."""
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    who = {"token": arguments.token, "email": arguments.email, "password": arguments.password}
    with Client(f"{host}:{arguments.port}", timeout=arguments.timeout, **who) as client:
        try:
            grpc.channel_ready_future(client.channel).result(timeout=arguments.timeout)
        except grpc.FutureTimeoutError:
            print(
                f"No gRPC server answers at {host}:{arguments.port};"
                " start one, scripts/start_grpc_dev.sh, or name its port with --port.",
                file=sys.stderr,
            )
            return 1
        walk = Walk(client, arguments.timeout)
        if arguments.email and not passed("Login", walk.sign_in):
            return 1
        failures = take(walk)
    print(f"✗ {failures} failed." if failures else "✓ All tests completed!")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(run(parse()))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
