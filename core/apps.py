import gc
import logging

from django.apps import AppConfig
from django.conf import settings

logger = logging.getLogger(__name__)


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "System"

    def ready(self) -> None:
        """Register checks and metrics, and log what the settings found wrong before the logging began."""
        # The metrics of the result cache are there before it is first used.
        from core import cached_results, checks  # noqa: F401
        from core.jobs import metrics
        from core.observability import database_metrics

        database_metrics.register(metrics.queue)
        # What is loaded by now stays. manage.py turned the collector off.
        gc.freeze()
        gc.enable()
        for sentence in settings.START_WARNINGS:
            logger.warning(sentence)

    def prune(self) -> dict[str, int]:
        """Delete expired rows and return how many of each kind."""
        from core import idempotency, rate_limits
        from core.jobs import store
        from core.uploads import resumable

        return {
            "idempotency keys": idempotency.prune(),
            "limits": rate_limits.prune(),
            "jobs": store.prune(),
            "files of broken uploads": resumable.prune(),
        }
