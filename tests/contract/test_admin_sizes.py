"""Every list and form of the admin site: at most 12 queries and 80 KB of HTML. See also `bench.admin`."""

from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.contract.test_admin_site import rows_of_every_table
from tests.support.factories import AdministratorFactory, TaskFactory

MAX_QUERIES, MAX_BYTES = 12, 80 * 1024


def test_queries_and_sizes(site: Client) -> None:
    site.force_login(AdministratorFactory(is_superuser=True))
    rows = rows_of_every_table(13)
    TaskFactory.create_batch(30)
    pages = {"index": reverse("admin:index"), "search": reverse("admin:search") + "?s=a&extended=1"}
    for model, row in rows.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        pages[f"{name}_changelist"] = reverse(f"admin:{name}_changelist")
        pages[f"{name}_change"] = reverse(f"admin:{name}_change", args=[row.pk])
        if admin.site.get_model_admin(model).urls and name != "changes_change":
            pages[f"{name}_add"] = reverse(f"admin:{name}_add")
    # The newest changes are those of the tasks; these are of all kinds.
    pages["changes of all kinds"] = reverse("admin:changes_change_changelist") + "?p=2"
    for address in pages.values():
        site.get(address)  # Content types are asked for once.
    exceeded = {}
    for name, address in pages.items():
        with CaptureQueriesContext(connection) as captured:
            page = site.get(address)
        assert page.status_code in (200, 403), name
        if len(captured) > MAX_QUERIES or len(page.content) > MAX_BYTES:
            exceeded[name] = (len(captured), len(page.content))
    assert exceeded == {}
    page = site.get(reverse("admin:tasks_task_changelist")).content.decode()
    assert page.count('<tr class="data-row">') == 25
    assert 'class="cell ' in page or "cell nowrap" in page  # Unfold's classes are replaced.


def test_empty_lists_and_missing_pages_lead_on(site: Client) -> None:
    jobs = site.get(reverse("admin:core_job_changelist")).content.decode()
    assert "There are no jobs yet." in jobs
    assert "queue jobs" in jobs
    assert "Add the first task" in site.get(reverse("admin:tasks_task_changelist")).content.decode()
    assert "Nothing matches." in site.get(reverse("admin:tasks_task_changelist"), {"q": "nothing"}).content.decode()
    missing = site.get("/admin/nothing/here/")
    assert missing.status_code == 404
    assert 'href="/admin/"' in missing.content.decode()
    site.force_login(AdministratorFactory(is_superuser=True))
    unmade = site.get(reverse("admin:core_job_add"))
    assert unmade.status_code == 403
    assert "superuser" not in unmade.content.decode()
    site.force_login(AdministratorFactory(is_staff=True))
    refused = site.get(reverse("admin:core_job_changelist"))
    assert refused.status_code == 403
    assert "a superuser gives permissions" in refused.content.decode()
