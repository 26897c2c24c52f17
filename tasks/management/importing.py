"""Import of the rows of a file of tasks."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core import bulk
from core.actors import Actor
from core.auth import Credential
from core.files.import_run import FileImport
from core.files.messages import Item
from core.operations import Call, Operation, operations
from tandem.task.v1 import task_pb2
from tasks import handlers
from tasks.management.rows import Reader
from tasks.services.imports import Fate, build_imported_tasks, check_may_import, import_tasks

#: The operation of the import's bulk calls. Rows have no idempotency keys, as their external ids identify them.
IMPORT: Operation = next(
    operation
    for operation in operations(task_pb2.DESCRIPTOR.services_by_name["TaskService"], handlers)
    if operation.rpc == "BulkCreateTasks"
)


class Import(FileImport):
    """One run over the rows of a file of tasks.

    Args:
        actor: the importing administrator, or the system.

    Attributes:
        fates: how many tasks were created, updated, …
    """

    def __init__(
        self,
        actor: Actor,
        items: Iterator[Item],
        reader: Reader,
        errors: Path,
        done: Callable[[], None],
        *,
        dry_run: bool = False,
    ) -> None:
        super().__init__(items, errors, done, dry_run=dry_run)
        self.fates = Counter[Fate]()
        self._actor = actor
        self._reader = reader

    def run(self) -> None:
        """Write the rows.

        Raises:
            PermissionDenied: the actor may not import tasks.
        """
        check_may_import(self._actor)
        self.run_to_its_end()

    def write(self, rows: Iterator[Any], done: Callable[[Sequence[bulk.BulkItem]], None]) -> None:
        bulk.write(
            Call(IMPORT, Credential(self._actor)),
            rows,
            self._reader.read,
            build_imported_tasks,
            import_tasks,
            answer=lambda made: b"",
            paths={"assigned_to_id": "assigned_to"},
            done=done,
        )

    def count(self, row: bulk.BulkItem) -> None:
        self.fates[row.instance.fate] += 1
