"""Demo data: each app's, made once."""

from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.module_loading import module_has_submodule


class Command(BaseCommand):
    """Has each app that has a module `demo` load its data, those below first, unless the data are there."""

    help = "Load demo data once: an administrator, whose password is printed, the users John Doe and Jane Smith, tasks."

    def handle(self, *args: Any, **options: Any) -> None:
        rooms = [import_module(f"{app.name}.demo") for app in apps.get_app_configs() if _has_demo(app)]
        with transaction.atomic():
            # What stands on data that were there already is there too, or was deleted on purpose.
            loaded = all(room.load(self.stdout.write) for room in rooms)
        if loaded:
            self.stdout.write("Demo data is loaded.")


def _has_demo(app: Any) -> bool:
    return module_has_submodule(app.module, "demo")
