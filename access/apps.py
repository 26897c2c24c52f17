from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Credentials"

    def ready(self) -> None:
        """Load the signing keys, so that invalid keys stop the start."""
        from access.tokens import signing_keys

        signing_keys()

    def prune(self) -> dict[str, int]:
        """Delete credentials that are past their retention, and return the number of each kind."""
        from access import services

        return {
            "sessions": services.prune_sessions(),
            "API keys": services.prune_api_keys(),
            "tickets": services.prune_tickets(),
        }
