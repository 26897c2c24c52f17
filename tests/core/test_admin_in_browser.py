"""The admin site in Chromium: on a desk and a telephone, in the dark, by keyboard, and to axe."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.jobs import enqueue
from core.models import Job
from drawings.models import Document
from drawings.services import delete_document
from meetings.admin.listening import LINES_SHOWN
from meetings.models import Meeting, Stage, Status
from projects.models import Project
from tasks.models import Task
from tests.support.axe import SCREENS, show, violations
from tests.support.chromium import Page, chromium
from tests.support.drawings import a_document, processed
from tests.support.factories import (
    ActionItemFactory,
    ComponentFactory,
    ProjectFactory,
    SegmentFactory,
    SpeakerFactory,
    SummaryFactory,
    SymbolFactory,
    TaskFactory,
    TranscribedMeetingFactory,
    UserFactory,
)
from tests.support.pictures import picture_of
from tests.support.servers import ROOT, Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from users.models import User

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium")]

#: Controls of the page's own part that the Tab key has to reach. Of radio buttons it reaches one of each group.
CONTROLS = """
    [...document.querySelectorAll(":is(main, form) :is(a[href], button, input, select, textarea, summary)")]
    .filter((e) => (
        e.checkVisibility({visibilityProperty: true}) && !e.disabled && !e.closest("[aria-hidden=true]")
        && !["hidden", "radio"].includes(e.type)
    ))
"""


#: Elements that make the page wider than the screen.
WIDE = """
    document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth)
    .map((e) => `${e.tagName} ${e.id} ${e.className} ${e.getBoundingClientRect().right}`)
"""


@pytest.fixture
def administrator(servers: Servers) -> User:
    found = User.objects.get(email="admin@example.com")
    User.objects.filter(pk=found.pk).update(is_superuser=True, is_staff=True)
    found.refresh_from_db()
    return found


@pytest.fixture
def page(servers: Servers, administrator: User, client: Client) -> Iterator[Page]:
    client.force_login(administrator)
    with chromium() as page:
        (cookie,) = client.cookies.values()
        page.send("Network.setCookie", url=servers.http_url, name=cookie.key, value=cookie.value)
        yield page


@pytest.fixture
def document(administrator: User, settings: Any) -> Iterator[Document]:
    """A document that was processed, in the folder of the servers, which start with the product's own settings."""
    settings.DATA_DIR = ROOT / "var"
    kept = settings.STORAGES["documents"]
    location = {"OPTIONS": {**kept["OPTIONS"], "location": settings.DATA_DIR / "media" / "documents"}}
    settings.STORAGES = {**settings.STORAGES, "documents": {**kept, **location}}
    document = processed(a_document(ProjectFactory(name="Hall 5"), administrator))
    yield document
    delete_document(administrator, str(document.pk))


def serious(page: Page, rule: str = "") -> list[tuple[str, str]]:
    """Return rule and element of what axe finds serious.

    Args:
        rule: the only rule that is checked; empty = all.
    """
    return [(one.rule, one.target) for one in violations(page, rule=rule)]


def a_meeting(project: Project, owner: User) -> Meeting:
    meeting = TranscribedMeetingFactory(owner=owner, project=project, participants=[owner.pk], title="Weekly")
    speaker = SpeakerFactory(meeting=meeting, name="Grace", speech_ms=60_000)
    lines = [
        SegmentFactory(meeting=meeting, start_ms=1_000 * n, end_ms=1_000 * n + 900, speaker_id=speaker.pk)
        for n in range(LINES_SHOWN + 5)
    ]
    SummaryFactory(meeting=meeting, decisions=[{"text": "We ship it.", "segment_ids": [str(lines[-1].pk)]}])
    ActionItemFactory(meeting=meeting, assigned_to=owner, segment_ids=[lines[0].pk])
    return meeting


def test_pages_on_a_desk_and_on_a_telephone_in_both_themes(
    servers: Servers, page: Page, administrator: User, document: Document
) -> None:
    meeting = a_meeting(document.project, administrator)
    task = TaskFactory(title="Order the seeds", project=document.project, assigned_to=administrator)
    ready = {
        reverse("admin:index"): "document.querySelectorAll('#home [data-panel]').length >= 8",
        reverse("admin:tasks_task_change", args=[task.pk]): "!!document.querySelector('#id_title')",
        reverse("admin:meetings_meeting_change", args=[meeting.pk]): (
            f"document.querySelectorAll('#listening-lines li').length === {LINES_SHOWN + 5}"
        ),
        reverse("admin:projects_project_change", args=[document.project_id]): (
            "document.body?.innerText.includes('Order the seeds')"
        ),
        reverse("admin:drawings_document_change", args=[document.pk]): (
            "document.querySelectorAll('.viewer-list button').length > 0"
        ),
        reverse("admin:tasks_task_changelist"): "!!document.querySelector('.data-row')",
        reverse("admin:users_user_change", args=[administrator.pk]): "!!document.querySelector('.newest')",
        reverse("admin:tasks_task_history", args=[task.pk]): "!!document.querySelector('main table')",
    }
    assert [fault for address, shown in ready.items() for fault in faults(servers, page, address, shown, SCREENS)] == []
    assert not page.errors, page.errors


def test_pickers_have_the_names_of_their_fields(
    servers: Servers, page: Page, administrator: User, document: Document
) -> None:
    meeting = a_meeting(document.project, administrator)
    page.size(1280, 800)
    for address, name in (
        (reverse("admin:tasks_task_add"), "Assigned to"),
        (reverse("admin:meetings_meeting_change", args=[meeting.pk]), "Participants"),
        (reverse("admin:meetings_meeting_changelist"), "By owner"),
    ):
        page.open(servers.http_url + address)
        page.until("!!document.querySelector('.select2-selection[aria-label]')")
        names = page.value("[...document.querySelectorAll('.select2-selection')].map((e) => e.ariaLabel)")
        assert any(name in one for one in names), names
        assert serious(page) == []
        for place in range(len(names)):
            # Open, each has a list and perhaps a search field.
            page.value(f"django.jQuery('select.select2-hidden-accessible').eq({place}).select2('open'); 0")
            page.until("!!document.querySelector('.select2-container--open .select2-results')")
            assert [place, *serious(page)] == [place]
            page.value(f"django.jQuery('select.select2-hidden-accessible').eq({place}).select2('close'); 0")
    assert not page.errors, page.errors


def test_lists_on_a_desk_and_on_a_telephone(
    servers: Servers, page: Page, administrator: User, document: Document
) -> None:
    a_meeting(document.project, administrator)
    ComponentFactory(document=document, decided_by=administrator)
    SymbolFactory(document=document)
    lists = [
        reverse(f"admin:{name}_changelist")
        for name in ("meetings_meeting", "drawings_component", "drawings_symbol", "projects_project", "changes_change")
    ]
    screens = (SCREENS[0], SCREENS[-1])
    row = "!!document.querySelector('.data-row')"
    assert [fault for address in lists for fault in faults(servers, page, address, row, screens)] == []
    assert not page.errors, page.errors


def test_tasks_and_meetings_fit_on_a_desk(servers: Servers, page: Page, administrator: User) -> None:
    title = "Check the cable lengths of the emergency stops in the second hall before the acceptance"
    person = UserFactory(display_name="Maximiliane Oberhuber-Lindenbaum")
    TaskFactory(title=title, assigned_to=person, created_by=administrator, due_date=timezone.now())
    TranscribedMeetingFactory(title=title, owner=person, starts_at=timezone.now())
    page.size(1280, 800)
    for name in ("tasks_task", "meetings_meeting"):
        page.open(servers.http_url + reverse(f"admin:{name}_changelist"))
        page.until("!!document.querySelector('.data-row')")
        box, rows, named = page.value(
            "['.rows', '#result_list', 'tbody th'].map((e) => document.querySelector(e).getBoundingClientRect().width)"
        )
        assert rows <= box, name
        assert named >= 200, name


def test_bars_stay_in_their_boxes_on_a_telephone(
    servers: Servers, page: Page, administrator: User, document: Document
) -> None:
    symbol = SymbolFactory(document=document, count_progress=100)
    meeting = TranscribedMeetingFactory(owner=administrator)
    page.size(390, 844)
    for name, pk in (
        ("drawings_symbol", symbol.pk),
        ("drawings_document", document.pk),
        ("meetings_meeting", meeting.pk),
    ):
        page.open(servers.http_url + reverse(f"admin:{name}_change", args=[pk]))
        page.until("!!document.querySelector('.facts progress')")
        page.value("document.querySelectorAll('.facts').forEach((e) => { e.open = true; }); 0")
        too_wide = "[...document.querySelectorAll('.facts dd')].filter((e) => e.scrollWidth > e.clientWidth)"
        assert page.value(f"{too_wide}.map((e) => e.innerText)") == [], name


def faults(
    servers: Servers, page: Page, address: str, shown: str, screens: Sequence[tuple[int, int, str, str]]
) -> Iterator[tuple[object, ...]]:
    """Open a page on each screen, wait for a condition, and yield what is wrong."""
    for width, height, scheme, rule in screens:
        show(page, width, height, scheme)
        page.open(servers.http_url + address)
        page.until(shown)
        assert page.value("document.querySelectorAll('main').length") == 1
        assert page.value("document.documentElement.classList.contains('dark')") == (scheme == "dark")
        for fault in (*serious(page, rule), *(("wide", one) for one in page.value(WIDE))):
            yield address, width, scheme, *fault


def test_tab_key_reaches_all_controls_also_of_a_stale_form(servers: Servers, page: Page, administrator: User) -> None:
    task = TaskFactory(title="Order the seeds")
    page.size(1280, 800)
    page.open(servers.http_url + reverse("admin:index"))
    assert unreached(page) == []
    page.open(servers.http_url + reverse("admin:tasks_task_change", args=[task.pk]))
    page.until("!!document.querySelector('#id_title')")
    assert unreached(page) == []
    # Another user changes the title.
    type(task).objects.filter(pk=task.pk).update(title="Order the bulbs")
    page.value("document.querySelector('#id_title').value = 'Order both'; 0")
    page.value("document.querySelector('[name=_save]').click()")
    page.until("!!document.querySelector('.conflicts')")
    assert serious(page) == []
    assert unreached(page) == []
    page.value("document.querySelector('[name=keep_title]').focus()")
    page.press("ArrowDown", 40)
    assert page.value("document.querySelector('[name=keep_title]:checked').value") == "typed"
    page.value("document.querySelector('[name=_save]').click()")
    page.until("document.readyState === 'complete' && !document.querySelector('.conflicts')")
    task.refresh_from_db()
    assert task.title == "Order both"
    assert not page.errors, page.errors


def unreached(page: Page) -> list[str]:
    """Return the controls of the page that pressing the Tab key from its beginning does not focus."""
    page.value("document.addEventListener('focusin', ({target}) => { target.dataset.reached = 'yes'; })")
    page.value("document.activeElement.blur(); scrollTo(0, 0)")
    for _ in range(250):
        page.press("Tab", 9)
        if page.value(f"{CONTROLS}.every((e) => e.dataset.reached)"):
            return []
    left: list[str] = page.value(f"{CONTROLS}.filter((e) => !e.dataset.reached).map((e) => e.outerHTML.slice(0, 200))")
    return left


def test_keyboard_refresh_and_retry(servers: Servers, page: Page) -> None:
    page.size(1280, 800)
    page.open(servers.http_url + reverse("admin:index"))
    # The first stop of the Tab key skips the navigation.
    page.press("Tab", 9)
    assert page.value("document.activeElement.textContent") == "Skip to the content"
    page.press("Enter", 13)
    page.value("document.activeElement.click()")
    assert page.value("location.hash") == "#content"
    # A job that fails shows without a reload, and is queued again by its button.
    page.value("window.sameDocument = true")
    job = enqueue("tests.fail", why="hopeless")
    Job.objects.filter(pk=job.pk).update(failed=True, ended_at=timezone.now(), last_error="Mail server is away")
    page.until("document.body?.innerText.includes('Mail server is away')")
    assert page.value("window.sameDocument")
    page.value("document.querySelector('#home button[name=job]').click()")
    page.until("document.body?.innerText.includes('The job is queued again.')")
    job.refresh_from_db()
    assert not job.failed
    # Ctrl+K opens the palette, which finds rows by their names. It listens once the scripts of the new page run.
    TaskFactory(title="Order the seeds")
    page.until("!!window.Alpine")
    page.value("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'k', ctrlKey: true, bubbles: true}))")
    page.until("document.activeElement.id === 'search-input-command'")
    page.send("Input.insertText", text="seed")
    page.press("Shift", 16)  # The palette listens for the release of a key.
    page.until("document.querySelector('#command-results')?.innerText.includes('Order the seeds')")


def test_home_shows_what_happens_now(servers: Servers, page: Page) -> None:
    people = [UserFactory(display_name=name) for name in ("Ada Lovelace", "Grace Hopper", "Alan Turing")]
    for n in range(60):
        task = TaskFactory(
            title=f"Task {n}", assigned_to=people[n * n % 3], status=1 + n % 3, priority=1 + n % 4,
            completed_at=timezone.now() if n % 3 == 2 else None,
        )  # fmt: skip
        opened = timezone.now() - timedelta(days=n * n % 14)
        Task.objects.filter(pk=task.pk).update(created_at=opened)
    meeting = TranscribedMeetingFactory(title="Site meeting", owner=people[0])
    for place, person in enumerate(people):
        SpeakerFactory(meeting=meeting, user=person, place=place, label=f"S{place}", speech_ms=400_000 - 90_000 * place)
    TranscribedMeetingFactory(title="Weekly", status=Status.PROCESSING, stage=Stage.DIARIZING, progress=60)
    job = enqueue("tests.fail", why="hopeless")
    Job.objects.filter(pk=job.pk).update(failed=True, ended_at=timezone.now(), last_error="Mail server is away")
    page.size(1280, 800)
    page.open(servers.http_url + reverse("admin:index"))
    page.until("document.body?.innerText.includes('Grace Hopper')")
    shown = page.value("document.querySelector('#home').innerText")
    for text in ("Mail server is away", "Weekly", "Web server", "Open tasks by priority", "Talk time", "Ada Lovelace"):
        assert text in shown
    page.until("!!window.Chart && !!Chart.getChart(document.querySelector('#home canvas'))")
    assert page.value("document.querySelectorAll('.panel-workload meter').length") >= 6
    picture_of(page, "admin", 1560)
