"""Rows of the job queue."""

from pathlib import Path
from typing import Any

from core.jobs import enqueue
from core.models import Job


def a_job(**fields: Any) -> Job:
    """Enqueue a job and set the given fields."""
    job = enqueue("tests.fail", why="away")
    Job.objects.filter(pk=job.pk).update(**fields)
    return Job.objects.get(pk=job.pk)


def slow_jobs(path: Path, fairness_key: str, count: int) -> list[Job]:
    return [
        enqueue("tests.write_slowly", fairness_key=fairness_key, path=str(path), text=fairness_key)
        for _ in range(count)
    ]
