"""taskservice.TaskService, an rpc a function."""

from google.protobuf.empty_pb2 import Empty

from core.masks import written_paths
from core.messages import asked_page
from core.operations import Call
from core.paging import Order
from tandem.common.v1 import common_pb2
from tandem.task.v1 import task_pb2
from tasks import messages, queries, services
from tasks.messages import task_message

#: API keys need `tasks:read` and `tasks:write`.
AREA = "tasks"
NOT_YET = frozenset(("WatchTasks", "BulkCreateTasks", "ProcessTaskStream"))


def create_task(call: Call, request: task_pb2.CreateTaskRequest) -> task_pb2.Task:
    return task_message(services.create_task(call.actor, messages.new_task_fields(request)))


def get_task(call: Call, request: task_pb2.GetTaskRequest) -> task_pb2.Task:
    return task_message(queries.get_task(call.actor, request.id))


def update_task(call: Call, request: task_pb2.UpdateTaskRequest) -> task_pb2.Task:
    mask = request.update_mask if request.HasField("update_mask") else None
    fields = messages.task_fields(request, written_paths(request, mask, messages.WRITABLE))
    more_metadata = fields.pop("metadata", None) if mask is None else None
    return task_message(
        services.update_task(
            call.actor, request.id, fields, more_metadata=more_metadata, expected_version=call.expected_version
        )
    )


def delete_task(call: Call, request: task_pb2.DeleteTaskRequest) -> Empty:
    services.delete_task(call.actor, request.id, expected_version=call.expected_version)
    return Empty()


def list_tasks(call: Call, request: task_pb2.ListTasksRequest) -> task_pb2.ListTasksResponse:
    asked = asked_page(call, common_pb2.PaginationRequest(page_size=request.page_size, page_token=request.page_token))
    order = Order(request.order_by, request.descending) if request.order_by else queries.NEWEST_FIRST
    page = queries.list_tasks(call.actor, asked, order, messages.task_filter(request))
    return task_pb2.ListTasksResponse(
        tasks=[task_message(task) for task in page.rows], next_page_token=page.next_token, total_count=page.total_count
    )


def get_task_stats(call: Call, request: task_pb2.GetTaskStatsRequest) -> task_pb2.TaskStats:
    return messages.stats_message(queries.figures(call.actor))
