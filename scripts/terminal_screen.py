"""The output of `try_meeting.py` and `try_drawing.py`: lines and, in a terminal, a progress bar below them."""

import shutil
import time
from typing import TextIO

from tandem.meeting.v1 import meeting_pb2

_WIDTH = 30


class Screen:
    """Output to a terminal or a file. If it is not a terminal, each tenth of the progress is a line.

    Args:
        out: standard output.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._shown = ""
        self._last = ("", -1)

    def say(self, line: str) -> None:
        """Print a permanent line."""
        shown = self._shown
        self.clear()
        print(line, file=self._out, flush=True)
        if shown:
            self._draw(shown)

    def progress(self, what: str, share: float, note: str = "") -> None:
        """Show the progress.

        Args:
            what: is done.
            share: 0 to 1.
            note: further information.
        """
        line = f"{what:<13}{'█' * round(share * _WIDTH):░<{_WIDTH}} {share:4.0%}  {note}".rstrip()
        if self._live:
            self.clear()
            self._draw(line)
        elif self._last != (what, int(share * 10)):
            self._last = (what, int(share * 10))
            print(f"{what} {share:.0%} {note}".rstrip(), file=self._out, flush=True)

    def clear(self) -> None:
        """Remove the progress bar."""
        if self._shown:
            print("\r\033[K", end="", file=self._out, flush=True)
            self._shown = ""

    def state(self, meeting: meeting_pb2.Meeting) -> None:
        """Show the state of a meeting that is queued or processing."""
        if meeting.status == meeting_pb2.MEETING_STATUS_QUEUED:
            self.progress("Waiting", 0)
        elif meeting.status == meeting_pb2.MEETING_STATUS_PROCESSING:
            self._advance(meeting.stage, meeting)

    def advance(self, progress: meeting_pb2.Progress) -> None:
        """Show the progress of a meeting's processing."""
        self._advance(progress.stage, progress)

    def _advance(self, stage: int, state: "meeting_pb2.Meeting | meeting_pb2.Progress") -> None:
        name = meeting_pb2.MeetingStage.Name(stage).removeprefix("MEETING_STAGE_")
        left = state.estimated_end_at.ToNanoseconds() / 1e9 - time.time() if state.HasField("estimated_end_at") else 0
        note = f"about {duration(left)} left" if left >= 1 else ""
        self.progress("Working" if name == "UNSPECIFIED" else name.capitalize(), state.progress / 100, note)

    def _draw(self, line: str) -> None:
        self._shown = line[: shutil.get_terminal_size().columns - 1]
        print(self._shown, end="", file=self._out, flush=True)


def clock(ms: int) -> str:
    """Format a time or duration as 0:07 or 1:02:03."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def duration(seconds: float) -> str:
    """Format a duration for people: `40 s`, `12 min`, `2 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """Format a number of bytes for people."""
    if count < 1_000:
        return f"{count} bytes"
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} KB"
