"""Documents with components and symbols."""

import pytest

from drawings.models import Document
from tests.support.components import flags
from tests.support.drawings import a_document, processed, project_of
from users.models import User


@pytest.fixture
def labelled(db: None, ann: User) -> Document:
    """Ann's, with three designators on two pages."""
    return processed(a_document(project_of(ann), ann, ("-K12", "24V"), ("-Q1", "16A", "-K12"), ()))


@pytest.fixture
def flagged(db: None, ann: User) -> Document:
    """Ann's, with three flags, and half a flag."""
    return processed(a_document(project_of(ann), ann, content=flags((100, 100), (200, 100), (300, 100))))
