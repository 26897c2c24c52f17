"""Requests for any page of a list of tasks, and the statements that the handler makes of them, without a transport."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf.message import Message

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Case:
    """A list: its request, and the name of its caller."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    caller: str = "member"


class Lists:
    """The callers, by name, and their requests."""

    def __init__(self, callers: Mapping[str, Any]) -> None:
        self._callers = callers

    def request(self, case: Case, page: int) -> Any:
        """Return the request for a page; None if the list has no such page."""
        from tandem.task.v1.task_pb2 import ListTasksRequest

        request = ListTasksRequest(page_size=PAGE_SIZE, **case.fields)
        if page > 1:
            request.page_token = self._token(case, request, page)
            if not request.page_token:
                return None
        return request

    def serve(self, caller: str, operation: Any, request: Message) -> Any:
        """Run a handler in this process."""
        return operation.function(self._call(caller, operation), request)

    def statements(self, caller: str, operation: Any, request: Message) -> list[str]:
        """Return the SQL statements of a call, once its queries are compiled."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        self.serve(caller, operation, request)
        with CaptureQueriesContext(connection) as captured:
            self.serve(caller, operation, request)
        return [query["sql"] for query in captured.captured_queries]

    def _call(self, caller: str, operation: Any) -> Any:
        from core.auth import Credential
        from core.operations import Call

        return Call(operation, Credential(self._callers[caller]))

    def _token(self, case: Case, request: Any, page: int) -> str:
        """Return the token that the previous page would return, without reading all pages up to it."""
        from django.db.models import F

        from core.conversions import page_request
        from core.db import pagination
        from tandem.common.v1.common_pb2 import PaginationRequest
        from tasks import messages, queries
        from tasks.models import Task

        actor, only = self._callers[case.caller], messages.task_filter(request)
        order = queries.NEWEST_FIRST
        if request.order_by:
            order = pagination.Order(request.order_by, request.descending)
        column = F(order.field).desc(nulls_last=True) if order.descending else F(order.field).asc(nulls_last=True)
        rows, *others = queries._selection(actor, only, order).querysets
        if others:
            ids = rows.values("pk").union(*(more.values("pk") for more in others))
            rows = Task.objects.filter(pk__in=ids)
        before = (page - 1) * PAGE_SIZE
        last_and_next = list(rows.order_by(column, "-id" if order.descending else "id")[before - 1 : before + 1])
        if len(last_and_next) < 2:
            return ""
        asked = page_request(self._call(case.caller, operations()["ListTasks"]), PaginationRequest(page_size=PAGE_SIZE))
        bound = replace(asked, bound_to={**asked.bound_to, "caller": actor.pk, **only.bound_to()})
        return pagination._token(last_and_next[0], order, pagination._salt(bound, order))


def operations() -> dict[str, Any]:
    """Return the operations of tasks, projects and changes by the names of their rpcs."""
    from changes.rpc import ChangeService
    from projects.rpc import ProjectService
    from tasks.rpc import TaskService

    return {
        operation.rpc: operation
        for service in (ChangeService, ProjectService, TaskService)
        for operation in service.operations
    }
