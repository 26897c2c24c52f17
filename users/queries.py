"""Queries of users, limited to what an actor may see."""

import datetime
import functools
import operator
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet, Value

from core.actors import Actor
from core.db import ids, search
from core.db.compiled_queries import Prepared
from core.db.pagination import ListQuery, Order, Page, PageRequest, page
from core.errors import invalid
from core.mail_addresses import canonical_or_as_sent, with_ascii_domains
from users import policies
from users.models import OPEN_ACCOUNT_STATUSES, AddressType, User, UserAddress

#: Fields that may order a list of users, and whether the order reveals a field that not all callers may see.
ORDERS = {"created_at": False, "display_name": False, "email": True, "last_login_at": True}
#: Columns of these fields, where they have another name.
SORTED_BY = {"display_name": "sort_name"}
MAX_IN_BATCH = 100

# A list does not fetch the columns that messages of users do not have.
_DEFERRED = (
    "password", "preferences", "number", "tokens_valid_from", "is_staff", "is_superuser", "is_service",
    "search_words", "name_words", "sort_name",
)  # fmt: skip

_by_id = Prepared(lambda user_id: User.objects.filter(pk=user_id))
_colleague_by_id = Prepared(
    lambda user_id, colleague_id: User.objects.filter(pk=user_id).visible_to_colleague(colleague_id)
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter of a list of users. An empty part does not narrow the list."""

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


def get_user(actor: Actor, user_id: str) -> User:
    """Return the user with the id that the client sent; `me` is the actor.

    Raises:
        User.DoesNotExist: also for a malformed id, and for a user that the actor may not see.
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


def batch_get_users(actor: Actor, user_ids: Collection[str]) -> tuple[list[User], list[str]]:
    """Return the users with the ids that the client sent, in that order without duplicates, and the ids not found.

    Raises:
        ValidationError: more than `MAX_IN_BATCH` ids.
    """
    if len(user_ids) > MAX_IN_BATCH:
        raise invalid("user_ids", "max_items", f"Request at most {MAX_IN_BATCH} users at once.")
    wanted = {sent: resolve_id(actor, sent) for sent in user_ids}
    found = User.objects.visible_to(actor).in_bulk({user_id for user_id in wanted.values() if user_id})
    users = {user_id: found[user_id] for user_id in wanted.values() if user_id in found}
    return list(users.values()), [sent for sent, user_id in wanted.items() if user_id not in found]


def get_user_for_update(actor: Actor, user_id: str) -> User:
    """Return the user like `get_user`, and lock the row until the transaction ends."""
    wanted = resolve_id(actor, user_id)
    user = User.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=wanted).first() if wanted else None
    if user is None:
        raise not_found(user_id)
    return user


def get_user_by_email(actor: Actor, email: str) -> User:
    """Return the user with this e-mail, in any spelling.

    Callers that may not see e-mails find only themselves, because the response would otherwise reveal which addresses
    have an account.

    Raises:
        User.DoesNotExist: no user with this e-mail, or none that the actor may find.
    """
    user = find_by_email(email, User.objects.visible_to(actor))
    if user is None or not policies.may_read_everything(actor, user):
        raise User.DoesNotExist(f"User not found: {email}")
    return user


def find_by_email(email: str, among: QuerySet[User] | None = None) -> User | None:
    """Return the user with this e-mail, in any spelling; None if there is none.

    An account that kept a spelling other than the canonical one (migration 0006) is found by that spelling only.

    Args:
        among: the users to search; None = all.
    """
    users = User.objects.all() if among is None else among
    as_sent, form = email.strip().lower(), canonical_or_as_sent(email)
    if "\0" in as_sent:
        return None
    # A `Value` is compared unchanged; the field would convert a plain text to its canonical form.
    user = users.filter(email=Value(as_sent)).first() if as_sent != form else None
    return user or users.filter(email=Value(form)).first()


def find_ids_by_email(actor: Actor, emails: Collection[str]) -> dict[str, UUID]:
    """Return the ids of the users with these e-mails, by the e-mail as it was sent. Others are missing.

    Callers that may not see e-mails find only themselves, as in `get_user_by_email`.
    """
    forms = {email: {email.strip().lower(), canonical_or_as_sent(email)} for email in emails if "\0" not in email}
    users = User.objects.visible_to(actor)
    if not policies.may_read_everything(actor):
        users = users.filter(pk=actor.pk)
    # As in `find_by_email`, values are compared unchanged.
    stored = [Value(form) for form in {form for spelled in forms.values() for form in spelled}]
    found = dict(users.filter(email__in=stored).values_list("email", "pk"))
    return {email: found[form] for email, spelled in forms.items() for form in spelled if form in found}


def get_private(actor: Actor, user_id: str) -> User:
    """Return the user, for an actor that may read every field of that user.

    Raises:
        User.DoesNotExist: also if the actor may see only a part of the user.
    """
    user = get_user(actor, user_id)
    if not policies.may_read_everything(actor, user):
        raise not_found(user_id)
    return user


def every_person(actor: Actor) -> QuerySet[User]:
    """Return all accounts of people that the actor may see, oldest first, which is the order of their numbers."""
    people = User.objects.visible_to(actor).filter(is_service=False)
    return people.defer("search_words", "name_words", "sort_name", "preferences").order_by("created_at", "id")


def find_administrator(email: str) -> User | None:
    """Return the administrator with this e-mail; None if there is none or the account is not active."""
    user = find_by_email(email)
    return user if user is not None and user.is_active and user.is_administrator else None


def list_addresses(actor: Actor, user_id: str, use: int = 0) -> list[UserAddress]:
    """Return the user's addresses, oldest first; if a use is given, only those for this use.

    Raises:
        User.DoesNotExist
    """
    rows = get_private(actor, user_id).addresses.order_by("id")
    return list(rows.filter(type__in=(use, AddressType.BOTH)) if use else rows)


def list_users(actor: Actor, request: PageRequest, order: Order | None = None, only: Filter = Filter()) -> Page[User]:
    """Return a page of the users that the actor may see, newest first unless an order is given.

    Raises:
        ValidationError: on `order_by`, `page_size` or `page_token`.
        PermissionDenied: the filter or the order would reveal fields that the actor may not see.
    """
    order = order or Order("created_at", descending=True)
    _check_order(actor, order)
    order = replace(order, field=SORTED_BY.get(order.field, order.field))
    return page(_selection(actor, only), _bind(request, actor, only), order)


def search_users(actor: Actor, query: str, request: PageRequest, only: Filter = Filter()) -> Page[User]:
    """Return a page of the users that match the query: first an exact e-mail, then newest first.

    For each word of the query, a user must have a word that begins with it. Callers that may not see e-mails search
    names only.

    Raises:
        ValidationError: on `query`, `page_size` or `page_token`.
        PermissionDenied: the filter would reveal fields that the actor may not see.
    """
    query = search.checked_query(query)
    selection = _selection(actor, only, query)
    exact = None
    if "@" in query and policies.may_read_everything(actor):
        exact = find_by_email(query, selection.querysets[0])
    request = _bind(request, actor, only, query=query)
    return page(selection, request, Order("created_at", descending=True), first=exact)


def get_user_by_number(actor: Actor, number: int) -> User:
    """Return the user with this number (see ExampleService).

    Raises:
        User.DoesNotExist: also for a user that the actor may not see.
    """
    user = User.objects.visible_to(actor).filter(number=number).first()
    if user is None:
        raise User.DoesNotExist(f"User with ID {number} not found")
    return user


def list_users_by_number(actor: Actor, number_of_page: int, size: int) -> tuple[list[User], int]:
    """Return a page of the users that have a number, ordered by it, and their total. A page past the end is empty.

    It uses an offset, as the published contract requires, so later pages are slower. `list_users` has no such limit.
    """
    rows = User.objects.visible_to(actor).filter(number__isnull=False)
    skipped = (number_of_page - 1) * size
    return list(rows.order_by("number")[skipped : skipped + size]), rows.count()


def resolve_id(actor: Actor, user_id: str) -> UUID | None:
    """Parse the id that a client sent; `me` is the actor's id, and None is returned for an invalid id."""
    if user_id == "me":
        return actor.pk if actor.is_authenticated else None
    return ids.parsed(user_id)


def not_found(user_id: str) -> User.DoesNotExist:
    return User.DoesNotExist(f"User not found: {user_id}")


def _selection(actor: Actor, only: Filter, query: str = "") -> ListQuery[User]:
    """Return the query of the users that match the filter and the search, limited to those that the actor may see."""
    if not actor.is_authenticated:
        return _NO_USERS
    if only.roles and not actor.reads_everything:
        raise PermissionDenied("You may not filter by role.")
    in_ascii = with_ascii_domains(query)
    values = {
        "colleague_id": None if actor.reads_everything else actor.pk,
        "created_from": only.created_from,
        "created_until": only.created_until,
        "query": query or None,
        # Addresses are stored in their canonical form.
        "query_in_ascii": in_ascii if in_ascii != query and actor.reads_everything else None,
    }
    return ListQuery(
        User,
        _matching,
        (frozenset(only.statuses), frozenset(only.roles)),
        {name: value for name, value in values.items() if value is not None},
        scattered=bool(query or only.roles),
        deferred=_DEFERRED,
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
    """Return the matching users. Without `colleague_id`, the query is for actors that may read everything."""
    rows = User.objects.all() if colleague_id is None else User.objects.visible_to_colleague(colleague_id)
    if roles:
        # These are the conditions of the indexes `users_newest_…`; `roles__overlap` could use none of them.
        rows = rows.filter(functools.reduce(operator.or_, (Q(roles__contains=[role]) for role in sorted(roles))))
    if statuses:
        rows = rows.filter(status__in=sorted(statuses))
        if colleague_id is not None and not set(statuses) & set(OPEN_ACCOUNT_STATUSES):
            # Of closed accounts, a user sees only their own. Without this, the database would scan all of them.
            rows = rows.filter(pk=colleague_id)
    if created_from is not None:
        rows = rows.filter(created_at__gte=created_from)
    if created_until is not None:
        rows = rows.filter(created_at__lt=created_until)
    if query is not None:
        queries = [query] if query_in_ascii is None else [query, query_in_ascii]
        rows = rows.filter(search.matches("search_words" if colleague_id is None else "name_words", *queries))
    return rows


_NO_USERS = ListQuery(User, User.objects.none)


def _bind(request: PageRequest, actor: Actor, only: Filter, **more: Any) -> PageRequest:
    bound_to = {**request.bound_to, "caller": actor.pk, **only.bound_to(), **more}
    return replace(request, bound_to=bound_to)


def _check_order(actor: Actor, order: Order) -> None:
    if order.field not in ORDERS:
        raise invalid("order_by", "choice", f"Sort by one of {', '.join(sorted(ORDERS))}.")
    if ORDERS[order.field] and not policies.may_read_everything(actor):
        raise PermissionDenied(f"You may not sort by {order.field}.")
