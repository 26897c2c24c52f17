"""`manage.py demo`: loads the demo data of all apps once."""

from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.module_loading import module_has_submodule


class Command(BaseCommand):
    """Load the data of each app that has a `demo` module, in the order of dependencies, unless they are loaded."""

    help = "Load demo data once: an administrator, whose password is printed, the users John Doe and Jane Smith, tasks."

    def handle(self, *args: Any, **options: Any) -> None:
        modules = [import_module(f"{app.name}.demo") for app in apps.get_app_configs() if _has_demo(app)]
        with transaction.atomic():
            # If the data of one app exist, those that depend on them exist too, or were deleted on purpose.
            loaded = all(module.load(self.stdout.write) for module in modules)
        if loaded:
            self.stdout.write("Demo data is loaded.")


def _has_demo(app: Any) -> bool:
    return module_has_submodule(app.module, "demo")
