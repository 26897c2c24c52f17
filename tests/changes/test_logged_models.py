"""Guards over the models of all apps that are logged."""

import re
import uuid
from collections.abc import Iterable

import pytest
from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.migrations import Migration
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.test.utils import isolate_apps
from pgtrigger.migrations import AddTrigger

from changes.triggers import SharedFunctionTrigger, logged
from core.db.versioned import Versioned
from tests.support.notes import Note

FUNCTIONS = ("changes", "0002_functions")
SECRET = re.compile(r"password|passwd|secret|token|hash|(^|_)key($|_)|salt|otp|pin$")
#: Of these types a field can be a secret; a time or a number of that name is none.
TEXTUAL = (models.CharField, models.TextField, models.BinaryField, models.JSONField)


def logs_of(model: type[models.Model]) -> list[SharedFunctionTrigger]:
    triggers: Iterable[object] = getattr(model._meta, "triggers", [])
    return [trigger for trigger in triggers if isinstance(trigger, SharedFunctionTrigger) and trigger.subject_type]


def what_should_not_be_logged(model: type[models.Model]) -> set[str]:
    """Return the fields that enter the log although they look secret or are generated."""
    return {
        field.name
        for field in model._meta.concrete_fields
        if field.generated or (isinstance(field, TEXTUAL) and SECRET.search(field.name))
        if any(field.name not in trigger.exclude for trigger in logs_of(model))
    }


def migrations_that_may_run_too_early(graph: MigrationGraph) -> set[tuple[str, str]]:
    """Return the migrations that add a trigger whose function may not exist yet."""
    return {
        key
        for key, migration in graph.nodes.items()
        if any(runs_a_function_of_ours(operation) for operation in migration.operations)
        if FUNCTIONS not in graph.forwards_plan(key)
    }


def runs_a_function_of_ours(operation: Operation) -> bool:
    return isinstance(operation, AddTrigger) and "changes_" in operation.trigger.sql.kwargs.get("execute", "")


def test_nothing_secret_or_generated_is_logged() -> None:
    models_logged = [model for model in apps.get_models() if logs_of(model)]
    assert models_logged
    assert {model._meta.label: what_should_not_be_logged(model) for model in models_logged} == {
        model._meta.label: set() for model in models_logged
    }


def test_each_type_of_subject_is_one_model() -> None:
    types = [logs_of(model)[0].subject_type for model in apps.get_models() if logs_of(model)]
    assert len(types) == len(set(types))


def test_triggers_come_after_their_functions() -> None:
    assert migrations_that_may_run_too_early(MigrationLoader(None).graph) == set()


@isolate_apps("changes")
def test_the_guard_sees_a_secret() -> None:
    class Key(Versioned):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        name = models.TextField()
        secret_hash = models.BinaryField()
        token = models.TextField()
        tokens_valid_from = models.DateTimeField()
        shouted = models.GeneratedField(expression=models.F("name"), output_field=models.TextField(), db_persist=True)

        class Meta:
            app_label = "changes"
            triggers = logged("key", exclude=["token"])

    assert what_should_not_be_logged(Key) == {"secret_hash", "shouted"}


@pytest.mark.parametrize("trigger", logged("note"), ids=str)
def test_the_guard_sees_a_trigger_without_its_function(trigger: SharedFunctionTrigger) -> None:
    early = Migration("0001_initial", "notes")
    early.operations = [AddTrigger("note", trigger.compile(Note))]
    graph, key = MigrationGraph(), ("notes", "0001_initial")
    graph.add_node(key, early)
    assert migrations_that_may_run_too_early(graph) == {key}
    graph.add_node(FUNCTIONS, Migration("0002_functions", "changes"))
    graph.add_dependency(None, key, FUNCTIONS)
    assert migrations_that_may_run_too_early(graph) == set()


@isolate_apps("changes")
@pytest.mark.parametrize("exclude", [["passwrod"], ["password"]])
def test_a_misspelt_exclusion_is_refused(exclude: list[str]) -> None:
    class Account(Versioned):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        passphrase = models.TextField()

        class Meta:
            app_label = "changes"
            triggers = logged("account", exclude=exclude)

    with pytest.raises(FieldDoesNotExist, match=exclude[0]):
        logs_of(Account)[0].compile(Account)


@isolate_apps("changes")
def test_a_model_without_a_version_is_refused() -> None:
    class Plain(models.Model):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)

        class Meta:
            app_label = "changes"
            triggers = logged("plain")

    with pytest.raises(FieldDoesNotExist, match="version"):
        logs_of(Plain)[0].compile(Plain)
