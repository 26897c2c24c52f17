"""Figures of the system that the database knows, read at each request for metrics, and by no other."""

import logging
from collections.abc import Callable, Iterable

from django.db import Error, connection, connections, transaction
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

#: A database that answers later than this counts as away.
_STATEMENT_SECONDS = 3

_sources: list[Callable[[], Iterable[Metric]]] = []


def register(source: Callable[[], Iterable[Metric]]) -> None:
    """Add figures of an app; called in `AppConfig.ready`. `source` runs in a transaction."""
    _sources.append(source)


class DatabaseCollector(Collector):
    """Collects the registered figures, each with the same value in every process. Without the database, none."""

    def collect(self) -> Iterable[Metric]:
        """Return the figures, and whether the database answered."""
        families: list[Metric] = []
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{_STATEMENT_SECONDS}s"])
                for source in (_connections, *_sources):
                    families += source()
        except Error as exc:
            logger.warning("The database does not answer with its metrics: %s", exc)
            families = []
        finally:
            connections.close_all()  # The thread of this request ends with it.
        return [GaugeMetricFamily("tandem_database_up", "Whether the database answers.", bool(families)), *families]


def _connections() -> list[Metric]:
    used = GaugeMetricFamily(
        "tandem_database_connections", "Sessions of this database, of any program, by state.", labels=["state"]
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(state, 'other'), count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1
            """
        )
        for state, count in cursor.fetchall():
            used.add_metric([state], count)
        cursor.execute("SELECT current_setting('max_connections')::int")
        (limit,) = cursor.fetchone()
    most = GaugeMetricFamily("tandem_database_max_connections", "Sessions that the database server accepts.", limit)
    return [used, most]
