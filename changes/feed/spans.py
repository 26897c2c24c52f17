"""Trace spans of changes that a process passes to its streams."""

from changes.models import Change
from telemetry import tracing


def record_delivery(after: int, until: int) -> None:
    """Record a span for each of these changes, in the trace of the call that wrote it.

    Args:
        after: the sequence number before the first change.
        until: that of the last one.
    """
    traced = Change.objects.filter(seq__gt=after, seq__lte=until, traceparent__isnull=False).order_by("seq")
    for seq, subject_type, operation, parent in traced.values_list("seq", "subject_type", "operation", "traceparent"):
        span = tracing.begin_span(
            f"change {subject_type} {operation}", kind="PRODUCER", carrier={"traceparent": str(parent)}
        )
        span.set_attribute("change.seq", seq)
        span.end()
