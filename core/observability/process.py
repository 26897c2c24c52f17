"""The name of the process, in its log lines, metrics and traces."""

WEB, GRPC, WORKER, NODE = "tandem-web", "tandem-grpc", "tandem-worker", "tandem-node"

_name = "tandem"


def set_name(name: str) -> None:
    """Name this process; each command does so first."""
    global _name
    _name = name


def name() -> str:
    """Return the name of this process; `tandem` for commands that do not serve."""
    return _name
