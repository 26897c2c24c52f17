"""A faster codec for psycopg2's column names.

psycopg2 decodes values itself, in C; the name of each column of each result it decodes by Python's codec, whose decoder
for UTF-8 is a Python function around one in C. Reading one user makes 34 such calls, a fifth of its cost (77 µs of CPU,
60 without them). So psycopg2's table of codecs gets a codec without that function.
"""

import codecs

from psycopg2.extensions import encodings

_NAME = "tandem_utf_8"


def _codec(name: str) -> codecs.CodecInfo | None:
    if name != _NAME:
        return None
    utf_8 = codecs.lookup("utf-8")
    return codecs.CodecInfo(
        codecs.utf_8_encode,
        codecs.utf_8_decode,
        utf_8.streamreader,
        utf_8.streamwriter,
        utf_8.incrementalencoder,
        utf_8.incrementaldecoder,
        name=_NAME,
    )


def read_in_c() -> None:
    """Make new connections decode names in C."""
    if encodings["UTF8"] != _NAME:
        codecs.register(_codec)
        encodings["UTF8"] = _NAME
