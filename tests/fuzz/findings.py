"""Findings of the calls, and the judgement of a failed rpc."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from google.rpc import code_pb2, error_details_pb2, status_pb2

#: Codes that no request may cause.
_FAULTS = frozenset((code_pb2.INTERNAL, code_pb2.UNKNOWN))
#: Examples that are kept of each kind of finding.
_EXAMPLES = 3


@dataclass
class Findings:
    """Counts of outcomes, and faults with examples. Threads share it.

    Attributes:
        outcomes: transport and code → number of calls.
        faults: what is wrong, and where → number of calls.
        examples: of each fault.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, transport: str, code: str) -> None:
        with self._lock:
            self.outcomes[transport, code] += 1

    def fault(self, what: str, example: str) -> None:
        with self._lock:
            self.faults[what] += 1
            kept = self.examples.setdefault(what, [])
            if len(kept) < _EXAMPLES:
                kept.append(example)

    def total(self, transport: str) -> int:
        return sum(number for (of, _), number in self.outcomes.items() if of == transport)

    def report(self) -> str:
        """Return a line for each transport, and some for each fault."""
        lines = []
        for transport in dict.fromkeys(of for of, _ in self.outcomes):
            codes = ", ".join(
                f"{code} {number:,}" for (of, code), number in self.outcomes.most_common() if of == transport
            )
            lines.append(f"{transport}: {self.total(transport):,} cases: {codes}")
        for what, number in self.faults.most_common():
            lines += [f"\nFAULT, {number} times: {what}", *(f"    {example}" for example in self.examples[what])]
        return "\n".join(lines)


def fault_of(code: int, packed: bytes, *, own_deadline: bool) -> str:
    """Return what is wrong with a failure; empty = nothing.

    Args:
        packed: its encoded `google.rpc.Status`; empty = none.
        own_deadline: the call had a deadline that it could not meet.
    """
    name: str = code_pb2.Code.Name(code)
    if code in _FAULTS:
        return name
    if code == code_pb2.DEADLINE_EXCEEDED and not own_deadline:
        return "the call did not end"
    if not packed:
        # Sizes of messages and metadata are checked by grpcio, and a client's deadline by the client.
        return "" if code in (code_pb2.RESOURCE_EXHAUSTED, code_pb2.DEADLINE_EXCEEDED) else f"{name} without details"
    status = status_pb2.Status.FromString(packed)
    infos = [detail for detail in status.details if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)]
    if status.code != code or len(infos) != 1:
        return f"{name} with other details: {status}"
    if code == code_pb2.INVALID_ARGUMENT and not status.message:
        return "INVALID_ARGUMENT without a message"
    return ""
