#!/usr/bin/env python3
"""Upload a drawing to a running server, count a symbol on it, confirm what was found, and save the bill of materials.

    scripts/try_drawing.py FILE                              store a PDF in a project, and watch its processing
    scripts/try_drawing.py --count NAME --box X0,Y0,X1,Y1    count the symbol in this box, in points
    scripts/try_drawing.py --confirm                         confirm the components that were proposed
    scripts/try_drawing.py --bill FILE                       save the bill of materials (.xlsx, .csv or .json)

The project is that of --project; it is created if it does not exist. Needs only `grpcio` and the package `tandem`.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# Run from a checkout, without `pip install .`, the package lies beside this directory.
sys.path.append(str(Path(__file__).resolve().parents[1]))

import grpc

from scripts.terminal_screen import Screen
from tandem.client import Client, Resync, SnapshotEnd, TandemError
from tandem.common.v1 import common_pb2
from tandem.drawing.v1 import drawing_pb2
from tandem.project.v1 import project_pb2, project_pb2_grpc

#: Components decided at once.
MAX_DECISIONS = 500
FORMATS = ("xlsx", "csv", "json")
#: How long a count may take.
COUNT_SECONDS = 120.0


class Failed(Exception):
    """The script cannot continue; the message is a sentence for people."""


def project_id(client: Client, name: str, *, create: bool = False) -> str:
    """Return the ID of the project of this name.

    Raises:
        Failed: there is none, and it is not to be created.
    """
    projects = project_pb2_grpc.ProjectServiceStub(client.channel)
    request = project_pb2.ListProjectsRequest(pagination=common_pb2.PaginationRequest(page_size=100))
    for project in projects.ListProjects(request).projects:
        if project.name == name:
            return str(project.id)
    if not create:
        raise Failed(f"There is no project “{name}” yet; upload a drawing: scripts/try_drawing.py samples/cabinet.pdf")
    return str(projects.CreateProject(project_pb2.CreateProjectRequest(name=name)).project.id)


def upload(client: Client, name: str, file: Path, screen: Screen) -> None:
    """Upload a drawing, and show its processing until it ends."""
    document = client.upload_document(project_id(client, name, create=True), file)
    screen.say(f"{'Known' if document.duplicate else 'Uploaded'}   {document.title}, {document.size:,} bytes")
    with client.watch_document(document.id) as events:
        for event in events:
            if isinstance(event, (Resync, SnapshotEnd)):
                continue
            kind = event.WhichOneof("event")
            if kind == "progress":
                screen.progress("Reading", event.progress.progress / 100)
            elif kind == "page":
                page = event.page
                screen.say(f"Sheet      {page.sheet_number or page.page_number + 1} {page.sheet_title}".rstrip())
            elif kind == "end":
                document = event.end
    screen.clear()
    if document.status not in (drawing_pb2.DOCUMENT_STATUS_READY, drawing_pb2.DOCUMENT_STATUS_PARTIAL):
        raise Failed(document.failure_reason or "The processing was cancelled.")
    found = Counter(getattr(component, "class") for component in components(client, document.project_id))
    listed = ", ".join(f"{count} {name}" for name, count in found.most_common())
    screen.say(f"Found      {sum(found.values())} components: {listed}")


def count(client: Client, name: str, symbol_name: str, page: int, box: list[float], screen: Screen) -> None:
    """Count the symbol in a box of a page of the newest document."""
    project = project_id(client, name)
    request = drawing_pb2.ListDocumentsRequest(project_id=project)
    documents = client.drawings.ListDocuments(request).documents
    if not documents:
        raise Failed("The project has no document yet; upload one: scripts/try_drawing.py samples/cabinet.pdf")
    symbol = drawing_pb2.Symbol(
        name=symbol_name, document_id=documents[0].id, page_number=page, bbox=box, may_rotate=True, may_mirror=True
    )
    created = client.drawings.CreateSymbol(drawing_pb2.CreateSymbolRequest(project_id=project, symbol=symbol)).symbol
    client.drawings.CountSymbol(drawing_pb2.CountSymbolRequest(symbol_id=created.id))
    deadline = time.monotonic() + COUNT_SECONDS
    while True:
        counted = client.drawings.GetSymbol(drawing_pb2.GetSymbolRequest(symbol_id=created.id)).symbol.count
        if counted.status not in (drawing_pb2.COUNT_STATUS_QUEUED, drawing_pb2.COUNT_STATUS_COUNTING):
            break
        if time.monotonic() > deadline:
            raise Failed("The count takes too long; is a worker running?")
        screen.progress("Counting", counted.progress / 100)
        time.sleep(0.2)
    screen.clear()
    if counted.status != drawing_pb2.COUNT_STATUS_READY:
        raise Failed(counted.failure_reason or "The count was cancelled.")
    screen.say(f"Counted    {symbol_name}: {counted.match_count}, and {counted.withheld_count} to look at")


def components(client: Client, project: str) -> Iterator[drawing_pb2.Component]:
    """Yield the components of a project that are not rejected."""
    wanted = [drawing_pb2.COMPONENT_STATE_PROPOSED, drawing_pb2.COMPONENT_STATE_CONFIRMED]
    request = drawing_pb2.ListComponentsRequest(project_id=project, states=wanted)
    while True:
        found = client.drawings.ListComponents(request)
        yield from found.components
        if not found.pagination.has_more:
            return
        request.pagination.page_token = found.pagination.next_page_token


def confirm(client: Client, name: str, screen: Screen) -> None:
    """Confirm the proposed components, except those with a remark, which a person should look at."""
    project = project_id(client, name)
    proposed = [one for one in components(client, project) if one.state == drawing_pb2.COMPONENT_STATE_PROPOSED]
    decisions = [
        drawing_pb2.ComponentDecision(
            component_id=one.id, state=drawing_pb2.COMPONENT_STATE_CONFIRMED, version=one.version
        )
        for one in proposed
        if not one.remark
    ]
    for start in range(0, len(decisions), MAX_DECISIONS):
        part = decisions[start : start + MAX_DECISIONS]
        client.drawings.DecideComponents(drawing_pb2.DecideComponentsRequest(project_id=project, decisions=part))
    screen.say(f"Confirmed  {len(decisions)} components; {len(proposed) - len(decisions)} have a remark")


def bill(client: Client, name: str, file: Path, screen: Screen) -> None:
    """Show the bill of materials, and save it as a file."""
    project = project_id(client, name)
    rows = client.drawings.GetBillOfMaterials(drawing_pb2.GetBillOfMaterialsRequest(project_id=project)).rows
    for row in rows:
        screen.say(f"{row.confirmed_count:4} {row.proposed_count:4}  {getattr(row, 'class')} {row.rating.raw}".rstrip())
    request = drawing_pb2.DownloadBillOfMaterialsRequest(project_id=project, format=file.suffix.lstrip("."))
    with file.open("wb") as saved:
        for message in client.drawings.DownloadBillOfMaterials(request):
            saved.write(message.chunk)
    screen.say(f"Saved      {file}; the columns above are confirmed and proposed")


def numbers(text: str) -> list[float]:
    """Return the four numbers of a box."""
    try:
        found = [float(number) for number in text.split(",")]
    except ValueError:
        found = []
    if len(found) != 4:
        raise argparse.ArgumentTypeError("give four numbers: X0,Y0,X1,Y1")
    return found


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("file", nargs="?", type=Path, metavar="FILE", help="the drawing, a PDF")
    add("--project", default="Sample project", metavar="NAME", help="name of the project (default: %(default)s)")
    add("--count", metavar="NAME", help="count the symbol in --box, and give it this name")
    add("--page", type=int, default=0, help="page of --box, from 0 (default: %(default)s)")
    add("--box", type=numbers, metavar="X0,Y0,X1,Y1", help="the symbol's place, in points from the top left")
    add("--confirm", action="store_true", help="confirm the components that were proposed")
    add("--bill", type=Path, metavar="FILE", help="save the bill of materials: .xlsx, .csv or .json")
    add("--host", default="localhost", help="the server's host (default: %(default)s)")
    port = int(os.environ.get("GRPC_PORT") or 50051)
    add("--port", type=int, default=port, help="its gRPC port (GRPC_PORT, %(default)s)")
    add("--token", help="an access token or API key to call with")
    parsed = parser.parse_args(arguments)
    if bool(parsed.count) != bool(parsed.box):
        parser.error("--count and --box go together.")
    if parsed.bill and parsed.bill.suffix.lstrip(".") not in FORMATS:
        parser.error("The bill of materials is a file with the ending .xlsx, .csv or .json.")
    if not (parsed.file or parsed.count or parsed.confirm or parsed.bill):
        parser.error("Name a drawing, for example samples/cabinet.pdf, or use --count, --confirm or --bill.")
    return parsed


def run(arguments: argparse.Namespace) -> int:
    """Connect, and execute the requested actions. Returns the exit code."""
    if arguments.file is not None and not arguments.file.is_file():
        print(f"There is no file {arguments.file}.", file=sys.stderr)
        return 1
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    screen, project = Screen(sys.stdout), arguments.project
    with Client(f"{host}:{arguments.port}", token=arguments.token) as client:
        try:
            grpc.channel_ready_future(client.channel).result(timeout=5)
            if arguments.file:
                upload(client, project, arguments.file, screen)
            if arguments.count:
                count(client, project, arguments.count, arguments.page, arguments.box, screen)
            if arguments.confirm:
                confirm(client, project, screen)
            if arguments.bill:
                bill(client, project, arguments.bill, screen)
        except grpc.FutureTimeoutError:
            print(
                f"No gRPC server answers at {host}:{arguments.port};"
                " start one, scripts/start_grpc_dev.sh, or name its port with --port.",
                file=sys.stderr,
            )
            return 1
        except (Failed, TandemError, OSError) as fault:
            screen.clear()
            print(fault, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(run(parse()))
    except KeyboardInterrupt:
        print("\nInterrupted; the server continues.", file=sys.stderr)
        sys.exit(130)
