"""The service `grpc.health.v1.Health`, for load balancers: health of the whole server (`""`) and of each service.

The servicer of grpcio-health-checking is not used: it holds the lock that Check needs while it sends to its watchers.
Any client may watch this server, and one that does not read would make the server appear dead. A speech node uses that
servicer (`speechnode.server.Health`), because only the product calls it, and never watches.
"""

from collections.abc import Callable, Iterable
from typing import Any

import grpc
from django.core.exceptions import ObjectDoesNotExist
from grpc_health.v1 import health_pb2, health_pb2_grpc

from core.rpc.thread_pool import CallThreadPool

SERVICE = "grpc.health.v1.Health"

Send = Callable[[health_pb2.HealthCheckResponse | None], None]
_Status = health_pb2.HealthCheckResponse.ServingStatus


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Reports all services as SERVING until `drain` is called, and then as NOT_SERVING.

    Args:
        services: the names of the served services.
        workers: the threads that notify the watchers.
    """

    def __init__(self, services: Iterable[str], workers: CallThreadPool) -> None:
        self._services = frozenset(services) | {""}
        self._workers = workers
        self._serving = True
        self._watchers: dict[Send, str] = {}

    def Check(self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Return the status of one service. NOT_FOUND if there is no such service."""
        if request.service not in self._services:
            raise ObjectDoesNotExist(f"Service not found: {request.service}")
        return self._answer(request.service)

    def List(self, request: health_pb2.HealthListRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Return the status of all services."""
        return health_pb2.HealthListResponse(statuses={name: self._answer(name) for name in self._services})

    def Watch(self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext, send: Send) -> None:  # noqa: N802
        """Send the current status, and again whenever it changes. Holds no thread in between."""
        self._watchers[send] = request.service
        context.add_callback(lambda: self._forget(send))
        status = self._answer(request.service)
        send(status)
        # `drain` may have run before the status was sent.
        if (current := self._answer(request.service)) != status:
            send(current)

    Watch.experimental_non_blocking = True  # type: ignore[attr-defined]

    def drain(self) -> None:
        """Report all services as NOT_SERVING from now on, and notify the watchers."""
        self._serving = False
        for send, service in list(self._watchers.items()):
            self._workers.submit(send, self._answer(service))

    def _forget(self, watcher: Send) -> None:
        self._watchers.pop(watcher, None)

    def _answer(self, service: str) -> health_pb2.HealthCheckResponse:
        if service not in self._services:
            return health_pb2.HealthCheckResponse(status=_Status.SERVICE_UNKNOWN)
        return health_pb2.HealthCheckResponse(status=_Status.SERVING if self._serving else _Status.NOT_SERVING)
