"""The processes that are alive: those of this machine by their metrics, all by their sessions of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from config.home.scraping import Scraped
from core.observability import process

_TITLES = {
    process.WEB: "Web server",
    process.GRPC: "gRPC server",
    process.WORKER: "Worker",
    process.NODE: "Speech node",
}
_COMMANDS = {process.WEB: "runweb", process.GRPC: "rungrpc", process.WORKER: "runworker"}


@dataclass(frozen=True, slots=True)
class Process:
    """A kind of process.

    Attributes:
        note: why there are no figures of it.
        streams: open streams by what they carry.
    """

    service: str
    is_alive: bool
    note: str
    version: str = ""
    started_at: datetime | None = None
    memory: int = 0
    cpu_seconds: float = 0
    sessions: int = 0
    hosts: int = 0
    streams: Mapping[str, int] | None = None
    is_leader: bool = False

    @property
    def title(self) -> str:
        return _TITLES[self.service]

    @property
    def command(self) -> str:
        """The command that starts it."""
        return _COMMANDS.get(self.service, "")


def processes(scraped: Sequence[Scraped], sessions: Mapping[str, tuple[int, int]]) -> list[Process]:
    """Return the state of each kind of process.

    Args:
        sessions: name of the process → number of hosts, and of sessions of the database.
    """
    return [_process(one, *sessions.get(one.service, (0, 0))) for one in scraped]


def _process(one: Scraped, hosts: int, sessions: int) -> Process:
    if one.samples is None:
        if sessions:
            note = f"Its metrics do not answer at {one.address}: it runs on another machine, or with another address."
        elif one.service == process.NODE:
            note = f"No metrics at {one.address}. A worker starts one for its first recording; see also Speech nodes."
        else:
            note = f"No metrics at {one.address}, and no session of the database has its name."
        return Process(one.service, bool(sessions), note, sessions=sessions, hosts=hosts)
    started = min((sample.value for sample in one.of("process_start_time_seconds")), default=0)
    streams = {sample.labels.get("kind", ""): 0 for sample in one.of("tandem_open_streams")}
    return Process(
        one.service,
        True,
        "",
        version=next((sample.labels["version"] for sample in one.of("tandem_build_info")), ""),
        started_at=datetime.fromtimestamp(started, UTC) if started else None,
        memory=int(one.total("process_resident_memory_bytes")),
        cpu_seconds=one.total("process_cpu_seconds_total"),
        sessions=sessions,
        hosts=hosts,
        streams={kind: int(one.total("tandem_open_streams", kind=kind)) for kind in streams},
        is_leader=one.total("tandem_sequencer_leader") > 0,
    )
