"""Reading users: what an actor may see of them."""

import datetime
import functools
import operator
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet, Value

from core.db import ids, search
from core.db.compiled_queries import Prepared
from core.db.pagination import ListQuery, Order, Page, PageRequest, page
from core.errors import invalid
from core.mail_addresses import canonical_or_as_sent, with_ascii_domains
from users import policies
from users.models import OPEN, AddressType, User, UserAddress

#: What a list of users may be ordered by, and whether that tells what not everyone may see.
ORDERS = {"created_at": False, "display_name": False, "email": True, "last_login_at": True}
#: The column that such an order goes by, where it is another.
SORTED_BY = {"display_name": "sort_name"}
MAX_QUERY_LENGTH = 200
MAX_IN_BATCH = 100

_by_id = Prepared(lambda user_id: User.objects.filter(pk=user_id))
_colleague_by_id = Prepared(
    lambda user_id, colleague_id: User.objects.filter(pk=user_id).visible_to_colleague(colleague_id)
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which users a list holds; an empty part does not narrow it."""

    statuses: Collection[int] = ()
    roles: Collection[int] = ()
    created_from: datetime.datetime | None = None
    created_until: datetime.datetime | None = None

    def bound_to(self) -> Mapping[str, Any]:
        return {
            "statuses": sorted(self.statuses),
            "roles": sorted(self.roles),
            "created": [self.created_from, self.created_until],
        }


def get_user(actor: Any, user_id: str) -> User:
    """The user with this id, as the client wrote it; `me` is the actor.

    Raises:
        User.DoesNotExist: also for a malformed id, and for a user the actor may not see.
    """
    wanted = resolve_id(actor, user_id)
    user = None
    if wanted is not None and actor.is_authenticated:
        user = (
            _by_id.first(user_id=wanted)
            if actor.reads_everything
            else _colleague_by_id.first(user_id=wanted, colleague_id=actor.pk)
        )
    if user is None:
        raise not_found(user_id)
    return user


def batch_get_users(actor: Any, user_ids: Collection[str]) -> tuple[list[User], list[str]]:
    """The users with these ids, as the client wrote them, in that order and each once; and the ids of no such user.

    Raises:
        ValidationError: more than `MAX_IN_BATCH` ids.
    """
    if len(user_ids) > MAX_IN_BATCH:
        raise invalid("user_ids", "max_items", f"Ask for at most {MAX_IN_BATCH} users at once.")
    wanted = {sent: resolve_id(actor, sent) for sent in user_ids}
    found = User.objects.visible_to(actor).in_bulk({user_id for user_id in wanted.values() if user_id})
    users = {user_id: found[user_id] for user_id in wanted.values() if user_id in found}
    return list(users.values()), [sent for sent, user_id in wanted.items() if user_id not in found]


def get_user_for_update(actor: Any, user_id: str) -> User:
    """As `get_user`, with the row locked until the transaction ends."""
    wanted = resolve_id(actor, user_id)
    user = User.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=wanted).first() if wanted else None
    if user is None:
        raise not_found(user_id)
    return user


def get_user_by_email(actor: Any, email: str) -> User:
    """The user with this e-mail, however it is spelled.

    Callers who may not see e-mails find only themselves: otherwise the answer would tell who has an account.

    Raises:
        User.DoesNotExist: there is none that the actor may find.
    """
    user = find_by_email(email, User.objects.visible_to(actor))
    if user is None or not policies.may_read_everything(actor, user):
        raise User.DoesNotExist(f"User not found: {email}")
    return user


def find_by_email(email: str, among: QuerySet[User] | None = None) -> User | None:
    """The user with this e-mail, however it is spelled.

    An account that has kept another spelling than the canonical one (migration 0006) is found by that alone.

    Args:
        among: the users to look through; None = all.
    """
    users = User.objects.all() if among is None else among
    as_sent, form = email.strip().lower(), canonical_or_as_sent(email)
    if "\0" in as_sent:
        return None
    # A `Value` is compared as it is; a plain text would take the canonical form on its way.
    user = users.filter(email=Value(as_sent)).first() if as_sent != form else None
    return user or users.filter(email=Value(form)).first()


def get_private(actor: Any, user_id: str) -> User:
    """The user, for who may read all of them: what is private of another is as if it were not there.

    Raises:
        User.DoesNotExist
    """
    user = get_user(actor, user_id)
    if not policies.may_read_everything(actor, user):
        raise not_found(user_id)
    return user


def every_person(actor: Any) -> QuerySet[User]:
    """All accounts of people that the actor may see, oldest first: in the order in which they got their numbers."""
    people = User.objects.visible_to(actor).filter(is_service=False)
    return people.defer("search_words", "name_words", "sort_name", "preferences").order_by("created_at", "id")


def find_administrator(email: str) -> User | None:
    """The administrator with this e-mail, if there is one and the account is open."""
    user = find_by_email(email)
    return user if user is not None and user.is_active and user.is_administrator else None


def list_addresses(actor: Any, user_id: str, use: int = 0) -> list[UserAddress]:
    """The user's addresses, oldest first; those for this use, if one is given.

    Raises:
        User.DoesNotExist
    """
    rows = get_private(actor, user_id).addresses.order_by("id")
    return list(rows.filter(type__in=(use, AddressType.BOTH)) if use else rows)


def list_users(actor: Any, asked: PageRequest, order: Order | None = None, only: Filter = Filter()) -> Page[User]:
    """Users the actor may see, newest first unless ordered otherwise.

    Raises:
        ValidationError: on `order_by`, `page_size` or `page_token`.
        PermissionDenied: the filter or the order would tell what the actor may not see.
    """
    order = order or Order("created_at", descending=True)
    _check_order(actor, order)
    order = replace(order, field=SORTED_BY.get(order.field, order.field))
    return page(_selection(actor, only), _bound(asked, actor, only), order)


def search_users(actor: Any, query: str, asked: PageRequest, only: Filter = Filter()) -> Page[User]:
    """Users with a word that begins with each word of the query, an exact e-mail first, then newest first.

    Callers who may not see e-mails search names only.

    Raises:
        ValidationError: on `query`, `page_size` or `page_token`.
        PermissionDenied: the filter would tell what the actor may not see.
    """
    query = search.checked_query(query, MAX_QUERY_LENGTH)
    selection = _selection(actor, only, query)
    exact = None
    if "@" in query and policies.may_read_everything(actor):
        exact = find_by_email(query, selection.querysets[0])
    asked = _bound(asked, actor, only, query=query)
    return page(selection, asked, Order("created_at", descending=True), first=exact)


def get_user_by_number(actor: Any, number: int) -> User:
    """The user with this number (see ExampleService).

    Raises:
        User.DoesNotExist: there is none that the actor may see.
    """
    user = User.objects.visible_to(actor).filter(number=number).first()
    if user is None:
        raise User.DoesNotExist(f"User with ID {number} not found")
    return user


def list_users_by_number(actor: Any, number_of_page: int, size: int) -> tuple[list[User], int]:
    """A page of the users that have a number, in its order, and how many there are; a page past the end is empty.

    By offset, as the published contract has it: `list_users` is the list that does not get slower.
    """
    rows = User.objects.visible_to(actor).filter(number__isnull=False)
    skipped = (number_of_page - 1) * size
    return list(rows.order_by("number")[skipped : skipped + size]), rows.count()


def resolve_id(actor: Any, user_id: str) -> UUID | None:
    """The id that a client wrote; `me` is the actor's."""
    if user_id == "me":
        return actor.pk if actor.is_authenticated else None
    return ids.parsed(user_id)


def not_found(user_id: str) -> User.DoesNotExist:
    return User.DoesNotExist(f"User not found: {user_id}")


def _selection(actor: Any, only: Filter, query: str = "") -> ListQuery[User]:
    """The users that fit the filter and the search query, as far as the actor may see them."""
    if not actor.is_authenticated:
        return _NOBODY
    if only.roles and not actor.reads_everything:
        raise PermissionDenied("You may not filter by role.")
    in_ascii = with_ascii_domains(query)
    values = {
        "colleague_id": None if actor.reads_everything else actor.pk,
        "created_from": only.created_from,
        "created_until": only.created_until,
        "query": query or None,
        # Addresses are kept in their canonical form.
        "query_in_ascii": in_ascii if in_ascii != query and actor.reads_everything else None,
    }
    return ListQuery(
        User,
        _matching,
        (frozenset(only.statuses), frozenset(only.roles)),
        {name: value for name, value in values.items() if value is not None},
        scattered=bool(query or only.roles),
    )


def _matching(
    statuses: Collection[int],
    roles: Collection[int],
    colleague_id: UUID | None = None,
    created_from: datetime.datetime | None = None,
    created_until: datetime.datetime | None = None,
    query: str | None = None,
    query_in_ascii: str | None = None,
) -> QuerySet[User]:
    """Without `colleague_id`, for those who may read everything."""
    rows = User.objects.all() if colleague_id is None else User.objects.visible_to_colleague(colleague_id)
    if roles:
        # In the words of the indexes `users_newest_…`, of which `roles__overlap` could use none.
        rows = rows.filter(functools.reduce(operator.or_, (Q(roles__contains=[role]) for role in sorted(roles))))
    if statuses:
        rows = rows.filter(status__in=sorted(statuses))
        if colleague_id is not None and not set(statuses) & set(OPEN):
            # Of closed accounts one sees one's own only. The database would look through all of them.
            rows = rows.filter(pk=colleague_id)
    if created_from is not None:
        rows = rows.filter(created_at__gte=created_from)
    if created_until is not None:
        rows = rows.filter(created_at__lt=created_until)
    if query is not None:
        queries = [query] if query_in_ascii is None else [query, query_in_ascii]
        rows = rows.filter(search.matches("search_words" if colleague_id is None else "name_words", *queries))
    return rows


_NOBODY = ListQuery(User, User.objects.none)


def _bound(asked: PageRequest, actor: Any, only: Filter, **more: Any) -> PageRequest:
    bound_to = {**asked.bound_to, "caller": actor.pk, **only.bound_to(), **more}
    return replace(asked, bound_to=bound_to)


def _check_order(actor: Any, order: Order) -> None:
    if order.field not in ORDERS:
        raise invalid("order_by", "choice", f"Sort by one of {', '.join(sorted(ORDERS))}.")
    if ORDERS[order.field] and not policies.may_read_everything(actor):
        raise PermissionDenied(f"You may not sort by {order.field}.")
