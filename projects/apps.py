from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "projects"

    def ready(self) -> None:
        """Register projects and memberships with the change feed."""
        from changes.feed import memberships, subjects
        from projects import messages, models, policies

        subjects.register(
            subjects.Subject(
                models.Project,
                message=lambda project, visibility: messages.project_message(project),
                audience=policies.audience,
                groups=policies.groups,
                paths=messages.PATHS,
                shared_by={"project.member": "id"},
                overseers=frozenset((policies.ADMINISTRATORS,)),
                collection="projects",
            )
        )
        memberships.register(memberships.Membership(models.ProjectMember, owner="project_id", group=policies.group_of))
