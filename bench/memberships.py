"""Memberships in the feed: what streams of users with many projects take, and what joining a project costs.

.venv/bin/python -m bench.memberships [--streams N] [--tasks N] [--members N]

All in this process, without a transport: the figures are those of the feed alone.
"""

import argparse
import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from bench import product
from bench.measuring import machine, print_table, verdict

PROJECTS = (0, 3, 1_000)
#: KiB that a stream may take more if its user has few projects, and no other stream.
KIB_BAR = 1.0
PATIENCE_SECONDS = 600


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure memberships in the feed.")
    parser.add_argument("--streams", type=int, default=1_000, help="that are open at once (%(default)s)")
    parser.add_argument("--tasks", type=int, default=100_000, help="in the project that is joined (%(default)s)")
    parser.add_argument("--members", type=int, default=5_000, help="of one project, each with a stream (%(default)s)")
    arguments = parser.parse_args()
    with product.database(None):
        from changes import feed

        print(f"{machine()}\n", flush=True)
        feed.start()
        _until(lambda: feed.live.known_head is not None)
        try:
            _memory(arguments.streams)
            _members(arguments.members)
            _joining(arguments.tasks)
        finally:
            feed.stop()


def _memory(streams: int) -> None:
    """Measure the memory of live streams: of one user, and of as many users."""
    rows: list[tuple[str, str, str]] = []
    without = 0.0
    for projects in PROJECTS:
        shared = _per_stream(_users(1, projects) * streams)
        alone = _per_stream(_users(streams if projects < 1_000 else max(1, streams // 20), projects))
        without = without or alone
        note = verdict(alone <= without + KIB_BAR, f"<= {without + KIB_BAR:.1f}") if projects < 1_000 else ""
        rows.append((f"{projects:,} projects", f"{shared:.1f}", f"{alone:.1f} {note}"))
    print_table((f"KiB per stream, {streams:,} streams", "of one user", "each of another"), rows)
    print(flush=True)


def _members(count: int) -> None:
    """Measure one event of a project all of whose members watch, and the opening of their streams."""
    from changes import feed
    from projects.models import Project, ProjectMember
    from tasks.models import Task

    users = _users(count, 1, alike=True)
    begun = time.perf_counter()
    streams = _opened(users)
    opening = time.perf_counter() - begun
    project = Project.objects.get(pk__in=ProjectMember.objects.filter(user=users[0]).values("project"))
    took = []
    for number in range(20):
        begun = time.perf_counter()
        Task.objects.create(title=f"For all {number}", project=project)
        feed.notify_sequencer()
        waiting = list(streams)
        while waiting:
            waiting = [stream for stream in waiting if not stream.take(10)]
        took.append(time.perf_counter() - begun)
    print_table(
        (f"one project, {count:,} members with a stream each", ""),
        [
            ("to open a stream, ms", f"{1000 * opening / count:.2f}"),
            ("one event to all, ms, median", f"{1000 * sorted(took)[len(took) // 2]:.0f}"),
        ],
    )
    _close(streams)
    print(flush=True)


def _joining(tasks: int) -> None:
    """Measure a member who joins a project with many tasks, and leaves it, beside a stream of another user."""
    from changes import feed
    from projects.models import Project, ProjectMember, Role
    from tasks.models import Task

    (user, other), project = _users(2, 0), Project.objects.create(name="Large")
    Task.objects.bulk_create((Task(title=f"Task {n}", project=project) for n in range(tasks)), batch_size=2_000)
    _settled()
    stream, beside = _opened([user]), _opened([other])
    rows = []
    for name, change in (
        ("joins", lambda: ProjectMember.objects.create(project=project, user=user, role=Role.VIEWER)),
        ("leaves", lambda: ProjectMember.objects.filter(project=project, user=user).delete()),
    ):
        begun = time.perf_counter()
        change()
        feed.notify_sequencer()
        received, first, waited = 0, 0.0, 0.0
        while received < tasks:
            if events := stream[0].take(100):
                first = first or time.perf_counter() - begun
                received += len(events)
            if received > tasks // 2 and not waited:
                at = time.perf_counter()
                Task.objects.create(title="Beside", created_by=other)
                feed.notify_sequencer()
                _until(lambda: bool(beside[0].take(10)), pause=0.001)
                waited = time.perf_counter() - at
        seconds = time.perf_counter() - begun
        each = f"{tasks / seconds:,.0f}"
        rows.append((name, f"{1000 * first:.0f}", f"{seconds:.1f}", each, f"{1000 * waited:.0f}"))
    heads = (f"a member of {tasks:,} tasks", "first, ms", "all, s", "tasks/s", "event of another stream meanwhile, ms")
    print_table(heads, rows)
    _close([*stream, *beside])


def _users(count: int, projects: int, *, alike: bool = False) -> list[Any]:
    """Add users who are members of this many new projects each: of the same if `alike`, else no two of all the same."""
    from projects.models import Project, ProjectMember, Role
    from users.models import Status, User

    mark = time.time_ns()
    users = User.objects.bulk_create(
        User(email=f"{mark}.{number}@bench.example.com", display_name="Member", status=Status.ACTIVE)
        for number in range(count)
    )
    made = Project.objects.bulk_create(Project(name=f"{mark} {number}") for number in range(projects + count))
    rows = (
        ProjectMember(project=project, user=user, role=Role.VIEWER)
        for number, user in enumerate(users)
        for project in made[0 if alike else number :][:projects]
    )
    ProjectMember.objects.bulk_create(rows, batch_size=5_000)
    _settled()
    return users


def _per_stream(users: list[Any]) -> float:
    """Return how many KiB a live stream takes."""
    _close(_opened(users[:1]))
    gc.collect()
    tracemalloc.start()
    streams = _opened(users)
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    _close(streams)
    return size / len(streams) / 1024


def _opened(users: list[Any]) -> list[Any]:
    from changes import feed
    from changes.feed.watching import open_watch
    from tandem.task.v1.task_pb2 import WatchTasksRequest
    from tasks.watching import subscription_for

    streams = []
    for user in users:
        view = subscription_for("taskservice.TaskService/WatchTasks", WatchTasksRequest())
        stream = open_watch(feed.live, view, user)
        stream.start(_nothing)
        stream.take(10)
        streams.append(stream)
    return streams


def _close(streams: list[Any]) -> None:
    for stream in streams:
        stream.close()


def _settled() -> None:
    """Wait until all that was written is numbered and read."""
    from changes import feed
    from changes.feed import log
    from changes.models import Change

    _until(lambda: not Change.objects.filter(seq=None).exists())
    _until(lambda: feed.live.head.seq == log.read_head().seq)


def _until(condition: Callable[[], bool], pause: float = 0.05) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("The measurement takes too long.")
        time.sleep(pause)


def _nothing() -> None:
    """Do nothing: the measurement asks for events itself."""


if __name__ == "__main__":
    main()
