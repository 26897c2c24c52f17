"""Input that a browser can send to the admin site although no page does: it never causes an internal error."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import NoReverseMatch, reverse

from tests.contract.test_admin_site import addresses, rows_of_every_table
from tests.support.factories import AdministratorFactory

DEEP = "[" * 100_000
#: Nested as deep as the parser still takes it, and deeper than anything that writes it.
NESTED = "[" * 900 + "]" * 900
TEXTS = ["a\0b", "9" * 400, "["]
FORM_TEXTS = [*TEXTS, DEEP, NESTED, json.dumps({"a": "\0"}), '{"a": 1e999}', '{"\\ud800": "x"}', "1" * 5_000]
#: What Django's lists take beside their filters.
LIST_PARAMETERS = ["q", "o", "p", "_to_field", "id__in"]


@pytest.fixture
def site(client: Client, db: None) -> Client:
    client.raise_request_exception = False
    client.defaults["HTTP_HOST"] = "localhost"
    client.force_login(AdministratorFactory(is_superuser=True))
    return client


@pytest.fixture
def rows(db: None) -> dict[type[Model], Model]:
    return rows_of_every_table(1)


def encoded(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")


def filters(model: type[Model]) -> list[str]:
    """Return the query parameters that filter the list of the model."""
    model_admin = admin.site.get_model_admin(model)
    names = list(getattr(model_admin, "lookups", ()))
    for one in model_admin.list_filter:
        name = getattr(one, "parameter_name", one)
        names += [name, f"{name}__exact"] if isinstance(name, str) else []
    return names


def lists(rows: dict[type[Model], Model]) -> Iterator[tuple[type[Model], str]]:
    for model in rows:
        yield model, reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def failures(site: Client, method: str, calls: Iterator[tuple[str, dict[str, Any]]]) -> list[tuple[str, Any]]:
    failed = []
    for address, data in calls:
        answer = site.generic("GET", address) if method == "GET" else site.post(address, data)
        if answer.status_code >= 500:
            failed.append((address[:150], {name: str(value)[:50] for name, value in data.items()}))
    return failed


def test_any_query_of_a_list_is_handled(site: Client, rows: dict[type[Model], Model]) -> None:
    def calls() -> Iterator[tuple[str, dict[str, Any]]]:
        for model, address in lists(rows):
            for name in {*filters(model), *LIST_PARAMETERS}:
                for text in TEXTS:
                    yield f"{address}?{name}={encoded(text)}", {}
            yield f"{address}?%00=1", {}
            yield f"{address}?" + "&".join(f"{name}=1&{name}=2" for name in filters(model)), {}

    assert failures(site, "GET", calls()) == []


def test_any_id_of_a_row_is_handled(site: Client, rows: dict[type[Model], Model]) -> None:
    def calls() -> Iterator[tuple[str, dict[str, Any]]]:
        for _, address in lists(rows):
            for text in ("a\0b", "9" * 400, "[", "\ud800"):
                for page in ("change", "history", "delete"):
                    yield f"{address}{encoded(text)}/{page}/", {}

    assert failures(site, "GET", calls()) == []


def test_any_query_of_a_page_is_handled(site: Client, rows: dict[type[Model], Model]) -> None:
    def calls() -> Iterator[tuple[str, dict[str, Any]]]:
        pages = [address for row in rows.values() for name, address in addresses(row) if name.endswith("_history")]
        pages += [reverse(f"admin:{name}") for name in ("index", "login", "jsi18n", "users_user_add", "tasks_task_add")]
        for address in pages:
            for name in ("_changelist_filters", "_to_field", "before", "email"):
                for text in TEXTS:
                    yield f"{address}?{name}={encoded(text)}", {}
        for text in TEXTS:
            for name in ("term", "app_label", "model_name", "field_name", "page", "p"):
                query = {"term": "a", "app_label": "users", "model_name": "useraddress", "field_name": "user"}
                query[name] = text
                yield reverse("admin:autocomplete") + "?" + "&".join(f"{k}={encoded(v)}" for k, v in query.items()), {}
        try:
            search = reverse("admin:search")
        except NoReverseMatch:
            return
        for text in TEXTS:
            for name in ("s", "extended", "model", "page"):
                yield f"{search}?s=a&{name}={encoded(text)}", {}

    assert failures(site, "GET", calls()) == []


def test_any_action_of_a_list_is_handled(site: Client, rows: dict[type[Model], Model]) -> None:
    def calls() -> Iterator[tuple[str, dict[str, Any]]]:
        for model, address in lists(rows):
            pk = str(rows[model].pk)
            actions = [str(action) for action in admin.site.get_model_admin(model).actions or ()]
            for text in TEXTS:
                for action in (*actions, "delete_selected"):
                    chosen = {"action": action, "index": "0", "select_across": "0", "_selected_action": pk}
                    yield address, {**chosen, "_selected_action": text}
                    yield address, {**chosen, "_selected_action": [pk, text]}
                    yield address, {**chosen, "_selected_action": text, "reason": text}
                yield address, {"action": text, "index": "0", "_selected_action": pk}
                yield address, {"action": "delete_selected", "index": text, "_selected_action": pk}
                yield address, {"action": "delete_selected", "select_across": text, "_selected_action": pk}

    assert failures(site, "POST", calls()) == []


def fields_of(form: Any) -> list[str]:
    return [str(bound.html_name) for bound in form] + ["opened_version", "_continue", "_save"]


def test_any_field_of_a_form_is_handled(site: Client, rows: dict[type[Model], Model]) -> None:
    def calls() -> Iterator[tuple[str, dict[str, Any]]]:
        for row in rows.values():
            pages = [address for name, address in addresses(row) if name.endswith(("_add", "_change"))]
            for address in pages:
                page = site.get(address)
                if page.status_code != 200 or "adminform" not in (page.context or {}):
                    continue
                form = page.context["adminform"].form
                sent = {bound.html_name: bound.value() for bound in form}
                sent = {name: "" if value is None else value for name, value in sent.items()}
                for formset in page.context.get("inline_admin_formsets", ()):
                    prefix = formset.formset.prefix
                    sent |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
                for text in FORM_TEXTS:
                    yield address, dict.fromkeys(fields_of(form), text)
                    for name in sent.keys() & {"metadata", "social_links"}:
                        yield address, {**sent, name: text}

    assert failures(site, "POST", calls()) == []
