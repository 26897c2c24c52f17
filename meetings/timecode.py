"""Times in a recording as text, from milliseconds."""


def clock(ms: int) -> str:
    """Return a time as players show it: 0:12, 1:02:03."""
    hours, minutes, seconds = _parts(ms)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def minutes_and_seconds(ms: int) -> str:
    """Return a time without hours: 00:12, 62:03."""
    hours, minutes, seconds = _parts(ms)
    return f"{hours * 60 + minutes:02}:{seconds:02}"


def full_clock(ms: int) -> str:
    """Return a time of constant length: 00:00:12."""
    hours, minutes, seconds = _parts(ms)
    return f"{hours:02}:{minutes:02}:{seconds:02}"


def exact_clock(ms: int, point: str) -> str:
    """Return a time with its milliseconds: 00:00:12,340.

    Args:
        point: separates the milliseconds.
    """
    return f"{full_clock(ms)}{point}{ms % 1000:03}"


def _parts(ms: int) -> tuple[int, int, int]:
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return hours, minutes, seconds
