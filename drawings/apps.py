from collections.abc import Iterator

from django.apps import AppConfig


class DrawingsConfig(AppConfig):
    name = "drawings"

    def ready(self) -> None:
        """Register documents with the change feed, with projects, and with the uploads that resume."""
        from changes.feed import subjects
        from core.uploads import purposes
        from drawings import messages, models, policies, queries, services
        from drawings.messages import components
        from drawings.services.uploads import DOCUMENT_UPLOADS
        from projects import contents
        from projects.policies import ADMINISTRATORS

        purposes.register(DOCUMENT_UPLOADS)
        subjects.register(
            subjects.Subject(
                models.Document,
                message=lambda document, visibility: messages.document_message(document),
                audience=policies.audience,
                groups=policies.groups,
                paths=messages.PATHS,
                shared_by={"project.member": "project_id"},
                overseers=frozenset((ADMINISTRATORS,)),
                collection="documents",
                progress=frozenset(("progress",)),
            )
        )
        subjects.register(
            subjects.Subject(
                models.Page,
                message=lambda page, visibility: messages.page_message(page),
                audience=policies.audience_of_part,
                groups=lambda actor: frozenset(),
                paths={"number": "page_number"},
                belongs_to="document_id",
                order=("number",),
            )
        )
        subjects.register(
            subjects.Subject(
                models.Component,
                message=lambda component, visibility: components.component_message(component),
                audience=policies.audience_of_part,
                groups=lambda actor: frozenset(),
                paths=components.PATHS,
                belongs_to="document_id",
                order=("page_number",),
            )
        )
        contents.register(
            contents.Contents(models.Document, figures=queries.figures_of_project, release=services.delete_of_project)
        )

    def prune(self) -> dict[str, int]:
        """Delete files that no document has, and return how many."""
        from drawings.services import uploads

        return {"files of no document": uploads.prune()}

    def remains(self) -> Iterator[str]:
        """Yield a sentence for each thing that should have been deleted."""
        from drawings.services import retention

        return retention.remains()
