"""The changes that watchers should have received, by the log and the tables, and those that they did not."""

import json
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support import promises
from tests.support.faults.product import Database
from tests.support.faults.watchers import Look, Watcher
from tests.support.promises import Due, Received, Run, Truth


@dataclass(frozen=True)
class Logged:
    """One row of the change log, about a task."""

    seq: int
    xid: int
    task_id: str
    version: int
    operation: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None


@dataclass(frozen=True)
class Moved:
    """One row of the change log, about a membership: the user and the project, before and after."""

    seq: int
    xid: int
    left: tuple[str, str] | None
    joined: tuple[str, str] | None


class Log:
    """All changes, in the order of the log, and the tasks that exist."""

    def __init__(self, database: Database) -> None:
        rows = database.ask(
            "SELECT seq, xid, subject_id::text, subject_version, operation, old, new FROM changes_change"
            " WHERE subject_type = 'task' ORDER BY seq"
        )
        self.rows = [Logged(*row) for row in rows]
        moved = database.ask(
            "SELECT seq, xid, old->>'user_id', old->>'project_id', new->>'user_id', new->>'project_id'"
            " FROM changes_change WHERE subject_type = 'project.member' ORDER BY seq"
        )
        self.moved = [
            Moved(seq, xid, (user, project) if user else None, (new_user, new_project) if new_user else None)
            for seq, xid, user, project, new_user, new_project in moved
        ]
        self.tasks: list[dict[str, Any]] = [
            row for (row,) in database.ask("SELECT to_jsonb(task) FROM tasks_task AS task")
        ]
        self.members: list[tuple[str, str]] = database.ask(
            "SELECT user_id::text, project_id::text FROM projects_projectmember"
        )
        self._in_order = sorted([*self.rows, *self.moved], key=lambda row: row.seq)
        self._versions: dict[str, list[tuple[int, int]]] = {}
        for row in self.rows:
            self._versions.setdefault(row.task_id, []).append((row.seq, row.version))

    def truth(self, look: Look, person_id: str) -> Truth:
        """Return the changes that were due to this watcher."""
        due: list[Due] = []
        projects: set[str] = set()
        left: dict[str, int] = {}
        #: By project, because a membership moves only the tasks of its own.
        tasks: dict[str | None, dict[str, Logged]] = defaultdict(dict)
        for row in self._in_order:
            if isinstance(row, Moved):
                after = {project for user, project in (row.joined,) if user == person_id} if row.joined else set()
                gone = {project for user, project in (row.left,) if user == person_id} if row.left else set()
                after = (projects - gone) | after
                left |= dict.fromkeys(projects - after, row.seq)
                for task in [task for project in sorted(projects ^ after) for task in tasks[project].values()]:
                    was, will_be = (look.sees(task.new or {}, person_id, each) for each in (projects, after))
                    if was != will_be:
                        state = _shown(task.new or {}) if will_be else None
                        name = "updated" if will_be else "deleted"
                        due.append(Due(row.seq, row.xid, task.task_id, task.version, name, state, moved=True))
                projects = after
                continue
            before, after_it = (
                image is not None and look.sees(image, person_id, projects) for image in (row.old, row.new)
            )
            if before or after_it:
                name = row.operation if after_it else "deleted"
                state = _shown(row.new) if after_it and row.new else None
                due.append(Due(row.seq, row.xid, row.task_id, row.version, name, state))
            tasks[row.old["project_id"] if row.old else None].pop(row.task_id, None)
            if row.new is not None:
                tasks[row.new["project_id"]][row.task_id] = row
        return Truth([self._optional(each, look, person_id, left) for each in due])

    def _optional(self, due: Due, look: Look, person_id: str, left: Mapping[str, int]) -> Due:
        """Return it marked as optional if the person has left the project by which alone they saw it."""
        image = self._image(due.subject_id, due.version) if due.state else None
        if image is None or look.sees(image, person_id, ()):
            return due
        return replace(due, optional=left.get(image["project_id"], 0) > due.seq)

    def _image(self, task_id: str, version: int) -> Mapping[str, Any] | None:
        return self._images.get((task_id, version))

    @cached_property
    def _images(self) -> dict[tuple[str, int], Mapping[str, Any] | None]:
        return {(row.task_id, row.version): row.new for row in self.rows}

    def final(self, look: Look, person_id: str) -> dict[str, Any]:
        """Return the tasks that this watcher may see at the end."""
        projects = {project for user, project in self.members if user == person_id}
        return {task["id"]: _shown(task) for task in self.tasks if look.sees(task, person_id, projects)}

    def completed(self, run: Run) -> Run:
        """Return the run with the versions that WatchTasks leaves out, found by the positions in the cursors."""
        return replace(run, received=[self._with_version(event) for event in run.received])

    def _with_version(self, event: Received) -> Received:
        if event.version or not event.subject_id:
            return event
        versions = self._versions.get(event.subject_id, [])
        place = bisect_right(versions, (event.seq, sys.maxsize)) - 1
        return replace(event, version=versions[place][1] if place >= 0 else -1)


def _shown(image: Mapping[str, Any]) -> tuple[Any, ...]:
    people = (image["created_by_id"] or "", image["assigned_to_id"] or "")
    return image["title"], image["status"], tuple(image["labels"]), *people


def broken(log: Log, watchers: Sequence[Watcher], people: Mapping[str, str]) -> list[str]:
    """Return each promise that was broken to one of them.

    Args:
        people: email -> id.
    """
    found = []
    truths: dict[Look, tuple[Truth, dict[str, Any]]] = {}
    for watcher in watchers:
        look, person_id = watcher.look, people.get(watcher.look.person, "")
        if look not in truths:
            truths[look] = log.truth(look, person_id), log.final(look, person_id)
        truth, final = truths[look]
        for number, life in enumerate(watcher.lives):
            runs = [log.completed(run) for run in life]
            is_last = number == len(watcher.lives) - 1
            if runs and (faults := promises.broken(runs, truth, final=final if is_last else None)):
                found += [f"{fault} ({look.name})" for fault in faults]
        found += [fault for run in watcher.in_vain for fault in promises.unique(run)]
    return found


def kinds(faults: Iterable[str]) -> str:
    """Return how many gaps and repetitions there are among them."""
    count = Counter("gaps" if fault.startswith(("lost", "after")) else
                    "doubles" if fault.startswith("doubled") else "others" for fault in faults)  # fmt: skip
    return ", ".join(f"{count[kind]} {kind}" for kind in ("gaps", "doubles", "others"))


@dataclass(frozen=True)
class Acknowledged:
    """An acknowledged write; without a title the task was deleted, and its version is not known."""

    task_id: str
    version: int
    title: str | None


def acknowledged(notes: Iterable[Path]) -> list[Acknowledged]:
    """Return the acknowledged writes that the writers noted. A line that a kill has cut short is ignored."""
    lines = [line for path in notes if path.exists() for line in path.read_text().splitlines(keepends=True)]
    return [Acknowledged(*json.loads(line)) for line in lines if line.endswith("\n")]


def lost(log: Log, writes: Iterable[Acknowledged]) -> Iterator[str]:
    """Return the acknowledged writes that are not in the log, or whose task is missing although it was not deleted."""
    titles = {(row.task_id, row.version): row.new["title"] for row in log.rows if row.new}
    deleted = {row.task_id for row in log.rows if row.operation == "deleted"}
    versions = {task["id"]: task["version"] for task in log.tasks}
    for write in writes:
        if write.title is None:
            kept = write.task_id in deleted and write.task_id not in versions
        else:
            there = versions.get(write.task_id, 0) >= write.version or write.task_id in deleted
            kept = there and titles.get((write.task_id, write.version)) == write.title
        if not kept:
            yield f"lost: {write}"


def doubled(log: Log) -> Iterator[str]:
    """Return the tasks that were created more than once, which have the same title."""
    made = Counter(row.new["title"] for row in log.rows if row.operation == "created" and row.new)
    for title, count in made.items():
        if count > 1:
            yield f"doubled: {title}"
