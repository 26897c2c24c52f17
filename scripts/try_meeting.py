#!/usr/bin/env python3
"""Upload a recording to a running server, show its transcription, and accept its action items.

    scripts/try_meeting.py FILE [--participant EMAIL ...]     create a meeting of this recording, and watch it
    scripts/try_meeting.py --watch [MEETING]                  watch a meeting
    scripts/try_meeting.py --accept [MEETING]                 create tasks from its action items

MEETING is an ID; the default is the newest meeting. Needs only `grpcio` and the package `tandem`.
"""

import argparse
import hashlib
import mimetypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Run from a checkout, without `pip install .`, the package lies beside this directory.
sys.path.append(str(Path(__file__).resolve().parents[1]))

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from scripts.terminal_screen import Screen, clock, size
from tandem.client import Client, Resync, SnapshotEnd, TandemError
from tandem.common.v1 import common_pb2
from tandem.meeting.v1 import meeting_pb2
from tandem.user.v1 import user_pb2

CHUNK_BYTES = 64 * 1024
#: Timeout of an upload, including the response after the last chunk, which follows once the file is flushed to disk.
UPLOAD_SECONDS = 24 * 3600.0
OVER = {
    meeting_pb2.MEETING_STATUS_COMPLETED,
    meeting_pb2.MEETING_STATUS_FAILED,
    meeting_pb2.MEETING_STATUS_CANCELLED,
}


class Failed(Exception):
    """The script cannot continue; the message is a sentence for people."""


def new_meeting(client: Client, file: Path, title: str, participants: list[str], language: str) -> str:
    """Create a meeting with participants, to whom the names in the recording can refer. Returns its ID."""
    people = [
        client.users.GetUserByEmail(user_pb2.GetUserByEmailRequest(email=email)).user.id for email in participants
    ]
    now = Timestamp()
    now.GetCurrentTime()
    request = meeting_pb2.CreateMeetingRequest(
        title=title or file.stem, starts_at=now, participants=people, language=language
    )
    return str(client.meetings.CreateMeeting(request).meeting.id)


def upload(client: Client, meeting_id: str, file: Path, screen: Screen) -> None:
    """Upload the recording."""
    length = file.stat().st_size
    with file.open("rb") as recording:
        sha256 = hashlib.file_digest(recording, "sha256").hexdigest()

    def messages() -> Iterator[meeting_pb2.UploadRecordingRequest]:
        yield meeting_pb2.UploadRecordingRequest(
            metadata=meeting_pb2.RecordingMetadata(
                meeting_id=meeting_id,
                filename=file.name,
                content_type=mimetypes.guess_type(file.name)[0] or "",
                size=length,
                sha256=sha256,
            )
        )
        sent = 0
        with file.open("rb") as recording:
            while chunk := recording.read(CHUNK_BYTES):
                yield meeting_pb2.UploadRecordingRequest(chunk=chunk)
                sent += len(chunk)
                screen.progress("Uploading", sent / length, f"{size(sent)} of {size(length)}")

    client.meetings.UploadRecording(messages(), timeout=UPLOAD_SECONDS)
    screen.say(f"Uploaded {file.name}, {size(length)}.")


@contextmanager
def forgotten_unless_stored(client: Client, meeting_id: str) -> Iterator[None]:
    """Delete the meeting again if its recording was not stored."""
    try:
        yield
    except BaseException as failure:
        with suppress(TandemError):
            meeting = client.meetings.GetMeeting(meeting_pb2.GetMeetingRequest(meeting_id=meeting_id)).meeting
            if meeting.status == meeting_pb2.MEETING_STATUS_PENDING:
                client.meetings.DeleteMeeting(meeting_pb2.DeleteMeetingRequest(meeting_id=meeting_id))
                if isinstance(failure, KeyboardInterrupt):
                    raise KeyboardInterrupt("Interrupted; nothing of the recording was stored.") from None
        raise


def watch(client: Client, meeting_id: str, screen: Screen) -> meeting_pb2.Meeting:
    """Show the processing of a meeting until it ends. Returns the meeting in its final state."""
    shown_ids: set[str] = set()
    meeting = client.meetings.GetMeeting(meeting_pb2.GetMeetingRequest(meeting_id=meeting_id)).meeting
    if meeting.status == meeting_pb2.MEETING_STATUS_PENDING:
        raise Failed(f"“{meeting.title}” has no recording yet; send one: scripts/try_meeting.py FILE")
    with client.watch_meeting(meeting_id) as events:
        for event in events:
            if isinstance(event, (Resync, SnapshotEnd)):
                continue
            kind = event.WhichOneof("event")
            if kind in ("status", "end"):
                meeting = getattr(event, kind)
                screen.state(meeting)
            elif kind == "progress":
                screen.advance(event.progress)
            elif kind == "segment" and event.segment.id not in shown_ids:
                shown_ids.add(event.segment.id)
                screen.say(f"{clock(event.segment.start_ms)}  {event.segment.text}")
    screen.clear()
    return meeting


def print_results(client: Client, meeting: meeting_pb2.Meeting, screen: Screen) -> None:
    """Print the speakers, the summary and the action items."""
    meetings = client.meetings
    speakers = meetings.ListSpeakers(meeting_pb2.ListSpeakersRequest(meeting_id=meeting.id)).speakers
    spoken = ", ".join(f"{speaker.name or speaker.label} {clock(speaker.speech_ms)}" for speaker in speakers)
    screen.say(f"\nSpeakers   {spoken or 'none'}")
    summary = meetings.GetSummary(meeting_pb2.GetSummaryRequest(meeting_id=meeting.id)).summary
    for heading, statements in (("Summary", summary.overview), ("Decisions", summary.decisions)):
        for number, statement in enumerate(statements):
            screen.say(f"{heading if not number else '':10} {statement.text}")
    items = meetings.ListActionItems(meeting_pb2.ListActionItemsRequest(meeting_id=meeting.id)).action_items
    for number, item in enumerate(items):
        state = meeting_pb2.ActionItemStatus.Name(item.status).removeprefix("ACTION_ITEM_STATUS_").lower()
        by = f", {item.due}" if item.due else ""
        screen.say(f"{'To do' if not number else '':10} {item.owner_name or 'no owner'}: {item.text}{by} ({state})")


def accept(client: Client, meeting_id: str, screen: Screen) -> None:
    """Create a task from each action item that is neither accepted nor rejected."""
    proposed = meeting_pb2.ListActionItemsRequest(
        meeting_id=meeting_id, statuses=[meeting_pb2.ACTION_ITEM_STATUS_PROPOSED]
    )
    items = client.meetings.ListActionItems(proposed).action_items
    if not items:
        screen.say("There is no action item to accept.")
    for item in items:
        request = meeting_pb2.AcceptActionItemRequest(meeting_id=meeting_id, item_id=item.id)
        task_id = client.meetings.AcceptActionItem(request).action_item.task_id
        owner = f"“{item.owner_name}” names no participant" if item.owner_name else "it names no owner"
        whose = "assigned to a participant" if item.assigned_to else f"assigned to you, as {owner}"
        screen.say(f"Accepted   {item.text}: task {task_id}, {whose}")


def newest_meeting(client: Client) -> str:
    """Return the ID of the newest meeting.

    Raises:
        Failed: there is no meeting.
    """
    request = meeting_pb2.ListMeetingsRequest(pagination=common_pb2.PaginationRequest(page_size=1))
    found = client.meetings.ListMeetings(request).meetings
    if not found:
        raise Failed("There is no meeting yet; send a recording: scripts/try_meeting.py samples/planning.ogg")
    return str(found[0].id)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("file", nargs="?", type=Path, metavar="FILE", help="the recording: WAV, FLAC, MP3, M4A, OGG, WebM, ...")
    add("--title", default="", help="title of the meeting (default: the file's name)")
    add("--participant", action="append", default=[], metavar="EMAIL", help="a participant; repeatable")
    add("--language", default="", help="spoken language, for example en (default: detected)")
    add("--no-watch", action="store_true", help="only upload the recording")
    add("--watch", nargs="?", const="newest", metavar="MEETING", help="watch this meeting, or the newest one")
    add("--accept", nargs="?", const="newest", metavar="MEETING", help="create tasks from its action items")
    add("--host", default="localhost", help="the server's host (default: %(default)s)")
    port = int(os.environ.get("GRPC_PORT") or 50051)
    add("--port", type=int, default=port, help="its gRPC port (GRPC_PORT, %(default)s)")
    add("--token", help="an access token or API key to call with")
    add("--email", help="sign in as this user, with --password")
    add("--password")
    parsed = parser.parse_args(arguments)
    if (parsed.email is None) != (parsed.password is None):
        parser.error("--email and --password go together.")
    if parsed.email and parsed.token:
        parser.error("Call with --token, or sign in with --email and --password.")
    if parsed.file is None and not (parsed.watch or parsed.accept):
        parser.error("Name a recording, for example samples/planning.ogg, or use --watch or --accept.")
    if parsed.file is not None and parsed.watch:
        parser.error("Omit --watch: an uploaded recording is watched anyway.")
    return parsed


def go(arguments: argparse.Namespace, client: Client, screen: Screen) -> int:
    """Execute the requested actions. Returns the exit code."""
    which: Callable[[str], str] = lambda named: newest_meeting(client) if named == "newest" else named  # noqa: E731
    meeting_id = which(arguments.watch or arguments.accept) if arguments.file is None else ""
    if arguments.file is not None:
        meeting_id = new_meeting(client, arguments.file, arguments.title, arguments.participant, arguments.language)
        with forgotten_unless_stored(client, meeting_id):
            upload(client, meeting_id, arguments.file, screen)
        screen.say(f"Meeting    {meeting_id}")
    if arguments.watch or (arguments.file is not None and not arguments.no_watch):
        meeting = watch(client, meeting_id, screen)
        if meeting.notice:
            screen.say(f"Notice     {meeting.notice}")
        if meeting.status != meeting_pb2.MEETING_STATUS_COMPLETED:
            raise Failed(meeting.failure_reason or "The processing was cancelled.")
        print_results(client, meeting, screen)
    if arguments.accept:
        accept(client, meeting_id, screen)
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Connect, and execute the requested actions. Returns the exit code."""
    if arguments.file is not None and not arguments.file.is_file():
        print(f"There is no file {arguments.file}.", file=sys.stderr)
        return 1
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    who = {"token": arguments.token, "email": arguments.email, "password": arguments.password}
    screen = Screen(sys.stdout)
    with Client(f"{host}:{arguments.port}", **who) as client:
        try:
            grpc.channel_ready_future(client.channel).result(timeout=5)
        except grpc.FutureTimeoutError:
            print(
                f"No gRPC server answers at {host}:{arguments.port};"
                " start one, scripts/start_grpc_dev.sh, or name its port with --port.",
                file=sys.stderr,
            )
            return 1
        try:
            return go(arguments, client, screen)
        except (Failed, TandemError, OSError) as fault:
            screen.clear()
            print(fault, file=sys.stderr)
            return 1


if __name__ == "__main__":
    try:
        sys.exit(run(parse()))
    except KeyboardInterrupt as interrupt:
        (text,) = interrupt.args or (
            "Interrupted; the server continues. Watch it with scripts/try_meeting.py --watch.",
        )
        print(f"\n{text}", file=sys.stderr)
        sys.exit(130)
