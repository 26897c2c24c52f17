"""The things that need a hand now, each with a link to where it is mended."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from config.home.alive import Process
from config.home.calls import Calls
from config.home.pipelines import Pipeline
from config.home.state import MANY_FAILURES, MAX_COUNTED, State
from core.models import Job
from core.observability import process
from meetings.models import NodeState, SpeechNode

#: How many rows of a kind are named; a link leads to the others.
MAX_NAMED = 5
#: Jobs that are due for longer need more workers.
_LATE_SECONDS = 300
#: Of fewer calls, it does not matter that most fail.
_MIN_CALLS = 20


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that needs a hand.

    Attributes:
        retry: the id of the job that the button Retry queues again; empty = there is no button.
    """

    title: str
    detail: str = ""
    link: str = ""
    retry: str = ""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun; a count that has reached its limit states so."""
    more = "at least " if number >= MAX_COUNTED else ""
    return f"{more}{number:,} {noun}{'' if number == 1 else 's'}"


def of_system(request: HttpRequest, processes: Iterable[Process], calls: Calls, state: State) -> Iterator[Item]:
    """Yield what is wrong with processes, calls, the change log, jobs and sign-ins."""
    for one in processes:
        if not one.is_alive and one.service != process.NODE:
            yield Item(f"{one.title} is not seen", f"{one.note} Start it with manage.py {one.command}.")
    if calls.total >= _MIN_CALLS and 2 * (calls.refused + calls.errors) > calls.total:
        title = f"{calls.refused + calls.errors:,.0f} of {calls.total:,.0f} calls got no result"
        detail = (
            f"{calls.refused:,.0f} had no valid credential or exceeded a limit, {calls.errors:,.0f} ended with a "
            "server error. The log lines of the calls have the addresses of the callers."
        )
        yield Item(title, detail)
    if state.numbering.is_late:
        detail = f"The oldest has waited for {state.numbering.lag_seconds:.0f} s; meanwhile streams deliver nothing."
        yield Item("Changes get no sequence numbers", detail)
    if state.queue.oldest_due_seconds > _LATE_SECONDS:
        title = f"Jobs have waited for {state.queue.oldest_due_seconds / 60:.0f} minutes"
        yield Item(title, "Start more workers, or give them more threads.", _jobs("open"))
    if state.queue.failed:
        yield from _failed_jobs(request, state.queue.failed)
    if many := state.sign_ins.accounts_with_many:
        title = f"{counted(many, 'account')} with {MANY_FAILURES} failed sign-ins or more within an hour"
        yield Item(title, "The log lines of Login have the addresses of the callers.")


def of_nodes() -> Iterator[Item]:
    """Yield the speech nodes that are passed over."""
    for node in SpeechNode.objects.filter(state=NodeState.PASSED_OVER).order_by("address")[:MAX_NAMED]:
        link = reverse("admin:meetings_speechnode_change", args=[node.pk])
        yield Item(f"Speech node {node.address} is passed over", node.reason, link)


def of_pipelines(pipelines: Iterable[Pipeline]) -> Iterator[Item]:
    """Yield the recordings and drawings that failed."""
    for one in pipelines:
        if one.failed:
            yield Item(f"{one.kind} “{one.title}”: {one.stage.lower()}", one.reason, one.link)


def _failed_jobs(request: HttpRequest, count: int) -> Iterator[Item]:
    may_retry = request.user.has_perm("core.change_job")
    for job in Job.objects.filter(failed=True).order_by("-id")[:MAX_NAMED]:
        link = reverse("admin:core_job_change", args=[job.pk])
        yield Item(f"Job {job.kind} failed", job.last_error[:200], link, str(job.pk) if may_retry else "")
    if count > MAX_NAMED:
        yield Item(f"{counted(count, 'failed job')} altogether", "", _jobs("failed"))


def _jobs(state: str) -> str:
    return f"{reverse('admin:core_job_changelist')}?state={state}"
