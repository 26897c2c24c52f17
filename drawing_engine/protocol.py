"""Constants of the messages from the child to its parent. The child does not load numpy, so they are separate."""

import enum

#: Bits of `Paths.flags`.
CLOSED, STROKED, FILLED = 1, 2, 4
#: Pieces of a curve. The number is the same for each, so that equal symbols have equal segments.
CURVE_PIECES = 8
#: Kinds of a path's points, and the bit of a point after which a line leads to the start of its subpath.
LINE, BEZIER, MOVE, CLOSES = 0, 1, 2, 4
#: Longest line of the child, in bytes.
MAX_LINE_BYTES = 96 * 2**20


class Code(enum.StrEnum):
    """Reasons of failures."""

    NOT_A_PDF = "NOT_A_PDF"
    DAMAGED = "DAMAGED"
    ENCRYPTED = "ENCRYPTED"
    NO_PAGES = "NO_PAGES"
    NO_SUCH_PAGE = "NO_SUCH_PAGE"
    TOO_LARGE = "TOO_LARGE"
    TOO_MANY_PAGES = "TOO_MANY_PAGES"
    PAGE_TOO_LARGE = "PAGE_TOO_LARGE"
    #: The memory or the output allowed was used up.
    OUT_OF_RESOURCES = "OUT_OF_RESOURCES"
    #: The time allowed was used up.
    TIMEOUT = "TIMEOUT"
    #: The library that reads PDF files ended unexpectedly.
    CRASHED = "CRASHED"
    CANCELLED = "CANCELLED"
    #: The child could not be started; another attempt may succeed.
    UNAVAILABLE = "UNAVAILABLE"
