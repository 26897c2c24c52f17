"""Handlers for grpcio: a method's behaviour within its layers, in the three forms that grpcio supports.

Only this module sets the status for the client, by `RpcContext.set_status`; layers and servicers do not. No exception
reaches grpcio, which would send its text to the client.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import Token
from typing import Any, TypeVar

import grpc

from core.rpc.method import Method
from core.rpc.rpc_context import RpcContext, current
from core.rpc.stream_context import StreamContext

logger = logging.getLogger(__name__)

Layer = Callable[[RpcContext], AbstractContextManager[Any]]
NewContext = Callable[[Iterator[bytes], grpc.ServicerContext], RpcContext]
NewStreamContext = Callable[[Iterator[bytes], grpc.ServicerContext, Callable[[Any], None]], StreamContext]
Answer = TypeVar("Answer")


def unary(method: Method, layers: tuple[Layer, ...], new_context: NewContext) -> Callable[..., bytes | None]:
    """Build the handler of a method with one response."""
    run = _within(layers, lambda call: method.encode(method.behaviour(call.request, call.context)))

    def answer(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
        call = new_context(messages, context)
        token = current.set(call)
        response = None
        try:
            response = run(call)
        except Exception as exc:
            _outermost(call, exc)
        call.set_status()
        _reset_current(token)
        # Without a response, grpcio sends the status alone. By their retry policy, clients repeat a call only if no
        # message came before its status.
        return response if call.code is grpc.StatusCode.OK else None

    return answer


def stream(method: Method, layers: tuple[Layer, ...], new_context: NewContext) -> Callable[..., Iterator[bytes]]:
    """Build the handler of a method with a stream of responses, which holds a thread while it runs."""

    def behave(call: RpcContext) -> Iterator[bytes]:
        for response in method.behaviour(call.request, call.context):
            encoded = method.encode(response)
            call.begin_sending()
            try:
                yield encoded
            finally:
                call.end_sending()

    run: Callable[[RpcContext], Iterator[bytes]] = behave
    for layer in reversed(layers):
        run = _around_stream(layer, run)

    def answers(messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        call = new_context(messages, context)
        token = current.set(call)
        try:
            yield from run(call)
        except Exception as exc:
            _outermost(call, exc)
        finally:
            _reset_current(token)
        call.set_status()

    return answers


def callback(method: Method, layers: tuple[Layer, ...], new_context: NewStreamContext) -> Callable[..., None]:
    """Build the handler of a method with a stream of responses that holds no thread. The layers surround its start."""

    def behave(call: Any) -> None:
        method.behaviour(call.request, call.context, call.send)
        call.behaviour_returned()

    run = _within(layers, behave)

    def begin(messages: Iterator[bytes], context: grpc.ServicerContext, send: Callable[[Any], None]) -> None:
        call = new_context(messages, context, send)
        if not context.add_callback(call.terminated):
            call.terminated()
            return
        token = current.set(call)
        try:
            run(call)
        except Exception as exc:
            _outermost(call, exc)
        _reset_current(token)
        if call.problem is not None:
            call.finish()

    return begin


def _reset_current(token: Token[RpcContext]) -> None:
    """Unset the current call of this thread.

    grpcio keeps a call's context variables with the call. Without the reset the call would refer to itself, and grpcio
    would count it among its connection's open streams until the garbage collector runs.
    """
    current.reset(token)


def _within(layers: tuple[Layer, ...], behave: Callable[[RpcContext], Answer]) -> Callable[[RpcContext], Answer | None]:
    run: Callable[[RpcContext], Answer | None] = behave
    for layer in reversed(layers):
        run = _around(layer, run)
    return run


def _around(layer: Layer, inner: Callable[[RpcContext], Answer | None]) -> Callable[[RpcContext], Answer | None]:
    def run(call: RpcContext) -> Answer | None:
        with layer(call):  # If the layer handles an exception, the result is None.
            return inner(call)

    return run


def _around_stream(
    layer: Layer, inner: Callable[[RpcContext], Iterator[bytes]]
) -> Callable[[RpcContext], Iterator[bytes]]:
    def run(call: RpcContext) -> Iterator[bytes]:
        with layer(call):
            yield from inner(call)

    return run


def _outermost(call: RpcContext, exc: Exception) -> None:
    """Fail the call after an exception in a layer outside `ExceptionHandling`, which is an error in the server."""
    call.fail(exc)
    logger.error("A layer around %s failed.", call.method.path, exc_info=exc)
