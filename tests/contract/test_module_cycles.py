"""No module imports itself through others: each can be read without what stands above it."""

import pytest

grimp = pytest.importorskip("grimp", reason="scripts/check.sh installs grimp, with requirements-check.txt")

PACKAGES = (
    "access", "changes", "config", "core", "drawing_engine", "drawings", "embedded_postgres", "log_formats", "meetings",
    "projects", "server_certificates", "speechnode", "tandem", "tasks", "users",
)  # fmt: skip


def test_modules_import_each_other_without_cycles() -> None:
    graph = grimp.build_graph(*PACKAGES)
    remaining = {module: graph.find_modules_directly_imported_by(module) & graph.modules for module in graph.modules}
    # Take away, again and again, the modules that import nothing that is left: what stays is in a circle, or above one.
    while free := {module for module, imported in remaining.items() if not imported}:
        remaining = {module: imported - free for module, imported in remaining.items() if module not in free}
    in_circles = {module for module, imported in remaining.items() if module in set().union(*remaining.values())}
    assert in_circles == set()
