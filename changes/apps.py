from django.apps import AppConfig

from core import health


class ChangesConfig(AppConfig):
    name = "changes"
    verbose_name = "Change log"

    def ready(self) -> None:
        """Makes the feed a part of the service's health."""
        from changes import feed

        health.register("feed", feed.keeps_up)

    def prune(self) -> dict[str, int]:
        """Delete what is past its time, and return how much of what."""
        from changes.feed import retention

        return {"changes": retention.prune()}
