"""The processes that a test leaves behind, and the time that those took that have ended."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def no_orphans() -> Iterator[None]:
    """Assert that no child of this process is left that was not there before."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert left == []


def cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def open_descriptors() -> int:
    return psutil.Process(os.getpid()).num_fds()
