from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks"

    def ready(self) -> None:
        """Register tasks with the change feed and with projects."""
        from changes.feed import subjects
        from projects import contents
        from tasks import messages, models, policies, queries

        subjects.register(
            subjects.Subject(
                models.Task,
                message=lambda task, visibility: messages.task_message(task),
                audience=policies.audience,
                groups=policies.groups,
                paths=messages.PATHS,
                shared_by={"project.member": "project_id"},
                overseers=frozenset((policies.ADMINISTRATORS,)),
                collection="tasks",
            )
        )
        contents.register(contents.Contents(models.Task, figures=queries.figures_of_project))
