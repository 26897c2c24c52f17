"""Fixtures of the tests of meetings."""

from tests.meetingservice.conftest import folder as folder
