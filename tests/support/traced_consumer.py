"""A service of its own that follows the changes by the code of docs/integrate/client.md, and sends its traces.

Arguments: the server's address, and the cursor to begin after. The variables OTEL_* name the receiver of the traces.
"""

import re
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tandem.change.v1.change_pb2 import Change
from tandem.client import Client
from tests.support.servers import ROOT

SERVICE = "copy"


def documented() -> str:
    """Return the code of the section on traces."""
    section = (ROOT / "docs/integrate/client.md").read_text().partition("\n## Traces\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(block)


def main(address: str, cursor: str) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    names: dict[str, object] = {}
    exec(compile(documented(), "docs/integrate/client.md", "exec"), names)

    def apply(change: Change) -> None:
        trace.get_current_span().set_attribute("change.title", change.task.title)

    with Client(address) as client:
        names["follow"](client, cursor, apply)  # type: ignore[operator]


if __name__ == "__main__":
    main(*sys.argv[1:])
