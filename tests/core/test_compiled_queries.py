import datetime
import itertools
from typing import Any

import pytest
from django.db.models import QuerySet
from django.db.models.signals import post_init

from core.db.compiled_queries import Prepared
from core.db.pagination import Order, PageRequest
from tasks.models import Task
from tasks.queries import Filter, list_tasks
from tests.support.factories import TaskFactory, UserFactory
from users.models import Role, Status, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, params=[True, False], ids=["compiled", "plain"])
def compiled(request: pytest.FixtureRequest, settings: Any) -> bool:
    """Run the test with compiled queries, and with the plain ORM."""
    settings.COMPILED_QUERIES = request.param
    return bool(request.param)


NOW = datetime.datetime.now(datetime.UTC)


def test_instances_equal_those_of_the_orm(ann: User) -> None:
    ann.social_links = {"web": "https://ann.example.com"}
    ann.save()
    found = Prepared(lambda user_id: User.objects.filter(pk=user_id)).first(user_id=ann.pk)
    assert found is not None
    by_orm = User.objects.get(pk=ann.pk)
    assert (found.__dict__ | {"_state": None}) == (by_orm.__dict__ | {"_state": None})
    assert vars(found._state) == vars(by_orm._state)
    found.first_name = "Anna"
    found.save()  # It knows that it is stored, and where.
    assert User.objects.get(pk=ann.pk).first_name == "Anna"


def test_values_of_every_type_are_bound_anew_at_each_call(ann: User, bob: User) -> None:
    young = UserFactory(created_at=NOW + datetime.timedelta(days=2), last_name=ann.last_name)

    def build(name: str, since: datetime.datetime, other_id: Any) -> QuerySet[User]:
        return User.objects.filter(last_name=name, created_at__gte=since).exclude(pk=other_id).order_by("created_at")

    prepared = Prepared(build)
    long_ago, tomorrow = NOW - datetime.timedelta(days=1), NOW + datetime.timedelta(days=1)
    assert prepared.all(name=ann.last_name, since=long_ago, other_id=bob.pk) == [ann, young]
    assert prepared.all(name=ann.last_name, since=tomorrow, other_id=bob.pk) == [young]
    assert prepared.all(name=ann.last_name, since=long_ago, other_id=young.pk) == [ann]
    assert prepared.all(name=bob.last_name, since=long_ago, other_id=ann.pk) == [bob]
    assert prepared.first(name="nobody", since=long_ago, other_id=ann.pk) is None


def test_a_number_is_a_value_beside_the_numbers_of_choices(ann: User, bob: User) -> None:
    prepared = Prepared(lambda number: User.objects.filter(status__in=[Status.ACTIVE, Status.BANNED], number=number))
    assert ann.number is not None
    assert prepared.all(number=ann.number) == [ann]
    assert prepared.all(number=bob.number) == [bob]
    assert prepared.all(number=Status.ACTIVE + 1_000_000) == []


def test_a_value_may_stand_in_several_places_beside_constants(ann: User, bob: User) -> None:
    prepared = Prepared(
        lambda text: (
            User.objects.filter(status__in=[Status.ACTIVE, Status.BANNED], roles__contains=[Role.CUSTOMER])
            .filter(first_name=text)
            .exclude(last_name=text)
        )
    )
    assert prepared.all(text="Ann") == [ann]
    assert prepared.all(text="Bob") == [bob]
    User.objects.filter(pk=bob.pk).update(last_name="Bob")
    assert prepared.all(text="Bob") == []


def test_rows_are_counted(ann: User, bob: User) -> None:
    prepared = Prepared(lambda user_id: User.objects.exclude(pk=user_id)[:3])
    assert prepared.count(user_id=ann.pk) == 1
    UserFactory.create_batch(4)
    assert prepared.count(user_id=bob.pk) == 3


def test_empty_queryset_makes_no_query(django_assert_num_queries: Any) -> None:
    prepared = Prepared(User.objects.none)
    with django_assert_num_queries(0):
        assert prepared.all() == []
        assert prepared.count() == 0


def test_instances_are_announced_and_may_have_deferred_fields(ann: User) -> None:
    made: list[Any] = []
    prepared = Prepared(lambda user_id: User.objects.defer("bio").filter(pk=user_id))

    def announce(sender: type[User], instance: User, **kwargs: Any) -> None:
        made.append(instance)

    post_init.connect(announce, sender=User)
    try:
        found = prepared.first(user_id=ann.pk)
    finally:
        post_init.disconnect(announce, sender=User)
    assert found is not None
    assert made == [found]
    assert found.get_deferred_fields() == {"bio"}
    assert found.bio == ann.bio


def test_fetched_relations_and_deferred_fields_are_those_of_the_orm(ann: User, bob: User) -> None:
    task = TaskFactory(created_by=ann, assigned_to=bob, due_date=NOW)
    found = Prepared(lambda task_id: Task.objects.defer("title", "assigned_to").filter(pk=task_id)).first(
        task_id=task.pk
    )
    assert found is not None
    assert found.get_deferred_fields() == {"title", "assigned_to_id"}
    assert (found.created_by, found.assigned_to, found.title) == (ann, bob, task.title)
    found.created_by = bob
    assert (found.created_by_id, found.created_by) == (bob.pk, bob)


@pytest.mark.parametrize(
    "order", [Order("created_at", descending=True), Order("due_date")], ids=lambda order: order.field
)
def test_pages_of_a_list_follow_each_other(ann: User, bob: User, order: Order) -> None:
    dates = [NOW, None, NOW + datetime.timedelta(days=1), NOW, None]
    tasks = [TaskFactory(created_by=ann, assigned_to=bob, due_date=date, labels=["x"]) for date in dates]
    TaskFactory(created_by=bob, assigned_to=bob, labels=["x"])
    if order.field == "created_at":
        tasks = tasks[::-1]
    else:
        tasks = sorted(tasks, key=lambda task: (task.due_date is None, task.due_date or NOW, task.pk))
    found, token, pages = [], "", 0
    while token or not pages:
        result = list_tasks(ann, PageRequest(2, token, False, {}), order, Filter(labels=["x"]))
        assert result.total_count == 5
        found, token, pages = found + result.rows, result.next_token, pages + 1
    assert (found, pages) == (tasks, 3)


def test_query_is_compiled_once(ann: User, compiled: bool, django_assert_num_queries: Any) -> None:
    built = []

    def build(user_id: Any) -> QuerySet[User]:
        built.append(user_id)
        return User.objects.filter(pk=user_id)

    prepared = Prepared(build)
    prepared.all(user_id=ann.pk)
    with django_assert_num_queries(2):
        assert prepared.all(user_id=ann.pk) == prepared.all(user_id=ann.pk)
    if compiled:
        assert len(built) == 1
        assert built != [ann.pk]
    else:
        assert built == [ann.pk] * 3


def test_a_value_that_the_queryset_does_not_use_is_a_mistake(ann: User, settings: Any) -> None:
    settings.COMPILED_QUERIES = True
    with pytest.raises(TypeError, match="each of its values"):
        Prepared(lambda user_id: User.objects.all()).all(user_id=ann.pk)


def test_equal_hashes_do_not_confuse_values(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = itertools.chain((5, 5, 5), itertools.count(6))
    monkeypatch.setattr("core.db.compiled_queries.random.getrandbits", lambda bits: next(chance))
    between = Prepared(lambda above, below: User.objects.filter(number__gt=above, number__lt=below))
    UserFactory(number=7)
    assert [user.number for user in between.all(above=6, below=8)] == [7]
