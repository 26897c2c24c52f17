"""A watch as tutorials write it: a generator for each stream, on a thread of its own, that polls the table."""

from bench.peers.models import Task  # isort: skip  # It sets Django up.

import time

import grpc
from django.db import connection
from django.utils import timezone

from bench.peers.grpc_serving import serve

messages, services = grpc.protos_and_services("bench/peers/tasks.proto")
POLL_SECONDS = 1


class Tasks(services.TasksServicer):
    def Watch(self, request, context):
        since = timezone.now()
        while context.is_active():
            for task in Task.objects.filter(updated_at__gt=since).order_by("updated_at"):
                since = task.updated_at
                yield messages.Task(id=str(task.id), title=task.title)
            # Otherwise each stream would hold a database connection.
            connection.close()
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    serve(services.add_TasksServicer_to_server, Tasks())
