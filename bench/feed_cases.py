"""The cases of the comparison `feed`: the product's WatchTasks and the streams of peers, all of the same rows."""

import http.client
import time
import urllib.parse
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from typing import Any
from uuid import UUID

from bench import product, seed
from bench.cases import Caller, Case
from bench.feed import EVENTS_A_SECOND, LIMITS, PATIENCE_SECONDS, SERVICE
from bench.measuring import Load, memory, percentile
from bench.peers import servers
from bench.product import Server
from bench.receiving import MARK, Receiver

WATCHERS = (100, 500)
#: Streams that are opened at a time, of gRPC on a connection.
BATCH = 50
OURS = "Tandem, WatchTasks"
_numbers = count(1)


def cases(place: Any) -> list[Case]:
    """Return a case for each server and number of watchers. Its streams are open only while it is measured."""
    from tandem.task.v1.task_pb2 import WatchTasksRequest

    email, _ = seed.add_callers(product.PASSWORD)
    tasks = _tasks(email)
    ours = place.tandem(**LIMITS)
    caller = Caller(place.channel(ours), email)
    watch, eventstream = servers.FEED_PEERS
    polled, sending = (
        place.stack.enter_context(servers.serving(peer, place.core, place.log)) for peer in (watch, eventstream)
    )
    address = sending.address.removeprefix("http://")
    events = {"accept": "text/event-stream"}
    found = []
    watch_all = WatchTasksRequest().SerializeToString()
    for watchers in WATCHERS:
        found += [
            _case(named(OURS, watchers), ours, watchers, lambda number: _write_ours(tasks, number),
                  lambda: Receiver(ours.address, f"{SERVICE}/WatchTasks", watch_all, caller.headers())),
            _case(named(watch.title, watchers), polled, watchers, lambda number: _write(tasks, number),
                  lambda: Receiver(polled.address, "/peers.Tasks/Watch", b"", {})),
            _case(named(eventstream.title, watchers), sending, watchers, lambda number: _ask(address, tasks, number),
                  lambda: Receiver(address, "/events/", None, events)),
        ]  # fmt: skip
    return found


def named(title: str, watchers: int) -> str:
    return f"{title}, {watchers} watchers"


def _case(
    name: str, server: Server, watchers: int, write: Callable[[int], None], receiver: Callable[[], Receiver]
) -> Case:
    """Make a case whose check opens the streams and waits until each has got an event; `extra` has what they cost."""
    extra: dict[str, float] = {}
    opened = ExitStack()
    receivers: list[Receiver] = []

    def check() -> None:
        receivers[:] = [opened.enter_context(receiver())]
        receivers[0].open(BATCH)
        # What the first streams load is no part of the cost of each.
        _reach_all(receivers[0], BATCH, write, name)
        threads, before = server.process.num_threads(), memory(server.process)
        more = watchers - BATCH
        for _ in range(0, more, BATCH):
            receivers[0].open(BATCH)
            time.sleep(0.3)
        _reach_all(receivers[0], watchers, write, name)
        extra.setdefault("threads of a watcher", round((server.process.num_threads() - threads) / more, 2))
        extra.setdefault("KiB of a watcher", round((memory(server.process) - before) / more / 1024, 1))

    def run(seconds: float) -> Load:
        begun: dict[int, float] = {}
        at = time.monotonic()
        for _ in range(max(1, int(seconds * EVENTS_A_SECOND))):
            time.sleep(max(0.0, at - time.monotonic()))
            at += 1 / EVENTS_A_SECOND
            number = next(_numbers)
            begun[number] = time.monotonic()
            write(number)
        if not _seen(receivers[0], len(begun) * watchers, PATIENCE_SECONDS):
            raise AssertionError(f"{name}: not every watcher has got every event.")
        numbers, times = receivers[0].take()
        took = [1000 * (then - begun[number]) for number, then in zip(numbers, times, strict=True)]
        return Load(len(took), percentile(took, 0.5), percentile(took, 0.99))

    return Case(name, server, run, check, after=opened.close, extra=extra)


def _reach_all(receiver: Receiver, watchers: int, write: Callable[[int], None], name: str) -> None:
    """Write events until one has reached each watcher."""
    for _ in range(20):
        write(next(_numbers))
        if _seen(receiver, watchers, 5):
            time.sleep(0.5)
            receiver.take()
            return
        receiver.take()
    raise AssertionError(f"{name}: not all of {watchers} streams were opened.")


def _seen(receiver: Receiver, events: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while receiver.seen() < events:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _tasks(email: str) -> list[UUID]:
    from tasks.models import Task
    from users.models import User

    actor = User.objects.get(email=email)
    rows = [Task(title="Watched", description="Some words. " * 16, labels=["a"], created_by=actor) for _ in range(100)]
    return [task.pk for task in Task.objects.bulk_create(rows)]


def _write(tasks: list[UUID], number: int) -> None:
    from django.utils import timezone

    from tasks.models import Task

    Task.objects.filter(pk=tasks[number % len(tasks)]).update(title=MARK % number, updated_at=timezone.now())


def _write_ours(tasks: list[UUID], number: int) -> None:
    """Write, and notify the process that numbers changes, as a serving process does after its commits."""
    from changes.feed import numbering

    _write(tasks, number)
    numbering.notify_leader()


def _ask(address: str, tasks: list[UUID], number: int) -> None:
    """Have django-eventstream's server write, which sends the event then."""
    connection = http.client.HTTPConnection(address, timeout=30)
    title = urllib.parse.quote(MARK % number)
    connection.request("GET", f"/tasks/{tasks[number % len(tasks)]}/?title={title}")
    status = connection.getresponse().status
    connection.close()
    if status != http.client.OK:
        raise AssertionError(f"django-eventstream does not write: {status}.")
