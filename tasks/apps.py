from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks"

    def ready(self) -> None:
        """Register tasks with the change feed."""
        from changes.feed import subjects
        from tasks import messages, models, policies

        subjects.register(
            subjects.Subject(
                models.Task,
                message=lambda task, visibility: messages.task_message(task),
                audience=policies.audience,
                groups=policies.groups,
                paths=messages.PATHS,
                shared_by={"project.member": "project_id"},
                overseers=frozenset((policies.ADMINISTRATORS,)),
            )
        )
