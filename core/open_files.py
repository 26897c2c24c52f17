"""How many files and connections the process may have open."""

import resource

#: More is of no use, and makes programs slow that look at each number.
_MOST = 1 << 20


def raise_limit() -> int:
    """Raise the limit to the highest that the system allows. Returns it.

    Service managers start programs with 1,024 and allow far more, for programs that do not use `select`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # macOS allows less than it says.
            return soft
    return wanted if soft == resource.RLIM_INFINITY else max(soft, wanted)
