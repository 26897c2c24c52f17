"""The steps of `try_grpc.py` on users, and on those of the example."""

import secrets
from collections.abc import Callable
from functools import partial

from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from scripts.walk import PAGE_SIZE, UNKNOWN_ID, Walk, expect, show
from tandem.auth.v1 import auth_pb2
from tandem.client import AlreadyExists, Invalid, NotFound, Stale
from tandem.common.v1 import common_pb2
from tandem.example.v1 import example_pb2
from tandem.user.v1 import user_pb2


def user_steps(walk: Walk) -> list[tuple[str, Callable[[], None]]]:
    """Return the steps that create, find and change users, in order, each with the rpc that it tests."""
    return [
        ("HealthCheck", partial(health_check, walk)),
        ("CreateUser", partial(create_user, walk)),
        ("GetUser", partial(get_user, walk)),
        ("GetUserByEmail", partial(get_user_by_email, walk)),
        ("UpdateUser", partial(update_user, walk)),
        ("UpdateUserProfile", partial(update_user_profile, walk)),
        ("VerifyEmail", partial(verify_email, walk)),
        ("ConfirmEmailVerification", partial(confirm_email_verification, walk)),
        ("RequestPasswordReset", partial(request_password_reset, walk)),
        ("ResetPassword", partial(reset_password, walk)),
        ("ListUsers", partial(list_users, walk)),
        ("SearchUsers", partial(search_users, walk)),
    ]


def last_steps(walk: Walk) -> list[tuple[str, Callable[[], None]]]:
    """Return the steps that end the user's account, and those of the example."""
    return [
        ("DeactivateUser", partial(deactivate_user, walk)),
        ("ReactivateUser", partial(reactivate_user, walk)),
        ("DeleteUser", partial(delete_user, walk)),
        ("ExampleService.CreateUser", partial(create_example, walk)),
        ("ExampleService.GetUser", partial(get_example, walk)),
        ("ExampleService.ListUsers", partial(list_examples, walk)),
    ]


def sign_in(walk: Walk) -> None:
    # The client logs in when it is first used.
    sessions = walk.call(walk.client.auth.ListSessions, auth_pb2.ListSessionsRequest()).sessions
    show("open sessions", len(sessions))
    expect("the sessions that this call is of", [session.current for session in sessions].count(True), 1)


def health_check(walk: Walk) -> None:
    health = walk.call(walk.users.HealthCheck, Empty())
    show("status", common_pb2.HealthStatus.Name(health.status))
    show("version", health.version)
    show("components", {name: common_pb2.HealthStatus.Name(state) for name, state in health.components.items()})
    expect("status", health.status, common_pb2.HEALTH_STATUS_HEALTHY)
    expect("the database's state", health.components.get("database"), common_pb2.HEALTH_STATUS_HEALTHY)
    expect("checked_at is set", health.HasField("checked_at"), True)


def create_user(walk: Walk) -> None:
    request = user_pb2.CreateUserRequest(
        email=f"Try-{walk.mark}@Example.com",
        password=secrets.token_urlsafe(24),
        first_name="Tess",
        phone=common_pb2.PhoneNumber(e164="+14155552671"),
    )
    walk.user = walk.create_user(request)
    _show_user(walk.user)
    expect("email", walk.user.email, request.email.lower())
    expect("display_name", walk.user.display_name, f"Try-{walk.mark}")
    expect("status", walk.user.status, user_pb2.USER_STATUS_PENDING_VERIFICATION)
    expect("roles", list(walk.user.roles), [user_pb2.USER_ROLE_CUSTOMER])
    expect("phone", (walk.user.phone.country_code, walk.user.phone.national_number), ("+1", "4155552671"))
    expect("version", walk.user.audit.version, 1)
    again = user_pb2.CreateUserRequest(email=request.email.upper(), password=request.password)
    walk.refused(AlreadyExists, walk.users.CreateUser, again)
    # Two more, so that a list of this walk's users has more than one page.
    for number in (2, 3):
        walk.create_user(user_pb2.CreateUserRequest(email=f"try-{walk.mark}-{number}@example.com"))


def get_user(walk: Walk) -> None:
    found = walk.call(walk.users.GetUser, user_pb2.GetUserRequest(user_id=walk.user.id)).user
    show("user_id", found.id)
    expect("the user", found, walk.user)
    unknown = user_pb2.GetUserRequest(user_id=UNKNOWN_ID)
    message = walk.refused(NotFound, walk.users.GetUser, unknown)
    expect("the refusal names the id", f"User not found: {UNKNOWN_ID}" in message, True)


def get_user_by_email(walk: Walk) -> None:
    request = user_pb2.GetUserByEmailRequest(email=walk.user.email.upper())
    found = walk.call(walk.users.GetUserByEmail, request).user
    show("email", found.email)
    expect("the user", found, walk.user)
    unknown = user_pb2.GetUserByEmailRequest(email=f"nobody-{walk.mark}@example.com")
    walk.refused(NotFound, walk.users.GetUserByEmail, unknown)


def update_user(walk: Walk) -> None:
    before = walk.user
    request = user_pb2.UpdateUserRequest(
        user_id=before.id,
        user=user_pb2.User(first_name="Theodora", last_name=f"Walker{walk.mark}"),
        update_mask=FieldMask(paths=["first_name", "last_name"]),
    )
    walk.user = walk.call(walk.users.UpdateUser, request, ("if-match", str(before.audit.version))).user
    _show_user(walk.user)
    expect("first_name", walk.user.first_name, "Theodora")
    expect("display_name", walk.user.display_name, before.display_name)
    expect("version", walk.user.audit.version, before.audit.version + 1)
    # Repeating the call would overwrite a version that the caller has not read.
    walk.refused(Stale, walk.users.UpdateUser, request, ("if-match", str(before.audit.version)))
    request.update_mask.paths[:] = ["shoe_size"]
    message = walk.refused(Invalid, walk.users.UpdateUser, request)
    expect("the refusal names the path", "shoe_size" in message, True)


def update_user_profile(walk: Walk) -> None:
    before = walk.user
    birthday = common_pb2.Date(year=1990, month=2, day=3)
    profile = user_pb2.UserProfile(bio="Walks.", language="en", timezone="Europe/Berlin", date_of_birth=birthday)
    request = user_pb2.UpdateUserProfileRequest(user_id=before.id, profile=profile)
    walk.user = walk.call(walk.users.UpdateUserProfile, request).user
    show("bio", walk.user.profile.bio)
    show("version", walk.user.audit.version)
    expect("profile", walk.user.profile, profile)
    expect("version", walk.user.audit.version, before.audit.version + 1)


def verify_email(walk: Walk) -> None:
    answer = walk.call(walk.users.VerifyEmail, user_pb2.VerifyEmailRequest(user_id=walk.user.id))
    show("message", answer.message)
    expect("sent", answer.sent, True)
    walk.refused(NotFound, walk.users.VerifyEmail, user_pb2.VerifyEmailRequest(user_id=UNKNOWN_ID))


def confirm_email_verification(walk: Walk) -> None:
    # The valid token is in a mail.
    wrong = user_pb2.ConfirmEmailVerificationRequest(token=secrets.token_urlsafe(32))
    message = walk.refused(Invalid, walk.users.ConfirmEmailVerification, wrong)
    show("a wrong token", "refused")
    expect("the refusal names the token", "token: " in message, True)


def request_password_reset(walk: Walk) -> None:
    known, unknown = (
        walk.call(walk.users.RequestPasswordReset, user_pb2.RequestPasswordResetRequest(email=email))
        for email in (walk.user.email, f"nobody-{walk.mark}@example.com")
    )
    show("message", known.message)
    expect("sent", known.sent, True)
    expect("the answer for an address without an account", unknown, known)


def reset_password(walk: Walk) -> None:
    wrong = user_pb2.ResetPasswordRequest(token=secrets.token_urlsafe(32), new_password=secrets.token_urlsafe(24))
    message = walk.refused(Invalid, walk.users.ResetPassword, wrong)
    show("a wrong token", "refused")
    expect("the refusal names the token", "token: " in message, True)


def list_users(walk: Walk) -> None:
    seen: list[user_pb2.User] = []
    ours: list[str] = []
    for page in walk.pages(walk.users.ListUsers, user_pb2.ListUsersRequest()):
        seen += page.users
        # Other clients may create users concurrently, but not with these addresses.
        ours += [user.email for user in page.users if user.email in walk.emails]
        if len(ours) == len(walk.emails):
            break
    show("users read", len(seen))
    times = [user.audit.created_at.ToNanoseconds() for user in seen]
    expect("created_at, newest first", times, sorted(times, reverse=True))
    expect("this walk's users, newest first", ours, walk.emails[::-1])
    negative = user_pb2.ListUsersRequest(pagination=common_pb2.PaginationRequest(page_size=-1))
    walk.refused(Invalid, walk.users.ListUsers, negative)


def search_users(walk: Walk) -> None:
    request = user_pb2.SearchUsersRequest(query=walk.mark.upper())
    pages = list(walk.pages(walk.users.SearchUsers, request))
    found = [user.email for page in pages for user in page.users]
    show("found", ", ".join(found))
    expect("the users found, newest first", found, walk.emails[::-1])
    expect("total_count", pages[0].pagination.total_count, len(found))
    by_name = user_pb2.SearchUsersRequest(query=f"walker{walk.mark[:-1]}")
    expect("the users found by name", list(walk.call(walk.users.SearchUsers, by_name).users), [walk.user])
    request.statuses.append(user_pb2.USER_STATUS_BANNED)
    expect("the banned users found", list(walk.call(walk.users.SearchUsers, request).users), [])


def deactivate_user(walk: Walk) -> None:
    # The account steps have changed the user.
    before = walk.call(walk.users.GetUser, user_pb2.GetUserRequest(user_id=walk.user.id)).user
    request = user_pb2.DeactivateUserRequest(user_id=before.id, reason="A walk through the operations.")
    walk.user = walk.call(walk.users.DeactivateUser, request).user
    _show_user(walk.user)
    expect("status", walk.user.status, user_pb2.USER_STATUS_DEACTIVATED)
    expect("version", walk.user.audit.version, before.audit.version + 1)


def reactivate_user(walk: Walk) -> None:
    before = walk.user
    request = user_pb2.ReactivateUserRequest(user_id=before.id)
    walk.user = walk.call(walk.users.ReactivateUser, request).user
    _show_user(walk.user)
    # The user's e-mail address was never verified.
    expect("status", walk.user.status, user_pb2.USER_STATUS_PENDING_VERIFICATION)
    expect("version", walk.user.audit.version, before.audit.version + 1)


def delete_user(walk: Walk) -> None:
    request = user_pb2.DeleteUserRequest(user_id=walk.user.id, reason="A walk through the operations.")
    walk.call(walk.users.DeleteUser, request)
    show("user_id", request.user_id)
    walk.refused(NotFound, walk.users.GetUser, user_pb2.GetUserRequest(user_id=walk.user.id))
    walk.refused(NotFound, walk.users.DeleteUser, request)


def create_example(walk: Walk) -> None:
    request = example_pb2.CreateUserRequest(name="Exa Walker", email=f"example-{walk.mark}@example.com")
    walk.example = walk.call(walk.examples.CreateUser, request).user
    walk.emails.append(request.email)
    show("id", walk.example.id)
    expect("name and email", (walk.example.name, walk.example.email), (request.name, request.email))
    expect("the id counts from 1", walk.example.id > 0, True)
    expect("updated_at is not before created_at", 0 < walk.example.created_at <= walk.example.updated_at, True)
    walk.refused(AlreadyExists, walk.examples.CreateUser, request)
    nameless = example_pb2.CreateUserRequest(email=f"nameless-{walk.mark}@example.com")
    walk.refused(Invalid, walk.examples.CreateUser, nameless)


def get_example(walk: Walk) -> None:
    found = walk.call(walk.examples.GetUser, example_pb2.GetUserRequest(user_id=walk.example.id)).user
    show("id", found.id)
    expect("the user", found, walk.example)
    message = walk.refused(NotFound, walk.examples.GetUser, example_pb2.GetUserRequest(user_id=0))
    expect("the refusal names the number", "User with ID 0 not found" in message, True)


def list_examples(walk: Walk) -> None:
    total = walk.call(walk.examples.ListUsers, example_pb2.ListUsersRequest(page=1, page_size=1)).total_count
    show("total_count", total)
    last = example_pb2.ListUsersRequest(page=max(1, -(-total // PAGE_SIZE)), page_size=PAGE_SIZE)
    users = list(walk.call(walk.examples.ListUsers, last).users)
    expect("the last page is in order of id", [user.id for user in users], sorted(user.id for user in users))
    expect("the last user", users[-1:], [walk.example])
    past_the_end = example_pb2.ListUsersRequest(page=total + 1, page_size=PAGE_SIZE)
    expect("the users past the end", list(walk.call(walk.examples.ListUsers, past_the_end).users), [])


def _show_user(user: user_pb2.User) -> None:
    show("id", user.id)
    show("name", f"{user.first_name} {user.last_name} <{user.email}>")
    show("status", user_pb2.UserStatus.Name(user.status))
    show("version", user.audit.version)
