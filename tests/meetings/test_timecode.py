"""Times in a recording as text."""

import pytest

from meetings.timecode import clock, exact_clock, full_clock, minutes_and_seconds


@pytest.mark.parametrize(
    ("ms", "player", "minutes", "full", "exact"),
    [
        (0, "0:00", "00:00", "00:00:00", "00:00:00,000"),
        (12_340, "0:12", "00:12", "00:00:12", "00:00:12,340"),
        (3_599_999, "59:59", "59:59", "00:59:59", "00:59:59,999"),
        (3_723_004, "1:02:03", "62:03", "01:02:03", "01:02:03,004"),
        (360_000_000, "100:00:00", "6000:00", "100:00:00", "100:00:00,000"),
    ],
)
def test_a_time_has_four_forms(ms: int, player: str, minutes: str, full: str, exact: str) -> None:
    assert clock(ms) == player
    assert minutes_and_seconds(ms) == minutes
    assert full_clock(ms) == full
    assert exact_clock(ms, ",") == exact
