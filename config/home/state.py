"""The state of the database: sessions, change log, queue and failed sign-ins, in one statement of bounded cost."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from changes.feed.backlog import MAX_AGE_SECONDS
from core.observability import process

#: The newest changes that are examined.
_EXAMINED = 2_000
#: Counts end there; the page then shows "at least".
MAX_COUNTED = 1_000
#: Failed sign-ins of one account within an hour that are worth a look.
MANY_FAILURES = 5
_QUERY = """
    SELECT * FROM (
        SELECT json_object_agg(name, json_build_array(hosts, count)) FROM (
            SELECT application_name AS name, count(DISTINCT coalesce(host(client_addr), '')) AS hosts, count(*) AS count
            FROM pg_stat_activity WHERE datname = current_database() AND application_name = ANY (%(services)s)
            GROUP BY 1
        ) AS by_name
    ) AS sessions CROSS JOIN (
        SELECT (SELECT seq FROM changes_head),
               count(*),
               count(*) FILTER (WHERE occurred_at > now() - interval '1 minute'),
               count(*) FILTER (WHERE seq IS NULL),
               coalesce(extract(epoch FROM now() - min(occurred_at) FILTER (WHERE seq IS NULL)), 0)::float,
               coalesce(extract(epoch FROM now() - min(occurred_at)), 0)::float
        FROM (SELECT occurred_at, seq FROM changes_change ORDER BY id DESC LIMIT %(examined)s) AS newest
    ) AS changes CROSS JOIN (
        SELECT count(*) FILTER (WHERE is_free),
               count(*) FILTER (WHERE NOT is_free),
               coalesce(extract(epoch FROM now() - min(next_try_at)
                        FILTER (WHERE is_free AND next_try_at <= now())), 0)::float
        FROM (
            SELECT next_try_at, lease_until IS NULL OR lease_until <= now() AS is_free FROM (
                (SELECT next_try_at, lease_until FROM core_job WHERE ended_at IS NULL AND NOT slow
                 ORDER BY next_try_at LIMIT %(limit)s)
                UNION ALL
                (SELECT next_try_at, lease_until FROM core_job WHERE ended_at IS NULL AND slow
                 ORDER BY turn, next_try_at LIMIT %(limit)s)
            ) AS kinds
        ) AS queue
    ) AS queue CROSS JOIN (
        SELECT count(*) FROM (SELECT FROM core_job WHERE failed LIMIT %(limit)s) AS failed
    ) AS failed CROSS JOIN (
        SELECT coalesce(sum(count), 0)::bigint, count(*), count(*) FILTER (WHERE count >= %(many)s) FROM (
            SELECT count FROM core_ratewindow
            WHERE started_at > now() - interval '1 hour' AND key LIKE 'guesses:%%' AND count > 0
            ORDER BY started_at DESC LIMIT %(limit)s
        ) AS tried
    ) AS sign_ins
"""


@dataclass(frozen=True, slots=True)
class Numbering:
    """The change log.

    Attributes:
        head: the last number that was assigned.
        per_second: changes in the last minute, for each second.
        unnumbered: changes without a number, among the newest.
        lag_seconds: how long the oldest of them has waited.
    """

    head: int
    per_second: float
    unnumbered: int
    lag_seconds: float

    @property
    def is_late(self) -> bool:
        return self.lag_seconds > MAX_AGE_SECONDS


@dataclass(frozen=True, slots=True)
class Queue:
    """Jobs that wait for a worker, that run, and that failed for good."""

    waiting: int
    running: int
    oldest_due_seconds: float
    failed: int


@dataclass(frozen=True, slots=True)
class SignIns:
    """Failed sign-ins of the last hour, the accounts that were tried, and those with `MANY_FAILURES` or more."""

    failures: int
    accounts: int
    accounts_with_many: int


@dataclass(frozen=True, slots=True)
class State:
    """The state of the system, as far as the database has it.

    Attributes:
        sessions: name of the process → number of hosts, and of sessions.
    """

    sessions: Mapping[str, tuple[int, int]]
    numbering: Numbering
    queue: Queue
    sign_ins: SignIns


def read() -> State:
    """Query the state of the system."""
    services = [process.WEB, process.GRPC, process.WORKER]
    values: dict[str, Any] = {"services": services, "examined": _EXAMINED, "limit": MAX_COUNTED, "many": MANY_FAILURES}
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, values)
        sessions, head, *rest = cursor.fetchone()
    examined, recent, unnumbered, lag, span, waiting, running, due, failed, failures, accounts, many = rest
    # If all that were examined are of the last minute, there are more.
    seconds = max(span, 0.001) if recent == examined == _EXAMINED else 60
    by_name = json.loads(sessions) if isinstance(sessions, str) else sessions or {}
    return State(
        {name: tuple(counts) for name, counts in by_name.items()},
        Numbering(head or 0, recent / seconds, unnumbered, max(lag, 0.0)),
        Queue(waiting, running, max(due, 0.0), failed),
        SignIns(failures, accounts, many),
    )
