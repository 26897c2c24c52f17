"""The limit of open files and connections of the process."""

import resource

#: A higher limit has no use, and slows programs down that iterate over all descriptors.
_MAX_OPEN_FILES = 1 << 20


def raise_limit() -> int:
    """Raise the limit to the highest that the system allows, and return it.

    Service managers start programs with 1,024 and allow far more, for programs that do not use `select`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # macOS allows less than its hard limit.
            return soft
    return wanted if soft == resource.RLIM_INFINITY else max(soft, wanted)
