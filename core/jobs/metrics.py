"""Counters of a worker's jobs, and the depth of the queue."""

from collections.abc import Iterable

from django.db import connection
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)

ended = Counter("tandem_jobs", "Attempts of jobs that ended, by kind and outcome.", ["kind", "code"])
seconds = Histogram("tandem_job_seconds", "From the start of an attempt to its end.", ["kind"], buckets=_SECONDS)
running = Gauge("tandem_jobs_running", "Jobs that run in this process.", ["kind"])

_QUERY = """
    SELECT kind,
           count(*) FILTER (WHERE is_free),
           coalesce(extract(epoch FROM now() - min(next_try_at) FILTER (WHERE is_free AND next_try_at <= now())), 0),
           count(*) FILTER (WHERE failed)
    FROM (
        SELECT kind, next_try_at, false AS failed, lease_until IS NULL OR lease_until <= now() AS is_free
        FROM core_job WHERE ended_at IS NULL
        UNION ALL
        SELECT kind, NULL, true, false FROM core_job WHERE failed
    ) AS job
    GROUP BY kind
"""


def queue() -> Iterable[Metric]:
    """Return the depth of the queue by kind: jobs that no worker runs, the age of the oldest, and failures."""
    waiting = GaugeMetricFamily("tandem_jobs_waiting", "Jobs that no worker runs yet, by kind.", labels=["kind"])
    oldest = GaugeMetricFamily(
        "tandem_jobs_oldest_due_seconds",
        "How long the oldest job of the kind has been due and waiting.",
        labels=["kind"],
    )
    failed = GaugeMetricFamily("tandem_jobs_failed", "Jobs that failed for good and are still kept.", labels=["kind"])
    with connection.cursor() as cursor:
        cursor.execute(_QUERY)
        for kind, count, age, given_up in cursor.fetchall():
            waiting.add_metric([kind], count)
            oldest.add_metric([kind], float(age))
            failed.add_metric([kind], given_up)
    return [waiting, oldest, failed]
