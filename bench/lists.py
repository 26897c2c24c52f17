"""ListUsers and SearchUsers among a million users: the cost of the ten-thousandth page compared with the first.

.venv/bin/python -m bench.lists [--users N] [--explain] [--data-dir FOLDER]
"""

import argparse
import statistics
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from bench import plans, product, seed
from bench.measuring import machine, print_table, share_cores

PAGES = (1, 100, 1_000, 10_000)
PAGE_SIZE = 50
#: Maximum cost of the deepest page of a list, relative to the first.
BAR = 1.2
SLOW_MS = 20
GRPC_PORT, METRICS_PORT = 50163, 8164
SERVICE = "user.v1.UserService"


@dataclass(frozen=True, slots=True)
class Case:
    """A list: its request, and the caller.

    Attributes:
        fields: of ListUsersRequest, or of SearchUsersRequest if there is a `query`.
        by_colleague: called by an ordinary user, not by an administrator.
    """

    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    by_colleague: bool = False

    @property
    def rpc(self) -> str:
        return "SearchUsers" if "query" in self.fields else "ListUsers"


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall times of a list's pages in ms; None if there is no such page."""

    case: Case
    took: dict[int, float | None]
    total_count: int


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure lists and searches on their pages 1 to 10,000.")
    parser.add_argument("--users", type=int, default=1_000_000, help="how many there are (%(default)s)")
    parser.add_argument("--calls", type=int, default=15, help="calls, whose medians are reported (%(default)s)")
    parser.add_argument("--explain", action="store_true", help=f"show the plans of what takes more than {SLOW_MS} ms")
    parser.add_argument("--plans", type=Path, help="only write the plans of all lists to this file, as Markdown")
    parser.add_argument("--only", default="", help="only the parts whose names contain this")
    parser.add_argument("--data-dir", type=Path, help="keep the database there, and use it if it is there")
    arguments = parser.parse_args()
    core = share_cores()
    with product.database(arguments.data_dir) as data_dir:
        from users.models import User

        if not User.objects.exists():
            seed.seed(arguments.users)
        callers = seed.add_callers(product.PASSWORD)
        with (
            product.grpc_server(core, data_dir / "servers.log", GRPC_PORT, METRICS_PORT, workers=4) as server,
            grpc.insecure_channel(server.address) as channel,
        ):
            if arguments.plans:
                lists = Lists(channel, *callers)
                arguments.plans.write_text(_plans(lists, [case for case in cases() if arguments.only in case.name]))
                return
            print(f"{machine()}\n{User.objects.count():,} users; ms of wall time, medians of {arguments.calls} calls\n")
            lists = Lists(channel, *callers)
            measured = [lists.measure(case, arguments.calls) for case in cases() if arguments.only in case.name]
            _print(measured)
            if arguments.explain:
                _explain(lists, measured)
        print(f"\nAt the end: {machine()}")


def cases() -> list[Case]:
    """Return the lists: in each order, with filters that match many, few or hardly any users, and with searches."""
    from tandem.common.v1.common_pb2 import SORT_ORDER_ASC, SORT_ORDER_DESC, SortSpec
    from users.models import Role, Status, User

    def sorted_by(name: str, order: int = SORT_ORDER_ASC) -> dict[str, Any]:
        return {"sort": SortSpec(field=name, order=order)}

    someone = User.objects.order_by("created_at")[1_000:1_001].get().email
    rare = seed.RARE_NAME.lower()
    return [
        Case("newest first"),
        Case("oldest first", sorted_by("created_at")),
        Case("by email", sorted_by("email")),
        Case("by email, descending", sorted_by("email", SORT_ORDER_DESC)),
        Case("by display name", sorted_by("display_name")),
        Case("by last login, latest first", sorted_by("last_login_at", SORT_ORDER_DESC)),
        Case("by last login, earliest first", sorted_by("last_login_at")),
        Case("active", {"statuses": [Status.ACTIVE]}),
        Case("pending", {"statuses": [Status.PENDING_VERIFICATION]}),
        Case("active or pending", {"statuses": [Status.ACTIVE, Status.PENDING_VERIFICATION]}),
        Case("banned", {"statuses": [Status.BANNED]}),
        Case("suspended or banned", {"statuses": [Status.SUSPENDED, Status.BANNED]}),
        Case("sellers", {"roles": [Role.SELLER]}),
        Case("support", {"roles": [Role.SUPPORT]}),
        Case("customers who are banned", {"roles": [Role.CUSTOMER], "statuses": [Status.BANNED]}),
        Case("sellers who are banned", {"roles": [Role.SELLER], "statuses": [Status.BANNED]}),
        Case("active, by email", {"statuses": [Status.ACTIVE], **sorted_by("email")}),
        Case("banned, by email", {"statuses": [Status.BANNED], **sorted_by("email")}),
        Case("support, by display name", {"roles": [Role.SUPPORT], **sorted_by("display_name")}),
        Case("banned, by last login", {"statuses": [Status.BANNED], **sorted_by("last_login_at")}),
        Case("colleague: newest first", by_colleague=True),
        Case("colleague: by display name", sorted_by("display_name"), by_colleague=True),
        Case("colleague: pending", {"statuses": [Status.PENDING_VERIFICATION]}, by_colleague=True),
        Case("colleague: deactivated (no match)", {"statuses": [Status.DEACTIVATED]}, by_colleague=True),
        Case("search everybody", {"query": ""}),
        Case("search a rare name", {"query": rare}),
        Case("search a frequent name", {"query": "james"}),
        Case("search what most have", {"query": "example"}),
        Case("search one letter", {"query": "e"}),
        Case("search an email", {"query": someone}),
        Case("search two frequent names", {"query": "mary johnson"}),
        Case("search a rare and a frequent word", {"query": f"{rare} example"}),
        Case("search two words that most have", {"query": "example com"}),
        Case("search nothing that is there", {"query": "qqqqq"}),
        Case("search two that never meet", {"query": "james mary"}),
        Case("search most, banned", {"query": "example", "statuses": [Status.BANNED]}),
        Case("search a frequent name, support", {"query": "james", "roles": [Role.SUPPORT]}),
        Case("colleague: search a rare name", {"query": rare}, by_colleague=True),
        Case("colleague: search a frequent name", {"query": "james"}, by_colleague=True),
        Case("colleague: search one letter", {"query": "j"}, by_colleague=True),
        Case("colleague: search two frequent names", {"query": "mary johnson"}, by_colleague=True),
        Case("colleague: search an email (no match)", {"query": someone}, by_colleague=True),
    ]


class Lists:
    """Both callers, and their requests for any page of a list.

    Args:
        channel: None where nothing is measured over gRPC.
    """

    def __init__(self, channel: grpc.Channel | None, administrator: str, colleague: str) -> None:
        from users.models import User
        from users.rpc import UserService

        self._channel = channel
        self._operations = {operation.rpc: operation for operation in UserService.operations}
        emails = {False: administrator, True: colleague}
        self._actors = {by_colleague: User.objects.get(email=email) for by_colleague, email in emails.items()}
        self._tokens = {by: product.access_token(channel, email) for by, email in emails.items()} if channel else {}

    def measure(self, case: Case, calls: int) -> Measured:
        """Request each of the list's pages equally often."""
        print(f"{case.name} ...", file=sys.stderr, flush=True)
        path, operation = f"/{SERVICE}/{case.rpc}", self._operations[case.rpc]
        call = self._channel.unary_unary(
            path, operation.request_class.SerializeToString, operation.response_class.FromString
        )
        metadata = [("authorization", f"Bearer {self._tokens[case.by_colleague]}")]
        requests = {page: self.request(case, page) for page in PAGES}
        took: dict[int, list[float]] = {page: [] for page in PAGES}
        total_count = 0
        # The pages take turns, so that disturbances of the machine affect them alike. The first turn warms up.
        for turn in range(calls + 1):
            for page, request in requests.items():
                if request is None:
                    continue
                begun = time.perf_counter()
                total_count = call(request, metadata=metadata).pagination.total_count
                if turn:
                    took[page].append((time.perf_counter() - begun) * 1000)
        medians = {page: statistics.median(times) if times else None for page, times in took.items()}
        return Measured(case, medians, total_count)

    def request(self, case: Case, page: int) -> Message | None:
        """Return the request for a page; None if the list has no such page."""
        operation = self._operations[case.rpc]
        request = operation.request_class(**case.fields)
        request.pagination.page_size = PAGE_SIZE
        if page > 1:
            token = self._token(case, request, page)
            if not token:
                return None
            request.pagination.page_token = token
        return request

    def serve(self, case: Case, request: Message | None) -> Message:
        """Run the handler in this process, without a transport."""
        call = self._call(case)
        return call.operation.function(call, request)

    def statements(self, case: Case, page: int) -> list[str]:
        """Return the SQL statements of a page, once the queries are compiled."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        call, request = self._call(case), self.request(case, page)
        call.operation.function(call, request)
        with CaptureQueriesContext(connection) as captured:
            call.operation.function(call, request)
        return [query["sql"] for query in captured.captured_queries]

    def _call(self, case: Case) -> Any:
        from core.auth import Credential
        from core.operations import Call

        return Call(self._operations[case.rpc], Credential(self._actors[case.by_colleague]))

    def _token(self, case: Case, request: Any, page: int) -> str:
        """Return the token that the previous page would return, without reading all pages up to it."""
        from django.db.models import F

        from core.conversions import page_request, requested_order
        from core.db import pagination, search
        from users import queries

        call = self._call(case)
        only = queries.Filter(statuses=request.statuses, roles=request.roles)
        asked, more, query, order = page_request(call, request.pagination), {}, "", None
        if case.rpc == "SearchUsers":
            query = search.checked_query(request.query)
            more = {"query": query}
        else:
            order = requested_order(request.sort)
        order = order or pagination.Order("created_at", descending=True)
        order = replace(order, field=queries.SORTED_BY.get(order.field, order.field))
        selection = queries._selection(call.actor, only, query)
        column = F(order.field).desc(nulls_last=True) if order.descending else F(order.field).asc(nulls_last=True)
        rows = selection.build(*selection.form, **selection.values).order_by(
            column, "-id" if order.descending else "id"
        )
        before = (page - 1) * PAGE_SIZE
        last_and_next = list(rows[before - 1 : before + 1])
        if len(last_and_next) < 2:
            return ""
        bound = queries._bind(asked, call.actor, only, **more)
        return pagination._token(last_and_next[0], order, pagination._salt(bound, order))


def _print(measured: list[Measured]) -> None:
    rows = []
    for one in measured:
        first, deepest = one.took[PAGES[0]], one.took[PAGES[-1]]
        ratio = f"{deepest / first:.2f}" if first and deepest else ""
        cells = [f"{took:.1f}" if took is not None else "" for took in one.took.values()]
        rows.append((one.case.name, *cells, ratio, f"{one.total_count:,}" if one.total_count >= 0 else "not counted"))
    print_table(("", *(f"page {page:,}" for page in PAGES), "last / first", "total_count"), rows)
    print(f"\nBar: the last column but one at most {BAR} for lists.")


def _plans(lists: Lists, chosen: list[Case]) -> str:
    """Return a table with the plans of each list's first and deepest page."""
    from users.models import User

    rows = []
    for case in chosen:
        deepest = max(page for page in PAGES if lists.request(case, page) is not None)
        for page in sorted({1, deepest}):
            rows += [f"| {case.name} | {page:,} | {plans.summary(sql)} |" for sql in lists.statements(case, page)]
    return "\n".join([
        f"# Plans of lists and searches of {User.objects.count():,} users", "",
        "Written by `bench.lists --plans`; do not edit. A list first counts at most 10,000 rows (one row found), and",
        "then reads a page. Pages are those of 8 KiB that a statement reads, of tables and indexes; times are wall",
        f"time in PostgreSQL. {machine()}.", "",
        "| list | page | scans | rows | pages read | ms |", "|---|---|---|---|---|---|", *rows, "",
    ])  # fmt: skip


def _explain(lists: Lists, measured: list[Measured]) -> None:
    from django.db import connection

    slow = [(one.case, page) for one in measured for page, took in one.took.items() if took and took > SLOW_MS]
    for case, page in slow:
        for sql in lists.statements(case, page):
            print(f"\n{case.name}, page {page:,}\n{sql}")
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}")
                print("\n".join(f"    {line}" for (line,) in cursor.fetchall()))


if __name__ == "__main__":
    main()
