"""Modules that a process imports when it first needs them, because they bring a large library.

Each process of the server imports all handlers, and few processes are asked to read drawings: numpy alone takes
0.12 s of each start and 16 MB of each process.
"""

from importlib import import_module
from typing import Any


class LazyModule:
    """A module that is imported when one of its names is read for the first time.

    For type checkers, import the module itself under `TYPE_CHECKING`.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)
