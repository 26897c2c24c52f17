from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Credentials"

    def ready(self) -> None:
        """Stops the start when the keys of access tokens are none."""
        from access.tokens import signing_keys

        signing_keys()
