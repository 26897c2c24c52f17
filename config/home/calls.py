"""Calls by operation: how many, how long, and with how many errors, over the last minutes."""

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock

from config.home.scraping import Sample, Scraped, scrape

#: Processes are asked at most this often, by however many readers of the page.
INTERVAL_SECONDS = 4.0
WINDOW_SECONDS = 300.0
MAX_OPERATIONS = 12
_HANDLED = {"http_server_requests_total": "REST", "grpc_server_handled_total": "gRPC"}
_SECONDS = ("http_server_request_seconds_bucket", "grpc_server_handling_seconds_bucket")
#: Outcomes that the server is to blame for; the others are the callers' mistakes.
_ERRORS = ("INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS", "DEADLINE_EXCEEDED")
#: Outcomes of calls without a valid credential, and of those beyond a limit. A server that is full answers UNAVAILABLE.
_REFUSED = ("UNAUTHENTICATED", "401", "RESOURCE_EXHAUSTED", "429")


@dataclass(slots=True)
class Operation:
    """The calls of one operation over one transport.

    Attributes:
        buckets: upper bound in seconds → number of calls that took at most so long.
    """

    name: str
    transport: str
    calls: float = 0
    refused: float = 0
    errors: float = 0
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def p99_ms(self) -> float | None:
        """The time that 99 of 100 calls took at most, interpolated within its bucket; None without calls."""
        bounds = sorted(self.buckets.items())
        if not bounds or not (wanted := 0.99 * bounds[-1][1]):
            return None
        below_bound, below = 0.0, 0.0
        for bound, count in bounds:
            if count >= wanted:
                if bound == float("inf"):
                    return below_bound * 1000
                return 1000 * (below_bound + (bound - below_bound) * (wanted - below) / (count - below))
            below_bound, below = bound, count
        return None


@dataclass(frozen=True, slots=True)
class Calls:
    """Operations, those with most calls first.

    Attributes:
        seconds: the length of time that they cover; None = since the processes started.
    """

    operations: list[Operation]
    seconds: float | None

    @property
    def total(self) -> float:
        return sum(one.calls for one in self.operations)

    @property
    def refused(self) -> float:
        return sum(one.refused for one in self.operations)

    @property
    def errors(self) -> float:
        return sum(one.errors for one in self.operations)

    @property
    def per_second(self) -> float | None:
        return self.total / self.seconds if self.seconds else None


class Processes:
    """The reports of the processes of this machine in the last minutes. Requests share them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: deque[tuple[float, list[Scraped]]] = deque()

    def latest(self) -> list[Scraped]:
        """Return the latest reports, and ask anew if they are older than `INTERVAL_SECONDS`."""
        with self._lock:
            now = time.monotonic()
            if not self._kept or now - self._kept[-1][0] >= INTERVAL_SECONDS:
                self._kept.append((now, scrape()))
            while now - self._kept[0][0] > WINDOW_SECONDS and len(self._kept) > 1:
                self._kept.popleft()
            return self._kept[-1][1]

    def calls(self) -> Calls:
        """Return the calls since the earliest report that is kept; with only one, since the processes started."""
        with self._lock:
            (begin, first), (end, last) = (self._kept[0], self._kept[-1]) if self._kept else ((0.0, []), (0.0, []))
        seconds = end - begin
        before = {one.service: one for one in first} if seconds else {}
        pairs = [(one, _same_process(before.get(one.service), one)) for one in last]
        return Calls(_operations(pairs), seconds or None)

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()


processes = Processes()


def _same_process(before: Scraped | None, after: Scraped) -> Scraped | None:
    """Return the earlier report, unless a process has started since, whose counters began at 0."""
    started = "process_start_time_seconds"
    return before if before and before.total(started) == after.total(started) else None


def _operations(pairs: Iterable[tuple[Scraped, Scraped | None]]) -> list[Operation]:
    found: dict[tuple[str, str], Operation] = {}
    for after, before in pairs:
        earlier = {key: value for key, _, value in _values(before)} if before else {}
        for key, sample, value in _values(after):
            transport, name = key[:2]
            operation = found.setdefault((transport, name), Operation(name, transport))
            _add(operation, sample, value - earlier.get(key, 0))
    called = [one for one in found.values() if one.calls]
    return sorted(called, key=lambda one: -one.calls)


def _values(scraped: Scraped) -> Iterator[tuple[tuple[str, ...], Sample, float]]:
    """Yield each value of calls with a key: transport, operation, and all that distinguishes it from others."""
    summed: dict[tuple[str, ...], tuple[Sample, float]] = {}
    for sample in scraped.samples or ():
        if sample.name in _HANDLED or sample.name in _SECONDS:
            labels = sample.labels
            if sample.name in _SECONDS and labels.get("grpc_type", "unary") != "unary":
                continue  # The length of a stream is its client's choice.
            rest = (labels.get("method", ""), labels.get("code") or labels.get("grpc_code", ""), labels.get("le", ""))
            key: tuple[str, ...] = (*_operation(sample.name, labels), sample.name, *rest)
            summed[key] = (sample, sample.value + (summed[key][1] if key in summed else 0))
    for key, (sample, value) in summed.items():
        yield key, sample, value


def _operation(metric: str, labels: Mapping[str, str]) -> tuple[str, str]:
    if metric.startswith("http"):
        name = labels["operation"]
        return "REST", {"page": "pages", "other": "other addresses"}.get(name, name)
    return "gRPC", f"{labels['grpc_service']}/{labels['grpc_method']}"


def _add(operation: Operation, sample: Sample, value: float) -> None:
    if sample.name in _SECONDS:
        operation.buckets[float(sample.labels["le"])] += value
        return
    operation.calls += value
    code = sample.labels.get("code") or sample.labels.get("grpc_code", "")
    if code in _ERRORS or code.startswith("5"):
        operation.errors += value
    elif code in _REFUSED:
        operation.refused += value
