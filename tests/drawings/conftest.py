"""Fixtures of the tests of drawings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from drawings.models import Document
from tests.support.drawings import a_document, processed, project_of
from tests.support.stored_files import keep_files_in
from users.models import User


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """An empty data folder."""
    keep_files_in(tmp_path, settings)
    return tmp_path


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def document(db: None, ann: User) -> Document:
    """Ann's, with three pages, READY."""
    return processed(a_document(project_of(ann), ann, ("-K12", "contactor"), ("-Q1", "16 A"), ()))
