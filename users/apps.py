from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "users"

    def ready(self) -> None:
        """Register users as subjects of the feed."""
        from changes.feed import subjects
        from users import messages, models, policies

        subjects.register(
            subjects.Subject(
                models.User,
                message=messages.user_message_to,
                audience=policies.audience,
                groups=policies.groups,
                paths=messages.PATHS,
                partial=frozenset(messages.PARTIAL),
            )
        )

    def prune(self) -> dict[str, int]:
        """Delete expired tokens, and return how many."""
        from users.services import mailed_tokens

        return {"mailed tokens": mailed_tokens.prune()}
