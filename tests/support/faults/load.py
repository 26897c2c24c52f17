"""Writers and watchers on a installation, from a seed."""

from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path

from tests.support.faults import judging, watchers
from tests.support.faults.judging import Log
from tests.support.faults.product import PATIENCE_SECONDS, Installation, Killable
from tests.support.faults.watchers import LAST, Crowd, Cut, Look, Watcher
from tests.support.servers import until

JOHN, JANE, ADMINISTRATOR = "john@example.com", "jane@example.com", "admin@example.com"
_TODO, _RED = frozenset({1}), frozenset({"red"})
#: Every way to watch: both transports and operations, all tasks, those of one user, and those of a filter.
LOOKS = [
    look
    for transport in ("grpc", "sse")
    for look in (
        Look(transport, "tasks"),
        Look(transport, "changes"),
        Look(transport, "tasks", JOHN),
        Look(transport, "changes", JANE),
        Look(transport, "tasks", statuses=_TODO, labels=_RED),
        Look(transport, "tasks", JANE, labels=_RED),
    )
]
WRITERS = 4

_LAST = """
    INSERT INTO tasks_task (id, version, created_at, updated_at, title, description, status, priority, labels, metadata,
                            source, created_by_id, assigned_to_id)
    VALUES (gen_random_uuid(), 1, now(), now(), %s, '', 1, 2, '{red}', '{}', '', %s::uuid, %s::uuid) RETURNING id
"""


class Load:
    """Four writing processes, and watchers of every kind, each with a plan of cuts from the seed.

    Args:
        cuts: how many there are to be in all; None = until `judged`.
        pause: the longest time between two writes of a process, in seconds.
        longest: the longest time that a stream is given, in seconds.
        most_events: after how many events it is cut at the latest.
        connections: how many the streams over gRPC share; None = each stream has one of its own.
    """

    def __init__(
        self,
        installation: Installation,
        seed: str,
        *,
        cuts: int | None = None,
        pause: float = 0.1,
        longest: float = 1.0,
        most_events: int = 60,
        watchers_of_a_kind: int = 2,
        connections: int | None = None,
    ) -> None:
        self.installation = installation
        self.people = {email: person.id for email, person in installation.database.people.items()}
        self._notes = [installation.folder / f"writer{number}.notes" for number in range(WRITERS)]
        self.writers = [self._writer(number, notes, seed, pause) for number, notes in enumerate(self._notes)]
        names = [(look, number) for look in LOOKS for number in range(watchers_of_a_kind)]
        each = None if cuts is None else -(-cuts // len(names))
        plans = {name: watchers.plan(f"{seed} {name[0].name} {name[1]}", longest, most_events) for name in names}
        self.crowd = Crowd(
            [
                self._watcher(name[0], islice(plan, each), connections and number % connections)
                for number, (name, plan) in enumerate(plans.items())
            ]
        )

    def __enter__(self) -> "Load":
        for writer in self.writers:
            writer.start()
        # Otherwise the watchers have made their cuts before there is a change, where programs start slowly.
        until(lambda: all(map(_has_content, self._notes)), "all writers write", PATIENCE_SECONDS)
        self.crowd.start()
        return self

    def __exit__(self, *raised: object) -> None:
        for writer in self.writers:
            if not writer.has_ended:
                writer.kill()
        self.crowd.stop()

    @property
    def written(self) -> int:
        """Number of acknowledged writes. It is read often, and does not parse them."""
        return sum(notes.read_bytes().count(b"\n") for notes in self._notes if notes.exists())

    def acknowledged(self) -> list[judging.Acknowledged]:
        """Return the acknowledged writes."""
        return judging.acknowledged(self._notes)

    def judged(self) -> tuple[Log, list[str]]:
        """End the load, and return the log and each promise that was broken."""
        for writer in self.writers:
            writer.end()
        self.installation.database.ask(_LAST, LAST, self.people[JOHN], self.people[JANE])
        self.crowd.finish()
        self.installation.until_numbered()
        self.installation.verify()
        log = Log(self.installation.database)
        writes = self.acknowledged()
        assert writes, "nothing was written"
        faults = judging.broken(log, self.crowd.watchers, self.people)
        return log, [*faults, *judging.lost(log, writes), *judging.doubled(log)]

    def summary(self, log: Log, faults: list[str]) -> str:
        """Return the numbers for the report."""
        runs = self.crowd.runs
        return (
            f"{self.crowd.cuts} cuts, {sum(watcher.cut_off for watcher in self.crowd.watchers)} streams ended or"
            f" refused by the server, {len(runs)} streams of {len(self.crowd.watchers)} watchers and"
            f" {self.crowd.in_vain} more that had no cursor yet,"
            f" {sum(len(run.received) for run in runs)} events received of {len(log.rows)} changes,"
            f" {self.written} acknowledged writes: {judging.kinds(faults)}"
        )

    def _writer(self, number: int, notes: Path, seed: str, pause: float) -> Killable:
        arguments = ["--name", f"writer{number}", "--seed", seed, "--pause", str(pause), "--notes", str(notes)]
        arguments += ["--http-url", self.installation.http_url, "--grpc-address", self.installation.grpc_address]
        return self.installation.process(f"writer{number}", ["-m", "tests.support.faults.writer", *arguments])

    def _watcher(self, look: Look, cuts: Iterable[Cut], connection: int | None) -> Watcher:
        over_grpc = partial(watchers.over_grpc, f"127.0.0.1:{self.installation.grpc_port}", connection=connection)
        over_sse = partial(watchers.over_sse, f"127.0.0.1:{self.installation.http_port}")
        bearer = self.installation.database.people[look.person or ADMINISTRATOR].bearer
        return Watcher(look, bearer, over_grpc if look.transport == "grpc" else over_sse, cuts)


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
