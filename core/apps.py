from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "System"

    def prune(self) -> dict[str, int]:
        """Delete expired rows and return how many of each kind."""
        from core import idempotency, rate_limits
        from core.jobs import store

        return {
            "idempotency keys": idempotency.prune(),
            "limits": rate_limits.prune(),
            "jobs": store.prune(),
        }
