"""Fixtures of the tests of meetings."""

from tests.meetings.operations.conftest import folder as folder
