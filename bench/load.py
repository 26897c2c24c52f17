"""Load: `h2load` for gRPC and `wrk` for HTTP, which are written in C and take little CPU time; and a client in Python
for requests that must differ, because h2load repeats the same one.
"""

import json
import math
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import grpc

from bench.measuring import Load, percentile

#: Number of concurrent requests.
CONNECTIONS, STREAMS = 4, 4
AT_ONCE = CONNECTIONS * STREAMS

# What wrk found, as JSON; `request` comes before it where each request is another one.
_WRK_REPORT = """
done = function(summary, latency, requests)
    io.write(string.format('{"completed": %d, "failed": %d, "p50_ms": %.3f, "p99_ms": %.3f}\\n', summary.requests,
        summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


def check_tools() -> None:
    """Exit with a message if a program is missing."""
    missing = [name for name in ("h2load", "wrk") if shutil.which(name) is None]
    if missing:
        sys.exit(f"{' and '.join(missing)} is missing; on Debian: apt-get install nghttp2-client wrk.")


def h2load(
    address: str,
    path: str,
    message: bytes,
    headers: dict[str, str],
    seconds: float,
    *,
    connections: int = CONNECTIONS,
    streams: int = STREAMS,
) -> Load:
    """Repeat a gRPC call. h2load counts every response as a success, so check the server's own counts.

    Args:
        streams: calls at a time on each of the connections.
    """
    with tempfile.TemporaryDirectory() as folder:
        frame, log = Path(folder, "frame"), Path(folder, "log")
        frame.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
        headers = {"content-type": "application/grpc", "te": "trailers", **headers}
        subprocess.run(
            ["h2load", f"--clients={connections}", f"--max-concurrent-streams={streams}",
             f"--duration={seconds * 1000:.0f}ms", f"--data={frame}", f"--log-file={log}",
             *(f"--header={name}: {text}" for name, text in headers.items()), f"http://{address}{path}"],
            check=True, capture_output=True,
        )  # fmt: skip
        lines = [line.split("\t") for line in log.read_text().splitlines()]
    failed = sum(status != "200" for _, status, _ in lines)
    if failed or not lines:
        sys.exit(f"h2load: {failed} of {len(lines)} requests to {path} failed.")
    took = [int(microseconds) / 1000 for _, _, microseconds in lines]
    return Load(len(took), percentile(took, 0.5), percentile(took, 0.99))


def wrk(url: str, headers: dict[str, str], seconds: float, request: str = "") -> Load:
    """HTTP/1.1 requests, for whole seconds; `request` is Lua that makes them, if they are not all the same GET."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(request + _WRK_REPORT)
        script.flush()
        done = subprocess.run(
            ["wrk", "--threads=1", "--timeout=30s", f"--connections={AT_ONCE}", f"--duration={math.ceil(seconds)}s",
             f"--script={script.name}", *(f"--header={name}: {text}" for name, text in headers.items()), url],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    if found["failed"] or not found["completed"]:
        sys.exit(f"wrk: {found['failed']} of {found['completed']} requests to {url} failed.")
    return Load(found["completed"], found["p50_ms"], found["p99_ms"])


def python_client(
    address: str,
    path: str,
    message: Callable[[int], bytes],
    headers: dict[str, str],
    seconds: float,
    streams: int = STREAMS,
) -> Load:
    """gRPC calls by threads of this process, `message(n)` being the n-th; one that fails ends the program.

    Args:
        streams: calls at a time on each of the connections.
    """
    numbers, took, failed = count(), list[float](), list[grpc.RpcError]()
    metadata = list(headers.items())
    with ExitStack() as stack:
        channels = [stack.enter_context(_channel(address)) for _ in range(CONNECTIONS)]
        until = time.monotonic() + seconds

        def work(call: Callable[..., bytes]) -> None:
            while time.monotonic() < until and not failed:
                request = message(next(numbers))  # One bytecode in C: no two threads get the same.
                begun = time.perf_counter()
                try:
                    call(request, metadata=metadata)
                except grpc.RpcError as exc:
                    failed.append(exc)
                    return
                took.append((time.perf_counter() - begun) * 1000)

        calls = [channel.unary_unary(path) for channel in channels for _ in range(streams)]
        threads = [threading.Thread(target=work, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failed or not took:
        sys.exit(f"{path} failed: {failed}")
    return Load(len(took), percentile(took, 0.5), percentile(took, 0.99))


def _channel(address: str) -> grpc.Channel:
    # Without a pool of its own, a channel to the same address would share the first one's connection.
    channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
    grpc.channel_ready_future(channel).result(timeout=30)
    return channel
