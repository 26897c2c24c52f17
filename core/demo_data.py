"""The interface of the modules `demo` of apps, beside `load`, to the command `manage.py demo`.

GROWTH = {"tasks": Growth("tasks of all users and projects", add_tasks)}     an option `--tasks N`
STEPS = [change_a_task]                                                      what happens during `--live SECONDS`
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple


class Growth(NamedTuple):
    """A kind of rows of which many can be added.

    Attributes:
        help: what they are.
        add: function that adds so many, and yields after each step how many it has added.
    """

    help: str
    add: Callable[[Random, int], Iterator[int]]


#: One change, as a user would make it.
Step = Callable[[Random], object]


def phrases(text: str) -> list[str]:
    """Return the phrases between the bars of a text."""
    return [" ".join(phrase.split()) for phrase in text.split("|")]
