"""`grpc.health.v1.Health`: for load balancers and probes, of the server as a whole (`""`) and of each service.

Not grpcio-health-checking's servicer: that one sends to its watchers while it holds the lock that Check needs, so one
watcher that does not read would make the server look dead.
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
    """Everything is served until `drain` is called; then nothing is.

    Args:
        services: the names that are served.
        workers: whose threads tell the watchers.
    """

    def __init__(self, services: Iterable[str], workers: CallThreadPool) -> None:
        self._services = frozenset(services) | {""}
        self._workers = workers
        self._serving = True
        self._watchers: dict[Send, str] = {}

    def Check(self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Whether the service is served. NOT_FOUND: there is no such service."""
        if request.service not in self._services:
            raise ObjectDoesNotExist(f"Service not found: {request.service}")
        return self._answer(request.service)

    def List(self, request: health_pb2.HealthListRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """All services at once."""
        return health_pb2.HealthListResponse(statuses={name: self._answer(name) for name in self._services})

    def Watch(self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext, send: Send) -> None:  # noqa: N802
        """The state now and whenever it changes. Holds no thread in between."""
        self._watchers[send] = request.service
        context.add_callback(lambda: self._forget(send))
        told = self._answer(request.service)
        send(told)
        # It may have changed between the reading and the sending.
        if (now := self._answer(request.service)) != told:
            send(now)

    Watch.experimental_non_blocking = True  # type: ignore[attr-defined]

    def drain(self) -> None:
        """From now on nothing is served; watchers are told."""
        self._serving = False
        for send, service in list(self._watchers.items()):
            self._workers.submit(send, self._answer(service))

    def _forget(self, watcher: Send) -> None:
        self._watchers.pop(watcher, None)

    def _answer(self, service: str) -> health_pb2.HealthCheckResponse:
        if service not in self._services:
            return health_pb2.HealthCheckResponse(status=_Status.SERVICE_UNKNOWN)
        return health_pb2.HealthCheckResponse(status=_Status.SERVING if self._serving else _Status.NOT_SERVING)
