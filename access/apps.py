from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Credentials"

    def ready(self) -> None:
        """Stops the start when the keys of access tokens are none."""
        from access.tokens import signing_keys

        signing_keys()

    def prune(self) -> dict[str, int]:
        """Delete what is past its time, and return how much of what."""
        from access import services

        return {
            "sessions": services.prune_sessions(),
            "API keys": services.prune_api_keys(),
            "tickets": services.prune_tickets(),
        }
