"""`manage.py demo`: loads the demo data of all apps once, and more of them on request."""

import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from importlib import import_module
from random import Random
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils.module_loading import module_has_submodule

from core.demo_data import Growth
from core.errors import Failure

#: The longest pause between two changes of `--live`, in seconds.
_LONGEST_PAUSE = 0.8


class Command(BaseCommand):
    """Load the data of each app that has a `demo` module, in the order of dependencies, unless they are loaded."""

    help = (
        "Load demo data once: an administrator, whose password is printed, the users John Doe and Jane Smith, tasks "
        "and a project. The options add more, each time that the command runs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        for name, growth in _growths().items():
            parser.add_argument(f"--{name}", type=_amount, default=0, metavar="N", help=f"add N {growth.help}")
        parser.add_argument(
            "--live", type=_amount, default=0, metavar="SECONDS", help="then let users change tasks for so long"
        )
        parser.add_argument("--seed", default="1", help="another one gives other texts and choices")

    def handle(self, *args: Any, **options: Any) -> None:
        modules = _modules()
        with transaction.atomic():
            # If the data of one app exist, those that depend on them exist too, or were deleted on purpose.
            loaded = all(module.load(self.stdout.write) for module in modules)
        if loaded:
            self.stdout.write("Demo data is loaded.")
        chance = Random(options["seed"])  # noqa: S311 - texts, not secrets
        for name, growth in _growths().items():
            if count := options[name]:
                self._show(name, count, growth.add(chance, count))
        if options["live"]:
            self._live(chance, options["live"])

    def _show(self, name: str, count: int, added: Iterator[int]) -> None:
        """Show the progress in one line; where the output is no terminal, only its end."""
        for so_far in added:
            if self.stdout.isatty():
                done = 30 * so_far // count
                self.stdout.write(f"\r{name:9} [{'#' * done}{'.' * (30 - done)}] {so_far:,} of {count:,}", ending="")
                self.stdout.flush()
        if self.stdout.isatty():
            self.stdout.write("")
        else:
            self.stdout.write(f"{count:,} {name} added.")

    def _live(self, chance: Random, seconds: int) -> None:
        steps = [step for module in _modules() for step in getattr(module, "STEPS", ())]
        self.stdout.write(f"Users change tasks for {seconds} s; Ctrl-C ends it.")
        count, until = 0, time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                try:
                    chance.choice(steps)(chance)
                    count += 1
                except (Failure, ValidationError, ObjectDoesNotExist):
                    pass  # Another user was faster, or has deleted it.
                time.sleep(chance.uniform(0, _LONGEST_PAUSE))
        except KeyboardInterrupt:
            self.stdout.write("")
        self.stdout.write(f"{count:,} changes.")


def _amount(text: str) -> int:
    if not text.isdecimal() or int(text) > 10_000_000:
        raise ArgumentTypeError(f"Give a number up to 10,000,000, not {text!r}.")
    return int(text)


def _modules() -> list[Any]:
    configs = apps.get_app_configs()
    return [import_module(f"{app.name}.demo") for app in configs if module_has_submodule(app.module, "demo")]


def _growths() -> dict[str, Growth]:
    return {name: growth for module in _modules() for name, growth in getattr(module, "GROWTH", {}).items()}
