"""The home page: its panels, which a script refreshes, and the button Retry."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.home import alive, attention, pipelines, state
from config.home.calls import MAX_OPERATIONS, processes
from config.home.figures import MAX_PLOTTED, Plot, figures, plot
from config.home.workload import MAX_TASKS, workload
from core.admin.writes import actor_of
from core.db import ids
from core.jobs import store
from core.models import Job
from drawings.models import Document
from meetings.models import Meeting, SpeechNode
from tasks.models import Task
from users.models import User

#: For Chart.js.
_PLOT_OPTIONS = {
    "maintainAspectRatio": False,
    "plugins": {"legend": {"display": True, "labels": {"usePointStyle": True, "color": "#71717a"}}},
    "scales": {
        "x": {"grid": {"display": False}, "ticks": {"color": "#71717a"}},
        "y": {"beginAtZero": True, "grid": {}, "ticks": {"precision": 0, "color": "#71717a"}},
    },
}


def panels(request: HttpRequest) -> dict[str, str]:
    """Return the HTML of each panel that the user may see, by name."""
    return {name: render_to_string(f"admin/home/{name}.html", context, request) for name, context in _contexts(request)}


@require_GET
def refresh(request: HttpRequest) -> HttpResponse:
    """Answer with the panels as they are now."""
    return JsonResponse({"panels": panels(request)}, headers={"Cache-Control": "no-store"})


@require_POST
def retry(request: HttpRequest) -> HttpResponse:
    """Queue a failed job again, and return to the home page."""
    if not request.user.has_perm("core.change_job"):
        raise PermissionDenied
    job_id = ids.parsed(request.POST.get("job", ""))
    if job_id and store.retry(Job.objects.filter(pk=job_id)):
        messages.success(request, "The job is queued again.")
    else:
        messages.error(request, "There is no such failed job any more.")
    return HttpResponseRedirect(reverse("admin:index"))


def _contexts(request: HttpRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    actor = actor_of(request)
    running = [
        *(pipelines.meetings(actor) if _may_see(request, Meeting) else ()),
        *(pipelines.documents(actor) if _may_see(request, Document) else ()),
    ]
    items: list[attention.Item] = []
    of_system = list(_of_system(request, items)) if _may_see(request, Job) else []
    if _may_see(request, SpeechNode):
        items += attention.of_nodes()
    items += attention.of_pipelines(running)
    if of_system or running or _may_see(request, Meeting):
        yield "attention", {"items": items, "now": timezone.localtime()}
        yield from of_system
        yield "pipelines", {"pipelines": [one for one in running if not one.failed]}
    # The figures are those of all rows, which only administrators may see.
    if actor.is_administrator and _may_see(request, Task) and _may_see(request, Meeting):
        yield "figures", {"figures": figures()}
        yield "plot", _plotted(plot())
        if _may_see(request, User):
            yield "workload", {"workload": workload(), "max_tasks": MAX_TASKS}


def _of_system(request: HttpRequest, items: list[attention.Item]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the panels about the system, and add what is wrong with it to `items`."""
    known, scraped = state.read(), processes.latest()
    found, calls = alive.processes(scraped, known.sessions), processes.calls()
    items += attention.of_system(request, found, calls, known)
    streams = sum(sum((one.streams or {}).values()) for one in found)
    yield "system", {"state": known, "streams": streams, "may_see_streams": any(one.streams for one in found)}
    yield "processes", {"processes": found}
    yield (
        "calls",
        {
            "calls": calls,
            "operations": calls.operations[:MAX_OPERATIONS],
            "others": max(0, len(calls.operations) - MAX_OPERATIONS),
            "unreachable": [one.title for one in found if not one.started_at and one.command],
        },
    )


def _plotted(of: Plot) -> dict[str, Any]:
    labels = [f"{day:%m-%d}" for day in of.days]
    datasets = [
        {"label": "Opened", "data": of.opened, **_colour("var(--color-primary-500)")},
        {"label": "Closed", "data": of.closed, **_colour("#15803d"), "borderDash": [6, 3]},
    ]
    return {
        "data": json.dumps({"labels": labels, "datasets": datasets}),
        "options": json.dumps(_PLOT_OPTIONS),
        "rows": list(zip(of.days, of.opened, of.closed, strict=True)),
        "limit": MAX_PLOTTED if of.is_partial else 0,
        "zone": timezone.get_current_timezone_name(),
    }


def _colour(colour: str) -> dict[str, str]:
    return {"borderColor": colour, "backgroundColor": colour}


def _may_see(request: HttpRequest, model: type[Model]) -> bool:
    return admin.site.get_model_admin(model).has_view_or_change_permission(request)
