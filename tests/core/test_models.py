"""The one way to save: rules, versions, races."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core import rate_limits
from core.db.bulk_insert import insert, insert_many
from core.db.fields import MultiLineField, SingleLineField, WebAddress, checked_line
from core.db.ids import parsed, uuid7
from core.db.integrity import translate_integrity_errors
from core.db.saving import clean, save_clean
from core.errors import AlreadyExists, RateLimited, Stale, problem_of
from core.models import IdempotencyRecord, RateWindow
from core.preconditions import ANY_VERSION, exactly
from tandem.user.v1.user_pb2 import UpdateUserRequest
from tandem.user.v1.user_pb2 import User as UserMessage
from tasks.models import Task
from tests.support.factories import TaskFactory, UserFactory
from tests.support.transports import Failed, Transport
from users.fields import validate_social_links
from users.models import Role, User


def test_save_writes_changed_fields_and_increments_the_version(ann: User) -> None:
    before = ann.updated_at
    save_clean(ann, first_name="Anna", last_name="Other")
    stored = User.objects.get(pk=ann.pk)
    assert (stored.first_name, stored.version, ann.version) == ("Anna", 2, 2)
    assert stored.updated_at == ann.updated_at > before


def test_extra_errors_are_raised_with_those_of_the_rules_and_nothing_is_written(ann: User) -> None:
    extra = {"email": ValidationError("Not this one.", code="taken"), "phone": ValidationError("No phone.", code="no")}
    with pytest.raises(ValidationError) as refused:
        save_clean(ann, extra_errors=extra, first_name="x" * 1000, email="no address", bio="New")
    codes = {name: [error.code for error in errors] for name, errors in refused.value.error_dict.items()}
    assert codes.pop("first_name") == ["max_length"]
    assert codes == {"email": ["taken", "email"], "phone": ["no"]}
    assert User.objects.get(pk=ann.pk).bio == ""
    with pytest.raises(ValidationError):
        save_clean(UserFactory.build(email="new@example.com"), extra_errors=extra)
    assert not User.objects.filter(email="new@example.com").exists()


def test_a_row_at_another_version_than_expected_is_stale(ann: User) -> None:
    ann.require_version(ANY_VERSION)
    ann.require_version(exactly(1))
    with pytest.raises(Stale) as stale:
        ann.require_version(exactly(2))
    assert stale.value.metadata == {"current_version": "1"}


def test_concurrent_write_is_not_overwritten(ann: User) -> None:
    other = User.objects.get(pk=ann.pk)
    save_clean(other, first_name="Anni")
    with pytest.raises(Stale) as stale:
        save_clean(ann, first_name="Anna")
    assert stale.value.metadata == {"current_version": "2"}


def test_a_race_for_an_email_ends_in_the_same_error(ann: User, bob: User) -> None:
    with pytest.raises(AlreadyExists, match=r"User with email ann@example[.]com already exists"):
        save_clean(bob, email="ann@example.com")
    # The transaction continues.
    assert User.objects.filter(email="bob@example.com").exists()


def test_another_broken_constraint_is_a_violation(ann: User, bob: User) -> None:
    with pytest.raises(ValidationError) as error, translate_integrity_errors(bob), transaction.atomic():
        User.objects.filter(pk=bob.pk).update(number=ann.number)
    assert problem_of(error.value).violations[0].code == "invalid"


def test_an_integrity_error_of_something_else_is_not_hidden(ann: User) -> None:
    with (
        pytest.raises(IntegrityError),
        translate_integrity_errors(ann),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("INSERT INTO core_ratewindow (key, started_at, count) VALUES ('k', NULL, 1)")


def test_an_unknown_reference_is_a_violation(transactional_db: None, ann: User) -> None:
    with pytest.raises(ValidationError) as error, translate_integrity_errors(ann), transaction.atomic():
        User.objects.filter(pk=ann.pk).update(created_by=uuid.uuid4())
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert error.value.message_dict == {"created_by": ["There is no such record."]}


def test_fifty_editors_of_one_user(committing_api: Transport, administrator: User, ann: User) -> None:
    committing_api.bearer(administrator)

    def edit(number: int) -> bool:
        request = UpdateUserRequest(user_id=str(ann.pk), user=UserMessage(first_name=f"Ann {number}"))
        try:
            committing_api("UserService/UpdateUser", request, actor=administrator, if_match="1")
            return True
        except Failed as failed:
            assert failed.reason == "STALE"
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(edit, range(50))) == 1
    ann.refresh_from_db()
    assert ann.version == 2


def test_lines_are_trimmed_and_bounded() -> None:
    assert SingleLineField(max_length=3).clean("  abc ", None) == "abc"
    assert checked_line("reason", " x ", 5) == "x"
    for text in ("a\0", "a\nb", "a\x7f", "a\x85b"):
        with pytest.raises(ValidationError):
            SingleLineField(max_length=10).clean(text, None)
    assert MultiLineField(max_length=10).clean("a\n\tb", None) == "a\n\tb"
    with pytest.raises(ValidationError):
        MultiLineField(max_length=3).clean("abcd", None)
    with pytest.raises(ValidationError):
        MultiLineField(max_length=3).clean("a\0", None)
    assert WebAddress().clean("https://example.com/a?b#c", None) == "https://example.com/a?b#c"


@pytest.mark.parametrize(
    "links", [[], {"x": 1}, {str(n): "https://x.com" for n in range(21)}, {"x" * 51: "https://x.com"}, {"x": "ftp://x"}]
)
def test_bad_social_links(links: object) -> None:
    with pytest.raises(ValidationError):
        validate_social_links(links)


def test_date_of_birth_must_be_in_the_past(ann: User) -> None:
    with pytest.raises(ValidationError) as error:
        save_clean(ann, date_of_birth=timezone.now().date() + timedelta(days=3))
    assert "date_of_birth" in error.value.message_dict
    save_clean(ann, date_of_birth=date(1900, 1, 1))


def test_ids_are_version_7_and_in_order() -> None:
    made = [uuid7() for _ in range(1000)]
    assert {(made_.version, made_.variant) for made_ in made} == {(7, uuid.RFC_4122)}
    assert sorted(made) == made or sorted(str(m)[:18] for m in made) == [str(m)[:18] for m in made]
    assert abs((made[0].int >> 80) / 1000 - timezone.now().timestamp()) < 60


@pytest.mark.parametrize("text", ["", "x", "{%s}", "urn:uuid:%s", "%s0", " %s"])
def test_only_the_canonical_form_is_an_id(text: str) -> None:
    made = uuid7()
    assert parsed(str(made)) == parsed(str(made).upper()) == made
    assert parsed(text.replace("%s", str(made))) is None
    assert parsed(made.hex) is None


def test_a_window_closes(db: None) -> None:
    def take() -> None:
        rate_limits.take("thing", "me", limit=1, seconds=10, message="Enough.")

    take()
    with pytest.raises(RateLimited) as limited:
        take()
    assert 0 < (limited.value.retry_after_seconds or 0) <= 10
    rate_limits.take("thing", "you", limit=1, seconds=10, message="Enough.")
    RateWindow.objects.update(started_at=timezone.now() - timedelta(seconds=11))
    take()
    rate_limits.reset("thing", "me")
    take()
    assert rate_limits.prune() == 0
    RateWindow.objects.update(started_at=timezone.now() - timedelta(days=2))
    assert rate_limits.prune() == 2


def test_a_window_that_begins_in_the_future_counts_as_closed(db: None) -> None:
    def take() -> None:
        rate_limits.take("thing", "me", limit=1, seconds=10, message="Enough.")

    take()
    RateWindow.objects.update(started_at=timezone.now() + timedelta(days=8), count=99)
    take()
    assert RateWindow.objects.get().started_at < timezone.now() + timedelta(minutes=1)
    with pytest.raises(RateLimited) as limited:
        take()
    assert 0 < (limited.value.retry_after_seconds or 0) <= 10
    RateWindow.objects.update(started_at=timezone.now() + timedelta(days=8))
    assert rate_limits.prune() == 1


def test_limits_go_by_the_database_s_clock(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2099, 1, 1, tzinfo=UTC))
    rate_limits.take("thing", "me", limit=1, seconds=10, message="Enough.")
    assert RateWindow.objects.get().started_at.year < 2099
    assert rate_limits.prune() == 0


def test_undone_count_is_not_counted(db: None) -> None:
    for _ in range(3):
        rate_limits.take("thing", "me", limit=1, seconds=10, message="Enough.")
        rate_limits.undo("thing", "me")
    rate_limits.undo("thing", "me")
    rate_limits.undo("thing", "nobody")
    rate_limits.take("thing", "me", limit=1, seconds=10, message="Enough.")
    assert rate_limits.seconds_until_allowed("thing", "me", limit=1, seconds=10)


def test_long_keys_that_begin_alike_are_two(db: None) -> None:
    for end in "ab":
        rate_limits.take("thing", "x" * 300 + end, limit=1, seconds=10, message="Enough.")
    with pytest.raises(RateLimited):
        rate_limits.take("thing", "x" * 300 + "a", limit=1, seconds=10, message="Enough.")
    rate_limits.reset("thing", "x" * 300 + "a")
    rate_limits.take("thing", "x" * 300 + "a", limit=1, seconds=10, message="Enough.")


@pytest.fixture(params=[True, False], ids=["json", "bulk_create"])
def json_inserts(request: pytest.FixtureRequest, settings: Any) -> None:
    """Run the test with inserts as one JSON text, and with `bulk_create`."""
    settings.JSON_BULK_INSERTS = request.param


@pytest.mark.usefixtures("json_inserts")
def test_many_rows_are_inserted_as_they_are(administrator: User) -> None:
    full = UserFactory.build(
        email="full@example.com",
        bio='Two\nlines, \\ "quoted" \t 安 %s',
        roles=[Role.CUSTOMER, Role.SELLER],
        social_links={"web": "https://example.com/?a=b"},
        date_of_birth=date(1, 2, 3),
        created_at=datetime(1901, 2, 3, 4, 5, 6, 7, tzinfo=UTC),
        last_login_at=None,
        created_by=administrator,
    )
    plain = UserFactory.build(email="plain@example.com")
    insert_many(User, [full, plain])
    given = [field.attname for field in User._meta.concrete_fields if not field.generated and field.name != "number"]
    for built in (full, plain):
        stored = User.objects.get(pk=built.pk)
        assert {name: getattr(stored, name) for name in given} == {name: getattr(built, name) for name in given}
        assert stored.number


@pytest.mark.usefixtures("json_inserts")
def test_inserted_row_equals_that_of_the_orm(ann: User) -> None:
    values: dict[str, Any] = {
        "title": "Tea \u2615",
        "labels": ["a", "b, c"],
        "metadata": {"k": '"v"'},
        "created_by": ann,
    }
    task = Task(**values, due_date=timezone.now())
    insert(task)
    stored = Task.objects.get(pk=task.pk)
    own = {"_state": None, "search_words": stored.search_words}
    assert stored.__dict__ | own == task.__dict__ | own
    task.title = "Coffee"
    task.save()  # It knows that it is stored.
    assert Task.objects.get().title == "Coffee"


@pytest.mark.usefixtures("json_inserts")
def test_inserted_row_has_the_values_that_the_database_assigns(ann: User) -> None:
    user = UserFactory.build()
    insert(user)
    assert user.number > ann.number


@pytest.mark.usefixtures("json_inserts")
def test_insert_of_a_taken_id_fails(db: None) -> None:
    task = TaskFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(Task(pk=task.pk, title="T"))


@pytest.mark.usefixtures("json_inserts")
def test_many_rows_may_hold_bytes(db: None) -> None:
    at = timezone.now()
    values = {"request_hash": b"\0\xff\\x", "answer": b"", "created_at": at}
    insert_many(IdempotencyRecord, [IdempotencyRecord(principal="p", operation="o", key="k", **values)])
    stored = IdempotencyRecord.objects.get()
    assert (bytes(stored.request_hash), bytes(stored.answer), stored.created_at) == tuple(values.values())


@pytest.mark.usefixtures("json_inserts")
def test_insert_many_is_atomic(ann: User) -> None:
    new, taken = UserFactory.build(email="new@example.com"), UserFactory.build(email=ann.email)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_many(User, [new, taken])
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.usefixtures("json_inserts")
def test_rows_with_taken_keys_are_skipped(administrator: User) -> None:
    old = TaskFactory(title="old", created_by=administrator)
    rows = [TaskFactory.build(pk=pk, title="new", created_by=administrator) for pk in (old.pk, uuid7())]
    assert insert_many(Task, rows, skip_taken=True) == {old.pk}
    assert {task.pk: task.title for task in Task.objects.all()} == {old.pk: "old", rows[1].pk: "new"}
    assert insert_many(Task, rows, skip_taken=True) == {row.pk for row in rows}


BAD_USER = {
    "email": "no address", "display_name": "", "first_name": "x" * 101, "bio": "\x00", "status": 9, "roles": [7],
    "website": "ftp://x.example", "date_of_birth": datetime.now(UTC).date() + timedelta(days=9), "timezone": "Nowhere",
    "social_links": {"x": 1}, "password": None, "language": "xx",
}  # fmt: skip


@pytest.mark.parametrize("names", [[name] for name in BAD_USER] + [list(BAD_USER), ["last_name"]])
def test_the_rules_are_those_of_full_clean(names: list[str]) -> None:
    def errors_of(check: Any) -> dict[str, Any]:
        user = User(email=" Ann@Example.com ", display_name=" Ann ", last_name=" Other ", password="!")
        for name in names:
            setattr(user, name, BAD_USER.get(name, " Other "))
        try:
            check(user)
        except ValidationError as exc:
            found = {name: [(e.code, e.messages) for e in errors] for name, errors in exc.error_dict.items()}
        else:
            found = {}
        return found | {name: value for name, value in vars(user).items() if name in names}

    references = {field.name for field in User._meta.fields if field.remote_field}
    others = {field.name for field in User._meta.fields} - set(names)
    every: dict[str, Any] = {"validate_unique": False, "validate_constraints": False}
    assert errors_of(clean) == errors_of(lambda user: user.full_clean(exclude=references, **every))
    assert errors_of(lambda user: clean(user, names)) == errors_of(
        lambda user: user.full_clean(exclude=others, **every)
    )
