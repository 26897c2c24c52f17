"""Rows that belong to groups, such as the tasks of all projects of a user, in one order without a sort of all rows.

An index on the group, the sort value and the id has the order of each group, but no index has the order of several
groups together. A page of n rows lies in the n groups whose first rows come first: so each group is asked for its first
row, and only these n groups for n rows each. Measured with 1,000 groups of 1.25 million rows: see bench/README.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import BooleanField, Case, F, Func, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast

Row = TypeVar("Row", bound=models.Model)


def is_any_of(name: str, ids: QuerySet[Any]) -> Func:
    """Return a condition for `filter`: the field's value is one of these ids, which are read first, once.

    The database turns `__in` into a join. If it expects too many ids, it joins them with the whole table (measured with
    2 million rows and 600 ids: 1,400 ms, not 5).
    """
    found = ArraySubquery(ids, output_field=ArrayField(models.UUIDField()))
    return Func(F(name), found, template="%(expressions)s)", arg_joiner=" = ANY (", output_field=models.BooleanField())


def is_one_of(name: str, ids: str) -> Func:
    """Return a condition for `filter`: the field's value is one of these ids, separated by commas.

    Unlike those that a subquery reads, the database knows how many rows have these ids before it chooses a plan.
    """
    given = Func(Value(ids), Value(","), function="string_to_array", output_field=ArrayField(models.TextField()))
    uuids = Cast(given, ArrayField(models.UUIDField()))
    return Func(F(name), uuids, template="%(expressions)s)", arg_joiner=" = ANY (", output_field=models.BooleanField())


#: Puts the rows in the order of a list, after the last row of the page before.
Ordered = Callable[[QuerySet[Any]], QuerySet[Any]]


@dataclass(frozen=True, slots=True)
class InGroups(Generic[Row]):
    """The rows of several groups, for `ListQuery.build`.

    Attributes:
        rows: the matching rows of all groups, also of others than these.
        group: the foreign key of `rows` to the group.
        groups: rows of another model, each of which names one group.
        named_by: the field of `groups` that names it.
        narrowed: `rows` matches only some of a group's rows, so that a group may have none after many others.
    """

    rows: QuerySet[Row]
    group: str
    groups: QuerySet[Any]
    named_by: str
    narrowed: bool = False

    def all(self) -> QuerySet[Row]:
        """Return the rows of these groups, for the database to find as it likes."""
        return self.rows.filter(is_any_of(self.group, self.groups.values(self.named_by)))

    def first(self, ordered: Ordered, by: tuple[str, ...], descending: bool, limit: int) -> QuerySet[Any]:
        """Return the ids of at least the first `limit` rows, as a queryset of one column.

        Args:
            by: the fields of the order.
        """
        if self.narrowed:
            # The first match of a group may come after all others, so the rows are read in the order of all groups. A
            # condition within CASE is not turned into a join, after which the database might sort all of them.
            is_in = When(**{f"{self.group}__in": self.groups.values(self.named_by)}, then=True)
            found = self.rows.filter(Case(is_in, default=False, output_field=BooleanField()))
            return ordered(found)[:limit].values("pk")
        own = ordered(self.rows.filter(**{self.group: OuterRef(self.named_by)}))
        # A text is the field's type for Django, which never reads the value.
        key = Func(*map(F, by), function="ROW", output_field=models.TextField())
        head = F("head").desc(nulls_last=True) if descending else F("head").asc(nulls_last=True)
        first_ones = self.groups.annotate(head=Subquery(own.values(key=key)[:1])).order_by(head)[:limit]
        ids = Func(ArraySubquery(own.values("pk")[:limit]), function="unnest", output_field=models.UUIDField())
        ids.set_returning = True
        groups = self.groups.model._default_manager.filter(pk__in=first_ones.values("pk"))
        first_ids: QuerySet[Any] = groups.values(row=ids)
        return first_ids
