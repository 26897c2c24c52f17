"""A method's behaviour within its layers, in the three forms that grpcio knows.

Only what stands here speaks to the client, by `RpcCall.tell`: neither layers nor servicers do, and nothing that is
raised gets as far as grpcio, which would send its text to the client.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import Token
from typing import Any, TypeVar

import grpc

from core.rpc.call import CallbackCall, Method, RpcCall, current

logger = logging.getLogger(__name__)

Layer = Callable[[RpcCall], AbstractContextManager[Any]]
NewCall = Callable[[Iterator[bytes], grpc.ServicerContext], RpcCall]
NewCallbackCall = Callable[[Iterator[bytes], grpc.ServicerContext, Callable[[Any], None]], CallbackCall]
Answer = TypeVar("Answer")


def unary(method: Method, layers: tuple[Layer, ...], new_call: NewCall) -> Callable[..., bytes]:
    """For a method with one answer."""
    run = _within(layers, lambda call: method.encode(method.behaviour(call.request, call.context)))

    def answer(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        call = new_call(messages, context)
        token = current.set(call)
        response = None
        try:
            response = run(call)
        except Exception as exc:
            _outermost(call, exc)
        call.tell()
        _let_go(token)
        # grpcio wants an answer even where the code says that there is none.
        return response or b""

    return answer


def stream(method: Method, layers: tuple[Layer, ...], new_call: NewCall) -> Callable[..., Iterator[bytes]]:
    """For a method with many answers, which holds a thread while it runs."""

    def behave(call: RpcCall) -> Iterator[bytes]:
        for response in method.behaviour(call.request, call.context):
            yield method.encode(response)

    run: Callable[[RpcCall], Iterator[bytes]] = behave
    for layer in reversed(layers):
        run = _around_stream(layer, run)

    def answers(messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        call = new_call(messages, context)
        token = current.set(call)
        try:
            yield from run(call)
        except Exception as exc:
            _outermost(call, exc)
        finally:
            _let_go(token)
        call.tell()

    return answers


def callback(method: Method, layers: tuple[Layer, ...], new_call: NewCallbackCall) -> Callable[..., None]:
    """For a method with many answers that gives its thread back at once. The layers surround its begin only."""

    def behave(call: Any) -> None:
        method.behaviour(call.request, call.context, call.send)
        call.goes_on()

    run = _within(layers, behave)

    def begin(messages: Iterator[bytes], context: grpc.ServicerContext, send: Callable[[Any], None]) -> None:
        call = new_call(messages, context, send)
        if not context.add_callback(call.terminated):
            call.terminated()
            return
        token = current.set(call)
        try:
            run(call)
        except Exception as exc:
            _outermost(call, exc)
        _let_go(token)
        if call.problem is not None:
            call.finish()

    return begin


def _let_go(token: Token[RpcCall]) -> None:
    """Ends the time in which the call is this thread's current one.

    grpcio keeps what a call sets in a context of the call's own: left there, the call would hold itself, and grpcio
    counts it among its connection's open streams until the garbage collector comes by.
    """
    current.reset(token)


def _within(layers: tuple[Layer, ...], behave: Callable[[RpcCall], Answer]) -> Callable[[RpcCall], Answer | None]:
    run: Callable[[RpcCall], Answer | None] = behave
    for layer in reversed(layers):
        run = _around(layer, run)
    return run


def _around(layer: Layer, inner: Callable[[RpcCall], Answer | None]) -> Callable[[RpcCall], Answer | None]:
    def run(call: RpcCall) -> Answer | None:
        with layer(call):  # Where it deals with what was raised, there is no answer: None.
            return inner(call)

    return run


def _around_stream(layer: Layer, inner: Callable[[RpcCall], Iterator[bytes]]) -> Callable[[RpcCall], Iterator[bytes]]:
    def run(call: RpcCall) -> Iterator[bytes]:
        with layer(call):
            yield from inner(call)

    return run


def _outermost(call: RpcCall, exc: Exception) -> None:
    """One of the layers outside `answered` has failed: a fault of ours, which the client is told as any other."""
    call.fail(exc)
    logger.error("A layer around %s failed.", call.method.path, exc_info=exc)
