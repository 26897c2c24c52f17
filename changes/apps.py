from django.apps import AppConfig

from core import health


class ChangesConfig(AppConfig):
    name = "changes"
    verbose_name = "Change log"

    def ready(self) -> None:
        """Register the feed as a component of the service's health, and its metrics."""
        from changes import feed
        from changes.feed import metrics
        from core.observability import database_metrics

        health.register("feed", feed.keeps_up)
        database_metrics.register(metrics.log_figures)

    def prune(self) -> dict[str, int]:
        """Delete changes that are past their retention, and return how many."""
        from changes.feed import retention

        return {"changes": retention.prune()}

    def restore_statements(self) -> tuple[str, ...]:
        """Return the SQL that invalidates all cursors: a restored log assigns numbers a second time."""
        return (
            "UPDATE changes_head SET epoch = gen_random_uuid(), "
            "system_identifier = (SELECT system_identifier FROM pg_control_system())",
        )
