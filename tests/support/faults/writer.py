"""A process that writes tasks in every way, and notes each write that was acknowledged.

It writes over both transports, by querysets and by SQL, until its input ends. A write that the server or the database
does not acknowledge is not noted; a request that creates a task is sent again with its key until
it is acknowledged. Any other failure ends the process.
"""

import argparse
import json
import os
import random
import select
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import django
from django.db import Error, connection, transaction

django.setup()

from core.db.outages import is_database_away  # noqa: E402
from projects.models import ProjectMember, Role  # noqa: E402
from tandem.task.v1 import task_pb2  # noqa: E402
from tasks.models import Task  # noqa: E402
from tests.support.faults.calling import OF_A_CALLER, NotDoneError, TaskClient  # noqa: E402
from tests.support.faults.prepare import PROJECTS  # noqa: E402
from users.models import User  # noqa: E402

COLORS = ("red", "green", "blue")
#: How many of the transactions change a membership.
MEMBERSHIPS = 0.25
#: Below it more tasks are made than deleted.
ENOUGH_TASKS = 80
Row = tuple[Any, int, str | None]
"""Of a task that was written: its id, its version, and its title; None = it was deleted."""


class Notes:
    """The file of acknowledged writes, which survive a kill."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, rows: Iterable[Row]) -> None:
        lines = [json.dumps([str(task_id), version, title]) + "\n" for task_id, version, title in rows]
        os.write(self._file, "".join(lines).encode())
        os.fsync(self._file)


class Writer:
    """Writes one thing after the other, chosen by chance from a seed."""

    def __init__(
        self, seed: str, name: str, client: TaskClient, notes: Notes, going_on: Callable[[float], bool]
    ) -> None:
        self._random = random.Random(seed)
        self._name = name
        self._client = client
        self._notes = notes
        self._going_on = going_on
        self._count = 0

    @cached_property
    def _people(self) -> list[User]:
        # Not before the first write, which is tried again: the database may be away when this process begins.
        return list(User.objects.filter(email__in=("john@example.com", "jane@example.com")).order_by("email"))

    def write(self) -> None:
        """Run one transaction of a random kind, and note its writes."""
        if self._random.random() < MEMBERSHIPS:
            self._move()
            return
        many = Task.objects.count()
        way = self._random.choice((self._over_a_transport, self._over_a_transport, self._by_queryset, self._by_sql))
        what = self._random.choices(("make", "change", "delete"), (3, 6, 3 if many > ENOUGH_TASKS else 1))[0]
        any_task = Task.objects.exclude(title__startswith=OF_A_CALLER).order_by("?")
        chosen = list(any_task.values_list("pk", flat=True)[: self._random.randint(1, 6)])
        self._notes.add(way(what if chosen else "make", chosen))

    def _move(self) -> None:
        """Add a user to a project, or remove a member."""
        where = {"user": self._random.choice(self._people), "project_id": self._random.choice(PROJECTS)}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(7305)")  # Two writers would both add the member.
            if not ProjectMember.objects.filter(**where).delete()[0]:
                ProjectMember.objects.create(role=Role.VIEWER, **where)

    def _project(self) -> Any:
        return self._random.choice((None, *PROJECTS))

    def _title(self) -> str:
        self._count += 1
        return f"{self._name}-{os.getpid()}-{self._count}"

    def _someone(self) -> Any:
        return self._random.choice((None, *self._people))

    def _labels(self) -> list[str]:
        return self._random.sample(COLORS, self._random.randint(0, 2))

    def _over_a_transport(self, what: str, chosen: Sequence[Any]) -> list[Row]:
        call = self._random.choice((self._client.over_http, self._client.over_grpc))
        someone = self._someone()
        said = {"title": self._title(), "labels": self._labels(), "assigned_to": str(someone.pk) if someone else ""}
        if what == "make":
            made = self._until_acknowledged(call, task_pb2.CreateTaskRequest(request_id=said["title"], **said))
            return [(made.id, made.version, made.title)] if made else []
        task_id = str(chosen[0])
        if what == "delete":
            call("DeleteTask", task_pb2.DeleteTaskRequest(id=task_id))
            return [(task_id, 0, None)]
        mask = {"paths": ["title", "labels", "assigned_to", "status"]}
        status: Any = self._random.randint(1, 4)
        changed = call("UpdateTask", task_pb2.UpdateTaskRequest(id=task_id, status=status, update_mask=mask, **said))
        return [(changed.id, changed.version, changed.title)]

    def _until_acknowledged(self, call: Callable[[str, Any], Any], request: Any) -> Any:
        while True:
            try:
                return call("CreateTask", request)
            except NotDoneError as exc:
                if not (exc.may_be_done or exc.was_refused):
                    raise
                pause = 1 if exc.was_refused else 0.05
            if not self._going_on(pause):
                return None

    def _by_queryset(self, what: str, chosen: Sequence[Any]) -> list[Row]:
        title, someone = self._title(), self._someone()
        with transaction.atomic():
            if what == "make":
                made = [
                    Task(title=f"{title}/{n}", labels=self._labels(), created_by=someone, project_id=self._project())
                    for n in range(self._random.randint(1, 5))
                ]
                return [(task.pk, 1, task.title) for task in Task.objects.bulk_create(made)]
            # In one order, so that writers wait for each other without deadlocks.
            locked = Task.objects.filter(pk__in=chosen).order_by("pk").select_for_update()
            mine = Task.objects.filter(pk__in=[task.pk for task in locked])
            if what == "delete":
                before = [(pk, 0, None) for pk in mine.values_list("pk", flat=True)]
                mine.delete()
                return before
            fields = {"status": self._random.randint(1, 4), "labels": self._labels(), "assigned_to": someone}
            mine.update(title=title, project_id=self._project(), **fields)
            return list(mine.values_list("pk", "version", "title"))

    def _by_sql(self, what: str, chosen: Sequence[Any]) -> list[Row]:
        title, someone, ids = self._title(), self._someone(), list(map(str, chosen))
        with transaction.atomic(), connection.cursor() as cursor:
            if what == "make":
                cursor.execute(_INSERT, [title, self._labels(), someone and someone.pk, self._random.randint(1, 4)])
            elif what == "change":
                cursor.execute(_UPDATE, [ids, title, self._labels(), someone and someone.pk, self._project()])
            else:
                cursor.execute(_DELETE, [ids])
            rows = cursor.fetchall()
            if self._random.random() < 0.2:  # It holds its ids while others commit.
                cursor.execute("SELECT pg_sleep(0.02)")
            if self._random.random() < 0.1:
                transaction.set_rollback(True)
                return []
        return rows


_INSERT = """
    INSERT INTO tasks_task (id, version, created_at, updated_at, title, description, status, priority, labels, metadata,
                            source, created_by_id)
    SELECT gen_random_uuid(), 1, now(), now(), %s || '/' || n, '', 1, 2, %s, '{}', '', %s::uuid
    FROM generate_series(1, %s) AS n RETURNING id, version, title
"""
_LOCKED = "SELECT id FROM tasks_task WHERE id = ANY (%s::uuid[]) ORDER BY id FOR UPDATE"
_UPDATE = f"""
    WITH mine AS MATERIALIZED ({_LOCKED})
    UPDATE tasks_task AS task
    SET title = chosen.title, labels = chosen.labels, assigned_to_id = chosen.person, project_id = chosen.project
    FROM (SELECT %s AS title, %s::text[] AS labels, %s::uuid AS person, %s::uuid AS project) AS chosen, mine
    WHERE task.id = mine.id RETURNING task.id, version, task.title
"""
_DELETE = f"""
    WITH mine AS MATERIALIZED ({_LOCKED})
    DELETE FROM tasks_task AS task USING mine WHERE task.id = mine.id RETURNING task.id, 0, NULL
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--name", "--seed", "--http-url", "--grpc-address"):
        parser.add_argument(name, required=True)
    parser.add_argument("--notes", type=Path, required=True)
    parser.add_argument("--pause", type=float, required=True, help="the longest time between two writes, in seconds")
    chosen = parser.parse_args()

    def going_on(seconds: float) -> bool:
        return not select.select([sys.stdin], [], [], seconds)[0]

    # What is written has to be another thing each time that the process is started.
    seed = f"{chosen.seed} {chosen.name} {chosen.notes.stat().st_size if chosen.notes.exists() else 0}"
    client, notes = TaskClient(chosen.http_url, chosen.grpc_address), Notes(chosen.notes)
    writer = Writer(seed, chosen.name, client, notes, going_on)
    pauses = random.Random(seed)
    while going_on(pauses.uniform(0, chosen.pause)):
        try:
            writer.write()
        except NotDoneError as exc:
            # Another writer may have deleted the task.
            if not (exc.may_be_done or exc.was_refused or str(exc) == "NOT_FOUND"):
                raise
        except Error as exc:
            connection.close()
            if not is_database_away(exc):
                raise


if __name__ == "__main__":
    main()
