"""Gauges of the feed: the log's position, its backlog, and this process's part."""

from collections.abc import Iterable

from django.db import connection
from prometheus_client import Gauge
from prometheus_client.core import GaugeMetricFamily, Metric

#: How many of the newest changes are examined. A backlog above it is reported as this number.
MAX_COUNTED = 10_000

_QUERY = """
    SELECT (SELECT seq FROM changes_head),
           (SELECT count(*) FROM (SELECT seq FROM changes_change ORDER BY id DESC LIMIT %s) AS newest WHERE seq IS NULL)
"""

is_leader = Gauge("tandem_sequencer_leader", "1 in the process that numbers changes, 0 in all others.")
position = Gauge("tandem_feed_position", "The last change that this process has passed to its streams.")


def log_figures() -> Iterable[Metric]:
    """Return the last number of the log, and how many of its newest changes have none yet."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, [MAX_COUNTED])
        head, unnumbered = cursor.fetchone()
    return [
        GaugeMetricFamily("tandem_changes_head", "The last number that was given to a change.", head or 0),
        GaugeMetricFamily(
            "tandem_changes_unnumbered",
            f"Changes that have no number yet; {MAX_COUNTED:,} = so many or more.",
            unnumbered,
        ),
    ]
